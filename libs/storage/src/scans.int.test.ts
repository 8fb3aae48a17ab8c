import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { SCAN_CONTROL } from './scan-control.ts';
import { createScanStore, type ScanRequest, type ScanStore, type SeenIdentifiers } from './scans.ts';
import { ensureAccount } from './rows.ts';

let database: TestDatabase;
/** Two connectors. */
let here: ScanStore;
let there: ScanStore;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(async () => {
  await killLeases();
  await database.drop();
});

beforeEach(async () => {
  await killLeases();
  await database.pool.query(
    'truncate tributary.scans, tributary.scan_rows, tributary.connector_accounts, vendors, leads',
  );
  here = createScanStore(database.open());
  there = createScanStore(database.open());
});

const GHL = { ghl: ['L', 'M', 'N'] };

const request = (scanId: string, more: Partial<ScanRequest> = {}): ScanRequest => ({
  scanId,
  source: 'ghl',
  account: 'L',
  mode: 'full',
  dryRun: false,
  contactId: null,
  asked: ASKED_NOTHING,
  requestedBy: 'test',
  requestedAt: Number(scanId.replace(/\D/g, '') || 0),
  ...more,
});

const enqueue = (asked: ScanRequest) => SCAN_CONTROL.enqueue(database.pool, asked);

/** Ends the connections that hold leases, as the death of their process would, and waits until they are gone. */
async function killLeases(): Promise<void> {
  await database.pool.query(
    `select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory'
       and database = (select oid from pg_database where datname = current_database())`,
  );
}

/** Claims once a lease that was let go, or whose connection died, is free. */
async function claimSoon(store: ScanStore): Promise<NonNullable<Awaited<ReturnType<ScanStore['claim']>>>> {
  for (;;) {
    const scan = await store.claim(GHL);
    if (scan !== undefined) return scan;
  }
}

async function column(name: string, scanId: string): Promise<unknown> {
  const { rows } = await database.pool.query<Record<string, unknown>>(
    `select ${name} from tributary.scans where scan_id = $1`,
    [scanId],
  );
  return rows[0]?.[name];
}

describe('the known contacts', () => {
  it('are kept in the middle of a scan once, and by its owner only', async () => {
    const known = async (): Promise<number> => here.knownRows('s1').countUnseenIds();
    await enqueue(request('s1', { source: 'salesforce' }));
    await database.pool.query('truncate sf_contacts');
    await insertContact('003000000000001AAA');
    const scan = (await here.claim({ salesforce: ['L'] }))!;
    await here.begin(scan, { known: null, watermark: 'told' });
    expect(await known()).toBe(0);
    await here.keepKnown(scan, 'salesforce-contacts');
    expect(await known()).toBe(1);
    await insertContact('003000000000002AAA');
    await here.keepKnown(scan, 'salesforce-contacts');
    expect(await known()).toBe(1);
    const stranger = { ...scan, epoch: scan.epoch - 1 };
    await expect(here.keepKnown(stranger, 'salesforce-contacts')).rejects.toMatchObject({ code: 'checkpoint_fenced' });
  });
});

async function insertContact(id: string): Promise<void> {
  await database.pool.query(
    `insert into sf_contacts (id, account_id, salesforce_id, last_name, additional_data, created_at, last_synced_at, content_hash)
     values (gen_random_uuid(), 'L', $1, 'Cole', '{}', now(), now(), '')`,
    [id],
  );
}

