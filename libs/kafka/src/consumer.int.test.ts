import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { vendorObserved } from '#libs/domain/src/rules.fixture.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { countRecords, idsOf, openLoop, readTopic, type LoopStack, type LoopTopic } from '#testcontainers/loop.ts';
import type { EventBatch, Processor } from './processor.ts';
import { withAdmin } from './topics.ts';

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

const numbered = (count: number, prefix = 'r'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** A handler that notes what it handled and tells when a number of records is reached. */
function recorder(stopAt = Number.POSITIVE_INFINITY) {
  const handled: string[] = [];
  const batches: EventBatch[] = [];
  const full = Promise.withResolvers<void>();
  return {
    handled,
    batches,
    full: full.promise,
    async note(batch: EventBatch): Promise<void> {
      batches.push(batch);
      handled.push(...idsOf(batch));
      if (handled.length >= stopAt) full.resolve();
    },
  };
}

async function stored(topic: LoopTopic, partition = 0): Promise<number | null | undefined> {
  const { rows } = await database.pool.query<{ next_offset: number | null }>(
    'select next_offset from tributary.checkpoints where processor = $1 and partition = $2',
    [topic.name, partition],
  );
  return rows[0]?.next_offset;
}

/** Handles everything of a topic and stops: afterwards the checkpoint stands at the end. */
async function handleAll(topic: LoopTopic, count: number): Promise<string[]> {
  const seen = recorder(count);
  const consumer = await stack.consume(topic.processor(seen.note));
  await seen.full;
  await consumer.stop();
  return seen.handled;
}

/** Commits an offset for the group of a topic, as a foreign tool would. */
async function commit(topic: LoopTopic, offset: string): Promise<void> {
  const consumer = stack.kafka.consumer({ groupId: topic.group });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name });
  await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
  await joined.promise;
  await consumer.commitOffsets([{ topic: topic.name, partition: 0, offset }]);
  await consumer.disconnect();
}

describe('the position', () => {
  it('handles every record in order and goes on where it stopped', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(2_500));
    expect(await handleAll(topic, 2_500)).toEqual(numbered(2_500));
    expect(await stored(topic)).toBe(2_500);
    await topic.send(['later']);
    expect(await handleAll(topic, 1)).toEqual(['later']);
  });

  it.each([
    ['behind', '1'],
    ['ahead of', '9'],
  ])('starts at the stored checkpoint when the committed offset of the group is %s it', async (_what, committed) => {
    const topic = await stack.topic();
    await topic.send(numbered(5));
    await handleAll(topic, 5);
    await topic.send(numbered(5, 'new'));
    await commit(topic, committed);
    expect(await handleAll(topic, 5)).toEqual(numbered(5, 'new'));
  });

  it('kafkajs eachBatchAutoResolve: a batch that fails is neither resolved nor committed', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(10));
    const failed = Promise.withResolvers<void>();
    const first = await stack.consume(
      topic.processor(async () => {
        failed.resolve();
        throw new AppError('database_unavailable', 'down');
      }),
    );
    await failed.promise;
    await first.stop();
    expect(await stored(topic)).toBeNull();
    const offsets = await withAdmin(stack.kafka, (admin) =>
      admin.fetchOffsets({ groupId: topic.group, topics: [topic.name] }),
    );
    expect(offsets[0]!.partitions).toMatchObject([{ offset: '-1' }]);
    expect(await handleAll(topic, 10)).toEqual(numbered(10));
  });

  it('kafkajs autoCommit and seek: the group is committed after the checkpoint only, and never by a seek', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(4));
    const gate = Promise.withResolvers<void>();
    const inside = Promise.withResolvers<void>();
    const committed = async (): Promise<string> => {
      const [found] = await withAdmin(stack.kafka, (admin) =>
        admin.fetchOffsets({ groupId: topic.group, topics: [topic.name] }),
      );
      return found!.partitions[0]!.offset;
    };
    const consumer = await stack.consume(
      topic.processor(async () => {
        inside.resolve();
        await gate.promise;
      }),
    );
    await inside.promise;
    expect(await committed()).toBe('-1');
    gate.resolve();
    await consumer.stop();
    expect(await stored(topic)).toBe(4);
    expect(['-1', '4']).toContain(await committed());
  });

  it('passes over records of other types without decoding them, and its checkpoint with it', async () => {
    const topic = await stack.topic();
    await topic.sendBytes(Buffer.from('not Avro at all'), { headers: { ce_type: 'crm.other.v1.Thing' } });
    await topic.send(['mine']);
    await topic.sendBytes(null, { headers: { ce_type: 'crm.other.v1.Thing' } });
    expect(await handleAll(topic, 1)).toEqual(['mine']);
    expect(await stored(topic)).toBe(3);
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(0);
  });

  it('goes on over a gap in the offsets, as compaction and the markers of transactions leave them', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    await topic.transact('r1', 'commit');
    expect(await handleAll(topic, 2)).toEqual(['r0', 'r1']);
    await topic.transact('aborted', 'abort');
    await topic.send(['r2']);
    const seen = recorder(1);
    const consumer = await stack.consume(topic.processor(seen.note));
    await Promise.race([seen.full, consumer.died.then((error) => Promise.reject(error))]);
    await consumer.stop();
    expect(seen.handled).toEqual(['r2']);
    expect(await stored(topic)).toBe(6);
  });

  it('a stop in the middle of a batch lets it end, and the next start repeats nothing', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(3_000));
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const before = recorder();
    const consumer = await stack.consume(
      topic.processor(async (batch) => {
        inside.resolve();
        await gate.promise;
        await before.note(batch);
      }),
      { maxBatch: 100 },
    );
    await inside.promise;
    const stopped = consumer.stop();
    gate.resolve();
    await stopped;
    expect(before.handled.length).toBeLessThan(3_000);
    expect(await stored(topic)).toBe(before.handled.length);
    const after = await handleAll(topic, 3_000 - before.handled.length);
    expect([...before.handled, ...after]).toEqual(numbered(3_000));
  });
});

