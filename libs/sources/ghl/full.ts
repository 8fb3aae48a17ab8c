import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { GhlClient, Matching } from './client.ts';
import { confirm, CONFIRM_START, type ConfirmPosition } from './confirm.ts';
import { LIST_START, readPages, type ListPosition } from './list.ts';
import { createLookups, type Pacing } from './lookups.ts';
import { addContact, noRecords, type Reading } from './records.ts';

/** V3's constants (ghl-sync-v3 section 1). */
export interface FullOptions extends Pacing {
  locationId: string;
  pageLimit: number;
}

/** Where a full read stands: in the list, or among the look-ups. */
type Position = (ListPosition & { phase: 'list' }) | ConfirmPosition;

const START: Position = { phase: 'list', ...LIST_START };

/**
 * Mode full: the whole location by its list, then a look-up by id of every known contact that did not appear, so that only what
 * GoHighLevel itself denies is gone (rules-ghl section 6). Publishes no contact twice.
 */
export async function* readFull(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions,
): AsyncGenerator<SourcePage> {
  const { locationId, clock } = options;
  const reading: Reading = { locationId, evidence: context.evidence, now: () => clock.now() };
  const start = (context.position as Position | undefined) ?? START;
  if (start.phase === 'list') yield* readList(client, context, options, reading, start, {});
  const asked = start.phase === 'confirm' ? start : CONFIRM_START;
  for await (const { unanswered, ...page } of confirm(client, context, createLookups(options), reading, asked)) {
    // The list may have answered for the row (rules-ghl section 6).
    const { contactIds } = await context.known.stillUnfound({ contactIds: unanswered, emails: [] });
    yield { ...page, counts: { ...page.counts, unknown: contactIds.length } };
  }
}

/**
 * Mode incremental: the list, narrowed down to what was added or changed since the last success, less an overlap for the lag of
 * the search index and of clocks. It answers for nothing that it does not show: only a full read marks missing.
 */
export async function* readIncremental(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions & { overlapMs: number },
): AsyncGenerator<SourcePage> {
  const { locationId, clock, overlapMs } = options;
  const reading: Reading = { locationId, evidence: context.evidence, now: () => clock.now() };
  const start = (context.position as Position | undefined) ?? START;
  if (start.phase !== 'list') return;
  yield* readList(client, context, options, reading, start, changedSince(context.since, overlapMs));
}

/** Either time counts: a contact that was never updated may have no dateUpdated (ghl section 3). */
function changedSince(since: number | null, overlapMs: number): Matching {
  if (since === null) return {};
  const range = { gte: since - overlapMs };
  const filters = ['dateUpdated', 'dateAdded'].map((field) => ({ field, operator: 'range', value: range }));
  return { filters: [{ group: 'OR', filters }] };
}

/** Every contact of a list, once. */
async function* readList(
  client: GhlClient,
  { signal }: ReadContext,
  options: FullOptions,
  reading: Reading,
  start: ListPosition,
  matching: Matching,
): AsyncGenerator<SourcePage> {
  for await (const { contacts, total, at, isLast } of readPages(client, { ...options, signal }, start, matching)) {
    const into = noRecords();
    for (const contact of contacts) addContact(into, contact, 'list', reading);
    yield {
      ...into,
      position: (isLast ? CONFIRM_START : { phase: 'list', ...at }) satisfies Position,
      progress: { phase: 'list', recordsTotal: total ?? null, lookupsDone: 0, lookupsTotal: null },
    };
  }
}
