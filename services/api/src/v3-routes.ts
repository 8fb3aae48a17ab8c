import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { DELETED_STATUS } from '#libs/domain/src/life.ts';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { contactRequest, syncRequest } from '#libs/sources/kit/requests.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRun, readRuns, type RunView } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { listForAdmin, vendorAccounts, vendorEmail } from '#libs/storage/src/v3-reads.ts';
import { accountOf } from './account.ts';
import type { RouteOptions } from './routes.ts';
import { jobStatus, singleReply } from './v3-result.ts';
import * as shapes from './v3-schemas.ts';

const BASE = '/api/v1/admin';
/** What V3 knew as a status of missing rows besides its own; imported rows may show it. */
const MISSING_IN_GHL = 'missing_in_ghl';
/** How long a caller of sync-single-vendor waits for the result before it is told where to ask. */
const SINGLE_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 200;

/** The routes of Enhanced Database Sync V3 under their own names and with their own shapes; the numbers are true. */
export function v3Routes(options: RouteOptions): readonly Route[] {
  return [
    syncDatabaseRoute(options),
    jobRoute(options),
    singleRoute(options),
    missingRoute(options),
    bulkRoute(options),
    filteredRoute('vendors', shapes.FILTERED_VENDOR, options),
    filteredRoute('leads', shapes.FILTERED_LEAD, options),
  ];
}

function syncDatabaseRoute({ platform: { database, producer }, accounts }: RouteOptions): Route {
  return route({
    method: 'post',
    path: `${BASE}/sync-database`,
    summary: 'Asks for a sync as a job (V3).',
    scope: 'operate',
    body: z
      .strictObject({ account: shapes.ACCOUNT, mode: z.enum(['full', 'targeted', 'incremental']).default('full') })
      .prefault({}),
    response: shapes.JOB_ACCEPTED,
    statuses: [202],
    errors: ['unknown_source', 'kafka_unavailable'],
    async handle({ body: { account, mode }, caller, response }) {
      const chosen = accountOf({ accounts }, caller, 'ghl', account);
      const event = syncRequest({ source: 'ghl', account: chosen, mode, dryRun: false, requestedBy: 'api' });
      await producer.send([event]);
      await applyRunEvent(database, event.type, event.value);
      response.status(202);
      return {
        status: 'accepted',
        job_id: event.value.syncId,
        message: `Sync of GoHighLevel location ${chosen} accepted: ask for its status with job_id`,
      };
    },
  });
}

function jobRoute({ platform: { database } }: RouteOptions): Route {
  return route({
    method: 'get',
    path: `${BASE}/sync-database/status`,
    summary: 'State and result of a job (V3).',
    scope: 'read',
    query: z.strictObject({ job_id: z.string().min(1).max(64) }),
    response: shapes.JOB,
    async handle({ query: { job_id: jobId }, caller }) {
      const [run] = await readRuns(database, [jobId], caller.accounts);
      return { job_id: jobId, ...jobStatus(run) };
    },
  });
}

function singleRoute({ platform: { database, producer }, accounts }: RouteOptions): Route {
  return route({
    method: 'post',
    path: `${BASE}/sync-single-vendor/:contactId`,
    summary: 'Reads one contact and applies it; answers 202 when another sync of the location takes too long (V3).',
    scope: 'operate',
    params: z.strictObject({ contactId: z.string().regex(/^[0-9A-Za-z_-]{1,64}$/, 'is no contact id') }),
    body: z.strictObject({ account: shapes.ACCOUNT }).prefault({}),
    response: shapes.SINGLE_REPLY,
    statuses: [200, 202],
    errors: ['unknown_source', 'kafka_unavailable'],
    async handle({ params: { contactId }, body, caller, response }) {
      const account = accountOf({ accounts }, caller, 'ghl', body.account);
      const event = contactRequest({ source: 'ghl', account, contactId, requestedBy: 'api' });
      await producer.send([event]);
      await applyRunEvent(database, event.type, event.value);
      const run = await settled(database, event.value.syncId);
      const isOver = run.exitCode !== null;
      response.status(isOver ? 200 : 202);
      const email = isOver ? await vendorEmail(database, run.account, contactId) : null;
      return { ...singleReply(contactId, run), job_id: run.syncId, vendor_email: email };
    },
  });
}

