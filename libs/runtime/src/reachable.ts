import { setTimeout as wait } from 'node:timers/promises';
import { toAppError } from './errors.ts';
import type { Readiness } from './host.ts';

/** How patient a look is, and how long its outcome counts, so that whoever asks often costs little; in milliseconds. */
export interface ReachableOptions {
  withinMs?: number;
  keptMs?: number;
}

/** Whether a service that every part needs answers. It is asked when somebody wants to know, and once at a time, however many do. */
export function reachable(
  part: string,
  ask: () => Promise<unknown>,
  { withinMs = 2_000, keptMs = 1_000 }: ReachableOptions = {},
): () => Promise<Readiness> {
  let outcome: Promise<Readiness> | undefined;

  async function look(): Promise<Readiness> {
    const reason = await ask().then(
      () => undefined,
      (error: unknown) => toAppError(error).message,
    );
    setTimeout(() => (outcome = undefined), keptMs).unref();
    return reason === undefined ? { part, ready: true } : { part, ready: false, reason };
  }

  return async () => {
    outcome ??= look();
    const late = wait(
      withinMs,
      { part, ready: false, reason: `no answer within ${withinMs / 1000} s` },
      { ref: false },
    );
    return Promise.race([outcome, late]);
  };
}
