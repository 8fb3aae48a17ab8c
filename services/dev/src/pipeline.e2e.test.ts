import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { emptyWorld, type StoredContact } from '#testcontainers/simulators/ghl/world.ts';
import { confirm } from './projected.fixture.ts';

const FIELDS = DEFAULT_GHL_RULES.customFields;

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(4711));
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

beforeEach(async () => {
  test.simulator.faults.clear();
  test.world.contacts.clear();
  test.world.revision += 1;
  await query('delete from vendors');
  await query('delete from leads');
});

async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await test.pipeline.platform.database.query<T>(text, values)).rows;
}

async function vendorRow(values: Record<string, unknown>): Promise<void> {
  await insert('vendors', { name: 'Old Name', ...values });
}

async function insert(table: string, values: Record<string, unknown>): Promise<void> {
  const account = test.world.locationId;
  await query('insert into accounts (id, ghl_location_id, company_name) values ($1, $1, $1) on conflict do nothing', [
    account,
  ]);
  const row = { account_id: account, ...values };
  const names = Object.keys(row);
  await query(
    `insert into ${table} (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
}

function vendor(contact: Partial<StoredContact>): StoredContact {
  return test.world.addContact({
    firstName: 'Ann',
    lastName: 'Lee',
    source: 'Vendor Application',
    tags: [],
    ...contact,
  });
}

const vendors = (): Promise<Record<string, unknown>[]> => query('select * from vendors order by id');
const leads = (): Promise<Record<string, unknown>[]> => query('select * from leads order by id');

describe('a full sync through the real stack', () => {
  it('creates a vendor with all its fields at once, and a second sync changes nothing', async () => {
    const contact = vendor({
      email: ' Ann@Example.TEST ',
      tags: ['Manually Approved'],
      customFields: [
        { id: FIELDS.companyName, value: 'Lee Plumbing' },
        { id: FIELDS.serviceZipCodes, value: '33301, 33131' },
        { id: FIELDS.takingNewWork, value: 'no' },
        { id: FIELDS.leadClosePercentage, value: '45%' },
      ],
    });
    const first = await test.sync();
    expect(first).toMatchObject({
      success: true,
      exitCode: 0,
      status: 'completed',
      stats: { vendors_created: 1, ghl_contacts_fetched: 1 },
    });
    const rows = await vendors();
    expect(rows).toMatchObject([
      {
        id: rowIdOf('vendor', test.world.locationId, contact.id),
        name: 'Ann Lee',
        email: 'ann@example.test',
        company_name: 'Lee Plumbing',
        status: 'active',
        taking_new_work: false,
        lead_close_percentage: 45,
        coverage_type: 'county',
        coverage_states: ['FL'],
        coverage_counties: ['Broward, FL', 'Miami-Dade, FL'],
      },
    ]);
    const second = await test.sync();
    expect(second.stats).toMatchObject({ vendors_created: 0, vendors_updated: 0, unchanged: 1 });
    expect(await vendors()).toEqual(rows);
  });

  it('matches e-mails that another program wrote in another form', async () => {
    const contact = test.world.addContact({
      email: 'foreign@example.test',
      firstName: 'Ann',
      lastName: 'Lee',
      tags: [],
    });
    await test.pipeline.platform.database.query(
      `insert into vendors (id, account_id, name, email, born_at) values ('foreign', $1, 'Ann', ' Foreign@Example.TEST', '2020-01-01')`,
      [test.world.locationId],
    );
    const run = await test.sync();
    expect(run.stats).toMatchObject({ vendors_created: 0, vendors_missing_in_ghl: 0 });
    expect(await vendors()).toMatchObject([
      { id: 'foreign', name: 'Ann Lee', email: 'foreign@example.test', ghl_contact_id: contact.id },
    ]);
  });

  it('marks what GoHighLevel denies, spares what it does not answer for, and restores what comes back', async () => {
    const kept = vendor({ email: 'kept@example.test', tags: ['reactivated'] });
    await vendorRow({ id: 'kept', ghl_contact_id: kept.id, email: 'kept@example.test', status: 'active' });
    await vendorRow({
      id: 'gone',
      ghl_contact_id: 'GoneGoneGoneGoneGone',
      email: 'gone@example.test',
      status: 'on hold',
    });
    await vendorRow({
      id: 'dark',
      ghl_contact_id: 'DarkDarkDarkDarkDark',
      email: 'dark@example.test',
      status: 'active',
    });
    await vendorRow({ id: 'mailonly', email: 'mailonly@example.test', status: 'pending' });
    await vendorRow({ id: 'outofscope', status: 'pending' });
    test.simulator.faults.add({ kind: '500', match: 'DarkDark' });
    const run = await test.sync();
    expect(run).toMatchObject({
      success: false,
      exitCode: 3,
      status: 'incomplete',
      stats: { vendors_missing_in_ghl: 2, lookups_unknown: 1 },
    });
    const status = async (): Promise<Record<string, unknown>> =>
      Object.fromEntries((await vendors()).map(({ id, status: shown }) => [id as string, shown]));
    expect(await status()).toEqual({
      kept: 'active',
      gone: 'inactive_ghl_deleted',
      dark: 'active',
      mailonly: 'inactive_ghl_deleted',
      outofscope: 'pending',
    });
    test.simulator.faults.clear();
    test.world.addContact({
      id: 'GoneGoneGoneGoneGone',
      email: 'gone@example.test',
      firstName: 'Old',
      lastName: 'Name',
      dateUpdated: Date.UTC(2020, 0, 1),
    });
    test.world.addContact({
      id: 'DarkDarkDarkDarkDark',
      email: 'dark@example.test',
      firstName: 'Old',
      lastName: 'Name',
    });
    const back = await test.sync();
    expect(back.stats).toMatchObject({ restored: 1, vendors_missing_in_ghl: 0 });
    expect(await status()).toMatchObject({ gone: 'on hold', dark: 'active', mailonly: 'inactive_ghl_deleted' });
  }, 60_000);

  it('lets two newcomers with one e-mail make one row, and counts the loser', async () => {
    const older = vendor({ email: 'same@example.test', dateUpdated: 1_700_000_000_000 });
    const newer = vendor({ email: 'same@example.test', dateUpdated: 1_700_000_001_000 });
    const run = await test.sync();
    expect(run.stats).toMatchObject({ vendors_created: 1, conflicts: 1 });
    expect(await vendors()).toMatchObject([{ ghl_contact_id: newer.id }]);
    expect(older.id).not.toBe(newer.id);
  });

  it('binds a row whose own contact is gone to the contact that has its e-mail', async () => {
    const contact = vendor({ email: 'moved@example.test' });
    await vendorRow({
      id: 'moved',
      ghl_contact_id: 'GoneGoneGoneGoneGone',
      email: 'moved@example.test',
      status: 'active',
    });
    const run = await test.sync();
    expect(run.stats).toMatchObject({ rebound: 1, vendors_created: 0, vendors_missing_in_ghl: 0 });
    expect(await vendors()).toMatchObject([{ id: 'moved', ghl_contact_id: contact.id, status: 'active' }]);
  });

  it('gives request fields to the newest lead row only, and contact fields to all', async () => {
    const contact = test.world.addContact({
      firstName: 'Bo',
      lastName: 'Ray',
      email: 'bo@example.test',
      postalCode: '33301-1234',
      tags: ['New Lead'],
    });
    await insert('leads', {
      id: 'old',
      ghl_contact_id: contact.id,
      customer_email: 'bo@example.test',
      status: 'assigned',
      created_at: '2024-01-01',
    });
    await insert('leads', {
      id: 'new',
      customer_email: 'bo@example.test',
      status: 'unassigned',
      created_at: '2025-01-01',
    });
    await test.sync();
    expect(await leads()).toMatchObject([
      {
        id: 'new',
        customer_name: 'Bo Ray',
        status: 'new lead',
        service_zip_code: '33301',
        service_county: 'Broward',
        service_state: 'FL',
        ghl_contact_id: contact.id,
      },
      { id: 'old', customer_name: 'Bo Ray', status: 'assigned', service_zip_code: null },
    ]);
  });

  it('says so when a lead has become a vendor, and marks nothing missing for it', async () => {
    const contact = vendor({ email: 'both@example.test' });
    await insert('leads', {
      id: 'lead',
      ghl_contact_id: contact.id,
      customer_email: 'both@example.test',
      status: 'assigned',
    });
    const run = await test.sync();
    expect(run.stats).toMatchObject({ reclassified: 1, vendors_created: 1, leads_deleted: 0 });
    expect(await leads()).toMatchObject([{ id: 'lead', status: 'assigned', reclassified_as: 'vendor' }]);
  });

  it('holds the missing rule back when it would flag too many, until it is confirmed', async () => {
    for (let index = 0; index < 120; index += 1) await vendorRow({ id: `v${index}`, email: `v${index}@example.test` });
    const run = await test.sync();
    expect(run).toMatchObject({
      status: 'needs_confirmation',
      exitCode: 3,
      success: false,
      heldTables: ['vendors'],
      stats: { vendors_missing_in_ghl: 0 },
    });
    // What only looks, reads a part or fails leaves it waiting.
    expect(await test.sync({ dryRun: true })).toMatchObject({ status: 'incomplete' });
    expect(await test.sync({ mode: 'incremental' })).toMatchObject({ status: 'completed' });
    test.simulator.faults.add({ kind: 'forbidden-scope' });
    expect(await test.sync()).toMatchObject({ success: false, stats: { vendors_missing_in_ghl: 0 } });
    test.simulator.faults.clear();
    await confirm(test, run.syncId);
    const missing = await query<{ count: number }>(
      `select count(*) as count from vendors where status = 'inactive_ghl_deleted'`,
    );
    expect(missing).toEqual([{ count: 120 }]);
  }, 30_000);

  it('says so when a newer sync takes the place of one that waits to be confirmed', async () => {
    for (let index = 0; index < 120; index += 1) await vendorRow({ id: `v${index}`, email: `v${index}@example.test` });
    const older = await test.sync();
    const newer = await test.sync();
    const { database } = test.pipeline.platform;
    expect(
      await followRun(
        database,
        older.syncId,
        () => undefined,
        undefined,
        ({ status }) => status === 'incomplete',
      ),
    ).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('a newer sync'),
      stats: older.stats,
    });
    await confirm(test, newer.syncId);
  }, 30_000);

  it('reports a dry run exactly and writes no row', async () => {
    vendor({ email: 'dry@example.test' });
    await vendorRow({
      id: 'gone',
      ghl_contact_id: 'GoneGoneGoneGoneGone',
      email: 'gone@example.test',
      status: 'active',
    });
    const before = await vendors();
    const run = await test.sync({ dryRun: true });
    expect(run).toMatchObject({ dryRun: true, exitCode: 0, stats: { vendors_created: 1, vendors_missing_in_ghl: 1 } });
    expect(await vendors()).toEqual(before);
    const response = await fetch(`${test.pipeline.url}/v1/syncs/${run.syncId}/changes`, {
      headers: { authorization: `Bearer ${test.apiKey}` },
    });
    const told = (await response.json()) as { items: { id: string; outcome: string; columns: object }[] };
    expect(told).toMatchObject({ total: 2, leftOut: 0 });
    const items = new Map(told.items.map((item) => [item.id, item]));
    expect(items.get('gone')).toEqual({
      table: 'vendors',
      id: 'gone',
      outcome: 'missing',
      columns: {
        status: { before: 'active', after: 'inactive_ghl_deleted' },
        previous_status: { before: null, after: 'active' },
        missing_since: { before: null, after: expect.any(String) },
      },
    });
    expect(told.items.find(({ id }) => id !== 'gone')).toMatchObject({
      outcome: 'created',
      columns: { email: { before: null, after: 'dry@example.test' } },
    });
    expect((await test.sync()).stats).toMatchObject({ vendors_created: 1, vendors_missing_in_ghl: 1 });
  }, 30_000);
});

describe('a targeted sync through the real stack', () => {
  const calls = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { method, path } of test.simulator.requests) {
      const name = `${method} ${path.split('?')[0]!.replace(/[^/]{20}$/, ':id')}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };

  beforeEach(() => {
    test.simulator.requests.length = 0;
  });

  it('asks nothing where nothing is known', async () => {
    vendor({ email: 'stranger@example.test' });
    const run = await test.sync({ mode: 'targeted' });
    expect(run).toMatchObject({ success: true, exitCode: 0, stats: { ghl_contacts_fetched: 0 } });
    expect(calls()).toEqual({});
    expect(await vendors()).toEqual([]);
  });

  it('reads 800 contacts in two list calls for one missing e-mail, and creates nobody', async () => {
    for (let index = 0; index < 800; index += 1) vendor({ email: `c${index}@example.test` });
    await vendorRow({ id: 'gone', email: 'nobody@example.test', status: 'active' });
    const run = await test.sync({ mode: 'targeted' });
    expect(run).toMatchObject({ exitCode: 0, stats: { vendors_missing_in_ghl: 1, vendors_created: 0 } });
    // One search for the e-mail, two pages of the list.
    expect(calls()).toEqual({ 'POST /contacts/search': 3 });
    expect(await vendors()).toMatchObject([{ id: 'gone', status: 'inactive_ghl_deleted' }]);
  });

  it('asks for each of five known ids once, and lists nothing when all are found', async () => {
    const known = Array.from({ length: 5 }, (_, index) => vendor({ email: `k${index}@example.test` }));
    for (const [index, { id }] of known.slice(0, 3).entries())
      await vendorRow({ id: `v${index}`, ghl_contact_id: id, status: 'active' });
    for (const [index, { id }] of [...known.slice(0, 2), ...known.slice(3)].entries())
      await insert('leads', { id: `l${index}`, ghl_contact_id: id, ghl_opportunity_id: `o${index}`, status: 'new' });
    const run = await test.sync({ mode: 'targeted' });
    expect(run).toMatchObject({ exitCode: 0, stats: { ghl_contacts_fetched: 5, vendors_missing_in_ghl: 0 } });
    expect(calls()).toEqual({ 'GET /contacts/:id': 5 });
  });

  it('spares the rows that only a list cut short could have found, judges the others, and says so', async () => {
    for (let index = 0; index < 30; index += 1) test.world.addContact({ email: `c${index}@example.test` });
    await insert('leads', {
      id: 'opp',
      ghl_opportunity_id: 'nowhere',
      customer_email: 'a@example.test',
      status: 'new',
    });
    await vendorRow({ id: 'gone', email: 'nobody@example.test', status: 'active' });
    // The searches by text are answered; the list is not.
    test.simulator.faults.add({ kind: '500', match: '/contacts/search', after: 2 });
    const run = await test.sync({ mode: 'targeted' });
    expect(run).toMatchObject({ success: false, exitCode: 3, stats: { vendors_missing_in_ghl: 1, leads_deleted: 0 } });
    expect(run.message).toContain('not all could be read');
    expect(await leads()).toMatchObject([{ id: 'opp', status: 'new' }]);
  }, 30_000);
});

