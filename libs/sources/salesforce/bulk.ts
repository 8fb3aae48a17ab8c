import { setMaxListeners } from 'node:events';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Clock } from '../kit/rate-limit.ts';
import type { SalesforceClient } from './client.ts';
import { merge } from './merge.ts';
import { readSet, type OpenSet, type SetBatch } from './result-set.ts';

/** Where the reading of a bulk job stands; JSON. Locators stay valid as long as the job does: seven days (salesforce A4). */
export interface BulkPosition {
  jobId: string;
  version: string;
  /** Rows that the job has found so far, as long as it runs; null when it does not say. */
  processed: number | null;
  /** Rows of the result; null until the job is complete. */
  total: number | null;
  /** Sets that are being read, and how far; the one whose turn it is stands first, so that the same position gives the same rows. */
  open: OpenSet[];
  /** Path of what comes behind them; null when nothing does. */
  next: string | null;
  /** Whether `next` names links to download side by side, or one set. */
  isParallel: boolean;
  /** Rows delivered; those of a set that had moved, and came again, count once. */
  rows: number;
  /** Everything was delivered: what is left is to delete the job. */
  isRead: boolean;
}

/** Rows that were read together, and the position after them. */
export interface BulkBatch {
  columns: readonly string[];
  rows: string[][];
  position: BulkPosition;
}

/** How bulk jobs are read; times in milliseconds. */
export interface BulkOptions {
  batchRows: number;
  /** Rows of one result set at most; constant within a job. */
  maxRecords: number;
  /** Sets downloaded at a time, five at most; 1 follows locators one by one. */
  parallel: number;
  pollFirstMs: number;
  pollLongestMs: number;
  /** A job that is not complete by then is aborted. */
  deadlineMs: number;
  /** Whether the rows must add up to numberRecordsProcessed. */
  checkTotal: boolean;
  clock: Clock;
  signal: AbortSignal;
}

/** Jobs made for one window before it counts as failed. */
const JOBS_PER_WINDOW = 3;
const MAX_PARALLEL = 5;

/**
 * Reads one query by a bulk job: makes it, waits, downloads every result set. Goes on from a position; a job that has vanished
 * is made anew, and its rows come again. The job is deleted once the reader has asked for more than the last batch: by then the
 * position of that batch is saved.
 */
export async function* readBulk(
  client: SalesforceClient,
  soql: string,
  from: BulkPosition | null,
  options: BulkOptions,
): AsyncGenerator<BulkBatch> {
  let at = from !== null && from.version === client.version ? from : null;
  for (let made = at === null ? 0 : 1; ; made += 1) {
    try {
      at ??= await createJob(client, soql, options);
      yield* readJob(client, at, options);
      return;
    } catch (error) {
      if (toAppError(error).code !== 'salesforce_gone' || made >= JOBS_PER_WINDOW) throw error;
      at = null;
    }
  }
}

/** Aborts a job that nobody will come back for. */
export async function dropJob(client: SalesforceClient, jobId: string): Promise<void> {
  // A job that stays all the same is deleted by Salesforce after seven days.
  await client.abortJob(jobId).catch(() => undefined);
}

async function createJob(client: SalesforceClient, soql: string, { parallel }: BulkOptions): Promise<BulkPosition> {
  const { id: jobId } = await client.createJob(soql, true);
  const isParallel = parallel > 1;
  return {
    jobId,
    version: client.version,
    processed: null,
    total: null,
    open: [],
    next: null,
    isParallel,
    rows: 0,
    isRead: false,
  };
}

async function* readJob(client: SalesforceClient, from: BulkPosition, options: BulkOptions): AsyncGenerator<BulkBatch> {
  const at = structuredClone(from);
  const snapshot = (columns: readonly string[] = [], rows: string[][] = []): BulkBatch => ({
    columns,
    rows,
    position: structuredClone(at),
  });
  if (at.total === null) {
    // The job is known before anybody waits for it: a crash leaves none behind that nobody finds.
    yield snapshot();
    yield* complete(client, at, options, snapshot);
    await begin(client, at, options);
  }
  while (!at.isRead) {
    if (at.open.length === 0) await advance(client, at);
    if (at.open.length === 0) break;
    setMaxListeners(0, options.signal);
    const sets = at.open.map((set) => readSet(client, at.jobId, set, options));
    for await (const batch of merge(sets)) {
      settle(client, at, batch, options);
      yield snapshot(batch.columns, batch.rows);
    }
  }
  if (options.checkTotal && !at.isRead && at.rows !== at.total)
    throw new AppError('salesforce_truncated', `a bulk job promised ${at.total} rows and gave ${at.rows}`);
  at.isRead = true;
  yield snapshot();
  // I1: the position that says so is saved, so nobody needs the job any more.
  await client.deleteJob(at.jobId).catch(() => undefined);
}

