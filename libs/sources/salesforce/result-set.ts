import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Clock } from '../kit/rate-limit.ts';
import { noAnswer } from './answers.ts';
import type { ResultStream, SalesforceClient } from './client.ts';
import { createCsvReader, MalformedCsv } from './csv.ts';

/** A result set and how far it was read; JSON. */
export interface OpenSet {
  path: string;
  /** Rows delivered. */
  rows: number;
  /** Id of the last of them: proof that the set, read again, is the same. */
  lastId: string | null;
}

/** Rows of one set. */
export interface SetBatch {
  path: string;
  columns: readonly string[];
  rows: string[][];
  /** Rows of the set delivered, these included. */
  delivered: number;
  lastId: string | null;
  isLast: boolean;
  /** Locator of the set behind this one. */
  locator: string | null;
}

/** How a set is read; times in milliseconds. */
export interface SetOptions {
  batchRows: number;
  clock: Clock;
  signal: AbortSignal;
}

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
const TRANSIENT = new Set(['salesforce_unavailable', 'salesforce_timeout', 'salesforce_truncated']);

/**
 * Reads a set to its end. One that breaks off, or does not hold the rows it promised, is opened again and read on behind the rows
 * that were delivered. When those are not where they were, all rows come again: rather twice than not at all.
 */
export async function* readSet(
  client: SalesforceClient,
  jobId: string,
  from: OpenSet,
  options: SetOptions,
): AsyncGenerator<SetBatch, void> {
  const at = { ...from };
  for (let failures = 0; ;) {
    const before = at.rows;
    try {
      for await (const batch of readOnce(await client.openResults(at.path), { ...at }, options)) {
        Object.assign(at, { rows: batch.delivered, lastId: batch.lastId });
        yield batch;
      }
      return;
    } catch (error) {
      const failure = failureOf(error);
      if (failure instanceof Shifted) Object.assign(at, { rows: 0, lastId: null });
      failures = at.rows > before ? 1 : failures + 1;
      if (!TRANSIENT.has(failure.code) || failures >= ATTEMPTS || options.signal.aborted) throw failure;
      await options.clock.sleep(FIRST_WAIT_MS * 2 ** (failures - 1), options.signal);
      // A set that does not come may be of a job that is gone; that is another error.
      await client.job(jobId);
    }
  }
}

/** The rows that were delivered are not where they were. */
class Shifted extends AppError {}

function shifted(): Shifted {
  const what = 'a result set of Salesforce has changed: it is read again from its beginning';
  return new Shifted('salesforce_truncated', what);
}

function failureOf(error: unknown): AppError {
  if (error instanceof MalformedCsv)
    return new AppError('salesforce_truncated', `a result set of Salesforce is damaged: ${error.message}`, {
      cause: error,
    });
  return toAppError(noAnswer(error, 0));
}

async function* readOnce(
  stream: ResultStream,
  from: OpenSet,
  { batchRows }: SetOptions,
): AsyncGenerator<SetBatch, void> {
  const csv = createCsvReader();
  let columns: readonly string[] | undefined;
  let idAt = -1;
  let seen = 0;
  let rows: string[][] = [];
  let { lastId } = from;

  function take(row: string[]): void {
    if (columns === undefined) {
      columns = row;
      idAt = row.indexOf('Id');
      return;
    }
    if (row.length !== columns.length) throw new MalformedCsv('a row has another width than the header');
    seen += 1;
    if (seen > from.rows) rows.push(row);
    else if (seen === from.rows && from.lastId !== null && row[idAt] !== from.lastId) throw shifted();
  }

  function batch(isLast: boolean): SetBatch {
    lastId = rows.at(-1)?.[idAt] ?? lastId;
    const { path } = from;
    const made = { path, columns: columns ?? [], rows, delivered: seen, lastId, isLast, locator: stream.locator };
    rows = [];
    return made;
  }

  try {
    for await (const chunk of stream.body) {
      for (const row of csv.push(chunk)) {
        take(row);
        if (rows.length >= batchRows) yield batch(false);
      }
    }
    for (const row of csv.end()) take(row);
    if (stream.records !== null && seen !== stream.records)
      throw new AppError('salesforce_truncated', `a result set promised ${stream.records} rows and gave ${seen}`);
    if (seen < from.rows) throw shifted();
    yield batch(true);
  } finally {
    await stream.close();
  }
}
