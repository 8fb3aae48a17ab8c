import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { inTransaction, type Sql } from './pool.ts';
import { closePartition, closedScans, endScan, readOthersWaiting, saveProgress, saveResult } from './scan-states.ts';
import {
  emptySighting,
  readContested,
  readOutcomes,
  saveContested,
  saveSighting,
  stageSightings,
} from './sightings.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

const sighting = (scanId: string | null, seenAt: number, contact: string) => ({
  ...emptySighting('L', scanId),
  seenAt,
  vendorContacts: [`v-${contact}`],
  otherContacts: [`o-${contact}`],
  emails: [`${contact}@example.test`],
  gone: [`g-${contact}`],
});

async function staged(sql: Sql, table: string): Promise<string[]> {
  const { rows } = await sql.query<{ value: string }>(`select value from ${table} order by value collate "C"`);
  return rows.map(({ value }) => value);
}

it('two scans of different accounts that end in one transaction are staged one after the other', async () => {
  await saveSighting(database.pool, { ...sighting('left', 50, 'l'), account: 'LEFT' });
  await saveSighting(database.pool, { ...sighting('right', 50, 'r'), account: 'RIGHT' });
  await inTransaction(database.pool, async (sql) => {
    await stageSightings(sql, 'LEFT', 'left', 100);
    expect(await staged(sql, 'seen_email')).toEqual(['l@example.test']);
    await stageSightings(sql, 'RIGHT', 'right', 100);
    expect(await staged(sql, 'seen_email')).toEqual(['r@example.test']);
  });
});

it('what the scan saw and what anybody saw later count; what others saw before does not', async () => {
  for (const [scanId, at, contact] of [
    ['mine', 50, 'a'],
    ['mine', 150, 'b'],
    ['other', 99, 'old'],
    ['other', 100, 'new'],
    [null, 500, 'hook'],
  ] as const)
    await saveSighting(database.pool, sighting(scanId, at, contact));
  await saveSighting(database.pool, { ...sighting('mine', 50, 'foreign'), account: 'M' });
  await inTransaction(database.pool, async (sql) => {
    await stageSightings(sql, 'L', 'mine', 100);
    expect(await staged(sql, 'seen_email')).toEqual(['a', 'b', 'hook', 'new'].map((name) => `${name}@example.test`));
    expect(await staged(sql, 'seen_contact')).toEqual([
      'o-a',
      'o-b',
      'o-hook',
      'o-new',
      'v-a',
      'v-b',
      'v-hook',
      'v-new',
    ]);
    expect(await staged(sql, 'seen_vendor_contact')).toEqual(['v-a', 'v-b']);
    expect(await staged(sql, 'gone_contact')).toEqual(['g-a', 'g-b']);
  });
  await expect(database.pool.query('select from seen_email')).rejects.toThrow(/42P01/);
});

it('outcomes of all batches are merged, rows counted once', async () => {
  const first = emptySighting('L', 'merge');
  first.outcomes.vendors.created = ['a', 'b'];
  const second = emptySighting('L', 'merge');
  second.outcomes.vendors.created = ['b', 'c'];
  second.outcomes.emailChanges = [['leads', 'l', null]];
  await saveSighting(database.pool, first);
  await saveSighting(database.pool, second);
  const { vendors, emailChanges } = await readOutcomes(database.pool, 'merge');
  expect(vendors.created).toEqual(['a', 'b', 'c']);
  expect(emailChanges).toEqual([['leads', 'l', null]]);
});

it('a contested observation is replaced by a newer one, not by an older one', async () => {
  const save = (dateUpdated: number | null, note: string): Promise<void> =>
    saveContested(database.pool, [
      {
        scanId: 'c',
        table: 'vendors',
        contactId: 'x',
        type: 't',
        eventId: 'e',
        observation: { dateUpdated, note } as never,
      },
    ]);
  await save(null, 'first');
  await save(10, 'second');
  await save(5, 'older');
  await save(10, 'repeat');
  expect(await readContested(database.pool, 'c', 'vendors')).toMatchObject([{ observation: { note: 'repeat' } }]);
  expect(await readContested(database.pool, 'c', 'leads')).toEqual([]);
});

