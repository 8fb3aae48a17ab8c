import type { Express, Request, RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Scope } from '#libs/runtime/src/keys.ts';
import { controlRequest, type ControlAction } from '#libs/sources/kit/requests.ts';
import { readChanges } from '#libs/storage/src/changes.ts';
import { readRun } from '#libs/storage/src/reads.ts';
import { parse, type RouteOptions } from './parts.ts';

const CHANGES = z.strictObject({
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  offset: z.coerce.number().int().min(0).max(10_000).default(0),
});

const ACTIONS: readonly ControlAction[] = ['confirm', 'cancel', 'pause', 'resume'];

/** Routes of one sync: what it is, what becomes of it, and what may be asked of it. */
export function addSyncRoutes(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  const { database, producer, watcher } = options;

  for (const action of ACTIONS) {
    app.post(`/v1/syncs/:id/${action}`, guard('operate'), async (request, response) => {
      const run = await readRun(database, syncIdOf(request));
      await producer.send([controlRequest(action, run, 'api')]);
      response.status(202).json({ syncId: run.syncId, statusUrl: `/v1/syncs/${run.syncId}` });
    });
  }
  app.get(
    '/v1/syncs/:id',
    guard('read'),
    async (request, response) => void response.json(await readRun(database, syncIdOf(request))),
  );
  app.get('/v1/syncs/:id/changes', guard('read'), async (request, response) => {
    const page = parse(CHANGES, request.query);
    const run = await readRun(database, syncIdOf(request));
    if (!run.dryRun) throw new AppError('wrong_state', `sync ${run.syncId} was no dry run: it tells no changes`);
    if (run.exitCode === null) throw new AppError('wrong_state', `sync ${run.syncId} is ${run.status}: it is not over`);
    const changes = await readChanges(database, run.joinedTo ?? run.syncId, page);
    if (changes === undefined) throw new AppError('not_found', `the changes of sync ${run.syncId} are not kept`);
    response.json({ syncId: run.syncId, ...page, ...changes });
  });
  app.get('/v1/syncs/:id/events', guard('read'), async (request, response) => {
    const { syncId } = await readRun(database, syncIdOf(request));
    watcher.open(syncId, request.get('last-event-id'), response);
  });
}

/** The sync id of a path. */
export function syncIdOf(request: Request): string {
  const { id } = request.params;
  if (typeof id !== 'string' || !/^[0-9a-zA-Z-]{1,64}$/.test(id))
    throw new AppError('request_invalid', 'the sync id is malformed');
  return id;
}
