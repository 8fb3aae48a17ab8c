import { seenContacts } from '../kit/seen.ts';
import { toId18 } from '#libs/domain/src/salesforce/contact.ts';
import { readDatetime } from '#libs/domain/src/salesforce/values.ts';
import { toAppError } from '#libs/runtime/src/errors.ts';
import type { ReadContext, SourcePage, SourceRecord } from '../kit/ports.ts';
import { readBulk, type BulkPosition } from './bulk.ts';
import type { SalesforceClient } from './client.ts';
import { countContacts, type ContactOptions } from './contacts.ts';
import { contactLookUp, lookUp, LOOKUP_IDS, type LookedUp } from './look-up.ts';
import { readRest, type RestPosition } from './rest.ts';
import { contactQuery } from './soql.ts';
import { splitWindow, type Window } from './window.ts';

/** Where a reconciliation stands; JSON. */
export type ReconcilePosition = KeysPosition | FatePosition;

interface KeysPosition {
  phase: 'keys';
  api: 'bulk' | 'rest';
  /** Contacts as counted at the beginning; null when counting took too long. */
  total: number | null;
  /** Keys listed. */
  listed: number;
  /** Windows still to be listed, in their order: a contact that is changed meanwhile moves into one that comes later. */
  windows: Window[];
  bulk: BulkPosition | null;
  rest: RestPosition | null;
}

interface FatePosition {
  phase: 'fate';
  afterId: string;
  done: number;
  total: number;
}

const EVERYTHING: Window = { from: null, to: null };

/** What a look-up asks of a contact that no list shows. */
const FATE_FIELDS = ['Id', 'IsDeleted', 'MasterRecordId', 'SystemModstamp'];

/** From how many known contacts on, and which share of them missing, nobody is believed to be gone (salesforce W14). */
export interface VanishedRule {
  minContacts: number;
  maxShare: number;
}

/**
 * Key reconciliation (salesforce A6): lists the Id of every visible contact, reads those that are not known, or known as gone, and
 * asks after each known contact that did not appear. Catches what no window shows: hard deletes, emptied recycle bins, visibility
 * that was lost, given or given back. `readsUnknown` is false where every visible contact was read just now.
 */
export async function* reconcile(
  client: SalesforceClient,
  context: ReadContext,
  options: ContactOptions,
  rule: VanishedRule,
  readsUnknown = true,
): AsyncGenerator<SourcePage> {
  const saved = context.position as ReconcilePosition | undefined;
  const at = saved === undefined ? await begin(client, options) : structuredClone(saved);
  if (at.phase === 'fate') {
    yield* askAfter(client, context, options, at);
    return;
  }
  yield* listKeys(client, context, options, at, readsUnknown ? contactLookUp(client, options) : undefined);
  const unseen = await context.known.countUnseenIds();
  if (isMassLoss(unseen, at.listed, rule)) yield massLoss(unseen, at);
  else yield* askAfter(client, context, options, { phase: 'fate', afterId: '', done: 0, total: unseen });
}

async function begin(client: SalesforceClient, { bulkFrom }: ContactOptions): Promise<KeysPosition> {
  const total = await countContacts(client, EVERYTHING, false);
  const api = (total ?? Infinity) > bulkFrom ? 'bulk' : 'rest';
  return { phase: 'keys', api, total, listed: 0, windows: [EVERYTHING], bulk: null, rest: null };
}

/** Lists the keys of every window that is left; one whose query runs too long is split. The position moves on with it. */
async function* listKeys(
  client: SalesforceClient,
  context: ReadContext,
  options: ContactOptions,
  at: KeysPosition,
  look: LookUp | undefined,
): AsyncGenerator<SourcePage> {
  while (at.windows.length > 0) {
    try {
      let before = structuredClone(at);
      for await (const keys of keysOf(client, context, options, at)) {
        if (look !== undefined) yield* readUnknown(context, keys, before, look);
        at.listed += keys.length;
        before = structuredClone(at);
        yield keysPage(before, { keys });
      }
      at.windows.shift();
    } catch (error) {
      const isLong = toAppError(error).code === 'salesforce_query_timeout';
      const halves = isLong ? splitWindow(at.windows[0]!, client.serverNow()) : undefined;
      if (halves === undefined) throw error;
      at.windows.splice(0, 1, ...halves);
    }
    Object.assign(at, { bulk: null, rest: null });
  }
}

type LookUp = ReturnType<typeof contactLookUp>;

