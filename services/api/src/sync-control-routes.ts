import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { controlRequest, type ControlAction } from '#libs/sources/kit/requests.ts';
import { readChanges } from '#libs/storage/src/dry-run-changes.ts';
import { readRun } from '#libs/storage/src/reads.ts';
import type { RouteOptions } from './routes.ts';
import { ACCEPTED, CHANGES, SYNC_ID } from './schemas.ts';

const SUMMARIES: Record<ControlAction, string> = {
  confirm: 'Applies the missing rule that a sync held back.',
  cancel: 'Ends a sync that waits, runs or is paused; nothing is marked missing.',
  pause: 'Stops a running sync after the page under way; it keeps its place.',
  resume: 'Goes on with a paused sync.',
};

/** What may be asked of one sync, and what becomes of it. */
export function syncControlRoutes(options: RouteOptions): readonly Route[] {
  const actions = Object.keys(SUMMARIES) as ControlAction[];
  return [...actions.map((action) => controlRoute(action, options)), changesRoute(options), eventsRoute(options)];
}

function controlRoute(action: ControlAction, { platform: { producer, database } }: RouteOptions): Route {
  return route({
    method: 'post',
    path: `/v1/syncs/:id/${action}`,
    summary: SUMMARIES[action],
    scope: 'operate',
    params: SYNC_ID,
    response: ACCEPTED,
    statuses: [202],
    errors: ['not_found', 'wrong_state', 'kafka_unavailable'],
    async handle({ params, caller, response }) {
      const run = await readRun(database, params.id, caller.accounts);
      await producer.send([controlRequest(action, run, 'api')]);
      response.status(202);
      return { syncId: run.syncId, statusUrl: `/v1/syncs/${run.syncId}` };
    },
  });
}

function changesRoute({ platform: { database } }: RouteOptions): Route {
  return route({
    method: 'get',
    path: '/v1/syncs/:id/changes',
    summary: 'What a dry run would change.',
    scope: 'read',
    params: SYNC_ID,
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
      offset: z.coerce.number().int().min(0).max(10_000).default(0),
    }),
    response: CHANGES,
    errors: ['not_found', 'wrong_state'],
    async handle({ params, query, caller }) {
      const { syncId, joinedTo, dryRun, exitCode, status } = await readRun(database, params.id, caller.accounts);
      if (!dryRun) throw new AppError('wrong_state', `sync ${syncId} was no dry run: it tells no changes`);
      if (exitCode === null) throw new AppError('wrong_state', `sync ${syncId} is ${status}: it is not over`);
      const changes = await readChanges(database, joinedTo ?? syncId, query);
      if (changes === undefined) throw new AppError('not_found', `the changes of sync ${syncId} are not kept`);
      return { syncId, ...query, ...changes };
    },
  });
}

function eventsRoute({ platform: { database }, watcher }: RouteOptions): Route {
  return route({
    method: 'get',
    path: '/v1/syncs/:id/events',
    summary:
      'What becomes of a sync, as server-sent events until its result; Last-Event-ID goes on where a listener stopped.',
    scope: 'read',
    params: SYNC_ID,
    response: z.string(),
    contentType: 'text/event-stream',
    errors: ['not_found'],
    async handle({ params, caller, response }) {
      const { syncId } = await readRun(database, params.id, caller.accounts);
      watcher.open(syncId, response.req.get('last-event-id'), response);
      return '';
    },
  });
}
