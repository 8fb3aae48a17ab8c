import { ASKED_NOTHING, type Asked } from '#libs/contracts/src/asked.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { readSettings } from '#libs/runtime/src/settings.ts';
import { contactRequest } from '#libs/sources/salesforce/request.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { listSfContacts, type SfContactRow } from '#libs/storage/src/sf-contact-reads.ts';
import { resultOf } from './follow.ts';
import { requireOrg } from './session.ts';
import { requestAndFollow } from './sync.ts';
import { openWork, requireReads, type Work } from './work.ts';

/** What both functions are asked for; everything else comes from the settings of the environment, as for the command. */
export interface ContactSyncOptions {
  /** Contacts changed from then on; all of them where it is left out. */
  modifiedSince?: Date | null;
  /** Ends the waiting: the sync itself goes on, or keeps its place where this process runs it. */
  signal?: AbortSignal;
  /** Told several times a second how far the sync is. */
  onProgress?(run: RunView): void;
  /** Told what is started for this call: a stack, a pipeline. */
  onNotice?(line: string): void;
}

/** The statistics of the old service under their names (salesforce B9), and whether they are of a sync that did all it was asked for. */
export interface ContactSyncStats {
  total_retrieved: number;
  total_processed: number;
  new_records: number;
  updated_records: number;
  errors: number;
  /** False for whatever was not read or not applied: no partial run passes for a success. */
  success: boolean;
  message: string;
  syncId: string;
}

/**
 * Syncs contacts by the Bulk API, as `tributary sync salesforce --mode bulk` does. Rejects with an AppError where nothing could be asked
 * for; what a sync can meet is told by `success` and `message`.
 */
export async function bulkSyncContacts(
  options: ContactSyncOptions & { batchSize?: number } = {},
): Promise<ContactSyncStats> {
  const { batchSize = 1000 } = options;
  return withSync(options, { api: 'bulk', batchSize }, async (run) => statsOf(run));
}

/**
 * Syncs contacts by REST, as `tributary sync salesforce --mode rest` does, and returns the rows: every contact of the range, or the
 * `limit` that changed last. Rejects with an AppError when not all could be read and applied, never with an empty list for it.
 */
export async function syncContacts(
  options: ContactSyncOptions & { limit?: number | null } = {},
): Promise<SfContactRow[]> {
  const { limit = null } = options;
  return withSync(options, { api: 'rest', limit }, async (run, { platform }) => {
    const { success, message } = resultOf(run);
    if (!success) throw new AppError('source_down', message);
    return listSfContacts(platform.database, run.account, options.modifiedSince?.getTime() ?? null, limit);
  });
}

async function withSync<T>(
  { modifiedSince, signal, onProgress, onNotice }: ContactSyncOptions,
  more: Partial<Asked>,
  use: (run: RunView, work: Work) => Promise<T>,
): Promise<T> {
  const since = modifiedSince?.getTime() ?? null;
  const asked = { ...ASKED_NOTHING, ...more, since, mode: since === null ? 'full' : 'incremental' };
  contactRequest(asked);
  const settings = readSettings(process.env);
  const { account } = requireOrg(settings);
  const work = await openWork(settings, createLogger({ name: 'salesforce-sync', level: 'silent' }), (line) =>
    onNotice?.(line),
  );
  try {
    requireReads(work, 'salesforce');
    const order = { ...asked, source: 'salesforce', account, dryRun: false, requestedBy: 'program' };
    const run = await requestAndFollow(work.platform, order, {
      ...(signal === undefined ? {} : { signal }),
      onChange: (now) => now !== undefined && onProgress?.(now),
    });
    return await use(run, work);
  } finally {
    await work.close();
  }
}

/** The statistics of a run; zeros for what it did not come to. */
export function statsOf(run: RunView): ContactSyncStats {
  const { syncId, success, message } = resultOf(run);
  const { retrieved = 0, processed = 0, created = 0, updated = 0, errors = 0 } = run.tableStats ?? {};
  const counted = { total_retrieved: retrieved, total_processed: processed, new_records: created };
  return { ...counted, updated_records: updated, errors, success, message, syncId };
}