function missingRoute({ platform: { database }, inactiveStatuses }: RouteOptions): Route {
  return route({
    method: 'get',
    path: `${BASE}/vendors/missing-in-ghl`,
    summary: 'Vendors that are missing in GoHighLevel (V3).',
    scope: 'read',
    query: shapes.ACCOUNT_FILTER,
    response: shapes.listOf('vendors', shapes.MISSING_VENDOR),
    async handle({ query: { account }, caller: { accounts } }) {
      const { total, items } = await listForAdmin(database, 'missing', {
        account,
        accounts,
        statuses: undefined,
        hidden: [DELETED_STATUS],
        missing: true,
        inactiveStatuses: [...inactiveStatuses, MISSING_IN_GHL],
        limit: 10_000,
        offset: 0,
      });
      return { status: 'success', count: items.length, total, vendors: items };
    },
  });
}

function bulkRoute({ platform: { database, producer } }: RouteOptions): Route {
  return route({
    method: 'post',
    path: `${BASE}/vendors/bulk-action`,
    summary: 'Says what the status of vendors is (V3).',
    scope: 'admin',
    body: shapes.BULK,
    response: shapes.BULK_REPLY,
    statuses: [202],
    errors: ['kafka_unavailable'],
    async handle({ body: { action, vendor_ids: given }, caller, response }) {
      const ids = [...new Set(given)];
      const accounts = await vendorAccounts(database, ids, caller);
      const requestedAt = Date.now();
      await producer.send(
        [...accounts].map(([id, account]) => ({
          topic: 'crm.registration.v1' as const,
          key: id,
          type: 'crm.registration.v1.VendorStatusSet' as const,
          id: randomUUID(),
          value: { id, account, action, requestedBy: 'api', requestedAt },
        })),
      );
      const errors = ids
        .filter((id) => !accounts.has(id))
        .map((id) => ({ vendor_id: id, error: 'there is no such vendor' }));
      response.status(202);
      return {
        status: errors.length === 0 ? 'success' : 'partial',
        message: `Bulk action '${action}' accepted for ${accounts.size} vendors`,
        processed: accounts.size,
        failed: errors.length,
        errors,
      };
    },
  });
}

function filteredRoute(
  table: 'vendors' | 'leads',
  item: z.ZodType,
  { platform: { database }, inactiveStatuses }: RouteOptions,
): Route {
  return route({
    method: 'get',
    path: `${BASE}/${table}/filtered`,
    summary: `${table === 'vendors' ? 'Vendors' : 'Leads'}, newest first; who asks for a status gets it, hidden or not (V3).`,
    scope: 'read',
    query: shapes.FILTER,
    response: shapes.listOf(table, item),
    async handle({ query: { status, include_inactive: includeInactive, ...page }, caller: { accounts } }) {
      const isShown = includeInactive === 'true' || status !== undefined;
      const { total, items } = await listForAdmin(database, table, {
        ...page,
        accounts,
        statuses: status === undefined ? undefined : [status],
        hidden: isShown ? [] : [DELETED_STATUS, 'inactive'],
        missing: isShown ? undefined : false,
        inactiveStatuses: [...inactiveStatuses, MISSING_IN_GHL],
      });
      return { status: 'success', count: items.length, total, [table]: items };
    },
  });
}

/** The run once it is over, or as it is after a while. */
async function settled(database: Database, syncId: string): Promise<RunView> {
  const deadline = Date.now() + SINGLE_WITHIN_MS;
  for (;;) {
    const run = await readRun(database, syncId);
    if (run.exitCode !== null || Date.now() >= deadline) return run;
    await wait(LOOK_EVERY_MS);
  }
}
