import { namedStatistics } from '#libs/domain/src/table-result.ts';
import { setTimeout as wait } from 'node:timers/promises';
import { toAppError } from '#libs/runtime/src/errors.ts';
import type { ChangeSet } from '#libs/storage/src/dry-run-changes.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRuns, type RunView } from '#libs/storage/src/reads.ts';
import type { RunFields } from '#libs/storage/src/runs.ts';

const LOOK_EVERY_MS = 150;
/** Exit code of what did not come to its end. */
const INCOMPLETE = 3;
const DONE = new Set(['completed', 'incomplete', 'needs_confirmation', 'failed', 'cancelled']);

/** True when the run has its final word. */
export function isDone(run: RunView): boolean {
  return run.exitCode !== null && DONE.has(run.status);
}

/** True when its source holds the run at its position until somebody resumes it: nobody need wait for more. */
export function isHeld(run: RunView): boolean {
  return run.status === 'paused' && run.error !== null;
}

/** True when nothing more happens to the run by itself. */
export function isOver(run: RunView): boolean {
  return isDone(run) || isHeld(run);
}

/** How long who follows something bears that the database is away: a restart or a failover. */
const OUTAGE_MS = 120_000;

/** Looks again and again: undefined while the database is away, until that lasts too long. Throws everything else. */
export function patientLook(): <T>(look: () => Promise<T>) => Promise<T | undefined> {
  let awaySince: number | undefined;
  return async (look) => {
    try {
      const seen = await look();
      awaySince = undefined;
      return seen;
    } catch (error) {
      awaySince ??= Date.now();
      if (toAppError(error).code !== 'database_unavailable' || Date.now() - awaySince > OUTAGE_MS) throw error;
      return undefined;
    }
  };
}

/**
 * Follows a run until it is done or held, or `until` says so; `onChange` sees every state. The signal ends the following, not the run; a short
 * outage of the database ends neither.
 */
export async function followRun(
  database: Database,
  syncId: string,
  onChange: (run: RunView | undefined) => void,
  signal?: AbortSignal,
  until: (run: RunView) => boolean = isOver,
): Promise<RunView> {
  const look = patientLook();
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look(async () => ({ run: await lookAt(database, syncId) }));
    if (seen !== undefined) onChange(seen.run);
    if (seen?.run !== undefined && until(seen.run)) return seen.run;
    await wait(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** The run as it is now; one that joined another is held when that is. Undefined before anybody knows of it. */
async function lookAt(database: Database, syncId: string): Promise<RunView | undefined> {
  const [run] = await readRuns(database, [syncId]);
  if (run?.joinedTo == null || run.exitCode !== null) return run;
  const [other] = await readRuns(database, [run.joinedTo]);
  if (other === undefined || !isHeld(other)) return run;
  const { status, error, pausedAt } = other;
  return { ...run, status, error, pausedAt };
}

/** Exit code of several runs: the gravest, failed before refused before incomplete. */
export function worstExitCode(runs: readonly RunView[]): number {
  const codes = runs.map((run) => (isHeld(run) ? INCOMPLETE : (run.exitCode ?? 1)));
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
  /** What the source showed of the fields that were to be read, where it was asked. */
  fields?: RunFields;
  /** What a dry run would change. */
  changes?: ChangeSet;
  /** Only on failure. */
  error?: { code: string; message: string };
}

/** The result of a run that is over. */
export function resultOf(run: RunView, changes?: ChangeSet): SyncResult {
  const { syncId, source, account, success, message, duration, stats, tableStats, error, fieldErrors, fields } = run;
  return {
    syncId,
    source,
    account,
    success: success === true,
    message: message ?? error?.message ?? '',
    duration: duration ?? 0,
    stats: tableStats === null ? (stats ?? {}) : namedStatistics(tableStats),
    ...(fieldErrors === null || fieldErrors.length === 0 ? {} : { fieldErrors }),
    ...(fields === null ? {} : { fields }),
    ...(changes === undefined ? {} : { changes }),
    ...(success === true ? {} : { error: error ?? { code: 'incomplete', message: message ?? '' } }),
  };
}
