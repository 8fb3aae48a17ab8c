import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { systemClock, type Clock } from './rate-limit.ts';

/** How long a failing call is tried again. */
export interface Patience {
  /** Milliseconds from the first attempt after which no further one starts. */
  totalMs: number;
  signal?: AbortSignal | undefined;
  /** Milliseconds that the source itself asks to wait: beyond the patience there is no point in waiting at all. */
  heldMs?: () => number;
  /** Transient errors that no waiting of this length mends, as the source knows them: the caller decides. */
  isFinal?: (failure: AppError) => boolean;
  clock?: Clock;
  /** Between 0 and 1; replaced in tests. */
  random?: () => number;
}

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/** Calls again after transient errors, with exponential backoff and full jitter; the last error is thrown when patience ends. */
export async function withRetry<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { totalMs, signal, heldMs, isFinal, clock = systemClock, random = Math.random } = patience;
  const deadline = clock.now() + totalMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      if (signal?.aborted === true) throw stopped(signal, error);
      const failure = toAppError(error);
      const delay = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS) * random();
      const isLate = clock.now() + Math.max(delay, heldMs?.() ?? 0) > deadline;
      if (failure.kind !== 'transient' || isFinal?.(failure) === true || isLate) throw failure;
      await clock.sleep(delay, signal).catch((reason: unknown) => {
        throw stopped(signal, reason);
      });
    }
  }
}

/** Why the signal was aborted, where it says so: a scan that is cancelled ends, one of a process that stops does not. */
function stopped(signal: AbortSignal | undefined, cause: unknown): AppError {
  if (signal?.reason instanceof AppError) return signal.reason;
  return new AppError('scan_cancelled', 'the scan was stopped', { cause });
}