describe('OFFSET_OUT_OF_RANGE: kafkajs goes on somewhere else, we stop and say so', () => {
  it('when records were deleted before they were handled', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(5));
    await handleAll(topic, 5);
    await topic.send(numbered(5, 'unread'));
    await deleteUpTo(topic, '8');
    const seen = recorder();
    const consumer = await stack.consume(topic.processor(seen.note));
    expect(await consumer.died).toMatchObject({
      code: 'offset_out_of_range',
      kind: 'config',
      message: `${topic.name}[0] starts at 8 but ${topic.name} has handled only up to 5: records were deleted unread`,
    });
    expect(seen.handled).toEqual([]);
    expect(await stored(topic)).toBe(5);
  });

  it('when everything was deleted unread and nothing new has come yet', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(5));
    await handleAll(topic, 5);
    await topic.send(numbered(5, 'unread'));
    await deleteUpTo(topic, '-1');
    const consumer = await stack.consume(topic.processor(async () => undefined));
    expect(await consumer.died).toMatchObject({ code: 'offset_out_of_range' });
  });

  it('when the topic is another one than it was, and ends before the checkpoint', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(5));
    const { epoch } = await stack.checkpoints.acquire(topic.name, topic.name, 0);
    await stack.checkpoints.save({
      processor: topic.name,
      topic: topic.name,
      partition: 0,
      epoch,
      expected: null,
      next: '50',
    });
    const seen = recorder();
    const consumer = await stack.consume(topic.processor(seen.note));
    expect(await consumer.died).toMatchObject({
      code: 'offset_out_of_range',
      message: expect.stringContaining('ends at 5 but'),
    });
    expect(seen.handled).toEqual([]);
  });

  it('when records are deleted under a consumer that runs', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(3));
    let gate = Promise.withResolvers<void>();
    const inside = Promise.withResolvers<void>();
    const consumer = await stack.consume(
      topic.processor(async () => {
        inside.resolve();
        await gate.promise;
      }),
    );
    await inside.promise;
    await topic.send(numbered(7, 'unread'));
    await deleteUpTo(topic, '8');
    gate.resolve();
    gate = Promise.withResolvers<void>();
    gate.resolve();
    expect(await consumer.died).toMatchObject({ code: 'offset_out_of_range' });
    expect(await stored(topic)).toBe(3);
  });

  async function deleteUpTo(topic: LoopTopic, offset: string): Promise<void> {
    await withAdmin(stack.kafka, async (admin) => {
      // Loads the topic's metadata, without which kafkajs cannot delete.
      await admin.fetchTopicOffsets(topic.name);
      await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset }] });
    });
  }
});

