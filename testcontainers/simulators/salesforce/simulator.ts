import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { addAuthRoutes, authorizer } from './auth-routes.ts';
import { addBulkRoutes } from './bulk-routes.ts';
import { addControl } from './control.ts';
import { ApiError, denied, fail } from './errors.ts';
import { createFaults, type Fault } from './faults.ts';
import { createSchema } from './objects.ts';
import { addRestRoutes } from './rest-routes.ts';
import { SIMULATED_CREDENTIALS, type Credentials, type Knobs, type LoggedRequest, type State } from './state.ts';
import type { World } from './world.ts';
import { addWriteRoutes } from './write-routes.ts';

/** A running simulator. */
export interface SalesforceSimulator extends Omit<State, 'baseUrl'> {
  /** Login host and instance at once. */
  baseUrl: string;
  stop(): Promise<void>;
}

/** Starts the simulator of a Salesforce org over a world, on a free port unless one is given. */
export async function startSalesforceSimulator(options: {
  world: World;
  port?: number;
  credentials?: Partial<Credentials>;
  knobs?: Partial<Knobs>;
}): Promise<SalesforceSimulator> {
  const requests: LoggedRequest[] = [];
  let baseUrl = '';
  const state: State = {
    world: options.world,
    schema: createSchema(),
    faults: createFaults(),
    knobs: { ...KNOBS, ...options.knobs },
    counters: { apiRequests: 0, bulkJobs: 0, bulkBytes: 0, writes: 0, refreshes: 0 },
    credentials: { ...SIMULATED_CREDENTIALS, ...options.credentials },
    requests,
    sessions: new Map(),
    baseUrl: () => baseUrl,
  };
  const server = createServer(application(state));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { ...state, baseUrl, stop: () => close(server) };
}

const KNOBS: Knobs = {
  jobPolls: 1,
  resultSetRows: 50_000,
  restPageRows: 2000,
  tokenCalls: Number.POSITIVE_INFINITY,
  tokenMs: 2 * 3_600_000,
  isGenericLoginHost: false,
  gzip: true,
  limitInfoOnBulk: true,
  apiRequestsMax: 100_000,
  bulkJobsMax: 10_000,
};

function application(state: State): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json({ limit: '1mb' }));
  app.use(express.urlencoded({ extended: false }));
  addControl(app, state);
  app.use(log(state));
  app.use(meet(state));
  const authorize = authorizer(state);
  addAuthRoutes(app, state, authorize);
  addRestRoutes(app, state, authorize);
  addBulkRoutes(app, state, authorize);
  addWriteRoutes(app, state, authorize);
  app.use(() => {
    throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
  });
  app.use(answerError());
  return app;
}

/** Logs the request, and dates the answer by the org's own time. */
function log({ requests, world }: State): RequestHandler {
  return (request, response, next) => {
    const entry: LoggedRequest = { method: request.method, url: request.originalUrl, status: 0, at: Date.now() };
    requests.push(entry);
    response.set('Date', new Date(world.now()).toUTCString());
    response.on('close', () => {
      entry.status = response.statusCode;
    });
    next();
  };
}

/** Lets requests meet their faults before anything answers them; those of jobs and results wait for their route. */
function meet({ faults, sessions }: State): RequestHandler {
  return (request, response, next) => {
    const fault = faults.next(`${request.method} ${request.originalUrl}`);
    if (fault === undefined) return next();
    if (fault.kind === 'session-expired') sessions.delete((request.get('authorization') ?? '').replace(/^\w+ /, ''));
    const answer = ANSWERS[fault.kind];
    if (answer !== undefined) throw answer(request.path);
    (response.locals as { fault?: Fault }).fault = fault;
    const spoil = SPOILERS[fault.kind];
    if (spoil === undefined) next();
    else spoil(response);
  };
}

/** Answers that are none of the API. */
const SPOILERS: Partial<Record<Fault['kind'], (response: express.Response) => void>> = {
  '503-html': (response) =>
    void response.status(503).type('html').send('<html><body><h1>Service Unavailable</h1></body></html>'),
  '406-empty': (response) => void response.status(406).end(),
  hang: () => undefined,
  truncated(response) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
    response.write('{"totalSize":2,"done":true,"records":[{"attributes"');
    setTimeout(() => response.destroy(), 20);
  },
};

const ANSWERS: Partial<Record<Fault['kind'], (path: string) => ApiError>> = {
  'session-expired': () => fail(401, 'INVALID_SESSION_ID', 'Session expired or invalid'),
  '401': () => fail(401, 'INVALID_SESSION_ID', 'Session expired or invalid'),
  'request-limit': () => fail(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.'),
  forbidden: (path) =>
    path.includes('/oauth2/')
      ? denied('inactive_user', 'user is inactive')
      : fail(403, 'INSUFFICIENT_ACCESS', 'insufficient access rights'),
  '420': () => fail(420, 'UNKNOWN_EXCEPTION', 'slow down'),
  '429': () => fail(429, 'TOO_MANY_REQUESTS', 'slow down'),
  '503': () => fail(503, 'SERVER_UNAVAILABLE', 'Server is too busy'),
  'query-timeout': () => fail(400, 'QUERY_TIMEOUT', 'Your query request was running for too long.'),
  'locator-gone': () => fail(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator'),
  'not-found': () => fail(404, 'NOT_FOUND', 'The requested resource does not exist'),
};

function answerError(): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const failure = error instanceof ApiError ? error : fail(500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred');
    response.status(failure.status).json(failure.body);
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
