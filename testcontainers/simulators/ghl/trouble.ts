import type { Request, RequestHandler, Response } from 'express';
import { fail } from './answers.ts';
import type { Fault, Faults } from './faults.ts';

/** Lets requests meet their faults before anything answers them. */
export function meet(faults: Faults, locationOf: (request: Request) => string | undefined): RequestHandler {
  return (request, response, next) => {
    const fault = faults.next(`${request.method} ${request.path}${searchOf(request)}`, locationOf(request));
    if (fault === undefined || suffer(fault, request, response)) next();
  };
}

/** What a search is for, so that a fault can meet the list alone, or what is asked of one e-mail. */
function searchOf({ method, path, body }: Request): string {
  if (method !== 'POST' || path !== '/contacts/search') return '';
  const { query } = (body ?? {}) as { query?: unknown };
  return typeof query === 'string' ? ` query=${query}` : ' list';
}

/** True when the request goes on to its route. */
function suffer({ kind, retryAfter }: Fault, request: Request, response: Response): boolean {
  switch (kind) {
    case '429':
      if (retryAfter !== undefined) response.set('retry-after', String(retryAfter));
      response.set({ 'X-RateLimit-Interval-Milliseconds': '200', 'X-RateLimit-Remaining': '0' });
      throw fail(429, 'Too Many Requests');
    case '500':
      throw fail(500, 'Internal server error');
    case '502-html':
      response.status(502).type('html').send('<html><body><h1>502 Bad Gateway</h1></body></html>');
      return false;
    case '503-empty':
      response.status(503).end();
      return false;
    case 'hang':
      return false;
    case 'reset':
      request.socket.destroy();
      return false;
    case 'truncated':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
      response.write('{"contacts":[{"id":"', () => response.destroy());
      return false;
    case 'token-expired':
      throw fail(401, 'Invalid token: access token is invalid');
    case 'token-revoked':
      throw fail(401, 'Invalid Private Integration token');
    case 'forbidden-scope':
      throw fail(401, 'The token is not authorized for this scope.');
    case 'empty':
      response.json({ contacts: [], total: 1_000_000, traceId: 'empty' });
      return false;
    case 'repeat-cursor':
      request.body = { ...(request.body as object), searchAfter: undefined };
      return true;
    case 'commit-hang':
      response.json = () => response;
      return true;
    case 'commit-422':
      answerInstead(response, fail(422, ['the record could not be read back']).body);
      return true;
  }
}

/** Whatever the route answers, this is what goes out. */
function answerInstead(response: Response, body: Record<string, unknown>): void {
  const json = response.json.bind(response);
  response.json = () => {
    response.status(422);
    return json(body);
  };
}
