import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { addToOutbox, outboxPending, outboxSetAside, relayOutbox, retrySetAside, type OutboxEvent } from './outbox.ts';
import { inTransaction } from './pool.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('truncate tributary.outbox');
});

const event = (eventId: string): OutboxEvent => ({
  topic: 'crm.sync-request.v1',
  key: 'ghl:L',
  type: 'crm.sync.v1.SyncCancelled',
  eventId,
  scanId: null,
  value: { syncId: eventId, source: 'ghl', account: 'L', requestedBy: 't', requestedAt: 1 },
});
const never = (): void => {
  throw new Error('nothing is refused');
};
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `e${from + index}`);
/** Each in a transaction of its own: what one transaction adds is relayed together. */
async function add(ids: string[]): Promise<void> {
  for (const id of ids) await addToOutbox(database.pool, [event(id)]);
}

it('publishes in order, in parts, what was added, and removes it', async () => {
  await add(numbered(0, 7));
  const published: OutboxEvent[] = [];
  const relay = (): Promise<number> =>
    relayOutbox(database.pool, async (events) => void published.push(...events), never, 3);
  expect([await relay(), await relay(), await relay(), await relay()]).toEqual([3, 3, 1, 0]);
  expect(published).toEqual(numbered(0, 7).map(event));
  expect(await outboxPending(database.pool)).toBe(0);
});

it('holds nothing of a transaction that was rolled back', async () => {
  await expect(
    inTransaction(database.pool, async (sql) => {
      await addToOutbox(sql, [event('never')]);
      throw new Error('no');
    }),
  ).rejects.toThrow();
  expect(await outboxPending(database.pool)).toBe(0);
});

it.each(['the broker refuses', 'the process dies between publish and delete'])(
  'repeats the same ids after %s',
  async (what) => {
    await add(numbered(0, 3));
    const tries: string[][] = [];
    const failing = relayOutbox(
      database.pool,
      async (events) => {
        tries.push(events.map(({ eventId }) => eventId));
        if (what === 'the broker refuses') throw new Error('no');
        // The connection of the relay is what dies with its process.
        await database.pool.query(
          `select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
        );
      },
      never,
    );
    await expect(failing).rejects.toThrow();
    expect(await outboxPending(database.pool)).toBe(3);
    await relayOutbox(database.pool, async (events) => void tries.push(events.map(({ eventId }) => eventId)), never);
    expect(tries).toEqual([numbered(0, 3), numbered(0, 3)]);
  },
);

it('lets a second relay do nothing rather than publish later events beside the first', async () => {
  await add(numbered(0, 4));
  const published: string[] = [];
  const inside = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const first = relayOutbox(
    database.pool,
    async (events) => {
      inside.resolve();
      await gate.promise;
      published.push(...events.map(({ eventId }) => eventId));
    },
    never,
    2,
  );
  await inside.promise;
  const note = async (events: OutboxEvent[]): Promise<void> =>
    void published.push(...events.map(({ eventId }) => eventId));
  expect(await relayOutbox(database.pool, note, never, 2)).toBe(0);
  gate.resolve();
  expect(await first).toBe(2);
  expect(await relayOutbox(database.pool, note, never, 2)).toBe(2);
  expect(published).toEqual(numbered(0, 4));
});

it('sets aside what no topic takes, publishes all others in order, and goes on', async () => {
  await addToOutbox(database.pool, numbered(0, 5).map(event));
  await add(numbered(5, 7));
  const published: string[] = [];
  const refused: string[] = [];
  const relay = (): Promise<number> =>
    relayOutbox(
      database.pool,
      async (events) => {
        const ids = events.map(({ eventId }) => eventId);
        if (ids.includes('e1') || ids.includes('e5')) throw new AppError('record_too_large', 'too large');
        published.push(...ids);
      },
      ({ event: { eventId }, failure: { code } }) => void refused.push(`${eventId} ${code}`),
    );
  expect(await relay()).toBe(7);
  expect(published).toEqual(['e0', 'e2', 'e3', 'e4', 'e6']);
  expect(refused).toEqual(['e1 record_too_large', 'e5 record_too_large']);
  expect(await outboxPending(database.pool)).toBe(0);
  await add(['e7']);
  expect(await relay()).toBe(1);
  expect(published.at(-1)).toBe('e7');
  const { rows } = await database.pool.query<{ content: string }>(
    `select content from tributary.outbox where kind = 'refused' order by id`,
  );
  expect(rows.flatMap(({ content }) => JSON.parse(content) as OutboxEvent[])).toEqual([event('e1'), event('e5')]);
});

it('tells what was set aside, and publishes it once it is put back', async () => {
  await addToOutbox(database.pool, numbered(0, 3).map(event));
  let isMended = false;
  const published: string[] = [];
  const relay = (): Promise<number> =>
    relayOutbox(
      database.pool,
      async (events) => {
        if (!isMended && events.some(({ eventId }) => eventId !== 'e1')) throw new AppError('record_too_large', 'no');
        published.push(...events.map(({ eventId }) => eventId));
      },
      () => undefined,
    );
  await relay();
  expect(published).toEqual(['e1']);
  expect(await outboxSetAside(database.pool)).toEqual([{ topic: 'crm.sync-request.v1', events: 2 }]);
  expect(await retrySetAside(database.pool)).toBe(2);
  expect([await outboxSetAside(database.pool), await outboxPending(database.pool)]).toEqual([[], 2]);
  isMended = true;
  await relay();
  expect(published).toEqual(['e1', 'e0', 'e2']);
  expect(await retrySetAside(database.pool)).toBe(0);
});
