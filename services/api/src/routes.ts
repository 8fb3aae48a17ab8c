import { randomUUID } from 'node:crypto';
import type { Express, Request, RequestHandler } from 'express';
import type { MikroORM } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Scope } from '#libs/runtime/src/keys.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readHistory } from '#libs/storage/src/history.ts';
import { listLeads, listRuns, listVendors, readRun, SORT_FIELDS, type ListQuery } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';

/** What the routes work with. */
export interface RouteOptions {
  orm: MikroORM;
  database: Database;
  producer: Producer;
  /** Accounts by source, as this process knows them; a request without an account takes the only one. */
  accounts(source: string): readonly string[] | undefined;
}

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

const HISTORY = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
});

/** The routes of the product: requests become events, reads come from the projections. */
export function addRoutes(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  const { orm, database, producer } = options;

  app.post('/v1/sync-requests', guard('operate'), async (request, response) => {
    const { source, account, mode, dryRun } = parse(SYNC_REQUEST, request.body ?? {});
    const known = options.accounts(source);
    if (known === undefined) throw new AppError('unknown_source', `there is no source ${source} here`);
    const chosen = account ?? onlyOne(known, source);
    if (!known.includes(chosen))
      throw new AppError(
        'unknown_source',
        `${source} has no account ${chosen} here: set its token first (GHL_ACCOUNTS_FILE)`,
      );
    const requested = {
      syncId: randomUUID(),
      source,
      account: chosen,
      mode,
      dryRun,
      requestedBy: 'api',
      requestedAt: Date.now(),
    };
    await producer.send([
      {
        topic: 'crm.sync-request.v1',
        key: `${source}:${chosen}`,
        type: 'crm.sync.v1.SyncRequested',
        id: requested.syncId,
        value: requested,
        correlationId: requested.syncId,
      },
    ]);
    // The caller may ask for the status at once: the projection would write the same row in a moment.
    await applyRunEvent(database, 'crm.sync.v1.SyncRequested', requested);
    response
      .status(202)
      .location(`/v1/syncs/${requested.syncId}`)
      .json({ syncId: requested.syncId, statusUrl: `/v1/syncs/${requested.syncId}` });
  });

  app.post('/v1/syncs/:id/confirm', guard('operate'), async (request, response) => {
    const run = await readRun(database, idOf(request));
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
    response.status(202).json({ syncId, statusUrl: `/v1/syncs/${syncId}` });
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
  app.get(
    '/v1/syncs/:id',
    guard('read'),
    async (request, response) => void response.json(await readRun(database, idOf(request))),
  );
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
  for (const table of ['vendors', 'leads'] as const) {
    app.get(`/v1/${table}/:id/history`, guard('read'), async (request, response) => {
      const query = parse(HISTORY, request.query);
      response.json(await readHistory(database, { table, id: rowIdOf(request), ...query }));
    });
  }
}

function idOf(request: Request): string {
  const { id } = request.params;
  if (typeof id !== 'string' || !/^[0-9a-zA-Z-]{1,64}$/.test(id))
    throw new AppError('request_invalid', 'the sync id is malformed');
  return id;
}

/** Row ids are whatever an import brought along. */
function rowIdOf({ params: { id } }: Request): string {
  if (typeof id === 'string' && id.length <= 200) return id;
  throw new AppError('request_invalid', 'the row id is malformed');
}

function onlyOne(accounts: readonly string[], source: string): string {
  const [only, ...others] = accounts;
  if (only !== undefined && others.length === 0) return only;
  throw new AppError('request_invalid', `say which account of ${source}: there are ${accounts.length}`);
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

function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new AppError('request_invalid', faults.join('; '));
}