describe('an error that goes away', () => {
  it('is tried again in place, in order, without a dead letter', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(20));
    const seen = recorder(20);
    let failures = 3;
    const retried = jest.fn();
    const consumer = await stack.consume(
      topic.processor(async (batch) => {
        if (failures-- > 0) throw new AppError('database_unavailable', 'down');
        await seen.note(batch);
      }),
      { hooks: { onRetry: retried } },
    );
    await seen.full;
    await consumer.stop();
    expect(seen.handled).toEqual(numbered(20));
    expect(retried).toHaveBeenCalledTimes(3);
    expect(retried).toHaveBeenCalledWith(topic.name, 'database_unavailable');
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(0);
  });

  it('pauses its partition for a long outage while the others go on, and is over when it is over', async () => {
    const topic = await stack.topic(2);
    await topic.send(['sick'], 0);
    const sick = { is: true, tries: 0 };
    const paused = Promise.withResolvers<void>();
    const healthy = recorder(300);
    const recovered = recorder(1);
    const consumer = await stack.consume(
      topic.processor(async (batch) => {
        if (batch.partition === 1) return healthy.note(batch);
        sick.tries += 1;
        // 5, 10, 20, 40, 80 ms in place; from the sixth on the partition is paused.
        if (sick.tries === 7) paused.resolve();
        if (sick.is) throw new AppError('database_unavailable', 'down');
        return recovered.note(batch);
      }),
      { partitionsConcurrently: 1 },
    );
    await paused.promise;
    await topic.send(numbered(300), 1);
    await healthy.full;
    expect(sick.is && recovered.handled.length === 0).toBe(true);
    sick.is = false;
    await recovered.full;
    await consumer.stop();
    expect(recovered.handled).toEqual(['sick']);
  });

  it('is not mistaken for bad data, however long it lasts', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(3));
    const seen = recorder(3);
    let failures = 12;
    await stack.consume(
      topic.processor(async (batch) => {
        if (failures-- > 0) throw new AppError('registry_unavailable', 'down');
        await seen.note(batch);
      }),
      { timing: { firstWaitMs: 1, longestWaitMs: 5 }, unforeseenAttempts: 2 },
    );
    await seen.full;
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(0);
  });

  it('a checkpoint store that is down at the start is waited for', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    let failures = 3;
    const seen = recorder(1);
    const consumer = await stack.consume(topic.processor(seen.note), {
      checkpoints: {
        ...stack.checkpoints,
        async acquire(...place) {
          if (failures-- > 0) throw new AppError('database_unavailable', 'down');
          return stack.checkpoints.acquire(...place);
        },
      },
    });
    await seen.full;
    await consumer.stop();
    expect(seen.handled).toEqual(['r0']);
  });

  it('a stop does not wait for an outage to end', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    const asked = Promise.withResolvers<void>();
    const timing = { firstWaitMs: 60_000, longestWaitMs: 60_000, inPlaceWaitMs: 60_000 };
    const consumer = await stack.consume(
      topic.processor(async () => {
        asked.resolve();
        throw new AppError('database_unavailable', 'down');
      }),
      { timing },
    );
    const other = await stack.topic();
    const unread = Promise.withResolvers<void>();
    const waiting = await stack.consume(
      other.processor(async () => undefined),
      {
        timing,
        checkpoints: {
          ...stack.checkpoints,
          async acquire() {
            unread.resolve();
            throw new AppError('database_unavailable', 'down');
          },
        },
      },
    );
    await Promise.all([asked.promise, unread.promise]);
    await Promise.all([consumer.stop(), waiting.stop()]);
    expect(await stored(topic)).toBeNull();
  });

  it.each([
    ['write_conflict', 2, []],
    ['write_conflict', 3, ['met']],
    ['database_unavailable', 1, ['met']],
  ] as const)('%s, %i times, is warned of: %j', async (code, times, warnings) => {
    const topic = await stack.topic();
    await topic.send(['one']);
    const warned = jest.fn();
    const quiet = (): void => undefined;
    const handled = Promise.withResolvers<void>();
    let failures: number = times;
    const consumer = await stack.consume(
      topic.processor(async () => {
        if (failures-- > 0) throw new AppError(code, 'met');
        handled.resolve();
      }),
      {
        timing: { firstWaitMs: 1, longestWaitMs: 1_000 },
        logger: { debug: quiet, info: quiet, warn: warned, error: quiet },
      },
    );
    await handled.promise;
    await consumer.stop();
    expect(warned.mock.calls.map(([, message]) => message)).toEqual(warnings);
  });
});

