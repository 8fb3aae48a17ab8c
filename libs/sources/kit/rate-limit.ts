import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '#libs/runtime/src/errors.ts';

/** What a source's answer says of its limits; undefined where it says nothing. Times in milliseconds. */
export interface LimitHeaders {
  max: number | undefined;
  remaining: number | undefined;
  intervalMs: number | undefined;
  dailyRemaining: number | undefined;
  dailyResetMs: number | undefined;
}

/** The time, replaced in tests. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }),
};

/** One budget of requests, shared by everything that reads one account. */
export interface RequestBudget {
  /** Waits until a request may start. Throws ghl_daily_limit when the day's budget is used up. */
  take(signal?: AbortSignal): Promise<void>;
  /** Learns from an answer. */
  learn(headers: LimitHeaders): void;
  /** Throws ghl_daily_limit while the day's budget is used up. */
  refuseSpentDay(): void;
  /** Holds all requests for a while, after an answer that asked to slow down. */
  hold(ms: number): void;
  /** Milliseconds that requests are still held by hold(); pauses of our own do not count. */
  heldMs(): number;
}

/** Share of the burst that is used: the rest is left to other users of the token. */
const USED_SHARE = 0.9;
const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_MAX = 100;
/** When the day starts again where no answer says so. */
const DEFAULT_RESET_MS = 60 * 60_000;

/**
 * A sliding window driven by the answers' own headers: at most 90 % of the limit starts within one interval. Whoever else uses
 * the token counts through `remaining`: once that falls below the share left to others, requests wait for an interval.
 */
export function createBudget(clock: Clock = systemClock): RequestBudget {
  let max = DEFAULT_MAX;
  let intervalMs = DEFAULT_INTERVAL_MS;
  let heldUntil = 0;
  let pausedUntil = 0;
  let dailyUntil = 0;
  const starts: number[] = [];

  const allowed = (): number => Math.max(1, Math.floor(max * USED_SHARE));

  function refuseSpentDay(): void {
    const left = dailyUntil - clock.now();
    if (left > 0) throw dailyLimit(left);
  }

  return {
    refuseSpentDay,
    async take(signal) {
      for (;;) {
        signal?.throwIfAborted();
        refuseSpentDay();
        const now = clock.now();
        while (starts.length > 0 && starts[0]! <= now - intervalMs) starts.shift();
        const windowWait = starts.length < allowed() ? 0 : starts[0]! + intervalMs - now;
        const delay = Math.max(heldUntil - now, pausedUntil - now, windowWait);
        if (delay <= 0) {
          starts.push(now);
          return;
        }
        await clock.sleep(delay, signal);
      }
    },
    learn(headers) {
      if (headers.max !== undefined && headers.max > 0) max = headers.max;
      if (headers.intervalMs !== undefined && headers.intervalMs > 0) intervalMs = headers.intervalMs;
      const { remaining, dailyRemaining, dailyResetMs } = headers;
      if (dailyRemaining !== undefined && dailyRemaining <= 0)
        dailyUntil = clock.now() + (dailyResetMs ?? DEFAULT_RESET_MS);
      if (remaining !== undefined && (remaining <= 0 || remaining < max - allowed()))
        pausedUntil = clock.now() + intervalMs;
    },
    hold(ms) {
      heldUntil = Math.max(heldUntil, clock.now() + ms);
    },
    heldMs: () => Math.max(0, heldUntil - clock.now()),
  };
}

function dailyLimit(ms: number): AppError {
  const minutes = Math.ceil(ms / 60_000);
  return new AppError(
    'ghl_daily_limit',
    `the daily request limit of the location is used up; it is reset in about ${minutes} minutes`,
  );
}
