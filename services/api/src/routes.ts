import type { Express, Request, RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Scope } from '#libs/runtime/src/keys.ts';
import { syncRequest } from '#libs/sources/kit/requests.ts';
import { listLeads, listRuns, listVendors, SORT_FIELDS, type ListQuery } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { accountOf, parse, type RouteOptions } from './parts.ts';
import { addSyncRoutes } from './sync-routes.ts';
import { addV3Routes } from './v3-routes.ts';

const SYNC_REQUEST = z.strictObject({
  source: z.string().min(1).max(50),
  account: z.string().min(1).max(100).optional(),
  mode: z.enum(['full', 'targeted']).default('full'),
  dryRun: z.boolean().default(false),
});

const LIST = z.strictObject({
  account: z.string().max(100).optional(),
  status: z.string().max(100).optional(),
  email: z
    .string()
    .max(320)
    .transform((text) => text.trim().toLowerCase())
    .optional(),
  ghlContactId: z.string().max(100).optional(),
  includeMissing: z.enum(['true', 'false']).default('false'),
  sort: z.string().default('-updatedAt'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
});

/** The routes of the product: requests become events, reads come from the projections. */
export function addRoutes(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  const { orm, database, producer } = options;

  app.post('/v1/sync-requests', guard('operate'), async (request, response) => {
    const { source, account, mode, dryRun } = parse(SYNC_REQUEST, request.body ?? {});
    const event = syncRequest({
      source,
      account: accountOf(options, source, account),
      mode,
      dryRun,
      requestedBy: 'api',
    });
    const { value: requested } = event;
    await producer.send([event]);
    // The caller may ask for the status at once: the projection would write the same row in a moment.
    await applyRunEvent(database, 'crm.sync.v1.SyncRequested', requested);
    response
      .status(202)
      .location(`/v1/syncs/${requested.syncId}`)
      .json({ syncId: requested.syncId, statusUrl: `/v1/syncs/${requested.syncId}` });
  });

  app.get('/v1/syncs', guard('read'), async (request, response) => {
    const query = parse(
      z.strictObject({
        account: z.string().optional(),
        source: z.string().optional(),
        limit: z.coerce.number().int().min(1).max(200).default(20),
      }),
      request.query,
    );
    response.json({ items: await listRuns(orm, query) });
  });
  addSyncRoutes(app, guard, options);
  addV3Routes(app, guard, options);
  app.get(
    '/v1/vendors',
    guard('read'),
    async (request, response) => void response.json(await listVendors(orm, listQuery(request))),
  );
  app.get(
    '/v1/leads',
    guard('read'),
    async (request, response) => void response.json(await listLeads(orm, listQuery(request))),
  );
}

function listQuery(request: Request): ListQuery {
  const { sort, includeMissing, ...query } = parse(LIST, request.query);
  const field = sort.replace(/^-/, '');
  if (!(SORT_FIELDS as readonly string[]).includes(field)) {
    throw new AppError(
      'request_invalid',
      `sort must be one of ${SORT_FIELDS.join(', ')}, with - before it for descending`,
    );
  }
  return { ...query, includeMissing: includeMissing === 'true', sort: field, descending: sort.startsWith('-') };
}
