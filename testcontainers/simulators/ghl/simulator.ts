import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { answerError, fail } from './answers.ts';
import type { Api, Knobs, Place } from './api.ts';
import { authorizer, bearerOf, createTokens, type Tokens } from './auth.ts';
import { addContactRoutes } from './contact-routes.ts';
import { addControl } from './control.ts';
import { addCustomRoutes } from './custom-routes.ts';
import { createFaults, type Faults } from './faults.ts';
import { limiter, type Limits } from './limits.ts';
import { addLocationRoutes } from './location-routes.ts';
import { addOauthRoutes, type Consent } from './oauth-routes.ts';
import { addOpportunityRoutes } from './opportunity-routes.ts';
import { createSearchIndex } from './search.ts';
import { meet } from './trouble.ts';
import { addUserRoutes } from './user-routes.ts';
import type { World } from './world.ts';

/** A request the simulator got, as it came. */
export interface LoggedRequest {
  method: string;
  path: string;
  query: Record<string, unknown>;
  headers: Record<string, unknown>;
  body: unknown;
  /** Zero while it is not answered, and when it never was. */
  status: number;
  at: number;
}

/** A running simulator. */
export interface GhlSimulator {
  baseUrl: string;
  /** The first location. */
  world: World;
  faults: Faults;
  limits: Limits;
  /** Knobs that tests turn. */
  knobs: Knobs;
  tokens: Tokens;
  consent: Consent;
  requests: LoggedRequest[];
  /** Every route it answers, as `GET /contacts/:id`. */
  routes: string[];
  stop(): Promise<void>;
}

/** Starts the simulator of the GoHighLevel API over one location, or several, on a free port unless one is given. */
export async function startGhlSimulator(options: {
  world: World;
  /** Further locations; each has its own token, limits and search index. */
  others?: readonly World[];
  port?: number;
  limits?: Partial<Limits>;
}): Promise<GhlSimulator> {
  const { world, others = [] } = options;
  const faults = createFaults();
  const limits: Limits = { enabled: true, max: 100, intervalMs: 10_000, daily: 200_000, ...options.limits };
  const knobs: Knobs = { indexLagMs: 0, tokenSeconds: 86_399, refreshGraceMs: 30_000, deletedAs: '400' };
  const requests: LoggedRequest[] = [];
  const tokens = createTokens([world, ...others]);
  const places = new Map<string, Place>(
    [world, ...others].map((one) => [
      one.locationId,
      { world: one, index: createSearchIndex(one, () => knobs.indexLagMs) },
    ]),
  );
  const grantOf = (request: Request) => tokens.find(bearerOf(request));
  const app = express();
  app.disable('x-powered-by');
  const json = express.json({ limit: '20mb' });
  app.use('/__control', json);
  addControl(app, { places, faults, limits, knobs, tokens, requests });
  app.use(log(requests));
  app.use(limiter(limits, (request) => grantOf(request)?.locationId ?? grantOf(request)?.companyId ?? 'nobody'));
  app.use(json, express.urlencoded({ extended: false }), logBody());
  app.use(meet(faults, (request) => grantOf(request)?.locationId));
  const api: Api = { app, places, tokens, authorize: authorizer(tokens), knobs, faults };
  addLocationRoutes(api);
  addCustomRoutes(api);
  addUserRoutes(api);
  addOpportunityRoutes(api);
  addContactRoutes(api);
  const consent = addOauthRoutes(api);
  const routes = routesOf(app);
  app.use((request) => {
    throw fail(404, `Cannot ${request.method} ${request.path}`);
  });
  app.use(answerError());
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { baseUrl, world, faults, limits, knobs, tokens, consent, requests, routes, stop: () => close(server) };
}

function routesOf(app: Express): string[] {
  const routes = app.router.stack.flatMap(({ route }) => (route === undefined ? [] : [route]));
  return routes
    .flatMap(({ path, stack }) => [...new Set(stack.map(({ method }) => `${method.toUpperCase()} ${path}`))])
    .filter((name) => !name.includes('/__control/'));
}

interface Logging {
  entry?: LoggedRequest;
}

/** Everything is logged, what the limits refuse as well. */
function log(requests: LoggedRequest[]): RequestHandler {
  return (request, response, next) => {
    const { method, path, query, headers } = request;
    const entry: LoggedRequest = { method, path, query, headers, body: undefined, status: 0, at: Date.now() };
    (response.locals as Logging).entry = entry;
    requests.push(entry);
    response.on('finish', () => {
      entry.status = response.statusCode;
    });
    next();
  };
}

function logBody(): RequestHandler {
  return (request, response, next) => {
    const { entry } = response.locals as Logging;
    if (entry !== undefined) entry.body = request.body;
    next();
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
