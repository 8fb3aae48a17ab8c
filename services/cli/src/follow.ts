import { namedStatistics } from '#libs/domain/src/table-result.ts';
import { setTimeout as wait } from 'node:timers/promises';
import type { ChangeSet } from '#libs/storage/src/dry-run-changes.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

const LOOK_EVERY_MS = 150;
const DONE = new Set(['completed', 'incomplete', 'needs_confirmation', 'failed', 'cancelled']);

/** True when the run has its final word. */
export function isDone(run: RunView): boolean {
  return run.exitCode !== null && DONE.has(run.status);
}

/** Follows a run until it is done, or `until` says so; `onChange` sees every state. The signal ends the following, not the run. */
export async function followRun(
  database: Database,
  syncId: string,
  onChange: (run: RunView | undefined) => void,
  signal?: AbortSignal,
  until: (run: RunView) => boolean = isDone,
): Promise<RunView> {
  for (;;) {
    signal?.throwIfAborted();
    const run = await readRun(database, syncId).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    });
    onChange(run);
    if (run !== undefined && until(run)) return run;
    await wait(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Exit code of several runs: the gravest, failed before refused before incomplete. */
export function worstExitCode(runs: readonly RunView[]): number {
  const codes = runs.map(({ exitCode }) => exitCode ?? 1);
  return [1, 2, 3].find((code) => codes.includes(code)) ?? 0;
}

/** V3's result object plus syncId, source and account (architecture section 9). */
export interface SyncResult {
  syncId: string;
  source: string;
  account: string;
  /** True if and only if everything was done that was asked for. */
  success: boolean;
  /** One sentence: what was done, or what was left alone and what to do. */
  message: string;
  /** Seconds from the start to the result. */
  duration: number;
  /** Every counter of the source, always. */
  stats: Record<string, number>;
  fieldErrors?: { contactId: string; field: string; code: string }[];
  /** What a dry run would change. */
  changes?: ChangeSet;
  /** Only on failure. */
  error?: { code: string; message: string };
}

/** The result of a run that is over. */
export function resultOf(run: RunView, changes?: ChangeSet): SyncResult {
  const { syncId, source, account, success, message, duration, stats, tableStats, error, fieldErrors } = run;
  return {
    syncId,
    source,
    account,
    success: success === true,
    message: message ?? '',
    duration: duration ?? 0,
    stats: tableStats === null ? (stats ?? {}) : namedStatistics(tableStats),
    ...(fieldErrors === null || fieldErrors.length === 0 ? {} : { fieldErrors }),
    ...(changes === undefined ? {} : { changes }),
    ...(success === true ? {} : { error: error ?? { code: 'incomplete', message: message ?? '' } }),
  };
}
