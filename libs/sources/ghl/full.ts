import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { normalizeEmail } from '#libs/domain/src/reading.ts';
import type { Clock } from '../kit/rate-limit.ts';
import type { ReadContext, SourcePage, SourceRecord } from '../kit/ports.ts';
import type { ApiContact, GhlClient } from './client.ts';
import { knownAs, readContact } from './contact.ts';

/** V3's constants (ghl-sync-v3 section 1). */
export interface FullOptions {
  locationId: string;
  pageLimit: number;
  workers: number;
  /** Milliseconds between the starts of by-id look-ups. */
  delayMs: number;
  clock: Clock;
}

/** Where a full read stands: in the list, or among the look-ups. */
type Position =
  | { phase: 'list'; cursor: unknown[] | null; listed: number; lastId: string }
  | { phase: 'confirm'; afterId: string; done: number; total: number };

/** How many look-ups are read, published and saved together. */
const LOOKUP_PAGE = 60;
/** How often an empty page in the middle of a list is asked for again before the list counts as broken. */
const EMPTY_PAGE_TRIES = 3;

/**
 * Mode full: the whole location by its list, then a look-up by id of every known contact that did not appear, so that only what
 * GoHighLevel itself denies is gone (rules-ghl section 6). Publishes no contact twice.
 */
export async function* readFull(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions,
): AsyncGenerator<SourcePage> {
  const start = (context.position ?? { phase: 'list', cursor: null, listed: 0, lastId: '' }) as Position;
  if (start.phase === 'list') yield* readList(client, context, options, start);
  yield* confirm(client, context, options, start.phase === 'confirm' ? start : undefined);
}

async function* readList(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions,
  start: Extract<Position, { phase: 'list' }>,
): AsyncGenerator<SourcePage> {
  const published = new Set<string>();
  let cursor = start.cursor ?? undefined;
  let { listed, lastId } = start;
  for (;;) {
    const page = await nextPage(client, options, cursor, listed);
    const { records, seen } = recordsOf(page.contacts, 'list', context, options, published);
    // A contact that is given twice was listed once: a list that goes round in circles never reaches its total.
    listed += records.length;
    const isLast =
      page.contacts.length < options.pageLimit ||
      (page.total !== undefined && listed >= page.total) ||
      page.cursor === undefined;
    if (page.contacts.length > 0) refuseRepeat(page.cursor, cursor, page.contacts, lastId);
    lastId = lastIdOf(page.contacts) ?? lastId;
    cursor = page.cursor;
    const position: Position = isLast
      ? { phase: 'confirm', afterId: '', done: 0, total: -1 }
      : { phase: 'list', cursor: cursor ?? null, listed, lastId };
    yield {
      records,
      seen,
      position,
      unknown: 0,
      progress: { phase: 'list', recordsTotal: page.total ?? null, lookupsDone: 0, lookupsTotal: null },
    };
    if (isLast) return;
  }
}

/** A page; an empty one while contacts are still owed is asked for again, then the list is broken. */
async function nextPage(client: GhlClient, options: FullOptions, cursor: unknown[] | undefined, listed: number) {
  for (let attempt = 1; ; attempt += 1) {
    const page = await client.searchPage(options.pageLimit, cursor);
    const owed = page.total === undefined ? 0 : page.total - listed;
    if (page.contacts.length > 0 || owed <= 0) return page;
    if (attempt === EMPTY_PAGE_TRIES)
      throw new AppError('ghl_truncated', `the list ended with ${owed} contacts still owed`);
    await options.clock.sleep(500 * attempt);
  }
}

function lastIdOf(contacts: ApiContact[]): string | undefined {
  const id = contacts.at(-1)?.['id'];
  return typeof id === 'string' ? id : undefined;
}

/** The same cursor or the same last contact again means that the list goes round in circles. */
function refuseRepeat(
  next: unknown[] | undefined,
  current: unknown[] | undefined,
  contacts: ApiContact[],
  lastId: string,
): void {
  const same = next !== undefined && current !== undefined && JSON.stringify(next) === JSON.stringify(current);
  if (!same && lastIdOf(contacts) !== lastId) return;
  throw new AppError(
    'ghl_repeated_cursor',
    'the list of contacts gave the same page twice: nothing was marked missing, run the sync again',
  );
}

