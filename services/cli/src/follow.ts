import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

const LOOK_EVERY_MS = 150;
const DONE = new Set(['completed', 'incomplete', 'needs_confirmation', 'failed', 'cancelled']);

/** True when the run has its final word. */
export function isDone(run: RunView): boolean {
  return run.exitCode !== null && DONE.has(run.status);
}

/** Follows a run until it is done; `onChange` sees every state. The signal ends the following, not the run. */
export async function followRun(
  database: Database,
  syncId: string,
  onChange: (run: RunView | undefined) => void,
  signal?: AbortSignal,
): Promise<RunView> {
  for (;;) {
    signal?.throwIfAborted();
    const run = await readRun(database, syncId).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    });
    onChange(run);
    if (run !== undefined && isDone(run)) return run;
    await wait(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** V3's result object plus syncId, source and account (architecture section 9). */
export function resultOf(run: RunView): object {
  const { syncId, source, account, success, message, duration, stats, error, fieldErrors } = run;
  return {
    syncId,
    source,
    account,
    success,
    message,
    duration,
    stats: stats ?? {},
    ...(fieldErrors === null || fieldErrors.length === 0 ? {} : { fieldErrors }),
    ...(success === true ? {} : { error: error ?? { code: 'incomplete', message } }),
  };
}
