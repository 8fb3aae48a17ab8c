import { toAppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import type { Clock } from '../kit/rate-limit.ts';

/** How look-ups are paced; times in milliseconds. */
export interface Pacing {
  workers: number;
  /** Between the starts of look-ups. */
  delayMs: number;
  clock: Clock;
}

/** What became of one look-up: its answer, or why there is none. */
export type Answer<T> = { answer: T } | { failed: ErrorCode };

/** Without these no further look-up will be answered: they end the scan. Any other error leaves one look-up unanswered. */
const FATAL: readonly ErrorCode[] = [
  'ghl_unauthorized',
  'ghl_not_connected',
  'token_unreadable',
  'ghl_forbidden',
  'ghl_bad_version',
  'redirect_refused',
  'ghl_daily_limit',
  'scan_cancelled',
  'scan_interrupted',
  // Where the token is kept: no answer of GoHighLevel.
  'database_unavailable',
  'write_conflict',
];

/** Looks things up, a few at a time and not too fast; shared by all look-ups of one scan. */
export interface LookupRunner {
  /** Answers in the order of the items. Throws the first error that ends the scan. */
  all<I, T>(items: readonly I[], lookUp: (item: I) => Promise<T>, signal: AbortSignal): Promise<Answer<T>[]>;
}

/** A runner: at most `workers` look-ups at a time, their starts at least `delayMs` apart. */
export function createLookups({ workers, delayMs, clock }: Pacing): LookupRunner {
  let nextStart = 0;

  async function pace(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const startAt = Math.max(nextStart, clock.now());
    nextStart = startAt + delayMs;
    if (startAt > clock.now()) await clock.sleep(startAt - clock.now(), signal);
  }

  return {
    async all<I, T>(items: readonly I[], lookUp: (item: I) => Promise<T>, signal: AbortSignal): Promise<Answer<T>[]> {
      const answers: Answer<T>[] = [];
      let next = 0;
      async function work(): Promise<void> {
        while (next < items.length) {
          const index = next;
          next += 1;
          try {
            await pace(signal);
            answers[index] = await attempt(lookUp, items[index]!);
          } catch (error) {
            next = items.length;
            throw error;
          }
        }
      }
      await Promise.all(Array.from({ length: Math.min(workers, items.length) }, work));
      return answers;
    },
  };
}

async function attempt<I, T>(lookUp: (item: I) => Promise<T>, item: I): Promise<Answer<T>> {
  try {
    return { answer: await lookUp(item) };
  } catch (error) {
    const { code } = toAppError(error);
    if (isFatal(code)) throw error;
    return { failed: code };
  }
}

/** Whether an error means that nothing else will be answered either. */
export function isFatal(code: ErrorCode): boolean {
  return FATAL.includes(code);
}
