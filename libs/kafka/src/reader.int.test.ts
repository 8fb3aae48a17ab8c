import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { EVENT, openLoop, type LoopStack } from '#testcontainers/loop.ts';
import { openReader } from './reader.ts';
import { topicOffsets } from './topics.ts';

let database: TestDatabase;
let stack: LoopStack;

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await openLoop(database.pool);
}, 60_000);

afterAll(async () => {
  await stack.stop();
  await database.drop();
}, 60_000);

it('reads over gaps in the offsets to the last record, and on when there are more', async () => {
  const topic = await stack.topic();
  await topic.send(['r0']);
  await topic.transact('r1', 'commit');
  await topic.transact('aborted', 'abort');
  await topic.send(['r2', 'r3']);
  const places = [{ topic: topic.name, partition: 0, offset: 0 }];
  const reader = await openReader({ ...stack, places, types: [EVENT] });
  const readTo = async (end: number): Promise<string[]> => {
    const ids: string[] = [];
    for (;;) {
      const batch = await reader.read(topic.name, 0, { end, before: Infinity }, 10);
      if (batch === undefined) return ids;
      expect(batch.bad).toBeUndefined();
      ids.push(...batch.events.map(({ value }) => (value as { syncId: string }).syncId));
    }
  };
  const [found] = await topicOffsets(stack.kafka, [topic.name]);
  const high = found!.high;
  expect(high).toBe(7);
  // The position of a consumer that has handled r1 is the offset of the marker.
  expect(await readTo(2)).toEqual(['r0', 'r1']);
  expect(await readTo(4)).toEqual([]);
  expect(await readTo(high)).toEqual(['r2', 'r3']);
  await reader.close();
}, 20_000);
