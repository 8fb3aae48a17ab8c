import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { listRuns, readRun } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import type { RouteOptions } from './routes.ts';
import { ACCEPTED, RUN, RUN_VIEW } from './schemas.ts';

const SYNC_ID = z.strictObject({ id: z.string().regex(/^[0-9a-zA-Z-]{1,64}$/, 'the sync id is malformed') });

/** Asking for syncs, following and confirming them. */
export function syncRoutes(options: RouteOptions): readonly Route[] {
  return [requestRoute(options), confirmRoute(options), ...readRoutes(options)];
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
      const known = accounts(source)?.filter((id) => caller.accounts?.includes(id) !== false);
      if (known === undefined) throw new AppError('unknown_source', `there is no source ${source} here`);
      const chosen = account ?? onlyOne(known, source);
      if (!known.includes(chosen))
        throw new AppError(
          'unknown_source',
          `${source} has no account ${chosen} here: set its token first (GHL_ACCOUNTS_FILE)`,
        );
      const syncId = randomUUID();
      const requested = { syncId, source, account: chosen, mode, dryRun, requestedBy: 'api', requestedAt: Date.now() };
      await producer.send([
        {
          topic: 'crm.sync-request.v1',
          key: `${source}:${chosen}`,
          type: 'crm.sync.v1.SyncRequested',
          id: syncId,
          value: requested,
          correlationId: syncId,
        },
      ]);
      // The caller may ask for the status at once: the projection would write the same row in a moment.
      await applyRunEvent(database, 'crm.sync.v1.SyncRequested', requested);
      response.status(202).location(`/v1/syncs/${syncId}`);
      return { syncId, statusUrl: `/v1/syncs/${syncId}` };
    },
  });
}

function confirmRoute({ platform: { producer, database } }: RouteOptions): Route {
  return route({
    method: 'post',
    path: '/v1/syncs/:id/confirm',
    summary: 'Applies the missing rule that a sync held back.',
    scope: 'operate',
    params: SYNC_ID,
    response: ACCEPTED,
    statuses: [202],
    errors: ['not_found', 'kafka_unavailable'],
    async handle({ params, caller, response }) {
      const run = await readRun(database, params.id, caller.accounts);
      if (run.status !== 'needs_confirmation')
        throw new AppError('request_invalid', `sync ${run.syncId} does not wait to be confirmed: it is ${run.status}`);
      const { syncId, source, account } = run;
      await producer.send([
        {
          topic: 'crm.sync-request.v1',
          key: `${source}:${account}`,
          type: 'crm.sync.v1.SyncConfirmed',
          id: randomUUID(),
          value: { syncId, source, account, requestedBy: 'api', requestedAt: Date.now() },
          correlationId: syncId,
        },
      ]);
      response.status(202);
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

function onlyOne(accounts: readonly string[], source: string): string {
  const [only, ...others] = accounts;
  if (only !== undefined && others.length === 0) return only;
  throw new AppError('request_invalid', `say which account of ${source}: there are ${accounts.length}`);
}