describe('an incremental sync through the real stack', () => {
  it('reads what was added or changed since the last success, and marks nothing missing', async () => {
    const day = 24 * 60 * 60_000;
    const old = Date.now() - 30 * day;
    for (let index = 0; index < 600; index += 1)
      vendor({ email: `i${index}@example.test`, dateAdded: old + index, dateUpdated: old + index });
    await test.sync();
    const changed = [...test.world.contacts.values()][7]!;
    Object.assign(changed, { companyName: 'New Name', lastName: 'Changed', dateUpdated: Date.now() });
    const gone = [...test.world.contacts.values()][9]!;
    test.world.contacts.delete(gone.id);
    vendor({ email: 'late@example.test', dateAdded: Date.now(), dateUpdated: undefined });
    test.world.revision += 1;
    test.simulator.requests.length = 0;
    const run = await test.sync({ mode: 'incremental' });
    expect(run).toMatchObject({
      exitCode: 0,
      message: expect.stringContaining('looked for no missing ones'),
      stats: { ghl_contacts_fetched: 2, vendors_created: 1, vendors_updated: 1, vendors_missing_in_ghl: 0 },
    });
    expect(test.simulator.requests.filter(({ path }) => path === '/contacts/search')).toHaveLength(1);
    const full = await test.sync();
    expect(full.stats).toMatchObject({ vendors_missing_in_ghl: 1, vendors_created: 0, vendors_updated: 0 });
  }, 30_000);
});

