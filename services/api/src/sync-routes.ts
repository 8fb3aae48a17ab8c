import { z } from 'zod';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { syncRequest } from '#libs/sources/kit/requests.ts';
import { listRuns, readRun } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { accountOf } from './account.ts';
import type { RouteOptions } from './routes.ts';
import { ACCEPTED, RUN, RUN_VIEW, SYNC_ID } from './schemas.ts';

/** Asking for syncs, and reading what they are. */
export function syncRoutes(options: RouteOptions): readonly Route[] {
  return [requestRoute(options), ...readRoutes(options)];
}

function requestRoute({ platform, accounts }: RouteOptions): Route {
  const { producer, database } = platform;
  return route({
    method: 'post',
    path: '/v1/sync-requests',
    summary: 'Asks for a sync of one account.',
    scope: 'operate',
    body: z.strictObject({
      source: z.string().min(1).max(50),
      account: z.string().min(1).max(100).optional().describe('needed where the source has several'),
      mode: z.enum(['full', 'targeted', 'incremental']).default('full'),
      dryRun: z.boolean().default(false).describe('read and report only'),
    }),
    response: ACCEPTED,
    statuses: [202],
    errors: ['unknown_source', 'kafka_unavailable'],
    async handle({ body: { source, account, mode, dryRun }, caller, response }) {
      const chosen = accountOf({ accounts }, caller, source, account);
      const event = syncRequest({ source, account: chosen, mode, dryRun, requestedBy: 'api' });
      const { syncId } = event.value;
      await producer.send([event]);
      // The caller may ask for the status at once: the projection would write the same row in a moment.
      await applyRunEvent(database, event.type, event.value);
      response.status(202).location(`/v1/syncs/${syncId}`);
      return { syncId, statusUrl: `/v1/syncs/${syncId}` };
    },
  });
}

function readRoutes({ orm, platform: { database } }: RouteOptions): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/syncs',
      summary: 'The newest syncs.',
      scope: 'read',
      query: z.strictObject({
        account: z.string().max(100).optional(),
        source: z.string().max(50).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(20),
      }),
      response: z.strictObject({ items: z.array(RUN) }),
      handle: async ({ query, caller }) => ({ items: await listRuns(orm, { ...query, accounts: caller.accounts }) }),
    }),
    route({
      method: 'get',
      path: '/v1/syncs/:id',
      summary: 'State, progress and result of one sync.',
      scope: 'read',
      params: SYNC_ID,
      response: RUN_VIEW,
      errors: ['not_found'],
      handle: ({ params, caller }) => readRun(database, params.id, caller.accounts),
    }),
  ];
}
