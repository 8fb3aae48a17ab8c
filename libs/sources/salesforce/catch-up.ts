import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { SalesforceClient } from './client.ts';
import { readContacts, type ContactOptions, type ContactPosition } from './contacts.ts';
import { reconcile, type ReconcilePosition, type VanishedRule } from './reconcile.ts';
import type { ContactRequest } from './request.ts';

/** Where a scan stands that compares keys once it has read its contacts; JSON. */
type Position = ContactPosition & {
  reconciling?: ReconcilePosition;
  /** Contacts read before. */
  contacts?: number;
};

/**
 * Reads contacts, and compares the keys of all of them as well where deletions may have left the recycle bin since the last scan:
 * they are in no window any more (salesforce A6, W3).
 */
export async function* readCatchingUp(
  client: SalesforceClient,
  request: ContactRequest,
  context: ReadContext,
  options: ContactOptions,
  rule: VanishedRule,
): AsyncGenerator<SourcePage> {
  let at = context.position as Position | undefined;
  let kept: Promise<void> | undefined;
  const keepKnown = (): Promise<void> => (kept ??= context.keepKnown('salesforce-contacts'));
  if (at?.reconciling === undefined) {
    for await (const page of readContacts(client, request, context, options)) {
      const read = page.position as ContactPosition;
      // Before the first page is published: a deletion that it tells is not missed once more, whenever it is applied.
      if (read.isBehind === true) await keepKnown();
      at = read.isBehind === true ? { ...read, contacts: (at?.contacts ?? 0) + page.counts.read } : read;
      yield { ...page, position: at };
    }
  }
  if (at?.isBehind !== true) return;
  await keepKnown();
  const { contacts = 0 } = at;
  const isWhole = request.mode === 'full';
  for await (const page of reconcile(client, { ...context, position: at.reconciling }, options, rule, !isWhole)) {
    const { recordsTotal } = page.progress;
    // The contacts that were read count as well.
    const total = recordsTotal === null ? null : recordsTotal + contacts;
    yield {
      ...page,
      position: { ...at, reconciling: page.position },
      progress: { ...page.progress, recordsTotal: total },
    };
  }
}
