import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld, type StoredContact } from '#testcontainers/simulators/ghl/world.ts';

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(Date.now()));
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

beforeEach(() => {
  test.simulator.requests.length = 0;
});

async function call(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${test.pipeline.url}/api/v1/admin/${path}`, {
    method,
    headers: { authorization: `Bearer ${test.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const get = async (path: string): Promise<Record<string, unknown>> => (await call('GET', path)).json;
const single = (contactId: string) => call('POST', `sync-single-vendor/${contactId}`);

const vendor = (contact: Partial<StoredContact>): StoredContact =>
  test.world.addContact({ firstName: 'Ann', lastName: 'Lee', source: 'Vendor Application', ...contact });

async function query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await test.pipeline.platform.database.query<Record<string, unknown>>(text, values)).rows;
}

const vendorRow = (id: string, values: Record<string, unknown>): Promise<unknown> => {
  const row = { id, account_id: test.world.locationId, name: 'Old Name', status: 'active', ...values };
  const names = Object.keys(row);
  const places = names.map((_, index) => `$${index + 1}`).join(', ');
  return query(`insert into vendors (${names.join(', ')}) values (${places})`, Object.values(row));
};

async function status(id: string): Promise<unknown> {
  const rows = await query('select status from vendors where id = $1 and account_id = $2', [id, test.world.locationId]);
  return rows[0]?.['status'];
}

