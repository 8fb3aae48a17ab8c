import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { NoAnswer, openStream, sendRequest, type HttpRequest } from '#libs/runtime/src/http-client.ts';
import { withRetry } from '../kit/retry.ts';
import type { Clock } from '../kit/rate-limit.ts';
import { failureOf, noAnswer, parseJson } from './answers.ts';
import { guardRequest, READ_OBJECTS, type GuardedRequest } from './guard.ts';
import type { Session, Sessions } from './oauth.ts';
import type { UsageBudget } from './usage.ts';

/** A field as describe shows it to the login user. */
export interface DescribedField {
  name: string;
  type: string;
  length: number;
  calculated: boolean;
}

/** A page of a REST query. */
export interface QueryPage {
  totalSize: number;
  records: Record<string, unknown>[];
  /** Path of the next page; null after the last. */
  next: string | null;
}

/** States of a bulk job, and whatever Salesforce may add to them. */
export type JobState = 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted' | (string & {});

/** A bulk query job. */
export interface JobInfo {
  id: string;
  state: JobState;
  /** Rows of the result; known when the job is complete. */
  records: number | null;
  /** Why it failed; often left out. */
  errorMessage: string | null;
}

/** One result set of a job, as it comes. */
export interface ResultStream {
  body: AsyncIterable<Uint8Array>;
  /** Rows that the set promises; null when it does not say. */
  records: number | null;
  /** Locator of the set behind it; null when this is the last. */
  locator: string | null;
  close(): Promise<void>;
}

/** Paths of results that may be downloaded side by side. */
export interface ResultLinks {
  paths: string[];
  /** Path of the next links; null after the last. */
  next: string | null;
}

/** Read-only access to one org. Every request passes the guard, and is tried again while that helps. */
export interface SalesforceClient {
  /** Version of the API, such as v58.0. A job is read with the version that made it. */
  readonly version: string;
  /** Id of the org; logs in. */
  orgId(): Promise<string>;
  /** What of its limits the org has used. Also the cheapest proof that the session works. */
  limits(): Promise<void>;
  describe(object: string): Promise<DescribedField[]>;
  query(soql: string, withDeleted: boolean): Promise<QueryPage>;
  more(path: string): Promise<QueryPage>;
  createJob(soql: string, withDeleted: boolean): Promise<JobInfo>;
  job(id: string): Promise<JobInfo>;
  /** Path of the results from a locator on. */
  resultPath(jobId: string, maxRecords: number, locator: string | null): string;
  resultLinks(jobId: string): Promise<ResultLinks>;
  moreLinks(path: string): Promise<ResultLinks>;
  /** One attempt only: the reader knows how far it has come. */
  openResults(path: string): Promise<ResultStream>;
  /** Also after the client's signal was aborted, which is when jobs are aborted. */
  abortJob(id: string): Promise<void>;
  /** A job that is gone already is no error. */
  deleteJob(id: string): Promise<void>;
  /** The org's time in milliseconds, from the answers' Date; our own before the first. */
  serverNow(): number;
  requests(): number;
}

/** What a client needs. */
export interface SalesforceClientOptions {
  sessions: Sessions;
  /** Version of the API, such as v58.0. */
  version: string;
  usage: UsageBudget;
  /** Milliseconds one answer may take, and a stream may stand still. */
  timeoutMs: number;
  /** Milliseconds a failing request is tried again. */
  patienceMs: number;
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Objects that may be queried. */
  objects?: readonly string[];
  /** Told of every request: HTTP status, or timeout, network, truncated. */
  onRequest?(status: string): void;
  /** Told when a request was stopped because it does not only read. */
  onRefused?(refusal: AppError): void;
}

const LIMITS_EVERY_MS = 5 * 60_000;
const REST_PAGE = 2000;
/** Errors that the reader answers itself: the same request again does not help. */
const FINAL: readonly ErrorCode[] = [
  'salesforce_request_limit',
  'salesforce_api_ceiling',
  'salesforce_query_timeout',
  'salesforce_gone',
];
const isFinal = ({ code }: AppError): boolean => FINAL.includes(code);

