import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Express, RequestHandler } from 'express';
import { z } from 'zod';
import { DELETED_STATUS } from '#libs/domain/src/life.ts';
import type { Scope } from '#libs/runtime/src/keys.ts';
import { contactRequest, syncRequest } from '#libs/sources/kit/requests.ts';
import { readRun, readRuns, type RunView } from '#libs/storage/src/reads.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { listForAdmin, vendorAccounts, vendorEmail } from '#libs/storage/src/v3-reads.ts';
import { accountOf, parse, type RouteOptions } from './parts.ts';
import { syncResult } from './v3-result.ts';

const BASE = '/api/v1/admin';
const ACCOUNT = z.string().min(1).max(100).optional();
const SYNC = z.strictObject({ account: ACCOUNT, mode: z.enum(['full', 'targeted']).default('full') });
const SINGLE = z.strictObject({ account: ACCOUNT });
const CONTACT_ID = z.string().regex(/^[0-9A-Za-z_-]{1,64}$/, 'is no contact id');
const BULK = z.strictObject({
  action: z.enum(['delete', 'activate', 'deactivate', 'restore']),
  vendor_ids: z.array(z.string().min(1).max(200)).min(1).max(1_000),
});
const FILTER = z.strictObject({
  account: ACCOUNT,
  status: z.string().min(1).max(100).optional(),
  include_inactive: z.enum(['true', 'false']).default('false'),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
});

/** What V3 knew as a status of missing rows besides its own; imported rows may show it. */
const MISSING_IN_GHL = 'missing_in_ghl';
/** How long a caller of sync-single-vendor waits for the result before it is told where to ask. */
const SINGLE_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 200;

/** The routes of Enhanced Database Sync V3 under their own names and with their own shapes; the numbers are true. */
export function addV3Routes(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  addSyncDatabase(app, guard, options);
  addVendors(app, guard, options);
}

function addSyncDatabase(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  const { database, producer } = options;

  app.post(`${BASE}/sync-database`, guard('operate'), async (request, response) => {
    const { account, mode } = parse(SYNC, request.body ?? {});
    const chosen = accountOf(options, 'ghl', account);
    const event = syncRequest({ source: 'ghl', account: chosen, mode, dryRun: false, requestedBy: 'api' });
    await producer.send([event]);
    await applyRunEvent(database, event.type, event.value);
    response.status(202).json({
      status: 'accepted',
      job_id: event.value.syncId,
      message: `Sync of GoHighLevel location ${chosen} accepted: ask for its status with job_id`,
    });
  });

  app.get(`${BASE}/sync-database/status`, guard('read'), async (request, response) => {
    const { job_id: jobId } = parse(z.strictObject({ job_id: z.string().min(1).max(64) }), request.query);
    const [run] = await readRuns(database, [jobId]);
    response.json({ job_id: jobId, ...statusOf(run) });
  });

  app.post(`${BASE}/sync-single-vendor/:contactId`, guard('operate'), async (request, response) => {
    const contactId = parse(CONTACT_ID, request.params['contactId']);
    const { account } = parse(SINGLE, request.body ?? {});
    const event = contactRequest({
      source: 'ghl',
      account: accountOf(options, 'ghl', account),
      contactId,
      requestedBy: 'api',
    });
    await producer.send([event]);
    await applyRunEvent(database, event.type, event.value);
    const run = await settled(options, event.value.syncId);
    const reply = singleReply(contactId, run);
    const email = run.exitCode === null ? null : await vendorEmail(database, run.account, contactId);
    response.status(run.exitCode === null ? 202 : 200).json({ ...reply, job_id: run.syncId, vendor_email: email });
  });
}

function addVendors(app: Express, guard: (scope: Scope) => RequestHandler, options: RouteOptions): void {
  const { database, producer, inactiveStatus } = options;

  app.get(`${BASE}/vendors/missing-in-ghl`, guard('read'), async (request, response) => {
    const { account } = parse(z.strictObject({ account: ACCOUNT }), request.query);
    const query = { account, statuses: [inactiveStatus, MISSING_IN_GHL], hidden: [], limit: 10_000, offset: 0 };
    const { total, items } = await listForAdmin(database, 'missing', query);
    response.json({ status: 'success', count: items.length, total, vendors: items });
  });

  app.post(`${BASE}/vendors/bulk-action`, guard('admin'), async (request, response) => {
    const { action, vendor_ids: given } = parse(BULK, request.body ?? {});
    const ids = [...new Set(given)];
    const accounts = await vendorAccounts(database, ids);
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
    response.status(202).json({
      status: errors.length === 0 ? 'success' : 'partial',
      message: `Bulk action '${action}' accepted for ${accounts.size} vendors`,
      processed: accounts.size,
      failed: errors.length,
      errors,
    });
  });

  for (const table of ['vendors', 'leads'] as const) {
    app.get(`${BASE}/${table}/filtered`, guard('read'), async (request, response) => {
      const { account, status, include_inactive: includeInactive, limit, offset } = parse(FILTER, request.query);
      // Who asks for a status gets it, hidden or not.
      const hidden =
        includeInactive === 'true' || status !== undefined
          ? []
          : [inactiveStatus, MISSING_IN_GHL, DELETED_STATUS, 'inactive'];
      const statuses = status === undefined ? undefined : [status];
      const { total, items } = await listForAdmin(database, table, { account, statuses, hidden, limit, offset });
      response.json({ status: 'success', count: items.length, total, [table]: items });
    });
  }
}

function statusOf(run: RunView | undefined): object {
  if (run === undefined) return { status: 'unknown' };
  if (run.exitCode === null) return { status: 'running' };
  if (run.success === true) return { status: 'done', result: syncResult(run) };
  return { status: 'failed', result: syncResult(run), error: run.message };
}

/** The run once it is over, or as it is after a while. */
async function settled({ database }: RouteOptions, syncId: string): Promise<RunView> {
  const deadline = Date.now() + SINGLE_WITHIN_MS;
  for (;;) {
    const run = await readRun(database, syncId);
    if (run.exitCode !== null || Date.now() >= deadline) return run;
    await wait(LOOK_EVERY_MS);
  }
}

/** V3's reply on one contact; 53ef706 skips what has no vendor signals and is no vendor's own contact. */
function singleReply(contactId: string, run: RunView): object {
  const { stats, success, message } = run;
  const reply = { contact_id: contactId };
  if (run.exitCode === null)
    return {
      ...reply,
      status: 'accepted',
      success: false,
      action: 'skipped',
      message: `Another sync of the location runs: ask for job ${run.syncId}`,
    };
  if (success !== true) return { ...reply, status: 'error', success: false, action: 'skipped', message };
  if (stats?.['ghl_contacts_fetched'] === 0)
    return {
      ...reply,
      status: 'error',
      success: false,
      action: 'skipped',
      message: `Contact ${contactId} not found in GHL`,
    };
  const action = actionOf(stats ?? {});
  const what = action === 'skipped' ? 'no vendor was changed' : `vendor ${action}`;
  return { ...reply, status: 'success', success: true, action, message: `GHL contact ${contactId} read: ${what}` };
}

function actionOf(stats: Record<string, number>): 'created' | 'updated' | 'skipped' {
  if ((stats['vendors_created'] ?? 0) > 0) return 'created';
  return (stats['vendors_updated'] ?? 0) + (stats['restored'] ?? 0) > 0 ? 'updated' : 'skipped';
}