describe('bad input and faults of the source', () => {
  it.each(['429', '500', '502-html', 'truncated'] as const)(
    'gets over a burst of %s and reads everything once',
    async (kind) => {
      for (let index = 0; index < 30; index += 1) vendor({ email: `a${index}@example.test` });
      test.simulator.faults.add({ kind, times: 2 });
      const run = await test.sync();
      expect(run).toMatchObject({ exitCode: 0, stats: { vendors_created: 30, ghl_contacts_fetched: 30 } });
    },
    30_000,
  );

  it('ends with exit code 2 and names the setting when the token is refused', async () => {
    test.simulator.faults.add({ kind: 'token-expired' });
    const run = await test.sync();
    expect(run).toMatchObject({ exitCode: 2, success: false, status: 'failed', error: { code: 'ghl_unauthorized' } });
    expect(run.message).toContain('GHL_PRIVATE_TOKEN');
  });

  it('reads tags and custom fields of any shape, and keeps what it cannot use', async () => {
    vendor({
      email: 'x@example.test',
      tags: 'Manually Approved, other',
      customFields: [{ id: FIELDS.companyName, value: { odd: true } }],
    });
    vendor({ email: 'y@example.test', tags: [{ name: 'Deactivated' }] });
    const run = await test.sync();
    expect(run.stats).toMatchObject({ vendors_created: 2, field_errors: 1 });
    expect(await query('select status, company_name from vendors order by email')).toEqual([
      { status: 'active', company_name: null },
      { status: 'deactivated', company_name: null },
    ]);
  });

  it('takes a contact of 3 MB', async () => {
    vendor({
      email: 'big@example.test',
      customFields: [{ id: 'SomeOtherFieldSomeOt', value: 'x'.repeat(3 * 1024 * 1024) }],
    });
    const run = await test.sync();
    expect(run).toMatchObject({ exitCode: 0, stats: { vendors_created: 1 } });
  }, 30_000);

  it('spares everybody when the list goes round in circles', async () => {
    for (let index = 0; index < 501; index += 1) test.world.addContact({});
    await vendorRow({ id: 'gone', ghl_contact_id: 'GoneGoneGoneGoneGone', status: 'active' });
    test.simulator.faults.add({ kind: 'repeat-cursor', match: '/contacts/search' });
    const run = await test.sync();
    expect(run).toMatchObject({ exitCode: 3, status: 'incomplete', error: { code: 'ghl_repeated_cursor' } });
    expect(await vendors()).toMatchObject([{ status: 'active' }]);
  }, 30_000);
});

