import { fail } from './errors.ts';
import type { FaultKind } from './faults.ts';
import { makeId, PREFIXES } from './ids.ts';
import { planQuery, type Plan } from './query.ts';
import type { CsvStyle } from './rows.ts';
import { parseSoql } from './soql.ts';
import type { State } from './state.ts';

/** States of a query job (salesforce A4). */
export type JobState = 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted';

/** A query job. Its rows are those of the moment it was made. */
export interface Job {
  id: string;
  operation: 'query' | 'queryAll';
  query: string;
  version: string;
  state: JobState;
  createdAt: number;
  polls: number;
  plan: Plan;
  style: CsvStyle;
  lineEnding: string;
  columnDelimiter: string;
  fault: FaultKind | undefined;
}

const DELIMITERS: Record<string, string> = {
  COMMA: ',',
  BACKQUOTE: '`',
  CARET: '^',
  PIPE: '|',
  SEMICOLON: ';',
  TAB: '\t',
};
const LINE_ENDINGS: Record<string, string> = { LF: '\n', CRLF: '\r\n' };
const KEPT_MS = 7 * 86_400_000;

/** The jobs of an org. */
export interface Jobs {
  create(body: Record<string, unknown>, version: string, fault: FaultKind | undefined): Job;
  /** 404 when it was deleted, or finished more than seven days ago. */
  find(id: string): Job;
  all(): Job[];
  abort(job: Job): void;
  delete(job: Job): void;
}

/** No jobs yet. */
export function createJobs({ world, schema, counters, knobs }: State): Jobs {
  const jobs = new Map<string, Job>();
  let made = 0;
  return {
    create(body, version, fault) {
      const { operation, query, contentType = 'CSV', columnDelimiter = 'COMMA', lineEnding = 'LF' } = body;
      if (operation !== 'query' && operation !== 'queryAll')
        throw fail(400, 'INVALIDJOB', `Unsupported operation: ${String(operation)}`);
      if (typeof query !== 'string') throw fail(400, 'INVALIDJOB', 'query is required');
      if (contentType !== 'CSV') throw fail(400, 'INVALIDJOB', 'Only CSV content type is supported');
      const delimiter = DELIMITERS[String(columnDelimiter)];
      const ending = LINE_ENDINGS[String(lineEnding)];
      if (delimiter === undefined || ending === undefined)
        throw fail(400, 'INVALIDJOB', 'Invalid columnDelimiter or lineEnding');
      if (counters.bulkJobs >= knobs.bulkJobsMax)
        throw fail(400, 'LIMIT_EXCEEDED', 'Max number of query jobs per 24 hours exceeded');
      const plan = bulkPlan(query, operation === 'queryAll');
      counters.bulkJobs += 1;
      const job: Job = {
        id: makeId(PREFIXES.Job, (made += 1)),
        operation,
        query,
        version,
        state: 'UploadComplete',
        createdAt: world.now(),
        polls: 0,
        plan,
        style: { delimiter, lineEnding: ending },
        lineEnding: String(lineEnding),
        columnDelimiter: String(columnDelimiter),
        fault,
      };
      jobs.set(job.id, job);
      return job;
    },
    find(id) {
      const job = jobs.get(id);
      if (job === undefined || job.createdAt + KEPT_MS < world.now())
        throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
      return job;
    },
    all: () => [...jobs.values()],
    abort(job) {
      if (job.state !== 'UploadComplete' && job.state !== 'InProgress')
        throw fail(400, 'INVALIDJOBSTATE', `Aborting already ${job.state} Job not allowed`);
      job.state = 'Aborted';
    },
    delete(job) {
      if (job.state === 'UploadComplete' || job.state === 'InProgress')
        throw fail(400, 'INVALIDJOBSTATE', 'Job is not in a terminal state');
      jobs.delete(job.id);
    },
  };

  /** Refuses what the Bulk API does not take (salesforce A4). */
  function bulkPlan(text: string, withDeleted: boolean): Plan {
    const query = parseSoql(text);
    if (query.writes !== null) counters.writes += 1;
    if (query.groupBy !== null || query.select.some(({ kind }) => kind === 'count'))
      throw fail(400, 'API_ERROR', 'Aggregate functions and GROUP BY are not supported in Bulk Query');
    if (query.offset !== null) throw fail(400, 'API_ERROR', 'OFFSET clause is not supported in Bulk Query');
    const plan = planQuery(query, schema, world.view(), withDeleted);
    if (plan.columns.some(({ field }) => field.type === 'address'))
      throw fail(400, 'INVALIDENTITY', 'Selecting compound data not supported in Bulk Query');
    if (plan.object.name === 'TaskWhoRelation')
      throw fail(400, 'INVALIDENTITY', "Entity 'TaskWhoRelation' is not supported by the Bulk API.");
    return plan;
  }
}

/** Moves a job on, as one poll sees it. */
export function poll(job: Job, jobPolls: number): void {
  if (job.state !== 'UploadComplete' && job.state !== 'InProgress') return;
  job.polls += 1;
  if (job.polls <= jobPolls || job.fault === 'job-stuck') {
    job.state = 'InProgress';
    return;
  }
  if (job.fault === 'job-failed' || job.fault === 'job-failed-silently') job.state = 'Failed';
  else job.state = job.fault === 'job-aborted' ? 'Aborted' : 'JobComplete';
}

/** The body of create; of a poll too when `isPolled`. */
export function jobInfo(job: Job, userId: string, isPolled: boolean): Record<string, unknown> {
  const at = new Date(job.createdAt).toISOString().replace('Z', '+0000');
  const info = {
    id: job.id,
    operation: job.operation,
    object: job.plan.object.name,
    createdById: userId,
    createdDate: at,
    systemModstamp: at,
    state: job.state,
    concurrencyMode: 'Parallel',
    contentType: 'CSV',
    apiVersion: Number(job.version.slice(1)),
    lineEnding: job.lineEnding,
    columnDelimiter: job.columnDelimiter,
  };
  if (!isPolled) return info;
  const isDone = job.state === 'JobComplete';
  return {
    ...info,
    jobType: 'V2Query',
    numberRecordsProcessed: isDone ? job.plan.rows.length : 0,
    retries: 0,
    totalProcessingTime: job.polls * 1000,
    isPkChunkingSupported: true,
    ...(job.state === 'Failed' && job.fault === 'job-failed'
      ? { errorMessage: 'Query job retried more than 15 times' }
      : {}),
  };
}
