import type { Express, RequestHandler } from 'express';
import { fail } from './errors.ts';
import type { State } from './state.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
const WRITERS = ['/sobjects', '/composite', '/jobs/ingest', '/tooling', '/actions', '/process', '/support', '/chatter'];

/** Refuses whatever else there is. An attempt to write is counted, so that tests can prove that there was none (salesforce A10). */
export function addWriteRoutes(app: Express, { counters }: State, authorize: RequestHandler): void {
  app.use('/services/data/:version', authorize, (request) => {
    if (READS.has(request.method)) throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
    if (!WRITERS.some((path) => request.path.startsWith(path)))
      throw fail(405, 'METHOD_NOT_ALLOWED', `HTTP Method '${request.method}' not allowed.`);
    counters.writes += 1;
    throw fail(403, 'INSUFFICIENT_ACCESS_OR_READONLY', 'insufficient access rights on object id');
  });
  app.use('/services/Soap', (request) => {
    if (request.method === 'POST') counters.writes += 1;
    throw fail(404, 'NOT_FOUND', 'SOAP is not simulated');
  });
  app.use('/services/apexrest', (request) => {
    if (!READS.has(request.method)) counters.writes += 1;
    throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
  });
}