/** A client of one org. */
export function createSalesforceClient(options: SalesforceClientOptions): SalesforceClient {
  const { sessions, version, usage, timeoutMs, patienceMs, clock, signal, onRequest } = options;
  const root = `/services/data/${version}`;
  const jobs = `${root}/jobs/query`;
  // Asked above the ceiling as well: how else would anybody learn that there is room again.
  const limitsPath = `${root}/limits`;
  let requests = 0;
  /** When the limits were asked for; whoever makes a client asks at once. */
  let limitsAt = clock.now();
  /** What the org's clock is ahead of ours. */
  let ahead = 0;

  function pass(request: GuardedRequest): void {
    try {
      guardRequest(request, options.objects ?? READ_OBJECTS);
    } catch (error) {
      if (error instanceof AppError) options.onRefused?.(error);
      throw error;
    }
  }

  /** Sends with a session; a session that has ended is renewed, and the request sent once more. */
  async function withSession<T extends { status: number; headers: Headers }>(
    request: GuardedRequest,
    headers: Record<string, string>,
    send: (request: HttpRequest) => Promise<T>,
    until = signal,
  ): Promise<T> {
    pass(request);
    const attempt = async (session: Session): Promise<T> => {
      requests += 1;
      const answer = await send({
        url: session.instanceUrl + request.path,
        method: request.method,
        headers: {
          authorization: `Bearer ${session.token.reveal()}`,
          accept: 'application/json',
          'content-type': 'application/json',
          ...headers,
        },
        ...(request.body === undefined ? {} : { body: request.body }),
        timeoutMs,
        ...(until === undefined ? {} : { signal: until }),
      }).catch((error: unknown) => {
        if (error instanceof NoAnswer) onRequest?.(error.reason);
        throw noAnswer(error, timeoutMs);
      });
      onRequest?.(String(answer.status));
      usage.learn(answer.headers.get('sforce-limit-info'));
      const at = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(at)) ahead = at - clock.now();
      return answer;
    };
    const session = await sessions.current();
    const answer = await attempt(session);
    return answer.status === 401 ? attempt(await sessions.renew(session)) : answer;
  }

  async function send(request: GuardedRequest, headers: Record<string, string> = {}): Promise<unknown> {
    const { status, text } = await withSession(request, headers, sendRequest);
    if (status < 200 || status >= 300) throw failureOf(status, text);
    if (status === 204) return undefined;
    const body = parseJson(text);
    if (body === undefined) throw new AppError('salesforce_truncated', 'an answer of Salesforce is no JSON');
    return body;
  }

  const patiently = <T>(work: () => Promise<T>): Promise<T> =>
    withRetry({ totalMs: patienceMs, signal, clock, isFinal }, work);

  /** Sends until an answer is one. */
  async function call<T>(
    request: GuardedRequest,
    accept: (body: Body) => T,
    headers?: Record<string, string>,
  ): Promise<T> {
    if (request.path !== limitsPath) await watchLimits();
    return patiently(async () => {
      if (request.path !== limitsPath) usage.check();
      return accept(((await send(request, headers)) ?? {}) as Body);
    });
  }

  const get = <T>(path: string, accept: (body: Body) => T): Promise<T> => call({ method: 'GET', path }, accept);

  async function limits(): Promise<void> {
    limitsAt = clock.now();
    await get(limitsPath, (body) => usage.learnLimits(body));
  }

  /** Answers of the Bulk API may not tell what is used (salesforce A5): a job that takes hours would never learn of it. */
  async function watchLimits(): Promise<void> {
    if (clock.now() - limitsAt >= LIMITS_EVERY_MS) await limits();
  }

  return {
    version,
    requests: () => requests,
    serverNow: () => clock.now() + ahead,
    orgId: () => patiently(async () => (await sessions.current()).orgId),

    limits,

    describe: (object) => get(`${root}/sobjects/${object}/describe`, fieldsOf),

    query: (soql, withDeleted) =>
      call(
        { method: 'GET', path: `${root}/${withDeleted ? 'queryAll' : 'query'}?q=${encodeURIComponent(soql)}` },
        pageOf,
        { 'sforce-query-options': `batchSize=${REST_PAGE}` },
      ),
    more: (path) => get(path, pageOf),

    async createJob(soql, withDeleted) {
      usage.checkBulk();
      const operation = withDeleted ? 'queryAll' : 'query';
      const body = { operation, query: soql, contentType: 'CSV', lineEnding: 'LF' };
      return call({ method: 'POST', path: jobs, body }, jobOf);
    },
    job: (id) => get(`${jobs}/${id}`, jobOf),

    resultPath: (jobId, maxRecords, locator) =>
      `${jobs}/${jobId}/results?maxRecords=${maxRecords}${locator === null ? '' : `&locator=${encodeURIComponent(locator)}`}`,
    resultLinks: (jobId) => get(`${jobs}/${jobId}/resultPages`, linksOf),
    moreLinks: (path) => get(path, linksOf),

    async openResults(path) {
      await watchLimits();
      usage.check();
      const headers = { accept: 'text/csv', 'accept-encoding': 'gzip' };
      const stream = await withSession({ method: 'GET', path }, headers, openStream);
      if (stream.status !== 200) throw failureOf(stream.status, await stream.text().catch(() => ''));
      const records = stream.headers.get('sforce-numberofrecords');
      const locator = stream.headers.get('sforce-locator');
      return {
        body: stream.body,
        records: records !== null && /^\d+$/.test(records) ? Number(records) : null,
        locator: locator === null || locator === 'null' || locator === '' ? null : locator,
        close: stream.close,
      };
    },

    async abortJob(id) {
      const request = { method: 'PATCH', path: `${jobs}/${id}`, body: { state: 'Aborted' } } as const;
      const { status, text } = await withSession(request, {}, sendRequest, AbortSignal.timeout(timeoutMs));
      if (status !== 200) throw failureOf(status, text);
    },
    async deleteJob(id) {
      await call({ method: 'DELETE', path: `${jobs}/${id}` }, () => undefined).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'salesforce_gone') throw error;
      });
    },
  };
}

