import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import { AppError } from './errors.ts';
import type { Readiness } from './host.ts';
import { allows, findKey, type ApiKey, type Scope } from './keys.ts';
import type { Logger } from './logger.ts';
import { METRICS } from './metrics.ts';
import { problems } from './problems.ts';
import { limitAddresses, limitKeys } from './rate-limit.ts';
import { mount, type Route } from './route.ts';
import { systemRoutes } from './system-routes.ts';

/** What the HTTP edge needs besides its routes. */
export interface HttpOptions {
  keys: readonly ApiKey[];
  /** Largest request body in bytes. */
  bodyLimit: number;
  /** Requests a minute, to this process. */
  rates: { perAddress: number; perKey: number };
  /** Proxies in front whose X-Forwarded-For is believed. */
  trustedProxies: number;
  /** Whether /metrics answers without a key. */
  metricsPublic: boolean;
  logger: Logger;
  readiness(): Promise<Readiness[]>;
  /** The routes of the product. */
  routes: readonly Route[];
}

/** An express application with health, metrics, authentication, limits and problem documents. CORS is off: browsers of other sites get nothing. */
export function createApp(options: HttpOptions): Express {
  const { keys, bodyLimit, rates, trustedProxies, logger, routes } = options;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustedProxies);
  app.set('query parser', 'simple');
  app.use(helmet());
  app.use(identify);
  const limitKey = limitKeys(rates.perKey);
  const guards = (scope: Scope): RequestHandler[] => [authenticate(keys), limitKey, requireScope(scope)];
  // Read last: nobody without a key makes us parse a body.
  const readBody = express.json({ limit: bodyLimit, strict: true });
  const system = systemRoutes(options);
  // Probes are never limited.
  mount(app, system.health, guards, readBody);
  app.use(limitAddresses(rates.perAddress));
  mount(app, system.others, guards, readBody);
  mount(app, routes, guards, readBody);
  app.use((request) => {
    throw new AppError('not_found', `there is no ${request.method} ${request.path}`);
  });
  app.use(problems(logger));
  return app;
}

function identify(request: Request, response: Response, next: NextFunction): void {
  const given = request.get('x-request-id');
  const id = given !== undefined && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID();
  response.set('x-request-id', id);
  response.on('finish', () => {
    const route = (request.route as { path?: string } | undefined)?.path ?? 'none';
    METRICS.httpRequests.inc({ route, method: request.method, status: String(response.statusCode) });
  });
  next();
}

function authenticate(keys: readonly ApiKey[]): RequestHandler {
  return (request, response, next) => {
    const match = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '');
    const key = match === null ? undefined : findKey(keys, match[1]!);
    if (key === undefined) throw new AppError('unauthenticated', 'send `Authorization: Bearer <API key>`');
    response.locals['key'] = key;
    next();
  };
}

function requireScope(scope: Scope): RequestHandler {
  return (_request, response, next) => {
    const { key } = response.locals as { key: ApiKey };
    if (!allows(key, scope)) throw new AppError('forbidden', `the API key ${key.id} lacks the scope ${scope}`);
    next();
  };
}

/** Listens with timeouts; with `nextFree` the port after a taken one is tried. Returns the server and its actual port. */
export async function listen(
  app: Express,
  options: { host: string; port: number; nextFree: boolean },
): Promise<{ server: Server; port: number }> {
  for (let port = options.port; ; port += 1) {
    const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 5_000 }, app);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, options.host, resolve);
      });
      return { server, port: (server.address() as AddressInfo).port };
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken) throw error;
      if (!options.nextFree || port > options.port + 100) {
        throw new AppError('port_in_use', `port ${port} is in use: set HTTP_PORT to a free one`, { cause: error });
      }
    }
  }
}

/** Stops listening and ends idle connections. */
export async function closeServer(server: Server): Promise<void> {
  server.closeIdleConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    setTimeout(() => server.closeAllConnections(), 2_000).unref();
  });
}