describe('the scan of an account that this connector cannot read', () => {
  const foreign = (more: Partial<ScanRequest> = {}) => enqueue(request('s1', { account: 'X', ...more }));

  it('is left to the connector that can, however long it waits', async () => {
    await foreign();
    await there.announce({ ghl: ['X'], salesforce: [] });
    expect(await here.claim(GHL)).toBeUndefined();
    expect(await there.claim({ ghl: ['X'] })).toMatchObject({ scanId: 's1' });
  });

  it('is taken, so that it ends, once nobody could read the account for an hour', async () => {
    await there.announce({ ghl: ['X'] });
    await foreign();
    await database.pool.query(`update tributary.connector_accounts set seen_at = now() - interval '59 minutes'`);
    expect(await here.claim({ ghl: [] })).toBeUndefined();
    await database.pool.query(`update tributary.connector_accounts set seen_at = now() - interval '61 minutes'`);
    expect(await here.claim({ salesforce: ['X'] })).toBeUndefined();
    expect(await here.claim({ ghl: [] })).toMatchObject({ scanId: 's1' });
  });

  it('is readable where another connector says so, or said so within the hour', async () => {
    await there.announce({ ghl: ['X'] });
    expect([await here.isReadable('ghl', 'X'), await here.isReadable('ghl', 'Y')]).toEqual([true, false]);
    expect(await here.isReadable('salesforce', 'X')).toBe(false);
    await database.pool.query(`update tributary.connector_accounts set seen_at = now() - interval '61 minutes'`);
    expect(await here.isReadable('ghl', 'X')).toBe(false);
  });

  it('is left alone for an hour where no connector could ever read it', async () => {
    await foreign({ requestedAt: Date.now() });
    expect(await here.claim(GHL)).toBeUndefined();
    await database.pool.query(`update tributary.scans set requested_at = now() - interval '61 minutes'`);
    expect(await here.claim(GHL)).toMatchObject({ scanId: 's1' });
  });

  it('is left to a connector that says again that it can read it', async () => {
    await there.announce({ ghl: ['X'] });
    await foreign();
    await database.pool.query(`update tributary.connector_accounts set seen_at = now() - interval '61 minutes'`);
    await there.announce({ ghl: ['X', 'X'] });
    expect(await here.claim(GHL)).toBeUndefined();
  });
});

it('scans of a source that no connector has had for an hour are told, while they wait', async () => {
  await enqueue(request('s1', { source: 'salesforce', account: 'org' }));
  await enqueue(request('s2', { source: 'salesforce', account: 'other', requestedAt: Date.now() }));
  await enqueue(request('s3'));
  expect(await here.unreadable(['ghl'])).toEqual(['s1']);
  expect(await here.unreadable(['ghl', 'salesforce'])).toEqual([]);
  await there.announce({ salesforce: ['another'] });
  expect(await here.unreadable(['ghl'])).toEqual([]);
  await database.pool.query(`update tributary.connector_accounts set seen_at = now() - interval '61 minutes'`);
  expect(await here.unreadable(['ghl'])).toEqual(['s1']);
  await here.claim({ salesforce: ['org'] });
  expect(await here.unreadable(['ghl'])).toEqual([]);
});

const HELD = { known: 'vendors-and-leads', watermark: 'start' } as const;

describe('a claim', () => {
  it('takes the oldest request, one per account at a time, of the sources named', async () => {
    await enqueue(request('s2', { dryRun: true }));
    await enqueue(request('s1'));
    await enqueue(request('s1'));
    await enqueue(request('s3', { account: 'M' }));
    await enqueue(request('s0', { source: 'phorest' }));
    const first = await here.claim(GHL);
    const second = await here.claim(GHL);
    expect([first, second].map((scan) => scan?.scanId).sort()).toEqual(['s1', 's3']);
    expect(first).toEqual({ ...request('s1'), epoch: 1, startedAt: null, position: null });
    expect(await here.claim(GHL)).toBeUndefined();
    expect(await there.claim(GHL)).toBeUndefined();
    await here.finish(first!, 'refused');
    expect(await claimSoon(there)).toMatchObject({ scanId: 's2' });
  });

  it('of two connectors at once goes to one', async () => {
    await enqueue(request('s1'));
    const claims = await Promise.all([here.claim(GHL), there.claim(GHL)]);
    expect(claims.filter((scan) => scan !== undefined)).toHaveLength(1);
  });

  it('waits while an earlier scan of the account is not applied yet', async () => {
    await enqueue(request('s1'));
    await enqueue(request('s2', { dryRun: true }));
    await here.finish((await here.claim(GHL))!, 'read');
    expect(await here.claim(GHL)).toBeUndefined();
    await database.pool.query(`update tributary.scans set state = 'applied' where scan_id = 's1'`);
    expect(await here.claim(GHL)).toMatchObject({ scanId: 's2' });
  });

  it('resumes an interrupted scan before it begins a queued one, at the saved position', async () => {
    await enqueue(request('s5'));
    const first = (await here.claim(GHL))!;
    await here.savePosition(first, { cursor: 'c' });
    await enqueue(request('s1'));
    await here.release(first);
    expect(await there.claim(GHL)).toMatchObject({ scanId: 's5', epoch: 2, position: { cursor: 'c' } });
  });
});

