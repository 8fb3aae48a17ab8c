import { emptyCounters } from '#libs/domain/src/result.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { readSettings } from '#libs/runtime/src/settings.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { changesOf } from './changes.ts';
import { resultOf, type SyncResult } from './follow.ts';
import { requestAndFollow } from './sync.ts';
import { chooseAccount, openWork } from './work.ts';

/** What `syncAll` is asked for; everything else comes from the settings of the environment, as for the command. */
export interface SyncAllOptions {
  /** full reads the whole location (default); targeted looks up what the tables know, as V3 did; incremental reads what changed. */
  mode?: 'full' | 'targeted' | 'incremental';
  /** GoHighLevel location, where several are set. */
  location?: string;
  /** Read and report what would change; write no row. */
  dryRun?: boolean;
  /** Ends the waiting: the sync itself goes on, or keeps its place where this process runs it. */
  signal?: AbortSignal;
  /** Told several times a second how far the sync is. */
  onProgress?(run: RunView): void;
  /** Told what is started for this call: a stack, a pipeline. */
  onNotice?(line: string): void;
}

/** V3's result, and which sync it is of; null for one that could not be asked for. */
export interface SyncAllResult extends Omit<SyncResult, 'syncId' | 'source' | 'account'> {
  syncId: string | null;
  account: string | null;
}

/**
 * Brings vendors and leads in step with GoHighLevel, as `tributary sync ghl --yes` does: with the pipeline that runs, or with one of its
 * own for the time of the call. Never throws for what a sync can meet: `success` is false then, and `error` says why. Rejects when the
 * signal is aborted.
 */
export async function syncAll(options: SyncAllOptions = {}): Promise<SyncAllResult> {
  const { mode = 'full', dryRun = false, location, signal, onProgress, onNotice } = options;
  const startedAt = Date.now();
  try {
    const settings = readSettings(process.env);
    const logger = createLogger({ name: 'sync-all', level: 'silent' });
    const work = await openWork(settings, logger, (line) => onNotice?.(line));
    try {
      const account = chooseAccount(work.ghl, location);
      const request = { source: 'ghl', account, mode, dryRun, requestedBy: 'program' };
      const run = await requestAndFollow(work.platform, request, {
        ...(signal === undefined ? {} : { signal }),
        onChange: (now) => now !== undefined && onProgress?.(now),
      });
      return resultOf(run, await changesOf(work.platform.database, run));
    } finally {
      await work.close();
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message } = error;
    const duration = (Date.now() - startedAt) / 1000;
    return {
      syncId: null,
      account: null,
      success: false,
      message,
      duration,
      stats: emptyCounters(),
      error: { code, message },
    };
  }
}
