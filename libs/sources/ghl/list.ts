import { AppError } from '#libs/runtime/src/errors.ts';
import type { Clock } from '../kit/rate-limit.ts';
import type { ContactPage, GhlClient, Matching } from './client.ts';

/** Where a list stands. */
export interface ListPosition {
  cursor: unknown[] | null;
  /** Different contacts listed so far. */
  listed: number;
  /** The smallest `total` any page gave: contacts that are added while we read are not owed to us. */
  least: number | null;
}

/** Before the first page. */
export const LIST_START: ListPosition = { cursor: null, listed: 0, least: null };

/** How a list is read. */
export interface ListOptions {
  pageLimit: number;
  clock: Clock;
  signal: AbortSignal;
}

/** A page of a list: the contacts that no earlier page had, and the position after it. */
export interface ListPage {
  contacts: unknown[];
  total: number | undefined;
  at: ListPosition;
  isLast: boolean;
}

/** How often an empty page in the middle of a list is asked for before it is believed or the list counts as broken. */
const EMPTY_PAGE_TRIES = 3;
const EMPTY_PAGE_WAIT_MS = 500;

/**
 * Reads a list, or what matches, to its end: a page that is not full while nothing is owed. `total` alone never ends it: it may be
 * capped, and it shrinks when contacts are deleted that were listed already. Throws where the list breaks off or goes round in circles,
 * so that half an answer never looks like a whole one.
 */
export async function* readPages(
  client: GhlClient,
  options: ListOptions,
  start: ListPosition = LIST_START,
  matching: Matching = {},
): AsyncGenerator<ListPage, undefined> {
  const seen = new Set<string>();
  const cursors = new Set(start.cursor === null ? [] : [JSON.stringify(start.cursor)]);
  let at = start;
  for (;;) {
    const page = await nextPage(client, options, at, matching);
    const contacts = withoutSeen(page.contacts, seen);
    const isFull = page.contacts.length >= options.pageLimit;
    refuseCircle(cursors, page.cursor, isFull && contacts.length === 0);
    at = {
      cursor: page.cursor ?? null,
      // A contact that is given twice was listed once.
      listed: at.listed + contacts.length,
      least: page.total === undefined ? at.least : Math.min(page.total, at.least ?? page.total),
    };
    const isLast = isEnd(page, isFull, at);
    yield { contacts, total: page.total, at, isLast };
    if (isLast) return;
  }
}

/** A page; an empty one while contacts are owed is asked for again. */
async function nextPage(
  client: GhlClient,
  { pageLimit, clock, signal }: ListOptions,
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

/** The contacts that no earlier page had. */
function withoutSeen(contacts: readonly unknown[], seen: Set<string>): unknown[] {
  return contacts.filter((contact) => {
    const id = (contact as { id?: unknown } | null)?.id;
    if (typeof id !== 'string') return true;
    return !seen.has(id) && seen.add(id);
  });
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
