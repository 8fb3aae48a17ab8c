import type { Clock } from '../kit/rate-limit.ts';

/** How long a location that does not answer is tried again: one patience for all requests, so that an outage costs it once. */
export interface SharedPatience {
  /** Milliseconds for which a failing request is worth repeating; 0 once nothing was answered for the whole patience. */
  leftMs(): number;
  /** Something was answered: patience is whole again. */
  heard(): void;
  /** A request stayed without an answer. */
  unheard(): void;
}

/** A patience of so many milliseconds. */
export function createPatience(totalMs: number, { now }: Pick<Clock, 'now'>): SharedPatience {
  let quietSince: number | undefined;
  return {
    leftMs: () => Math.max(0, (quietSince ?? now()) + totalMs - now()),
    heard: () => (quietSince = undefined),
    unheard: () => void (quietSince ??= now()),
  };
}