describe('the HTTP edge', () => {
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${test.pipeline.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${test.apiKey}`, 'content-type': 'application/json', ...init.headers },
    });

  it('takes a sync request, answers for it at once, and lists the rows', async () => {
    vendor({ email: 'api@example.test' });
    const response = await call('/v1/sync-requests', { method: 'POST', body: JSON.stringify({ source: 'ghl' }) });
    expect(response.status).toBe(202);
    const { syncId, statusUrl } = (await response.json()) as { syncId: string; statusUrl: string };
    expect((await call(statusUrl)).status).toBe(200);
    const { followRun } = await import('#services/cli/src/follow.ts');
    await followRun(test.pipeline.platform.database, syncId, () => undefined);
    const list = (await (await call('/v1/vendors?email=API@example.test')).json()) as {
      total: number;
      items: { email: string }[];
    };
    expect(list).toMatchObject({ total: 1, items: [{ email: 'api@example.test' }] });
  });

  it.each([
    ['no key', '/v1/vendors', { headers: { authorization: '' } }, 401, 'unauthenticated'],
    ['a wrong key', '/v1/vendors', { headers: { authorization: 'Bearer nope' } }, 401, 'unauthenticated'],
    ['malformed JSON', '/v1/sync-requests', { method: 'POST', body: '{' }, 400, 'request_invalid'],
    [
      'an unknown key in the body',
      '/v1/sync-requests',
      { method: 'POST', body: '{"source":"ghl","x":1}' },
      400,
      'request_invalid',
    ],
    ['an unknown source', '/v1/sync-requests', { method: 'POST', body: '{"source":"hubspot"}' }, 422, 'unknown_source'],
    [
      'a location without a token',
      '/v1/sync-requests',
      { method: 'POST', body: '{"source":"ghl","account":"nowhere"}' },
      422,
      'unknown_source',
    ],
    [
      'an oversized body',
      '/v1/sync-requests',
      { method: 'POST', body: JSON.stringify({ source: 'x'.repeat(2_000_000) }) },
      413,
      'body_too_large',
    ],
    ['an unknown sync', '/v1/syncs/nothing-here', {}, 404, 'not_found'],
    ['a wrong sort', '/v1/leads?sort=password', {}, 400, 'request_invalid'],
    ['an unknown route', '/v1/nothing', {}, 404, 'not_found'],
  ])('answers %s with a problem document', async (_what, path, init, status, code) => {
    const response = await call(path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ status, code });
  });

  it('tells health, readiness and metrics', async () => {
    expect((await fetch(`${test.pipeline.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${test.pipeline.url}/readyz`);
    expect(await ready.json()).toMatchObject({ status: 'ready' });
    const metrics = await (await fetch(`${test.pipeline.url}/metrics`)).text();
    for (const name of [
      'crm_source_requests_total',
      'crm_scan_records_total',
      'crm_observations_total',
      'crm_processing_lag_seconds',
    ]) {
      expect(metrics).toContain(name);
    }
  });
});
