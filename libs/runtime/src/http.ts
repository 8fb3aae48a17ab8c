import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, {
  type ErrorRequestHandler,
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { AppError, toAppError, type ErrorCode } from './errors.ts';
import type { Readiness } from './host.ts';
import { allows, findKey, type ApiKey, type Scope } from './keys.ts';
import type { Logger } from './logger.ts';
import { METRICS, renderMetrics } from './metrics.ts';

/** What the HTTP edge needs besides its routes. */
export interface HttpOptions {
  keys: readonly ApiKey[];
  bodyLimit: number;
  logger: Logger;
  readiness(): Readiness[];
  /** Adds the routes of the product. */
  routes(app: Express, guard: (scope: Scope) => RequestHandler): void;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  request_invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  wrong_state: 409,
  body_too_large: 413,
  too_many_requests: 429,
  unknown_source: 422,
  database_unavailable: 503,
  kafka_unavailable: 503,
  registry_unavailable: 503,
};

/** An express application with health, metrics, authentication and problem documents (RFC 9457). */
export function createApp({ keys, bodyLimit, logger, readiness, routes }: HttpOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet());
  app.use(identify);
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', (_request, response) => {
    const parts = readiness();
    const ready = parts.every((part) => part.ready);
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', parts });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, body } = await renderMetrics(Date.now());
    response.set('content-type', contentType).send(body);
  });
  app.use(express.json({ limit: bodyLimit, strict: true }));
  routes(app, (scope) => requireScope(keys, scope));
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

function requireScope(keys: readonly ApiKey[], scope: Scope): RequestHandler {
  return (request, _response, next) => {
    const match = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '');
    const key = match === null ? undefined : findKey(keys, match[1]!);
    if (key === undefined) throw new AppError('unauthenticated', 'send `Authorization: Bearer <API key>`');
    if (!allows(key, scope)) throw new AppError('forbidden', `the API key ${key.id} lacks the scope ${scope}`);
    next();
  };
}

function problems(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const failure = translate(error);
    const status = STATUS[failure.code] ?? 500;
    if (status >= 500) logger.error({ err: error, path: request.path }, 'request failed');
    response
      .status(status)
      .set(status === 401 ? { 'www-authenticate': 'Bearer' } : {})
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: `urn:tributary:error:${failure.code}`,
          title: failure.code.replaceAll('_', ' '),
          status,
          // What we did not foresee is told to the log, not to the caller.
          detail:
            failure.code === 'internal' ? 'an unexpected error; the log has it under this request id' : failure.message,
          code: failure.code,
          requestId: response.get('x-request-id'),
        }),
      );
  };
}

function translate(error: unknown): AppError {
  const { type } = error as { type?: string };
  if (type === 'entity.too.large')
    return new AppError('body_too_large', 'the request body is larger than HTTP_BODY_LIMIT');
  if (type === 'entity.parse.failed') return new AppError('request_invalid', 'the request body is not valid JSON');
  if (type !== undefined && (error as { status?: number }).status === 400)
    return new AppError('request_invalid', 'the request body cannot be read');
  return toAppError(error);
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