/** Waits for a job until the position holds the rows of its result; gives every state on the way, so that people see it live. */
async function* complete(
  client: SalesforceClient,
  at: BulkPosition,
  options: BulkOptions,
  snapshot: () => BulkBatch,
): AsyncGenerator<BulkBatch> {
  const { clock, signal, pollFirstMs, pollLongestMs, deadlineMs } = options;
  const deadline = clock.now() + deadlineMs;
  for (let delay = pollFirstMs; ; delay = Math.min(delay * 1.5, pollLongestMs)) {
    const { state, records, errorMessage } = await client.job(at.jobId);
    if (state === 'JobComplete') {
      at.total = records ?? 0;
      return;
    }
    if (state === 'Failed') throw jobFailed(errorMessage);
    if (state === 'Aborted') throw new AppError('salesforce_gone', 'somebody aborted the bulk job');
    // Any other state, also one we do not know, is still on its way.
    if (clock.now() >= deadline) {
      await dropJob(client, at.jobId);
      throw new AppError(
        'salesforce_job_failed',
        `a bulk job was not complete after ${deadlineMs / 1000} s and was aborted`,
      );
    }
    at.processed = records;
    yield snapshot();
    await clock.sleep(delay, signal);
  }
}

/** Salesforce gives up on queries that run too long; a smaller window may pass (salesforce A4). */
function jobFailed(message: string | null): AppError {
  const isTimeout = /retried more than|timeout|running for too long/i.test(message ?? '');
  const reason = message === null ? 'without a reason' : `: ${message.slice(0, 200)}`;
  return new AppError(isTimeout ? 'salesforce_query_timeout' : 'salesforce_job_failed', `a bulk job failed ${reason}`);
}

/** The first sets of a result: links where they are offered, else the first set by itself. */
async function begin(client: SalesforceClient, at: BulkPosition, { maxRecords }: BulkOptions): Promise<void> {
  if (at.isParallel) {
    try {
      const { paths, next } = await client.resultLinks(at.jobId);
      Object.assign(at, { open: paths.map(fresh), next });
      return;
    } catch (error) {
      // Links came with v58; an org that does not offer them still has the sets one by one.
      const { code } = toAppError(error);
      if (code !== 'salesforce_gone' && code !== 'salesforce_bad_request') throw error;
      at.isParallel = false;
    }
  }
  at.open = [fresh(client.resultPath(at.jobId, maxRecords, null))];
}

async function advance(client: SalesforceClient, at: BulkPosition): Promise<void> {
  if (at.next === null) return;
  if (!at.isParallel) {
    Object.assign(at, { open: [fresh(at.next)], next: null });
    return;
  }
  const { paths, next } = await client.moreLinks(at.next);
  Object.assign(at, { open: paths.slice(0, MAX_PARALLEL).map(fresh), next });
}

const fresh = (path: string): OpenSet => ({ path, rows: 0, lastId: null });

/** Puts a batch into the position: its set, unless it is at its end, stands behind the others. */
function settle(client: SalesforceClient, at: BulkPosition, batch: SetBatch, { maxRecords }: BulkOptions): void {
  const { path, delivered, lastId, isLast } = batch;
  const before = at.open.find((set) => set.path === path)?.rows ?? 0;
  // A set that was read again from its beginning adds up to its rows, not to all that were delivered of it.
  at.rows += delivered - before;
  at.open = at.open.filter((set) => set.path !== path);
  if (!isLast) at.open.push({ path, rows: delivered, lastId });
  else if (!at.isParallel)
    at.next = batch.locator === null ? null : client.resultPath(at.jobId, maxRecords, batch.locator);
}