describe('a dead owner', () => {
  it('whose connection is gone is followed by another connector, and is fenced when it comes back', async () => {
    await enqueue(request('s1'));
    const dead = (await here.claim(GHL))!;
    await killLeases();
    const next = (await there.claim(GHL))!;
    expect(next).toMatchObject({ scanId: 's1', epoch: 2 });
    await expect(here.savePosition(dead, { stale: true })).rejects.toMatchObject({ code: 'checkpoint_fenced' });
    await expect(here.begin(dead, HELD)).rejects.toMatchObject({ code: 'checkpoint_fenced' });
    await here.finish(dead, 'read');
    expect(await column('state', 's1')).toBe('running');
    await there.savePosition(next, { fresh: true });
    expect(await column('position', 's1')).toEqual({ fresh: true });
  });

  it('in the same process does not free the lease of its successor', async () => {
    await enqueue(request('s1'));
    const dead = (await here.claim(GHL))!;
    await killLeases();
    const next = await claimSoon(here);
    expect(next.epoch).toBe(2);
    await here.release(dead);
    expect(await there.claim(GHL)).toBeUndefined();
    await here.savePosition(next, { at: 1 });
    await here.finish(next, 'read');
    expect(await column('state', 's1')).toBe('read');
  });
});

const seen = (of: Partial<SeenIdentifiers>): SeenIdentifiers => ({
  contactIds: [],
  emails: [],
  opportunityIds: [],
  ...of,
});

describe('evidence', () => {
  it('is a snapshot of the first start: a resumed scan gets the same, whatever the tables hold by then', async () => {
    await ensureAccount(database.pool, 'L');
    await ensureAccount(database.pool, 'M');
    await database.pool.query(
      `insert into vendors (id, account_id, name, ghl_contact_id, email) values
         ('v1', 'L', 'n', 'c1', 'v1@example.test'), ('v2', 'L', 'n', null, null), ('v3', 'M', 'n', 'c9', 'other@example.test')`,
    );
    await database.pool.query(
      `insert into leads (id, account_id, ghl_contact_id, customer_email, ghl_opportunity_id) values
         ('l1', 'L', 'c2', 'l1@example.test', 'o1'), ('l2', 'L', 'c2', '', null)`,
    );
    await enqueue(request('s1'));
    const first = (await here.claim(GHL))!;
    const started = await here.begin(first, HELD);
    expect(started).toMatchObject({ vendorsInScope: 1, leadsInScope: 2 });
    const evidence = {
      vendorIds: new Set(['c1']),
      vendorEmails: new Set(['v1@example.test']),
      leadIds: new Set(['c2']),
      leadEmails: new Set(['l1@example.test']),
      leadOpportunityIds: new Set(['o1']),
    };
    expect(await here.evidence('s1')).toEqual(evidence);
    await database.pool.query(
      `insert into vendors (id, account_id, name, ghl_contact_id) values ('v4', 'L', 'n', 'c4')`,
    );
    await here.release(first);
    const resumed = (await there.claim(GHL))!;
    expect(await there.begin(resumed, HELD)).toEqual(started);
    expect(resumed.startedAt).toBe(started.startedAt);
    expect(await there.evidence('s1')).toEqual(evidence);
  });

  it('knows which known ids no page has shown, in order and in parts', async () => {
    await ensureAccount(database.pool, 'L');
    await database.pool.query(
      `insert into vendors (id, account_id, name, ghl_contact_id) select 'v' || c, 'L', 'n', c from unnest('{a,B,c,D}'::text[]) c`,
    );
    await database.pool.query(`insert into leads (id, account_id, ghl_contact_id) values ('l', 'L', 'a')`);
    await enqueue(request('s1'));
    const scan = (await here.claim(GHL))!;
    await here.begin(scan, HELD);
    const known = here.knownRows('s1');
    await here.savePosition(scan, {}, seen({ contactIds: ['B', 'unknown'] }));
    expect(await known.countUnseenIds()).toBe(3);
    expect(await known.unseenIds(2, '')).toEqual(['D', 'a']);
    expect(await known.unseenIds(2, 'a')).toEqual(['c']);
    await here.savePosition(scan, {}, seen({ contactIds: ['a'] }));
    expect(await known.countUnseenIds()).toBe(2);
  });

  it('knows which e-mails and opportunities belong to rows that no page has shown by anything', async () => {
    await ensureAccount(database.pool, 'L');
    await database.pool.query(
      `insert into vendors (id, account_id, name, ghl_contact_id, email) values
         ('v1', 'L', 'n', 'c1', 'one@x.test'), ('v2', 'L', 'n', null, 'two@x.test'), ('v3', 'L', 'n', 'c3', 'three@x.test')`,
    );
    await database.pool.query(
      `insert into leads (id, account_id, customer_email, ghl_opportunity_id) values
         ('l1', 'L', 'two@x.test', 'o1'), ('l2', 'L', 'three@x.test', 'o2'), ('l3', 'L', null, 'o3')`,
    );
    await enqueue(request('s1'));
    const scan = (await here.claim(GHL))!;
    await here.begin(scan, HELD);
    const known = here.knownRows('s1');
    expect(await known.countUnfound('email')).toBe(3);
    // By id, by e-mail, by opportunity: whichever shows a row shows it whole.
    await here.savePosition(scan, {}, seen({ contactIds: ['c1'], emails: ['two@x.test'], opportunityIds: ['o2'] }));
    expect(await known.unfound('email', 10, '')).toEqual(['three@x.test']);
    expect(await known.unfound('opportunity', 10, '')).toEqual(['o3']);
    expect(await known.stillUnfound({ contactIds: ['c1', 'c3'], emails: ['two@x.test', 'three@x.test'] })).toEqual({
      contactIds: ['c3'],
      emails: ['three@x.test'],
    });
    // Its own contact was not seen, though the row was found.
    expect(await known.unseenIds(10, '')).toEqual(['c3']);
  });
});

