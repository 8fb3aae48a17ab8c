import { AppError } from '#libs/runtime/src/errors.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { ContactPage, GhlClient, Matching } from './client.ts';
import { confirm, CONFIRM_START, type ConfirmPosition } from './confirm.ts';
import { createLookups, type Pacing } from './lookups.ts';
import { addContact, noRecords, type Records, type Reading } from './records.ts';

/** V3's constants (ghl-sync-v3 section 1). */
export interface FullOptions extends Pacing {
  locationId: string;
  pageLimit: number;
}

interface ListPosition {
  phase: 'list';
  cursor: unknown[] | null;
  /** Different contacts listed so far. */
  listed: number;
  /** The smallest `total` any page gave: contacts that are added while we read are not owed to us. */
  least: number | null;
}

/** Where a full read stands: in the list, or among the look-ups. */
type Position = ListPosition | ConfirmPosition;

const LIST_START: ListPosition = { phase: 'list', cursor: null, listed: 0, least: null };
/** How often an empty page in the middle of a list is asked for before it is believed or the list counts as broken. */
const EMPTY_PAGE_TRIES = 3;
const EMPTY_PAGE_WAIT_MS = 500;

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
  const start = (context.position as Position | undefined) ?? LIST_START;
  if (start.phase === 'list') yield* readList(client, context, options, reading, start, {});
  yield* confirm(client, context, createLookups(options), reading, start.phase === 'confirm' ? start : CONFIRM_START);
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
  const start = (context.position as Position | undefined) ?? LIST_START;
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

/**
 * The list ends with a page that is not full while nothing is owed. `total` alone never ends it: it may be capped, and it shrinks
 * when contacts are deleted that were listed already.
 */
async function* readList(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions,
  reading: Reading,
  start: ListPosition,
  matching: Matching,
): AsyncGenerator<SourcePage> {
  const published = new Set<string>();
  const cursors = new Set(start.cursor === null ? [] : [JSON.stringify(start.cursor)]);
  let at = start;
  for (;;) {
    const page = await nextPage(client, context, options, at, matching);
    const read = recordsOf(page, reading, published);
    const isFull = page.contacts.length >= options.pageLimit;
    refuseCircle(cursors, page.cursor, isFull && read.records.length === 0);
    at = {
      phase: 'list',
      cursor: page.cursor ?? null,
      // A contact that is given twice was listed once.
      listed: at.listed + read.records.length,
      least: page.total === undefined ? at.least : Math.min(page.total, at.least ?? page.total),
    };
    const isLast = isEnd(page, isFull, at);
    yield {
      ...read,
      position: (isLast ? CONFIRM_START : at) satisfies Position,
      progress: { phase: 'list', recordsTotal: page.total ?? null, lookupsDone: 0, lookupsTotal: null },
    };
    if (isLast) return;
  }
}

/** A page; an empty one while contacts are owed is asked for again. */
async function nextPage(
  client: GhlClient,
  { signal }: ReadContext,
  { pageLimit, clock }: FullOptions,
  { cursor, listed, least }: ListPosition,
  matching: Matching,
): Promise<ContactPage> {
  for (let attempt = 1; ; attempt += 1) {
    const page = await client.searchPage(pageLimit, cursor ?? undefined, matching);
    if (page.contacts.length > 0 || (least ?? page.total ?? 0) <= listed) return page;
    if (attempt === EMPTY_PAGE_TRIES) {
      // Believed only when the location says itself, again and again, that it has no more.
      const owed = Math.min(page.total ?? Infinity, least ?? Infinity) - listed;
      if (owed > 0) throw brokenOff(owed);
      return page;
    }
    await clock.sleep(EMPTY_PAGE_WAIT_MS * attempt, signal);
  }
}

/** Whether a page is the last one. Throws when it is not and there is no way to the next. */
function isEnd({ contacts, cursor }: ContactPage, isFull: boolean, { listed, least }: ListPosition): boolean {
  if (contacts.length === 0) return true;
  const owed = Math.max(0, (least ?? 0) - listed);
  if (!isFull && owed === 0) return true;
  if (cursor !== undefined) return false;
  if (owed > 0 || least === null) throw brokenOff(owed);
  return true;
}

function brokenOff(owed: number): AppError {
  const rest = owed === 0 ? 'and gave no way to the next page' : `with ${owed} contacts still owed`;
  return new AppError('ghl_truncated', `the list of contacts ended ${rest}: run the sync again`);
}

/** A cursor that came before, or a full page without anything new, means that the list goes round in circles. */
function refuseCircle(cursors: Set<string>, cursor: unknown[] | undefined, isNothingNew: boolean): void {
  const key = cursor === undefined ? undefined : JSON.stringify(cursor);
  if (isNothingNew || (key !== undefined && cursors.has(key))) {
    throw new AppError(
      'ghl_repeated_cursor',
      'the list of contacts goes round in circles: nothing was marked missing, run the sync again',
    );
  }
  if (key !== undefined) cursors.add(key);
}

/** The contacts of a page that no earlier page had. */
function recordsOf({ contacts }: ContactPage, reading: Reading, published: Set<string>): Records {
  const into = noRecords();
  for (const contact of contacts) {
    const id = (contact as { id?: unknown } | null)?.id;
    if (typeof id === 'string' && published.has(id)) continue;
    addContact(into, contact, 'list', reading);
    if (typeof id === 'string') published.add(id);
  }
  return into;
}