/** Reads those of the keys that no row is known by. The position stays before them: they are published before it passes. */
async function* readUnknown(
  { known }: ReadContext,
  keys: readonly string[],
  before: KeysPosition,
  look: LookUp,
): AsyncGenerator<SourcePage> {
  const unknown = await known.unknownIds(keys);
  for (let at = 0; at < unknown.length; at += LOOKUP_IDS)
    yield keysPage(before, await look(unknown.slice(at, at + LOOKUP_IDS)));
}

/** A page of keys, or of contacts that were read for theirs: those count once, as keys. */
function keysPage(position: KeysPosition, read: Partial<LookedUp> & { keys?: string[] }) {
  const { keys = [], records = [], counts, fields } = read;
  const { length } = keys;
  return {
    records,
    position,
    seen: seenContacts(keys),
    counts: { read: length, unusable: counts?.unusable ?? 0, unknown: 0, keys: length },
    progress: { phase: 'keys', recordsTotal: position.total, lookupsDone: 0, lookupsTotal: null },
    ...(fields === undefined ? {} : { fields }),
  } satisfies SourcePage;
}

/** Keys of the first window. Deleted contacts have none: what is in the recycle bin counts as gone. */
async function* keysOf(
  client: SalesforceClient,
  { signal }: ReadContext,
  options: ContactOptions,
  at: KeysPosition,
): AsyncGenerator<string[]> {
  const soql = contactQuery(['Id', 'IsDeleted'], at.windows[0]!);
  if (at.api === 'bulk') {
    for await (const { columns, rows, position } of readBulk(client, soql, at.bulk, {
      ...options.bulk,
      clock: options.clock,
      signal,
    })) {
      at.bulk = position;
      const [idAt, deletedAt] = [columns.indexOf('Id'), columns.indexOf('IsDeleted')];
      yield rows.flatMap((row) => (row[deletedAt] === 'true' ? [] : (toId18(row[idAt]) ?? [])));
    }
    return;
  }
  for await (const { records, position } of readRest(client, soql, at.rest)) {
    at.rest = position;
    yield records.flatMap(({ Id, IsDeleted }) => (IsDeleted === true ? [] : (toId18(Id) ?? [])));
  }
}

function isMassLoss(unseen: number, visible: number, { minContacts, maxShare }: VanishedRule): boolean {
  return unseen >= minContacts && unseen > (visible + unseen) * maxShare;
}

/** What else was read stands, so that the next scan does not begin with a longer gap than this one. */
function massLoss(unseen: number, at: KeysPosition): SourcePage {
  const share = Math.ceil((unseen * 100) / (at.listed + unseen)) / 100;
  return {
    ...keysPage(structuredClone(at), {}),
    shortfall: {
      code: 'salesforce_rows_vanished',
      message:
        `${unseen} known contacts are not visible any more, and none of them was marked deleted; if the Salesforce user may see less than before, ` +
        `mend that and run \`tributary sync salesforce --full\`; if they are gone, set SALESFORCE_VANISHED_SHARE=${share} and run \`tributary sync salesforce --reconcile\``,
    },
  };
}

async function* askAfter(
  client: SalesforceClient,
  context: ReadContext,
  { clock }: ContactOptions,
  start: FatePosition,
): AsyncGenerator<SourcePage> {
  const at = { ...start };
  for (;;) {
    const ids = await context.known.unseenIds(LOOKUP_IDS, at.afterId);
    if (ids.length === 0) return;
    const found = await lookUp(client, FATE_FIELDS, ids);
    at.afterId = ids.at(-1)!;
    at.done += ids.length;
    const gone = ids.flatMap((id) => goneRecord(id, found.get(id), clock.now()));
    yield {
      records: gone,
      position: { ...at },
      // Those that came back between listing and asking are there.
      seen: seenContacts(ids.filter((id) => !gone.some((record) => record.id === id))),
      counts: { read: 0, unusable: 0, unknown: 0 },
      progress: { phase: 'fate', recordsTotal: null, lookupsDone: at.done, lookupsTotal: at.total },
    };
  }
}

/** What became of a contact; nothing when it is there. Not visible is not deleted: sharing may hide it. */
function goneRecord(id: string, found: Record<string, unknown> | undefined, readAt: number): SourceRecord[] {
  if (found !== undefined && found['IsDeleted'] !== true) return [];
  const masterRecordId = toId18(found?.['MasterRecordId']) ?? null;
  const reason = found === undefined ? 'not_visible' : masterRecordId === null ? 'deleted' : 'merged';
  const sfSystemModstamp = readDatetime(found?.['SystemModstamp']).value;
  return [
    {
      type: 'crm.raw.salesforce.v1.ContactDeleted',
      id,
      value: { salesforceId: id, reason, masterRecordId, sfSystemModstamp, via: 'lookup', readAt },
    },
  ];
}
