import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Express, Request, RequestHandler, Response } from 'express';
import { createJobs, jobInfo, poll, type Job } from './bulk-jobs.ts';
import { fail } from './errors.ts';
import type { Fault } from './faults.ts';
import { versionOf } from './rest-routes.ts';
import { csvHeader, csvLine } from './rows.ts';
import type { State } from './state.ts';

const ROOT = '/services/data/:version/jobs/query';
const PARALLEL_LINKS = 5;
const BLOCK_CHARACTERS = 64 * 1024;

/** One request for results: which rows, and what goes wrong with them. */
interface Slice {
  job: Job;
  from: number;
  to: number;
  fault: Fault | undefined;
}

/** The seven routes of Bulk API 2.0 query jobs (salesforce A4). */
export function addBulkRoutes(app: Express, state: State, authorize: RequestHandler): void {
  const { world, knobs, counters } = state;
  const jobs = createJobs(state);

  app.post(ROOT, authorize, (request, response) => {
    const fault = faultOf(response);
    const job = jobs.create(request.body as Record<string, unknown>, versionOf(request), fault?.kind);
    response.json(jobInfo(job, world.userId, false));
  });

  app.get(ROOT, authorize, (_request, response) => {
    response.json({
      done: true,
      records: jobs.all().map((job) => jobInfo(job, world.userId, false)),
      nextRecordsUrl: null,
    });
  });

  app.get(`${ROOT}/:id`, authorize, (request, response) => {
    const job = jobs.find(String(request.params['id']));
    poll(job, knobs.jobPolls);
    response.json(jobInfo(job, world.userId, true));
  });

  app.patch(`${ROOT}/:id`, authorize, (request, response) => {
    const job = jobs.find(String(request.params['id']));
    const { state: wanted } = (request.body ?? {}) as { state?: unknown };
    if (wanted !== 'Aborted') throw fail(400, 'INVALIDJOBSTATE', 'Only Aborted is allowed');
    jobs.abort(job);
    response.json(jobInfo(job, world.userId, true));
  });

  app.delete(`${ROOT}/:id`, authorize, (request, response) => {
    jobs.delete(jobs.find(String(request.params['id'])));
    response.status(204).end();
  });

  app.get(`${ROOT}/:id/resultPages`, authorize, (request, response) => {
    const job = complete(request);
    const from = offsetOf(job, request.query['locator']);
    const base = `/services/data/${job.version}/jobs/query/${job.id}`;
    const starts: number[] = [];
    for (let at = from; at < job.plan.rows.length && starts.length < PARALLEL_LINKS; at += knobs.resultSetRows)
      starts.push(at);
    const next = from + starts.length * knobs.resultSetRows;
    const done = next >= job.plan.rows.length;
    response.json({
      resultPages: starts.map((at) => ({
        resultUrl: `${base}/results?locator=${encodeURIComponent(locator(at))}&maxRecords=${knobs.resultSetRows}`,
      })),
      ...(done ? {} : { nextRecordsUrl: `${base}/resultPages?locator=${encodeURIComponent(locator(next))}` }),
      done,
    });
  });

  app.get(`${ROOT}/:id/results`, authorize, async (request, response) => {
    const fault = faultOf(response);
    if (fault?.kind === 'results-204') return void response.status(204).end();
    if (fault?.kind === 'results-412') throw notComplete();
    if (fault?.kind === 'version-409') throw versionDiffers();
    const job = complete(request);
    const asked = Number(request.query['maxRecords'] ?? knobs.resultSetRows);
    if (!(Number.isInteger(asked) && asked > 0))
      throw fail(400, 'INVALID_MAX_RECORDS', 'maxRecords must be a positive number');
    const from = offsetOf(job, request.query['locator']);
    const to = Math.min(job.plan.rows.length, from + asked);
    await sendCsv(request, response, { job, from, to, fault });
  });

  function complete(request: Request): Job {
    const job = jobs.find(String(request.params['id']));
    if (job.version !== versionOf(request)) throw versionDiffers();
    if (job.state !== 'JobComplete') throw notComplete();
    return job;
  }

  async function sendCsv(request: Request, response: Response, slice: Slice): Promise<void> {
    setHeaders(response, slice);
    const isZipped = knobs.gzip && /\bgzip\b/.test(request.get('accept-encoding') ?? '');
    if (isZipped) response.set('Content-Encoding', 'gzip');
    const gzip = isZipped ? createGzip({ level: 1 }) : undefined;
    gzip?.pipe(response);
    const out = gzip ?? response;
    const { fault } = slice;
    for (const block of fault?.kind === 'empty-body' ? [] : csvBlocks(slice)) {
      if (response.destroyed) return;
      const bytes = Buffer.from(block, 'utf8');
      counters.bulkBytes += bytes.length;
      // A reader that is slow makes us wait, so that a set of any size needs the memory of one block.
      if (!out.write(bytes)) await Promise.race([once(out, 'drain'), once(response, 'close')]);
      if (fault?.kind === 'csv-slow') await wait(fault.delayMs ?? 20);
    }
    if (fault?.kind !== 'csv-cut') return void out.end();
    if (gzip !== undefined) await new Promise<void>((resolve) => gzip.flush(() => resolve()));
    await wait(20);
    response.destroy();
  }
}