describe('an error of configuration', () => {
  it('ends the process and touches neither record nor checkpoint', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    const consumer = await stack.consume(
      topic.processor(async () => {
        throw new AppError('schema_not_registered', 'run deploy');
      }),
    );
    expect(await consumer.died).toMatchObject({ code: 'schema_not_registered' });
    expect(consumer.alive()).toBe(false);
    expect(await stored(topic)).toBeNull();
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(0);
  });
});

describe('a bad record', () => {
  it('alone among 1000 goes to the dead-letter topic as it came; the others are applied once', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(700));
    const poison = Buffer.from(stack.codec.encode('crm.sync.v1.SyncCancelled', { ...cancelled, syncId: 'poison' }));
    await topic.sendBytes(poison, { key: 'its key', headers: { mine: 'stays', ce_scanid: 'scan' } });
    await topic.send(numbered(299, 's'));
    const applied = recorder(999);
    const consumer = await stack.consume(
      topic.processor(async (batch) => {
        if (idsOf(batch).includes('poison')) throw new AppError('constraint_violated', 'PostgreSQL 23514 on check');
        await applied.note(batch);
      }),
    );
    await applied.full;
    await consumer.stop();
    expect(applied.handled).toEqual([...numbered(700), ...numbered(299, 's')]);
    expect(await stored(topic)).toBe(1000);
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(1);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter).toMatchObject({ key: 'its key', value: poison });
    expect(letter!.headers).toEqual({
      mine: 'stays',
      ce_scanid: 'scan',
      '__connect.errors.topic': topic.name,
      '__connect.errors.partition': '0',
      '__connect.errors.offset': '700',
      '__connect.errors.connector.name': topic.name,
      '__connect.errors.task.id': '0',
      '__connect.errors.stage': 'TASK_PUT',
      '__connect.errors.class.name': topic.name,
      '__connect.errors.exception.class.name': 'constraint_violated',
      '__connect.errors.exception.message': 'PostgreSQL 23514 on check',
      'crm.attempts': '1',
    });
  });

  it('that is refused by itself is dead-lettered, and the others are handled in two batches, never halved', async () => {
    const topic = await stack.topic();
    await topic.send([...numbered(40), 'refused', ...numbered(40, 's')]);
    const applied = recorder(80);
    const told: string[] = [];
    const consumer = await stack.consume(
      topic.processor(applied.note, {
        refuse: ({ value }) =>
          (value as { syncId: string }).syncId === 'refused'
            ? new AppError('record_invalid', 'not this one')
            : undefined,
        deadLettered: async ({ offset }, { code }, checkpoint) => {
          told.push(`${offset} ${code}`);
          await stack.checkpoints.save(checkpoint);
        },
        savesCheckpoint: true,
        async handle(batch) {
          await stack.checkpoints.save(batch.checkpoint);
          await applied.note(batch);
        },
      }),
    );
    await applied.full;
    await consumer.stop();
    expect(applied.batches.map(idsOf)).toEqual([numbered(40), numbered(40, 's')]);
    expect(told).toEqual(['40 record_invalid']);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter!.headers).toMatchObject({
      '__connect.errors.exception.class.name': 'record_invalid',
      '__connect.errors.exception.message': 'not this one',
    });
  });

  it.each<[string, Buffer | null, string]>([
    ['garbage bytes', Buffer.from('garbage'), 'record_undecodable'],
    ['a wrong magic byte', Buffer.from([7, 0, 0, 0, 1, 1, 1]), 'record_undecodable'],
    ['no value', null, 'record_undecodable'],
    ['an empty value', Buffer.alloc(0), 'record_undecodable'],
    ['an unknown schema id', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]), 'schema_unknown'],
  ])('with %s is dead-lettered and its neighbours are applied', async (_what, bytes, code) => {
    const topic = await stack.topic();
    await topic.send(['before']);
    await topic.sendBytes(bytes);
    await topic.send(['after']);
    expect(await handleAll(topic, 2)).toEqual(['before', 'after']);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter).toMatchObject({
      value: bytes,
      headers: {
        '__connect.errors.stage': 'VALUE_CONVERTER',
        '__connect.errors.class.name': 'codec',
        '__connect.errors.exception.class.name': code,
      },
    });
  });

  it('with a header that is null, as Kafka allows, is dead-lettered like others', async () => {
    const topic = await stack.topic();
    const headers = { ce_type: null, 'crm.redriven-for': null, mine: null } as unknown as Record<string, string>;
    await topic.sendBytes(Buffer.from('garbage'), { headers });
    await topic.send(['after']);
    expect(await handleAll(topic, 1)).toEqual(['after']);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter!.headers).toMatchObject({
      mine: 'null',
      '__connect.errors.exception.class.name': 'record_undecodable',
    });
  });

  it('whose head names a branch that its union lacks is dead-lettered', async () => {
    const topic = await stack.topic();
    const type = 'crm.observation.v1.VendorObserved';
    await stack.codec.ready([type]);
    const bytes = (contactId: string): Buffer => stack.codec.encode(type, vendorObserved({ contactId }));
    const bad = withBranch40(bytes('bad'));
    for (const value of [bytes('before'), bad, bytes('after')]) await topic.sendBytes(value);
    const seen = recorder(2);
    const consumer = await stack.consume(topic.processor(seen.note, { types: [type], headFirst: true }));
    await seen.full;
    await consumer.stop();
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter).toMatchObject({
      value: bad,
      headers: { '__connect.errors.exception.class.name': 'record_undecodable' },
    });
  });

  it('whose head alone can be read is dead-lettered once its value is asked for', async () => {
    const topic = await stack.topic();
    const type = 'crm.observation.v1.VendorObserved';
    await stack.codec.ready([type]);
    const bytes = (contactId: string): Buffer => stack.codec.encode(type, vendorObserved({ contactId }));
    const cut = bytes('cut').subarray(0, -3);
    for (const value of [bytes('before'), cut, bytes('after')]) await topic.sendBytes(value);
    const heads: string[] = [];
    const values: string[] = [];
    const all = Promise.withResolvers<void>();
    const consumer = await stack.consume(
      topic.processor(
        async ({ events }) => {
          // The first record of a schema is decoded whole.
          for (const { head } of events) heads.push((head as VendorObserved).contactId);
          const decoded = events.map(({ value }) => (value as VendorObserved).contactId);
          values.push(...decoded);
          if (values.length === 2) all.resolve();
        },
        { types: [type], headFirst: true },
      ),
    );
    await all.promise;
    await consumer.stop();
    expect(values).toEqual(['before', 'after']);
    expect(heads).toContain('cut');
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter).toMatchObject({
      value: cut,
      headers: { '__connect.errors.exception.class.name': 'record_undecodable' },
    });
  });

  it('of an error nobody foresaw is found by bisection after some attempts, which are earned once per batch', async () => {
    const topic = await stack.topic();
    await topic.send([...numbered(127), 'poison']);
    const applied = recorder();
    const buried = Promise.withResolvers<void>();
    const retried = jest.fn();
    const consumer = await stack.consume(
      topic.processor(async (batch) => {
        if (idsOf(batch).includes('poison')) throw new TypeError('cannot read x of undefined: ann@example.test');
        await applied.note(batch);
      }),
      { unforeseenAttempts: 3, hooks: { onRetry: retried, onDeadLetter: () => buried.resolve() } },
    );
    await buried.promise;
    await consumer.stop();
    expect(applied.handled).toEqual(numbered(127));
    expect(retried).toHaveBeenCalledTimes(3);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter!.headers).toMatchObject({
      '__connect.errors.exception.message': 'unexpected TypeError (3 attempts)',
      'crm.attempts': '4',
    });
  });

  it('of an error nobody foresaw that comes from looking at it alone is found in the same way', async () => {
    const topic = await stack.topic();
    await topic.send(['before', 'poison', 'after']);
    const applied = recorder(2);
    const consumer = await stack.consume(
      topic.processor(applied.note, {
        refuse({ value }) {
          if ((value as { syncId: string }).syncId === 'poison') throw new TypeError('cannot read x of undefined');
          return undefined;
        },
      }),
      { unforeseenAttempts: 3 },
    );
    await applied.full;
    await consumer.stop();
    expect(applied.handled).toEqual(['before', 'after']);
    const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
    expect(letter!.headers).toMatchObject({
      '__connect.errors.exception.message': 'unexpected TypeError (3 attempts)',
    });
  });

  it('has one letter and is told once, however often its checkpoint fails, and is tried at growing intervals', async () => {
    const topic = await stack.topic();
    await topic.sendBytes(Buffer.from('garbage'));
    const told = jest.fn(async () => undefined);
    const warned = jest.fn();
    const quiet = (): void => undefined;
    const buried = Promise.withResolvers<void>();
    let failures = 5;
    const consumer = await stack.consume(
      topic.processor(async () => undefined, { deadLettered: told }),
      {
        timing: { firstWaitMs: 1, longestWaitMs: 1_000 },
        hooks: { onDeadLetter: () => buried.resolve() },
        // It warns when the first attempt fails, and when the intervals have grown to the longest.
        logger: { debug: quiet, info: quiet, warn: warned, error: quiet },
        checkpoints: {
          ...stack.checkpoints,
          async save(checkpoint) {
            if (failures-- > 0) throw new AppError('database_unavailable', 'down');
            await stack.checkpoints.save(checkpoint);
          },
        },
      },
    );
    await buried.promise;
    await consumer.stop();
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(1);
    expect(told).toHaveBeenCalledTimes(1);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(await stored(topic)).toBe(1);
  });

  it('is told to its processor before the checkpoint passes it', async () => {
    const topic = await stack.topic();
    await topic.sendBytes(Buffer.from('garbage'), {
      key: 'L:contact:1',
      headers: { ce_scanid: 's', ce_scannumber: '7' },
    });
    const told = Promise.withResolvers<unknown>();
    await stack.consume(
      topic.processor(async () => undefined, {
        deadLettered: async (record, { code }, { next }) =>
          told.resolve({ record, code, next, passed: await stored(topic) }),
      }),
    );
    expect(await told.promise).toMatchObject({
      code: 'record_undecodable',
      next: '1',
      passed: null,
      record: { key: 'L:contact:1', offset: '0', scanId: 's', scanNumber: 7, id: undefined },
    });
  });

  it('whose headers are bad as well does not block the partition', async () => {
    const topic = await stack.topic();
    await topic.sendBytes(Buffer.from('garbage'), { key: 'nul \0 key' });
    await topic.send(['after']);
    const seen = recorder(1);
    const processor: Processor = topic.processor(seen.note, {
      deadLettered: async () => {
        throw new AppError('constraint_violated', 'PostgreSQL 22021');
      },
    });
    const consumer = await stack.consume(processor);
    await seen.full;
    await consumer.stop();
    expect(await stored(topic)).toBe(2);
    expect(await countRecords(stack.kafka, topic.deadLetters)).toBe(1);
  });
});

const cancelled = { syncId: 'x', source: 'ghl', account: 'L', requestedBy: 'test', requestedAt: 1 };

/** An observation whose first union has a branch that there is not: frame, account, then the branch. */
function withBranch40(bytes: Buffer): Buffer {
  const place = 5 + 1 + bytes[5]! / 2;
  return Buffer.concat([bytes.subarray(0, place), Buffer.from([80]), bytes.subarray(place + 1)]);
}