async function* confirm(
  client: GhlClient,
  context: ReadContext,
  options: FullOptions,
  start: Extract<Position, { phase: 'confirm' }> | undefined,
): AsyncGenerator<SourcePage> {
  let afterId = start?.afterId ?? '';
  let done = start?.done ?? 0;
  const total = start === undefined || start.total < 0 ? await context.countUnseenKnownIds() : start.total;
  for (;;) {
    const ids = await context.unseenKnownIds(LOOKUP_PAGE, afterId);
    if (ids.length === 0) return;
    const answers = await lookUpAll(client, ids, options, context.signal);
    const records: SourceRecord[] = [];
    const seen: string[] = [];
    let unknown = 0;
    const published = new Set<string>();
    for (const [index, answer] of answers.entries()) {
      const id = ids[index]!;
      if (answer.kind === 'found') {
        const read = recordsOf([answer.contact], 'id', context, options, published);
        records.push(...read.records);
        seen.push(...read.seen);
      } else if (answer.kind === 'gone') {
        records.push({
          type: 'crm.raw.ghl.v1.ContactGone',
          id,
          value: { contactId: id, reason: 'not_found', at: options.clock.now() },
        });
      } else {
        unknown += 1;
        records.push({
          type: 'crm.raw.ghl.v1.ContactLookupFailed',
          id,
          value: { contactId: id, email: null, code: answer.code, raw: null, at: options.clock.now() },
        });
      }
    }
    afterId = ids.at(-1)!;
    done += ids.length;
    yield {
      records,
      seen,
      unknown,
      position: { phase: 'confirm', afterId, done, total } satisfies Position,
      progress: { phase: 'confirm', recordsTotal: null, lookupsDone: done, lookupsTotal: Math.max(total, done) },
    };
  }
}

type LookupAnswer = { kind: 'found'; contact: ApiContact } | { kind: 'gone' } | { kind: 'unknown'; code: string };

/** Looks ids up, a few at a time, their starts spaced. Credentials that fail now fail the scan; anything else leaves an id unknown. */
async function lookUpAll(
  client: GhlClient,
  ids: string[],
  { workers, delayMs, clock }: FullOptions,
  signal: AbortSignal,
): Promise<LookupAnswer[]> {
  const answers: LookupAnswer[] = [];
  let next = 0;
  let nextStart = 0;
  async function work(): Promise<void> {
    while (next < ids.length) {
      const index = next;
      next += 1;
      const startAt = Math.max(nextStart, clock.now());
      nextStart = startAt + delayMs;
      if (startAt > clock.now()) await clock.sleep(startAt - clock.now(), signal);
      answers[index] = await lookUp(client, ids[index]!, signal);
    }
  }
  await Promise.all(Array.from({ length: Math.min(workers, ids.length) }, work));
  return answers;
}

async function lookUp(client: GhlClient, id: string, signal: AbortSignal): Promise<LookupAnswer> {
  try {
    const answer = await client.getContact(id);
    return answer.found ? { kind: 'found', contact: answer.contact } : { kind: 'gone' };
  } catch (error) {
    const failure = toAppError(error);
    if (signal.aborted || failure.code === 'ghl_unauthorized' || failure.code === 'ghl_bad_version') throw failure;
    return { kind: 'unknown', code: failure.code };
  }
}

function recordsOf(
  contacts: ApiContact[],
  via: string,
  context: ReadContext,
  { locationId, clock }: FullOptions,
  published: Set<string>,
): { records: SourceRecord[]; seen: string[] } {
  const records: SourceRecord[] = [];
  const seen: string[] = [];
  for (const contact of contacts) {
    const fields = readContact(contact);
    const elsewhere = typeof contact['locationId'] === 'string' && contact['locationId'] !== locationId;
    if (fields === undefined || elsewhere) {
      records.push(unusable(contact, elsewhere ? fields?.contactId : undefined, clock.now()));
    } else if (!published.has(fields.contactId)) {
      published.add(fields.contactId);
      seen.push(fields.contactId);
      records.push({
        type: 'crm.raw.ghl.v1.ContactRead',
        id: fields.contactId,
        value: { ...fields, via, readAt: clock.now(), knownAs: knownAs(fields, context.evidence) },
      });
    }
  }
  return { records, seen };
}

/** A contact without an id, or of another location, is no contact of ours; the rows it may be about are exempt from the missing rule. */
function unusable(contact: ApiContact, id: string | undefined, at: number): SourceRecord {
  const email = typeof contact['email'] === 'string' ? normalizeEmail(contact['email']) : null;
  return {
    type: 'crm.raw.ghl.v1.ContactLookupFailed',
    id: id ?? `unusable:${email ?? 'nobody'}`,
    value: { contactId: id ?? null, email, code: 'record_invalid', raw: JSON.stringify(contact), at },
  };
}
