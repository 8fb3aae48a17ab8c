import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { addContactRoutes } from './contact-routes.ts';
import { addControl } from './control.ts';
import { ApiError, fail } from './errors.ts';
import { createFaults, type Fault, type Faults } from './faults.ts';
import { limiter, type Limits } from './limits.ts';
import { addLocationRoutes } from './location-routes.ts';
import type { World } from './world.ts';

/** A request the simulator got. */
export interface LoggedRequest {
  method: string;
  path: string;
  status: number;
  at: number;
  /** Body of a search, for assertions. */
  search?: Record<string, unknown>;
}

/** A running simulator. */
export interface GhlSimulator {
  baseUrl: string;
  world: World;
  faults: Faults;
  limits: Limits;
  /** Knobs that tests turn. */
  knobs: Knobs;
  requests: LoggedRequest[];
  stop(): Promise<void>;
}

/** Behaviour that can be changed while the simulator runs. */
export interface Knobs {
  /** Milliseconds until the search index shows a change. */
  indexLagMs: number;
  /** Seconds an OAuth access token lives. */
  tokenSeconds: number;
}

/** Starts the simulator of the GoHighLevel API over a world, on a free port unless one is given. */
export async function startGhlSimulator(options: {
  world: World;
  port?: number;
  limits?: Partial<Limits>;
}): Promise<GhlSimulator> {
  const { world } = options;
  const faults = createFaults();
  const limits: Limits = { enabled: true, max: 100, intervalMs: 10_000, daily: 200_000, ...options.limits };
  const knobs: Knobs = { indexLagMs: 0, tokenSeconds: 86_399 };
  const requests: LoggedRequest[] = [];
  const tokens = new Map<string, number>();
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '20mb' }));
  app.use(express.urlencoded({ extended: false }));
  addControl(app, { world, faults, limits, knobs, requests });
  app.use(log(requests));
  app.use(meet(faults));
  app.use(limiter(limits));
  const authorize = authorizer(world, tokens);
  addLocationRoutes(app, authorize, world, knobs, tokens);
  addContactRoutes(app, authorize, world, knobs, faults);
  app.use((request) => {
    throw fail(404, `Cannot ${request.method} ${request.path}`);
  });
  app.use(answerError());
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, world, faults, limits, knobs, requests, stop: () => close(server) };
}

function log(requests: LoggedRequest[]): RequestHandler {
  return (request, response, next) => {
    const entry: LoggedRequest = { method: request.method, path: request.path, status: 0, at: Date.now() };
    if (request.path === '/contacts/search') entry.search = request.body as Record<string, unknown>;
    requests.push(entry);
    response.on('close', () => {
      entry.status = response.statusCode;
    });
    next();
  };
}

/** Bearer, then Version, in the order and with the texts of the real API (ghl section 4). Tenancy is checked by the routes. */
function authorizer(world: World, tokens: Map<string, number>): RequestHandler {
  return (request, _response, next) => {
    const match = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '');
    const token = match?.[1] ?? '';
    const expiresAt = tokens.get(token);
    if (token !== world.token && (expiresAt === undefined || expiresAt < Date.now())) {
      throw fail(
        401,
        token.startsWith('pit-')
          ? 'Invalid Private Integration token'
          : expiresAt === undefined
            ? 'Invalid JWT'
            : 'Invalid token: access token is invalid',
      );
    }
    const version = request.get('version');
    if (version === undefined) throw fail(401, 'version header was not found.');
    if (!['2021-07-28', '2021-04-15', '2023-02-21', 'v3'].includes(version))
      throw fail(401, 'version header is invalid');
    next();
  };
}

/** Lets requests meet their faults before anything answers them. */
function meet(faults: Faults): RequestHandler {
  return (request, response, next) => {
    const fault = faults.next(`${request.method} ${request.path}`);
    if (fault === undefined) return next();
    return suffer(fault, request, response, next);
  };
}

const suffer = (
  fault: Fault,
  request: Parameters<RequestHandler>[0],
  response: Parameters<RequestHandler>[1],
  next: Parameters<RequestHandler>[2],
): void => {
  switch (fault.kind) {
    case '429':
      if (fault.retryAfter !== undefined) response.set('retry-after', String(fault.retryAfter));
      response.set('X-RateLimit-Interval-Milliseconds', '200');
      throw fail(429, 'Too Many Requests');
    case '500':
      throw fail(500, 'Internal server error');
    case '502-html':
      response.status(502).type('html').send('<html><body><h1>502 Bad Gateway</h1></body></html>');
      return;
    case 'hang':
      return;
    case 'truncated':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
      response.write('{"contacts":[{"id":"');
      setTimeout(() => response.destroy(), 20);
      return;
    case 'token-expired':
      throw fail(401, 'Invalid token: access token is invalid');
    case 'forbidden-scope':
      throw fail(401, 'The token is not authorized for this scope.');
    case 'empty':
      response.json({ contacts: [], total: 1_000_000, traceId: 'empty' });
      return;
    case 'repeat-cursor':
      (request.body as Record<string, unknown>)['searchAfter'] = undefined;
      next();
  }
};

function answerError(): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const failure = error instanceof ApiError ? error : fail(500, 'Internal server error');
    response.status(failure.status).json({ ...failure.body, traceId: 'simulated' });
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
