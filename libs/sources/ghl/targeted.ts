import { normalizeEmail } from '#libs/domain/src/reading.ts';
import { toAppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { GhlClient } from './client.ts';
import { knownAs, readContact } from './contact.ts';
import { confirm, CONFIRM_START, LOOKUP_PAGE, type ConfirmPosition } from './confirm.ts';
import type { FullOptions } from './full.ts';
import { LIST_START, readPages, type ListPage, type ListPosition as ListState } from './list.ts';
import { createLookups, isFatal, type LookupRunner } from './lookups.ts';
import { addContact, addUnanswered, noRecords, type Reading, type Records } from './records.ts';

/** V3's constants (ghl-sync-v3 section 1). */
export interface TargetedOptions extends FullOptions {
  /** Contacts from which the list is not read any further. */
  listCap: number;
}

/** Look-ups that had no answer so far: a later page may still give it. */
interface Pending {
  contactIds: string[];
  emails: string[];
}

interface EmailPosition {
  phase: 'email';
  after: string;
  done: number;
}

interface ListPosition extends ListState {
  phase: 'list';
  done: number;
}

/** The list is over; what stayed without an answer is still to be counted, or is. */
interface EndPosition {
  phase: 'settle' | 'end';
  done: number;
}

/** Where a targeted read stands: by id, by e-mail, in the list, or after it. */
type Step = ConfirmPosition | EmailPosition | ListPosition | EndPosition;
type Position = Step & { pending: Pending };

/** Longest text that can be searched for (ghl section 2.2): only the list answers for longer e-mails. */
const SEARCHABLE = 75;
const EVERYTHING = 10_000_000;

interface Scope {
  client: GhlClient;
  context: ReadContext;
  options: TargetedOptions;
  reading: Reading;
  lookups: LookupRunner;
  pending: Pending;
}

/**
 * Mode targeted (V3's unified fetch; rules-ghl section 6): known contact ids, each once; then the e-mails of rows that were not
 * found; then the list, while an e-mail or an opportunity id is unmatched. Without local identifiers nothing is asked.
 */
export async function* readTargeted(
  client: GhlClient,
  context: ReadContext,
  options: TargetedOptions,
): AsyncGenerator<SourcePage> {
  const { locationId, clock } = options;
  const start = (context.position as Position | undefined) ?? {
    ...CONFIRM_START,
    pending: { contactIds: [], emails: [] },
  };
  const scope: Scope = {
    client,
    context,
    options,
    reading: { locationId, evidence: context.evidence, now: () => clock.now() },
    lookups: createLookups(options),
    pending: start.pending,
  };
  let at: Step = start;
  let short: SourcePage['shortfall'];
  if (at.phase === 'confirm') at = yield* byId(scope, at);
  if (at.phase === 'email') at = yield* byEmail(scope, at);
  if (at.phase === 'list') short = yield* byList(scope, at);
  // Whoever resumes after this page has nothing left to count.
  if (at.phase !== 'end') yield await settlement(scope, at.done, short);
}

async function* byId(scope: Scope, start: ConfirmPosition): AsyncGenerator<SourcePage, EmailPosition> {
  const { client, context, reading, lookups, pending } = scope;
  let { done } = start;
  for await (const { unanswered, ...page } of confirm(client, context, lookups, reading, start)) {
    pending.contactIds.push(...unanswered);
    done = page.position.done;
    yield {
      ...page,
      position: { ...page.position, pending } satisfies Position,
      progress: { ...page.progress, lookupsTotal: null },
    };
  }
  return { phase: 'email', after: '', done };
}

async function* byEmail(scope: Scope, start: EmailPosition): AsyncGenerator<SourcePage, ListPosition> {
  const { context, reading, lookups, pending } = scope;
  let { after, done } = start;
  for (;;) {
    const emails = await context.known.unfound('email', LOOKUP_PAGE, after);
    if (emails.length === 0) return { phase: 'list', ...LIST_START, done };
    const searchable = emails.filter((email) => email.length <= SEARCHABLE);
    const answers = await lookups.all(searchable, (email) => hitsOf(scope, email), context.signal);
    const into = noRecords();
    for (const [index, email] of searchable.entries()) {
      const result = answers[index]!;
      if ('failed' in result) {
        addUnanswered(into, { email }, result.failed, reading.now());
        pending.emails.push(email);
      } else {
        for (const contact of result.answer) addFound(into, contact, 'email', scope);
      }
    }
    after = emails.at(-1)!;
    done += searchable.length;
    yield {
      ...into,
      position: { phase: 'email', after, done, pending } satisfies Position,
      progress: { phase: 'email', recordsTotal: null, lookupsDone: done, lookupsTotal: null },
    };
  }
}

/** Contacts whose e-mail is exactly this one; partial matches are somebody else (V5). */
async function hitsOf({ client, options, context: { signal } }: Scope, email: string): Promise<unknown[]> {
  const hits: unknown[] = [];
  for await (const { contacts } of readPages(client, { ...options, signal }, LIST_START, { query: email }))
    hits.push(...contacts.filter((contact) => emailOf(contact) === email));
  return hits;
}

function emailOf(contact: unknown): string | null {
  const email = (contact as { email?: unknown } | null)?.email;
  return typeof email === 'string' ? normalizeEmail(email) : null;
}

/** What the list is read for. */
interface Wanted {
  emails: Set<string>;
  opportunities: Set<string>;
}

/** Reads the list while it can help; tells why it was cut short, if it was. */
async function* byList(scope: Scope, start: ListPosition): AsyncGenerator<SourcePage, SourcePage['shortfall']> {
  const { client, context, options, pending } = scope;
  const { known, signal } = context;
  const { done } = start;
  const wanted: Wanted = {
    emails: new Set(await known.unfound('email', EVERYTHING, '')),
    opportunities: new Set(await known.unfound('opportunity', EVERYTHING, '')),
  };
  let { listed } = start;
  // The greatest one: `total` shrinks when contacts are deleted that were listed already.
  let total = 0;
  const pages = readPages(client, { ...options, signal }, start);
  while (isWanting(wanted)) {
    if (listed >= options.listCap) return capped(listed);
    const next = await orShortfall(pages.next());
    if ('code' in next) return next;
    const page = next.value;
    if (page === undefined) return undefined;
    const into = matchesOf(page, wanted, scope);
    listed = page.at.listed;
    total = Math.max(total, page.total ?? Infinity);
    const isOver = page.isLast || listed >= total || !isWanting(wanted);
    yield {
      ...into,
      position: {
        ...(isOver ? { phase: 'settle', done } : { phase: 'list', ...page.at, done }),
        pending,
      } satisfies Position,
      progress: { phase: 'list', recordsTotal: page.total ?? null, lookupsDone: done, lookupsTotal: null },
    };
    if (isOver) return undefined;
  }
  return undefined;
}

function isWanting({ emails, opportunities }: Wanted): boolean {
  return emails.size + opportunities.size > 0;
}

/** What is read, or why nothing more can be. */
async function orShortfall<T>(reading: Promise<T>): Promise<T | NonNullable<SourcePage['shortfall']>> {
  return reading.catch((error: unknown) => {
    const { code, message } = toAppError(error);
    if (isFatal(code)) throw error;
    return { code, message };
  });
}

/** The contacts of a page that something unmatched is looked for; what they match is looked for no longer. */
function matchesOf({ contacts }: ListPage, wanted: Wanted, scope: Scope): Records {
  const { reading } = scope;
  const into = noRecords();
  for (const contact of contacts) {
    const email = emailOf(contact);
    const opportunities = opportunitiesOf(contact, reading).filter((id) => wanted.opportunities.has(id));
    if (!(email !== null && wanted.emails.has(email)) && opportunities.length === 0) continue;
    if (!addFound(into, contact, 'list', scope)) continue;
    if (email !== null) wanted.emails.delete(email);
    for (const id of opportunities) wanted.opportunities.delete(id);
  }
  return into;
}

/**
 * Adds a contact that a search or the list shows. One that its id has shown before is told again, because only here it has its
 * opportunities, but counts as one contact read.
 */
function addFound(into: Records, contact: unknown, via: string, { reading, pending }: Scope): boolean {
  if (!addContact(into, contact, via, reading)) return false;
  const { id } = contact as { id: string };
  const { vendorIds, leadIds } = reading.evidence;
  const isAgain = (vendorIds.has(id) || leadIds.has(id)) && !pending.contactIds.includes(id);
  if (isAgain) into.counts.read -= 1;
  return true;
}

function opportunitiesOf(contact: unknown, { evidence }: Reading): string[] {
  if (evidence.leadOpportunityIds.size === 0 || contact === null || typeof contact !== 'object') return [];
  const fields = readContact(contact as Record<string, unknown>);
  return fields === undefined ? [] : knownAs(fields, evidence).leadOpportunityIds;
}

function capped(listed: number): { code: ErrorCode; message: string } {
  return {
    code: 'ghl_list_capped',
    message: `the list was not read beyond ${listed} contacts (LIST_SCAN_CAP), so rows that only the list could find were left alone: raise LIST_SCAN_CAP, or run a sync in mode full`,
  };
}

/**
 * The last page: rows that only a list cut short could have found are exempt, and what stayed without an answer is counted; a
 * look-up by id counts as answered when its row was found otherwise (rules-ghl section 6).
 */
async function settlement(
  { context: { known }, reading, pending }: Scope,
  done: number,
  short: SourcePage['shortfall'],
): Promise<SourcePage> {
  const into = noRecords();
  if (short !== undefined) {
    for (const opportunityId of await known.unfound('opportunity', EVERYTHING, ''))
      addUnanswered(into, { opportunityId }, short.code, reading.now());
    for (const email of await known.unfound('email', EVERYTHING, ''))
      if (email.length > SEARCHABLE) addUnanswered(into, { email }, short.code, reading.now());
  }
  const { contactIds, emails } = await known.stillUnfound(pending);
  into.counts.unknown = contactIds.length + emails.length;
  return {
    ...into,
    position: { phase: 'end', done, pending } satisfies Position,
    progress: { phase: 'list', recordsTotal: null, lookupsDone: done, lookupsTotal: done },
    ...(short === undefined ? {} : { shortfall: short }),
  };
}