const marker = (scanId: string, partition: number) =>
  ({ scanId, account: 'L', partition, partitions: 3, lastNumber: 2 }) as never;

it('exactly one transaction sees the last marker, when all arrive at once', async () => {
  const closed = await Promise.all(
    [0, 1, 2].map((partition) => inTransaction(database.pool, (sql) => closePartition(sql, marker('race', partition)))),
  );
  expect(closed.filter((partitions) => partitions !== undefined).map((partitions) => partitions.length)).toEqual([3]);
});

it('numbers may repeat and must not skip; dead letters are counted', async () => {
  const add = (numbers: number[], deadLettered = 0): Promise<void> =>
    saveProgress(database.pool, { scanId: 'n', account: 'L', partition: 0, numbers, deadLettered });
  await add([1, 2, 3]);
  await add([2, 3, 4], 1);
  await add([7]);
  for (const partition of [0, 1]) await closePartition(database.pool, marker('n', partition));
  const all = await closePartition(database.pool, marker('n', 2));
  expect(all![0]).toMatchObject({ lastNumber: 7, holes: 2, deadLettered: 1 });
  expect(await closedScans(database.pool, ['n'])).toEqual(new Set());
  await endScan(database.pool, 'n', 'L', 'applied');
  expect(await closedScans(database.pool, ['n', 'absent'])).toEqual(new Set(['n']));
  expect(await closePartition(database.pool, marker('n', 2))).toBeUndefined();
});

it('sightings are dropped when no scan of the account needs them, and not before', async () => {
  await database.pool.query('truncate tributary.sightings, tributary.scan_states, tributary.scan_partitions');
  const open = (scanId: string): Promise<void> =>
    saveProgress(database.pool, { scanId, account: 'L', partition: 0, numbers: [], deadLettered: 0 });
  await open('older');
  await open('newer');
  await saveSighting(database.pool, sighting('older', 1, 'a'));
  const left = async (): Promise<number> =>
    (await database.pool.query<{ n: number }>('select count(*) as n from tributary.sightings')).rows[0]!.n;
  await endScan(database.pool, 'newer', 'L', 'applied');
  expect(await left()).toBe(1);
  await endScan(database.pool, 'older', 'L', 'applied');
  expect(await left()).toBe(0);
});

it('while a scan waits to be confirmed, its own sightings are kept and those of later ones, not older ones', async () => {
  await database.pool.query('truncate tributary.sightings, tributary.scan_states, tributary.scan_partitions');
  const STARTED = 10_000;
  const at = (seenAt: number, scanId: string | null) => ({ ...emptySighting('L', scanId), seenAt });
  const open = (scanId: string): Promise<void> =>
    saveProgress(database.pool, { scanId, account: 'L', partition: 0, numbers: [], deadLettered: 0 });
  const left = async (): Promise<(string | null)[]> => {
    const { rows } = await database.pool.query<{ scan_id: string | null }>(
      'select scan_id from tributary.sightings order by id',
    );
    return rows.map((row) => row.scan_id);
  };
  await open('waits');
  await saveSighting(database.pool, at(STARTED - 1, 'before'));
  await saveSighting(database.pool, at(STARTED - 1, 'waits'));
  await saveSighting(database.pool, at(STARTED, null));
  await endScan(database.pool, 'waits', 'L', 'needs_confirmation');
  const result = { marker: { scanId: 'waits', startedAt: STARTED }, applied: {} } as never;
  await saveResult(database.pool, 'waits', result);
  await open('later');
  await saveSighting(database.pool, at(STARTED + 1, 'later'));
  await endScan(database.pool, 'later', 'L', 'applied');
  expect(await left()).toEqual(['waits', null, 'later']);
  expect(await readOthersWaiting(database.pool, 'later', 'L')).toEqual([result]);
  expect(await readOthersWaiting(database.pool, 'waits', 'L')).toEqual([]);
});
