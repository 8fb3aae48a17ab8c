import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { worstExitCode } from './follow.ts';

/** A sync that is asked for again and again. */
export interface Rounds {
  /** Milliseconds from the end of a round to the next one; null for a single round. */
  everyMs: number | null;
  /** Asks for one sync, follows it to its end and tells its result. */
  round(): Promise<RunView>;
  /** A line for people. */
  say(line: string): void;
  /** Ends it, also between two rounds. */
  signal: AbortSignal;
  /** Waits for the next round; throws when the signal is aborted meanwhile. */
  pause?(ms: number, signal: AbortSignal): Promise<void>;
}

/** Exit code of settings or credentials that are refused: another round ends the same. */
const REFUSED = 2;
const pauseByClock = (ms: number, signal: AbortSignal): Promise<void> => wait(ms, undefined, { signal });

/**
 * One round, or one after the other until it is stopped: what a round could not do is left to the next one, and people are told. Throws
 * what no further round would mend, and when the signal is aborted.
 */
export async function runRounds({ everyMs, round, say, signal, pause = pauseByClock }: Rounds): Promise<void> {
  for (;;) {
    const left = await round().then(leftOver, (error: unknown) => troubleOf(error, everyMs, signal));
    if (everyMs === null || left === 'refused') return;
    if (left !== undefined) say(`${left}: the next sync begins in ${everyMs / 1000} s and makes up for it`);
    await pause(everyMs, signal);
  }
}

/** What a run that is over leaves to the next one, as the head of a sentence; undefined for nothing. */
function leftOver(run: RunView): string | undefined {
  const exitCode = worstExitCode([run]);
  if (exitCode === REFUSED) return 'refused';
  return exitCode === 0 ? undefined : 'Not all was done';
}

/** Trouble on the way to a round that passes by itself. */
function troubleOf(error: unknown, everyMs: number | null, signal: AbortSignal): string {
  const isPassing = error instanceof AppError && error.kind === 'transient' && error.code !== 'internal';
  if (everyMs === null || signal.aborted || !isPassing) throw error;
  return `${error.code}: ${error.message}`;
}
