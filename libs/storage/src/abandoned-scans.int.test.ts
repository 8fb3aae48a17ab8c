import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import type { ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { saveDeferred } from './deferred.ts';
import { SCAN_CONTROL } from './scan-control.ts';
import { closedScans, closePartition, endScan, saveProgress } from './scan-states.ts';
import { emptySighting, saveContested, saveSighting } from './sightings.ts';

const ACCOUNT = 'L';
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query(
    'truncate tributary.scans, tributary.scan_states, tributary.scan_partitions, tributary.sightings, tributary.contested, tributary.deferred',
  );
});

/** A scan that was seen, last so many hours ago, and whose markers did not come. */
async function open(scanId: string, hoursAgo: number, account = ACCOUNT): Promise<void> {
  const sql = database.pool;
  for (const partition of [0, 1])
    await saveProgress(sql, { scanId, account, partition, numbers: [1], deadLettered: 0 });
  await saveSighting(sql, { ...emptySighting(account, scanId), vendorContacts: ['c'] });
  const contested = { table: 'vendors', contactId: 'c', type: 't', eventId: 'e', observation: { dateUpdated: null } };
  await saveContested(sql, [{ ...contested, table: 'vendors', scanId }]);
  await saveDeferred(sql, scanId, {});
  await database.pool.query(
    `update tributary.scan_partitions set touched_at = now() - case partition when 0 then $2 else 100 end * interval '1 hour'
     where scan_id = $1`,
    [scanId, hoursAgo],
  );
}

/** The life of a later scan of the account, of one partition. */
async function runNewer(): Promise<void> {
  const marker = { scanId: 'newer', account: ACCOUNT, partition: 0, partitions: 1, lastNumber: 0 };
  await closePartition(database.pool, { ...marker, startedAt: Date.now() } as ScanMarker);
  await endScan(database.pool, 'newer', ACCOUNT, 'applied');
}

async function request(scanId: string, state: string): Promise<void> {
  const asked = { source: 'ghl', account: ACCOUNT, mode: 'full', dryRun: false, contactId: null, asked: ASKED_NOTHING };
  await SCAN_CONTROL.enqueue(database.pool, { ...asked, scanId, requestedBy: 'test', requestedAt: 0 });
  await database.pool.query('update tributary.scans set state = $2 where scan_id = $1', [scanId, state]);
}

/** Rows that are kept for open scans. */
async function kept(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `select (select count(*) from tributary.sightings) + (select count(*) from tributary.contested)
       + (select count(*) from tributary.deferred) as count`,
  );
  return rows[0]!.count;
}

const isClosed = async (scanId: string): Promise<boolean> => (await closedScans(database.pool, [scanId])).has(scanId);

it.each([
  ['nobody asked for', undefined],
  ['ended without its markers', 'applied'],
  ['was refused', 'refused'],
])('a scan that %s ends with the next one, a day later, and what was kept for it goes', async (_which, state) => {
  await open('orphan', 25);
  if (state !== undefined) await request('orphan', state);
  expect(await kept()).toBe(3);
  await runNewer();
  expect([await isClosed('orphan'), await kept()]).toEqual([true, 0]);
});

it.each(['queued', 'running', 'paused', 'read'])(
  'a scan that is %s stays open, however long it was quiet',
  async (state) => {
    await open('slow', 1_000);
    await request('slow', state);
    await runNewer();
    expect([await isClosed('slow'), await kept()]).toEqual([false, 3]);
  },
);

it.each<[string, number, string]>([
  ['that was heard of within a day', 23, ACCOUNT],
  ['of another account', 1_000, 'M'],
])('a scan %s stays open', async (_which, hoursAgo, account) => {
  await open('other', hoursAgo, account);
  await runNewer();
  expect([await isClosed('other'), await kept()]).toEqual([false, 3]);
});

it('a record of a scan is heard of when it comes', async () => {
  await open('slow', 1_000);
  await saveProgress(database.pool, { scanId: 'slow', account: ACCOUNT, partition: 1, numbers: [2], deadLettered: 0 });
  await runNewer();
  expect(await isClosed('slow')).toBe(false);
});