/** Turns until it is so; jest's time limit ends it otherwise. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((done) => setImmediate(done));
}

async function syncDatabase(body: object = {}): Promise<Record<string, unknown>> {
  const { status: code, json } = await call('POST', 'sync-database', body);
  expect(code).toBe(202);
  expect(json).toMatchObject({ status: 'accepted', job_id: expect.any(String), message: expect.any(String) });
  const path = `sync-database/status?job_id=${String(json['job_id'])}`;
  await until(async () => (await get(path))['status'] !== 'running');
  return get(path);
}

describe('V3 sync-database', () => {
  it('runs as a job and tells true numbers under V3 names', async () => {
    vendor({ email: 'new@v3.test', tags: ['deactivated'] });
    await vendorRow('v3-gone', { ghl_contact_id: 'GoneGoneGoneGoneGone' });
    const job = await syncDatabase();
    expect(job).toEqual({
      job_id: expect.any(String),
      status: 'done',
      result: {
        vendors: { checked: 1, updated: 0, added: 1, deleted: 1, created: 1, deactivated: 1 },
        leads: { checked: 0, updated: 0, added: 0, deleted: 0, created: 0, deactivated: 0 },
        stats: { ghl_contacts_fetched: 1, errors: 0, duration: expect.any(Number) },
      },
    });
    expect(await get('vendors/missing-in-ghl')).toMatchObject({
      status: 'success',
      vendors: expect.arrayContaining([expect.objectContaining({ id: 'v3-gone', status: 'inactive_ghl_deleted' })]),
    });
  }, 30_000);

  it('says what failed, knows no strange job, and asks for the job id', async () => {
    test.simulator.faults.add({ kind: 'token-expired' });
    expect(await syncDatabase({ mode: 'full' })).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('GHL_PRIVATE_TOKEN'),
    });
    test.simulator.faults.clear();
    expect(await get('sync-database/status?job_id=nothing')).toEqual({ job_id: 'nothing', status: 'unknown' });
    expect((await call('GET', 'sync-database/status')).status).toBe(400);
  }, 30_000);
});

describe('V3 sync-single-vendor', () => {
  it('reads the one contact, creates, updates, and leaves alone what did not change', async () => {
    await vendorRow('v3-bystander', { ghl_contact_id: 'AwayAwayAwayAwayAway' });
    const { id } = vendor({ email: 'one@v3.test' });
    const reply = { status: 'success', success: true, contact_id: id, vendor_email: 'one@v3.test' };
    expect((await single(id)).json).toMatchObject({ ...reply, action: 'created' });
    test.world.changeContact(id, { lastName: 'Moor', dateUpdated: Date.now() });
    expect((await single(id)).json).toMatchObject({ ...reply, action: 'updated' });
    expect((await single(id)).json).toMatchObject({ ...reply, action: 'skipped' });
    const reads = test.simulator.requests.filter(({ path }) => path.startsWith('/contacts'));
    expect(reads.map(({ method, path }) => `${method} ${path}`)).toEqual(Array(3).fill(`GET /contacts/${id}`));
    expect(await status('v3-bystander')).toBe('active');
  }, 30_000);

  it.each([
    ['with signals it binds the row of its e-mail', { source: 'Vendor Application' }, 'updated', true],
    ['without signals an e-mail alone is nobody', { source: 'Web' }, 'skipped', false],
  ])(
    '%s',
    async (what, contact, action, isBound) => {
      const email = `mail${what.length}@v3.test`;
      await vendorRow(`v3-mail${what.length}`, { email });
      const { id } = vendor({ email, ...contact });
      expect((await single(id)).json).toMatchObject({ action, vendor_email: isBound ? email : null });
      expect(await query('select ghl_contact_id from vendors where id = $1', [`v3-mail${what.length}`])).toEqual([
        { ghl_contact_id: isBound ? id : null },
      ]);
    },
    30_000,
  );

  it('creates nobody without signals, and says when the contact is not there', async () => {
    expect((await single(vendor({ source: 'Web' }).id)).json).toMatchObject({ success: true, action: 'skipped' });
    expect((await single('NobodyNobodyNobodyNo')).json).toMatchObject({
      status: 'error',
      success: false,
      message: expect.stringContaining('not found in GHL'),
    });
    expect((await single('no%20id')).status).toBe(400);
  }, 30_000);
});

describe('V3 bulk actions and lists', () => {
  const bulk = async (action: string, ...ids: string[]): Promise<Record<string, unknown>> =>
    (await call('POST', 'vendors/bulk-action', { action, vendor_ids: ids })).json;
  const becomes = (id: string, shown: string): Promise<void> => until(async () => (await status(id)) === shown);
  const listed = async (path: string): Promise<unknown[]> => {
    const { vendors } = (await get(path)) as { vendors: { id: string }[] };
    return vendors.map(({ id }) => id).filter((id) => id === 'v3-bulk');
  };

  it('say what a vendor is; no sighting undoes it, and the lists follow', async () => {
    const { id } = vendor({ email: 'bulk@v3.test', tags: ['manually approved'] });
    await vendorRow('v3-bulk', { ghl_contact_id: id, email: 'bulk@v3.test' });
    expect(await bulk('deactivate', 'v3-bulk', 'nowhere')).toMatchObject({
      status: 'partial',
      processed: 1,
      failed: 1,
      errors: [{ vendor_id: 'nowhere' }],
    });
    await becomes('v3-bulk', 'deactivated');
    await bulk('delete', 'v3-bulk');
    await becomes('v3-bulk', 'deleted');
    expect(await syncDatabase()).toMatchObject({ status: 'done' });
    expect(await status('v3-bulk')).toBe('deleted');
    const account = `account=${test.world.locationId}`;
    expect(await listed(`vendors/filtered?${account}`)).toEqual([]);
    expect(await listed(`vendors/filtered?${account}&include_inactive=true`)).toEqual(['v3-bulk']);
    expect(await listed(`vendors/filtered?${account}&status=deleted`)).toEqual(['v3-bulk']);
    await bulk('restore', 'v3-bulk');
    await becomes('v3-bulk', 'active');
    expect(await listed(`vendors/filtered?${account}&status=active`)).toEqual(['v3-bulk']);
  }, 30_000);

  it('restore a vendor that was taken for missing; asking for inactive ones answers', async () => {
    await vendorRow('v3-lost', { ghl_contact_id: 'LostLostLostLostLost', status: 'on hold' });
    await syncDatabase();
    const filtered = (await get('vendors/filtered?status=inactive_ghl_deleted')) as { vendors: { id: string }[] };
    expect(filtered.vendors.map(({ id }) => id)).toContain('v3-lost');
    await bulk('restore', 'v3-lost');
    await becomes('v3-lost', 'on hold');
    expect(await get('leads/filtered?status=inactive_ghl_deleted')).toMatchObject({ status: 'success' });
    const wrong = await call('POST', 'vendors/bulk-action', { action: 'shred', vendor_ids: ['v3-lost'] });
    expect(wrong.status).toBe(400);
  }, 30_000);

  it('apply to a row that is born after the word, as a replay may meet them', async () => {
    const contact = vendor({ email: 'later@v3.test' });
    await single(contact.id);
    const [row] = await query('select id from vendors where ghl_contact_id = $1', [contact.id]);
    const id = row!['id'] as string;
    await bulk('delete', id);
    await becomes(id, 'deleted');
    await query('delete from vendors where id = $1', [id]);
    await single(contact.id);
    expect(await status(id)).toBe('deleted');
  }, 30_000);
});
