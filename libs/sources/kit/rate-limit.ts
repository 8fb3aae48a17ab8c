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
  /** Holds all requests for a while, after an answer that asked to slow down. */
  hold(ms: number): void;
}

/** Share of the burst that is used: the rest is left to other users of the token. */
const USED_SHARE = 0.9;
const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_MAX = 100;

/**
 * A sliding window driven by the answers' own headers: at most 90 % of the limit starts within one interval, whoever else uses
 * the token counts through `remaining`.
 */
export function createBudget(clock: Clock = systemClock): RequestBudget {
  let max = DEFAULT_MAX;
  let intervalMs = DEFAULT_INTERVAL_MS;
  let heldUntil = 0;
  let dailyUntil = 0;
  const starts: number[] = [];

  return {
    async take(signal) {
      for (;;) {
        signal?.throwIfAborted();
        const now = clock.now();
        if (dailyUntil > now) {
          const minutes = Math.ceil((dailyUntil - now) / 60_000);
          throw new AppError(
            'ghl_daily_limit',
            `the daily request limit of the location is used up; it is reset in about ${minutes} minutes`,
          );
        }
        while (starts.length > 0 && starts[0]! <= now - intervalMs) starts.shift();
        const allowed = Math.max(1, Math.floor(max * USED_SHARE));
        const windowWait = starts.length < allowed ? 0 : starts[0]! + intervalMs - now;
        const delay = Math.max(heldUntil - now, windowWait);
        if (delay <= 0) {
          starts.push(now);
          return;
        }
        await clock.sleep(delay, signal);
      }
    },
    learn(headers) {
      max = headers.max ?? max;
      intervalMs = headers.intervalMs ?? intervalMs;
      if (headers.dailyRemaining !== undefined && headers.dailyRemaining <= 0)
        dailyUntil = clock.now() + (headers.dailyResetMs ?? 60 * 60_000);
      // Somebody else spends the same budget: wait until the window has passed.
      if (headers.remaining !== undefined && headers.remaining <= 0)
        heldUntil = Math.max(heldUntil, clock.now() + intervalMs);
    },
    hold(ms) {
      heldUntil = Math.max(heldUntil, clock.now() + ms);
    },
  };
}
