import type { Express, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { AppError, type ErrorCode } from './errors.ts';
import type { ApiKey, Scope } from './keys.ts';

/** Who calls: the id of the key, and the only accounts it may see (undefined: all). */
export interface Caller {
  id: string;
  scope: Scope;
  accounts: readonly string[] | undefined;
}

/** What a route says of itself: routing, validation and documentation come from this alone. */
export interface RouteDefinition<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  method: 'get' | 'post';
  /** In express's form, such as /v1/syncs/:id. */
  path: `/${string}`;
  /** What it does, in one sentence. */
  summary: string;
  /** What the key must allow; `open` needs none. */
  scope: Scope | 'open';
  params?: P;
  /** Left out, the route takes no query: unknown parameters are refused, here as everywhere. */
  query?: Q;
  /** Left out, the route takes no body. */
  body?: B;
  /** What it answers, and with which status: 200 unless said. */
  response: z.ZodType;
  statuses?: readonly number[];
  /** By default application/json. */
  contentType?: string;
  /** Errors of its own, besides those of authentication, limits and validation. */
  errors?: readonly ErrorCode[];
  /** Returns the body. May set a status or headers on `response`, or answer by itself. */
  handle(input: {
    params: z.output<P>;
    query: z.output<Q>;
    body: z.output<B>;
    caller: Caller;
    response: Response;
  }): Promise<object | string>;
}

/** A declared route, ready to be mounted and documented. */
export interface Route {
  definition: Omit<RouteDefinition<z.ZodObject, z.ZodObject, z.ZodType>, 'handle'>;
  run(request: Request, response: Response): Promise<void>;
}

const NOTHING = z.strictObject({});

/** Declares a route. */
export function route<
  P extends z.ZodObject = typeof NOTHING,
  Q extends z.ZodObject = typeof NOTHING,
  B extends z.ZodType = z.ZodUndefined,
>(declared: RouteDefinition<P, Q, B>): Route {
  const { handle, ...definition } = declared;
  return {
    definition,
    async run(request, response) {
      const params = parse(definition.params ?? NOTHING, request.params, 'path') as z.output<P>;
      const query = parse(definition.query ?? NOTHING, request.query, 'query') as z.output<Q>;
      const body = parse(definition.body ?? z.undefined(), bodyOf(request), 'body') as z.output<B>;
      const caller = callerOf(response);
      const answer = await handle({ params, query, body, caller, response });
      if (response.headersSent) return;
      if (typeof answer === 'string') response.type(definition.contentType ?? 'text/plain').send(answer);
      else response.json(answer);
    },
  };
}

/** The caller that authentication left; an open route has none. */
function callerOf(response: Response): Caller {
  const { key } = response.locals as { key?: ApiKey };
  return { id: key?.id ?? 'anonymous', scope: key?.scope ?? 'read', accounts: key === undefined ? [] : key.accounts };
}

/** The parsed body; undefined when there is none, which is not the same as an unread one of another type. */
function bodyOf(request: Request): unknown {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!hasBody) return undefined;
  if (request.is('application/json') === false)
    throw new AppError('media_type_unsupported', 'send the body as application/json');
  return request.body;
}

function parse(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) {
    // PostgreSQL cannot even be asked for one.
    if (holdsNul(result.data)) throw new AppError('request_invalid', `${where}: holds a NUL character`);
    return result.data;
  }
  const faults = result.error.issues.map(({ path, message }) => `${path.map(String).join('.') || where}: ${message}`);
  throw new AppError('request_invalid', faults.join('; '));
}

function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return typeof value === 'object' && value !== null && Object.entries(value).flat().some(holdsNul);
}

/** Mounts routes: the guards of a scope come first, then the body is read, then the handler. */
export function mount(
  app: Express,
  routes: readonly Route[],
  guards: (scope: Scope) => RequestHandler[],
  readBody: RequestHandler,
): void {
  for (const { definition, run } of routes) {
    const { method, path, scope } = definition;
    app[method](path, ...(scope === 'open' ? [] : guards(scope)), readBody, run);
  }
}
