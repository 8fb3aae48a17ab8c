import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { createCheckpointStore, hasPassed, readPositions, saveCheckpoint } from './checkpoints.ts';
import { inTransaction } from './pool.ts';

let database: TestDatabase;
let store: ReturnType<typeof createCheckpointStore>;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createCheckpointStore(database.pool);
}, 30_000);

afterAll(() => database.drop());

const at = (processor: string, epoch: number, expected: string | null, next: string) => ({
  processor,
  topic: 't',
  partition: 0,
  epoch,
  expected,
  next,
});

it('is empty at first, and each owner gets a higher epoch and the position of the last one', async () => {
  expect(await store.acquire('a', 't', 0)).toEqual({ nextOffset: null, epoch: 1 });
  await store.save(at('a', 1, null, '10'));
  await store.save(at('a', 1, '10', '25'));
  expect(await store.acquire('a', 't', 0)).toEqual({ nextOffset: '25', epoch: 2 });
  expect(await store.acquire('a', 't', 1)).toEqual({ nextOffset: null, epoch: 1 });
});

it.each([
  ['a former epoch', 1, '10'],
  ['an epoch that nobody has', 3, '10'],
  ['another expected position', 2, '9'],
  ['no expected position', 2, null],
])('a save with %s is fenced and changes nothing', async (what, epoch, expected) => {
  await store.acquire(what, 't', 0);
  await store.save(at(what, 1, null, '10'));
  await store.acquire(what, 't', 0);
  await expect(store.save(at(what, epoch, expected, '11'))).rejects.toMatchObject({ code: 'checkpoint_fenced' });
  expect((await readPositions(database.pool)).get(`${what} t 0`)).toBe(10);
});

it('I5: what a fenced transaction wrote is gone with it', async () => {
  await store.acquire('i5', 't', 0);
  await store.acquire('i5', 't', 0);
  await expect(
    inTransaction(database.pool, async (sql) => {
      await sql.query(`insert into accounts (id, company_name) values ('zombie', 'z')`);
      await saveCheckpoint(sql, at('i5', 1, null, '1'));
    }),
  ).rejects.toMatchObject({ code: 'checkpoint_fenced' });
  expect((await database.pool.query(`select id from accounts where id = 'zombie'`)).rows).toEqual([]);
});

it('of two owners that save at once one wins', async () => {
  await store.acquire('race', 't', 0);
  const results = await Promise.allSettled([
    store.save(at('race', 1, null, '5')),
    store.save(at('race', 1, null, '5')),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

it('tells whether every partition has been handled up to an offset', async () => {
  await store.acquire('passed', 't', 0);
  await store.acquire('passed', 't', 1);
  await store.save(at('passed', 1, null, '10'));
  const passed = (...offsets: [number, string][]): Promise<boolean> =>
    hasPassed(database.pool, 'passed', 't', new Map(offsets));
  expect(await passed([0, '9'])).toBe(true);
  expect(await passed([0, '10'])).toBe(false);
  expect(await passed([0, '9'], [1, '0'])).toBe(false);
});
