import { z } from 'zod';
import type { Asked } from '#libs/contracts/src/asked.ts';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { checkGhlRequest } from '#libs/sources/ghl/request.ts';
import { syncRequest } from '#libs/sources/kit/requests.ts';
import { contactRequest, MAX_BATCH_SIZE } from '#libs/sources/salesforce/request.ts';
import { listRuns, readRun } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { accountOf } from './account.ts';
import type { RouteOptions } from './routes.ts';
import { ACCEPTED, RUN, RUN_VIEW, SYNC_ID } from './schemas.ts';

const moment = z.iso.datetime({ offset: true });

/** What each source takes: a request that contradicts itself is refused before it is one. */
const CHECKS: Record<string, (request: Asked & { mode: string }) => unknown> = {
  ghl: checkGhlRequest,
  salesforce: contactRequest,
};

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
      mode: z
        .enum(['full', 'targeted', 'incremental', 'reconcile'])
        .default('full')
        .describe('targeted is of ghl only, reconcile (the ids of all contacts against what is known) of salesforce'),
      dryRun: z.boolean().default(false).describe('read and report only'),
      api: z.enum(['auto', 'bulk', 'rest']).nullable().default(null).describe('salesforce: API to read by'),
      since: moment.nullable().default(null).describe('salesforce, mode incremental: read what changed from then on'),
      until: moment.nullable().default(null).describe('salesforce, with since: until then, exclusive'),
      limit: z.int().min(1).nullable().default(null).describe('salesforce: contacts at most, by REST'),
      batchSize: z
        .int()
        .min(1)
        .max(MAX_BATCH_SIZE)
        .nullable()
        .default(null)
        .describe('salesforce: rows of the Bulk API held at a time'),
    }),
    response: ACCEPTED,
    statuses: [202],
    errors: ['unknown_source', 'kafka_unavailable'],
    async handle({ body, caller, response }) {
      const { source, account, mode, dryRun, since, until, ...rest } = body;
      const chosen = accountOf({ accounts }, caller, source, account);
      const asked = {
        ...rest,
        since: since === null ? null : Date.parse(since),
        until: until === null ? null : Date.parse(until),
      };
      CHECKS[source]?.({ ...asked, mode });
      const event = syncRequest({ ...asked, source, account: chosen, mode, dryRun, requestedBy: 'api' });
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