describe('a request for a part', () => {
  const recent = { api: 'bulk', since: 5, until: 9, limit: null, batchSize: 500 };

  it('is read again as it was asked for when another connector takes it up', async () => {
    await enqueue(request('s1', { asked: recent }));
    const first = (await here.claim(GHL))!;
    await here.release(first);
    expect((await claimSoon(there)).asked).toEqual(recent);
  });

  it('joins only one that asks for the same', async () => {
    await enqueue(request('s1', { asked: recent }));
    expect(await enqueue(request('s2'))).toEqual({ joinedTo: undefined });
    expect(await enqueue(request('s3', { asked: { ...recent, since: 6 } }))).toEqual({ joinedTo: undefined });
    expect(await enqueue(request('s4', { asked: { ...recent } }))).toEqual({ joinedTo: 's1' });
  });
});

describe('the watermark', () => {
  const TOLD = { known: null, watermark: 'told' } as const;

  beforeEach(async () => {
    await database.pool.query('truncate runs, tributary.scan_partitions');
  });

  /** A scan that was read up to a watermark, and what became of it. */
  async function done(
    scanId: string,
    watermark: number | null,
    success: boolean,
    mode = 'full',
    status = success ? 'completed' : 'failed',
  ): Promise<void> {
    await enqueue(request(scanId, { source: 'salesforce', mode }));
    const scan = (await here.claim({ salesforce: ['L'] }))!;
    await here.begin(scan, TOLD);
    await here.savePosition(scan, {}, undefined, watermark);
    await here.finish(scan, 'read');
    await database.pool.query(`update tributary.scans set state = 'applied' where scan_id = $1`, [scanId]);
    await database.pool.query(
      `insert into runs (sync_id, source, account, mode, dry_run, status, success, started_at)
       values ($1, 'salesforce', 'L', $2, false, $4, $3, now())`,
      [scanId, mode, success, status],
    );
  }

  async function next(scanId: string): Promise<number | null> {
    await killLeases();
    await enqueue(request(scanId, { source: 'salesforce', mode: 'incremental' }));
    const scan = await here.claim({ salesforce: ['L'] });
    return (await here.begin(scan!, TOLD)).since;
  }

  it('is the furthest that was applied with success; neither its start nor a scan without one counts', async () => {
    await done('s1', 1000, true);
    await done('s2', 3000, true, 'incremental');
    await done('s3', 2000, true);
    await done('s4', 9000, false);
    await done('s5', null, true);
    expect(await next('s6')).toBe(3000);
  });

  it('is not held back by a dead letter, but by a record that never arrived', async () => {
    await done('s1', 1000, true);
    await done('s2', 2000, false, 'incremental', 'incomplete');
    await done('s3', 3000, false, 'incremental', 'incomplete');
    await database.pool.query(
      `insert into tributary.scan_partitions (scan_id, partition, last_number, holes, dead_lettered, marker)
       values ('s2', 0, 9, 0, 1, '{"lastNumber":9}'), ('s3', 0, 8, 0, 0, '{"lastNumber":9}')`,
    );
    expect(await next('s4')).toBe(2000);
  });

  it('is none where nothing was read to its end', async () => {
    await done('s1', null, true);
    expect(await next('s2')).toBeNull();
  });
});