function setHeaders(response: Response, { job, from, to, fault }: Slice): void {
  response.status(200).set('Content-Type', 'text/csv; charset=UTF-8');
  if (fault?.kind === 'no-headers') return;
  response.set('Sforce-NumberOfRecords', String(to - from + (fault?.kind === 'wrong-count' ? 1 : 0)));
  response.set('Sforce-Locator', to < job.plan.rows.length ? locator(to) : 'null');
}

/** The text of a slice, in blocks; faults change it. */
function* csvBlocks({ job: { plan, style }, from, to, fault }: Slice): Generator<string> {
  const limit =
    fault?.kind === 'csv-cut' || fault?.kind === 'csv-short' ? from + (fault.rows ?? Math.floor((to - from) / 2)) : to;
  const blockCharacters = fault?.kind === 'csv-slow' ? 2048 : BLOCK_CHARACTERS;
  let block = csvHeader(plan.columns, style);
  for (let at = from; at < Math.min(limit, to); at += 1) {
    const line = csvLine(plan.columns, plan.rows[at]!, style);
    block += fault?.kind === 'nul-bytes' ? line.replace('"', '"\u0000') : line;
    if (fault?.kind === 'duplicate-row' && at === from) block += line;
    if (block.length < blockCharacters) continue;
    yield block;
    block = '';
  }
  if (fault?.kind === 'csv-cut')
    block += csvLine(plan.columns, plan.rows[Math.min(limit, to - 1)]!, style).slice(0, 40);
  yield block;
}

/** The fault that the request met before it came here. */
function faultOf(response: Response): Fault | undefined {
  return (response.locals as { fault?: Fault }).fault;
}

/** Locators look like those of the documentation; clients may read nothing into them. */
function locator(offset: number): string {
  return Buffer.from(String(offset)).toString('base64');
}

function offsetOf({ plan }: Job, given: unknown): number {
  if (given === undefined) return 0;
  const offset = typeof given === 'string' ? Number(Buffer.from(given, 'base64').toString()) : Number.NaN;
  if (!Number.isInteger(offset) || offset < 0 || offset > plan.rows.length || locator(offset) !== given)
    throw fail(400, 'INVALID_LOCATOR', 'The locator is not valid');
  return offset;
}

function notComplete(): Error {
  return fail(412, 'JOB_NOT_COMPLETE', 'can only download query results of successfully completed bulk job');
}

function versionDiffers(): Error {
  return fail(409, 'API_ERROR', 'The API version of the request differs from that of the job');
}
