import { toAppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { Clock } from '../kit/rate-limit.ts';
import type { GhlClient, Lookup } from './client.ts';
import { addContact, addUnusable, noRecords, type Reading, type Records } from './records.ts';

/** How look-ups are paced; times in milliseconds. */
export interface ConfirmOptions {
  workers: number;
  /** Between the starts of look-ups. */
  delayMs: number;
  clock: Clock;
}

/** Where the look-ups stand: after which id, in order. */
export interface ConfirmPosition {
  phase: 'confirm';
  afterId: string;
  done: number;
  /** Look-ups in all; null until they are counted. */
  total: number | null;
}

/** Before the first look-up. */
export const CONFIRM_START: ConfirmPosition = { phase: 'confirm', afterId: '', done: 0, total: null };

/** How many look-ups are read, published and saved together. */
const LOOKUP_PAGE = 60;

/** Without these no further look-up will be answered: they end the scan. Any other error leaves one id unknown. */
const FATAL: readonly ErrorCode[] = [
  'ghl_unauthorized',
  'ghl_not_connected',
  'token_unreadable',
  'ghl_bad_version',
  'ghl_daily_limit',
  'scan_cancelled',
  // Where the token is kept: no answer of GoHighLevel.
  'database_unavailable',
  'write_conflict',
];

type Answer = Lookup | { failed: ErrorCode };

/** Looks up every known id that no page has shown: found, gone, or unknown (rules-ghl section 6). */
export async function* confirm(
  client: GhlClient,
  context: ReadContext,
  options: ConfirmOptions,
  reading: Reading,
  start: ConfirmPosition,
): AsyncGenerator<SourcePage> {
  const total = start.total ?? (await context.countUnseenKnownIds());
  const pace = createPace(options);
  let { afterId, done } = start;
  for (;;) {
    const ids = await context.unseenKnownIds(LOOKUP_PAGE, afterId);
    if (ids.length === 0) return;
    const answers = await lookUpAll(client, ids, options.workers, () => pace(context.signal));
    const into = noRecords();
    for (const [index, id] of ids.entries()) addAnswer(into, id, answers[index]!, reading);
    afterId = ids.at(-1)!;
    done += ids.length;
    yield {
      ...into,
      position: { phase: 'confirm', afterId, done, total } satisfies ConfirmPosition,
      progress: { phase: 'confirm', recordsTotal: null, lookupsDone: done, lookupsTotal: Math.max(total, done) },
    };
  }
}

function addAnswer(into: Records, contactId: string, answer: Answer, reading: Reading): void {
  if ('failed' in answer) {
    into.records.push({
      type: 'crm.raw.ghl.v1.ContactLookupFailed',
      id: contactId,
      value: { contactId, email: null, code: answer.failed, raw: null, at: reading.now() },
    });
    into.counts.unknown += 1;
  } else if (!answer.found) {
    into.records.push({
      type: 'crm.raw.ghl.v1.ContactGone',
      id: contactId,
      value: { contactId, reason: 'not_found', at: reading.now() },
    });
  } else if (answer.contact['id'] !== contactId) {
    // An answer about somebody else says nothing of the one we asked for.
    addUnusable(into, answer.contact, contactId, 'record_invalid', reading.now());
    into.counts.unknown += 1;
  } else if (!addContact(into, answer.contact, 'id', reading)) {
    into.counts.unknown += 1;
  }
}

/** Looks ids up, a few at a time. The first fatal error stops all workers. */
async function lookUpAll(
  client: GhlClient,
  ids: string[],
  workers: number,
  pace: () => Promise<void>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < ids.length) {
      const index = next;
      next += 1;
      try {
        await pace();
        answers[index] = await lookUp(client, ids[index]!);
      } catch (error) {
        next = ids.length;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(workers, ids.length) }, work));
  return answers;
}

async function lookUp(client: GhlClient, id: string): Promise<Answer> {
  try {
    return await client.getContact(id);
  } catch (error) {
    const { code } = toAppError(error);
    if (FATAL.includes(code)) throw error;
    return { failed: code };
  }
}

/** Waits until the next look-up may start. */
function createPace({ delayMs, clock }: ConfirmOptions): (signal: AbortSignal) => Promise<void> {
  let nextStart = 0;
  return async (signal) => {
    signal.throwIfAborted();
    const startAt = Math.max(nextStart, clock.now());
    nextStart = startAt + delayMs;
    if (startAt > clock.now()) await clock.sleep(startAt - clock.now(), signal);
  };
}
