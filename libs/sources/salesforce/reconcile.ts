import { seenContacts } from '../kit/seen.ts';
import { toId18 } from '#libs/domain/src/salesforce/contact.ts';
import { readDatetime } from '#libs/domain/src/salesforce/values.ts';
import type { ReadContext, SourcePage, SourceRecord } from '../kit/ports.ts';
import { readBulk, type BulkPosition } from './bulk.ts';
import type { SalesforceClient } from './client.ts';
import type { ContactOptions } from './contacts.ts';
import { readRest, type RestPosition } from './rest.ts';
import { countQuery, contactQuery, fateQuery } from './soql.ts';

/** Where a reconciliation stands; JSON. */
export type ReconcilePosition =
  | { phase: 'keys'; api: 'bulk' | 'rest'; total: number; bulk: BulkPosition | null; rest: RestPosition | null }
  | { phase: 'fate'; afterId: string; done: number; total: number };

/** Ids of one look-up: their list stays far below the longest address Salesforce takes. */
const LOOKUP_IDS = 200;

/** From how many known contacts on, and which share of them missing, nobody is believed to be gone (salesforce W14). */
export interface VanishedRule {
  minContacts: number;
  maxShare: number;
}

/**
 * Key reconciliation (salesforce A6): lists the Id of every visible contact, then asks after each known contact that did not
 * appear. Catches what no window shows: hard deletes, emptied recycle bins, lost visibility.
 */
export async function* reconcile(
  client: SalesforceClient,
  context: ReadContext,
  options: ContactOptions,
  rule: VanishedRule,
): AsyncGenerator<SourcePage> {
  const start = (context.position as ReconcilePosition | undefined) ?? (await begin(client, options));
  if (start.phase === 'keys') yield* listKeys(client, context, options, start);
  const unseen = await context.known.countUnseenIds();
  if (start.phase === 'fate') yield* askAfter(client, context, options, start);
  else if (isMassLoss(unseen, start.total, rule)) yield massLoss(unseen, start);
  else yield* askAfter(client, context, options, { phase: 'fate', afterId: '', done: 0, total: unseen });
}

async function begin(
  client: SalesforceClient,
  { bulkFrom }: ContactOptions,
): Promise<Extract<ReconcilePosition, { phase: 'keys' }>> {
  const { totalSize: total } = await client.query(countQuery({ from: null, to: null }), false);
  return { phase: 'keys', api: total > bulkFrom ? 'bulk' : 'rest', total, bulk: null, rest: null };
}

/** Deleted contacts are no keys: what is in the recycle bin counts as gone. */
async function* listKeys(
  client: SalesforceClient,
  { signal }: ReadContext,
  options: ContactOptions,
  start: Extract<ReconcilePosition, { phase: 'keys' }>,
): AsyncGenerator<SourcePage> {
  const at = { ...start };
  const soql = contactQuery(['Id', 'IsDeleted'], { from: null, to: null });
  const page = (seen: string[]): SourcePage => ({
    records: [],
    position: structuredClone(at),
    seen: seenContacts(seen),
    counts: { read: seen.length, unusable: 0, unknown: 0, keys: seen.length },
    progress: { phase: 'keys', recordsTotal: at.total, lookupsDone: 0, lookupsTotal: null },
  });
  if (at.api === 'bulk') {
    for await (const { columns, rows, position } of readBulk(client, soql, at.bulk, {
      ...options.bulk,
      clock: options.clock,
      signal,
    })) {
      at.bulk = position;
      const [idAt, deletedAt] = [columns.indexOf('Id'), columns.indexOf('IsDeleted')];
      yield page(rows.flatMap((row) => (row[deletedAt] === 'true' ? [] : (toId18(row[idAt]) ?? []))));
    }
    return;
  }
  for await (const { records, position } of readRest(client, soql, at.rest)) {
    at.rest = position;
    yield page(records.flatMap(({ Id, IsDeleted }) => (IsDeleted === true ? [] : (toId18(Id) ?? []))));
  }
}

function isMassLoss(unseen: number, visible: number, { minContacts, maxShare }: VanishedRule): boolean {
  return unseen >= minContacts && unseen > (visible + unseen) * maxShare;
}

/** What else was read stands, so that the next scan does not begin with a longer gap than this one. */
function massLoss(unseen: number, at: Extract<ReconcilePosition, { phase: 'keys' }>): SourcePage {
  const share = Math.ceil((unseen * 100) / (at.total + unseen)) / 100;
  return {
    records: [],
    position: at,
    seen: seenContacts(),
    counts: { read: 0, unusable: 0, unknown: 0 },
    shortfall: {
      code: 'salesforce_rows_vanished',
      message:
        `${unseen} known contacts are not visible any more, and none of them was marked deleted; if the Salesforce user may see less than before, ` +
        `mend that and run \`tributary sync salesforce --full\`; if they are gone, set SALESFORCE_VANISHED_SHARE=${share} and run \`tributary sync salesforce --reconcile\``,
    },
    progress: { phase: 'keys', recordsTotal: at.total, lookupsDone: 0, lookupsTotal: null },
  };
}

async function* askAfter(
  client: SalesforceClient,
  context: ReadContext,
  { clock }: ContactOptions,
  start: Extract<ReconcilePosition, { phase: 'fate' }>,
): AsyncGenerator<SourcePage> {
  const at = { ...start };
  for (;;) {
    const ids = await context.known.unseenIds(LOOKUP_IDS, at.afterId);
    if (ids.length === 0) return;
    const { records } = await client.query(fateQuery(ids), true);
    const found = new Map(records.map((record) => [toId18(record['Id']), record]));
    at.afterId = ids.at(-1)!;
    at.done += ids.length;
    const gone = ids.flatMap((id) => goneRecord(id, found.get(toId18(id)), clock.now()));
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