it('a source that is held against other rows has them in its snapshot, and no others', async () => {
  await ensureAccount(database.pool, 'L');
  await database.pool.query(
    `insert into vendors (id, account_id, name, ghl_contact_id) values ('v1', 'L', 'n', 'c1') on conflict do nothing`,
  );
  const store = createScanStore(database.open(), {
    'vendors-and-leads': 'select $1::text, $2::text',
    'salesforce-contacts': `insert into scan_rows (scan_id, table_name, row_id, contact_id)
      select $1, 'sf_contacts', id, id from unnest('{003A,003B}'::text[]) id where $2::text = 'L'`,
  });
  await enqueue(request('s1', { source: 'salesforce', mode: 'reconcile' }));
  const scan = (await store.claim({ salesforce: ['L'] }))!;
  const started = await store.begin(scan, { known: 'salesforce-contacts', watermark: 'told' });
  expect(started).toMatchObject({ vendorsInScope: 0, leadsInScope: 0 });
  await store.savePosition(scan, {}, seen({ contactIds: ['003A'] }));
  const known = store.knownRows('s1');
  expect(await known.unseenIds(10, '')).toEqual(['003B']);
  expect(await known.unknownIds(['003C', '003A', '003B', 'c1'])).toEqual(['003C', 'c1']);
  expect(await store.knownRows('s2').unknownIds(['003A'])).toEqual(['003A']);
});

it('a scan that its source holds stays paused though nobody asked for it, and goes on when it is resumed', async () => {
  await enqueue(request('s1'));
  await here.pause((await here.claim(GHL))!, 60_000);
  expect(await column('state', 's1')).toBe('paused');
  expect(await here.claim(GHL)).toBeUndefined();
  await SCAN_CONTROL.resume(database.pool, 's1');
  expect(await claimSoon(there)).toMatchObject({ scanId: 's1' });
});

it('a scan that its source holds is tried again in time, before what waits behind it', async () => {
  await enqueue(request('s1'));
  await here.pause((await here.claim(GHL))!, 0);
  await enqueue(request('s0', { dryRun: true }));
  expect(await claimSoon(there)).toMatchObject({ scanId: 's1', epoch: 2 });
  expect(await column('resume_at', 's1')).toBeNull();
});

it('a scan that somebody wants paused is not tried again, whatever its source says', async () => {
  await enqueue(request('s1'));
  const scan = (await here.claim(GHL))!;
  await SCAN_CONTROL.pause(database.pool, 's1');
  await here.pause(scan, 0);
  expect([await column('state', 's1'), await column('resume_at', 's1')]).toEqual(['paused', null]);
  expect(await there.claim(GHL)).toBeUndefined();
});

it('a cancellation ends what waits, reaches what runs, and nothing that is read', async () => {
  const cancel = (scanId: string) => SCAN_CONTROL.cancel(database.pool, scanId);
  await enqueue(request('s1'));
  expect(await cancel('s1')).toMatchObject([{ scanId: 's1' }]);
  expect(await cancel('absent')).toEqual([]);
  expect(await here.claim(GHL)).toBeUndefined();
  await enqueue(request('s2', { account: 'M' }));
  const running = (await here.claim(GHL))!;
  expect(await cancel('s2')).toEqual([]);
  expect(await here.asked('s2')).toBe('cancel');
  await here.finish(running, 'read');
  await enqueue(request('s3', { account: 'N' }));
  await here.finish((await here.claim(GHL))!, 'read');
  await cancel('s3');
  expect(await here.asked('s3')).toBeUndefined();
});