type Body = Record<string, unknown>;

function pageOf({ totalSize, done, nextRecordsUrl, records }: Body): QueryPage {
  if (typeof totalSize !== 'number' || !Array.isArray(records))
    throw new AppError('salesforce_truncated', 'a page of Salesforce has no records');
  if (done !== true && typeof nextRecordsUrl !== 'string')
    throw new AppError('salesforce_truncated', 'a page of Salesforce is not the last and names no next one');
  return { totalSize, records: records as Body[], next: done === true ? null : String(nextRecordsUrl) };
}

function jobOf({ id, state, numberRecordsProcessed, errorMessage }: Body): JobInfo {
  if (typeof id !== 'string' || typeof state !== 'string')
    throw new AppError('salesforce_truncated', 'a job of Salesforce has no id or state');
  return {
    id,
    state,
    records: typeof numberRecordsProcessed === 'number' ? numberRecordsProcessed : null,
    errorMessage: typeof errorMessage === 'string' ? errorMessage : null,
  };
}

/** The documentation spells the way to more links in two ways. */
function linksOf({ resultPages, nextRecordsUrl, nextRecordUrl, done }: Body): ResultLinks {
  if (!Array.isArray(resultPages)) throw new AppError('salesforce_truncated', 'result links of Salesforce are missing');
  const paths = (resultPages as { resultUrl?: unknown }[]).map(({ resultUrl }) => resultUrl);
  if (!paths.every((path) => typeof path === 'string'))
    throw new AppError('salesforce_truncated', 'a result link of Salesforce is missing');
  const next = nextRecordsUrl ?? nextRecordUrl;
  return { paths, next: done !== true && typeof next === 'string' ? next : null };
}

function fieldsOf({ fields }: Body): DescribedField[] {
  if (!Array.isArray(fields)) throw new AppError('salesforce_truncated', 'a description of Salesforce has no fields');
  return (fields as Body[]).map(({ name, type, length, calculated }) => ({
    name: String(name),
    type: String(type),
    length: Number(length ?? 0),
    calculated: calculated === true,
  }));
}
