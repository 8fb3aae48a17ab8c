import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { inTransaction } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import {
  EVENT,
  idsOf,
  loopEvent,
  openLoop,
  quietKafka,
  through,
  type LoopStack,
  type LoopTopic,
  type TestConsumer,
} from '#testcontainers/loop.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startProxy, type Proxy } from '#testcontainers/proxy.ts';
import type { EventBatch, Processor } from './processor.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

let database: TestDatabase;
let stack: LoopStack;
let proxy: Proxy;

/** The shortest session a broker takes by default. */
const SESSION = { timing: { sessionMs: 6_000 } };

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('create table effects (n bigserial, topic text, id text, member text)');
  stack = await openLoop(database.pool);
  const [host, port] = testStack().kafkaBrokers.split(',')[0]!.split(':');
  proxy = await startProxy({ host: host!, port: Number(port) });
}, 60_000);

afterAll(async () => {
  proxy.heal();
  await stack.stop();
  await proxy.stop();
  await database.drop();
}, 60_000);

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}`);

/** A processor with its effect and its checkpoint in one transaction; `before` runs ahead of each. */
function effectful(topic: LoopTopic, member: string, before?: (batch: EventBatch) => Promise<void>) {
  const waiting: { count: number; reached: () => void }[] = [];
  let written = 0;
  const processor: Processor = topic.processor(
    async (batch) => {
      await before?.(batch);
      await inTransaction(database.pool, async (sql) => {
        await sql.query('insert into effects (topic, id, member) select $1, id, $2 from unnest($3::text[]) as id', [
          topic.name,
          member,
          idsOf(batch),
        ]);
        await saveCheckpoint(sql, batch.checkpoint);
      });
      written += batch.events.length;
      for (const { count, reached } of waiting) if (written >= count) reached();
    },
    { savesCheckpoint: true },
  );
  const reached = (count: number): Promise<void> => new Promise((resolve) => waiting.push({ count, reached: resolve }));
  return { processor, reached };
}

async function effects(topic: LoopTopic): Promise<{ id: string; member: string }[]> {
  const { rows } = await database.pool.query<{ id: string; member: string }>(
    'select id, member from effects where topic = $1 order by n',
    [topic.name],
  );
  return rows;
}

/** Resolves when every record of the topic has had an effect. */
async function complete(topic: LoopTopic, count: number): Promise<void> {
  while ((await effects(topic)).length < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('a group', () => {
  it('kafkajs issue 1140: a batch longer than the session keeps its partition', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(5));
    let batches = 0;
    const { processor, reached } = effectful(topic, 'slow', async () => {
      batches += 1;
      // Work of eight seconds under a session of six.
      await new Promise((resolve) => setTimeout(resolve, 8_000));
    });
    const done = reached(5);
    const consumer = await stack.consume(processor, SESSION);
    await done;
    expect(consumer.alive()).toBe(true);
    await consumer.stop();
    expect(batches).toBe(1);
    expect((await effects(topic)).map(({ id }) => id)).toEqual(numbered(5));
  }, 20_000);

  it('fences a zombie: what it wakes up with is written by its successor only', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(3));
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const zombie = effectful(topic, 'zombie', async () => {
      inside.resolve();
      await gate.promise;
    });
    const fenced = Promise.withResolvers<void>();
    await stack.consume(zombie.processor, {
      ...SESSION,
      kafka: quietKafka({ socketFactory: through(proxy.port) }),
      logger: {
        debug: () => undefined,
        info: () => undefined,
        error: () => undefined,
        warn: (_fields, message) => void (message.startsWith('partition taken over') && fenced.resolve()),
      },
    });
    await inside.promise;
    proxy.swallow();
    const successor = effectful(topic, 'successor');
    const taken = successor.reached(3);
    await stack.consume(successor.processor, SESSION);
    await taken;
    gate.resolve();
    await fenced.promise;
    proxy.heal();
    await topic.send(['later']);
    await complete(topic, 4);
    const written = await effects(topic);
    expect(written.slice(0, 3)).toEqual(numbered(3).map((id) => ({ id, member: 'successor' })));
    expect(written.map(({ id }) => id)).toEqual([...numbered(3), 'later']);
  }, 40_000);

  it('that a member joins and leaves handles every record once in effect', async () => {
    const topic = await stack.topic(4);
    const total = 4_000;
    const send = async (from: number, to: number): Promise<void> => {
      for (let partition = 0; partition < 4; partition += 1) {
        const ids = numbered(to).slice(from);
        await topic.send(
          ids.map((id) => `${id} ${partition}`),
          partition,
        );
      }
    };
    await send(0, 500);
    const first = effectful(topic, 'first');
    const begun = first.reached(100);
    const one = await stack.consume(first.processor, { maxBatch: 50 });
    await begun;
    const second = effectful(topic, 'second');
    const joined = second.reached(1);
    await stack.consume(second.processor, { maxBatch: 50 });
    await send(500, 1_000);
    await joined;
    await one.stop();
    await complete(topic, total);
    const ids = (await effects(topic)).map(({ id }) => id);
    expect(ids).toHaveLength(total);
    expect(new Set(ids).size).toBe(total);
    for (let partition = 0; partition < 4; partition += 1) {
      const mine = ids.filter((id) => id.endsWith(` ${partition}`)).map((id) => id.split(' ')[0]);
      expect(mine).toEqual(numbered(1_000));
    }
  }, 40_000);
});

describe('brokers that go away', () => {
  it('and come back are joined again, and nothing is lost or repeated', async () => {
    const topic = await stack.topic();
    await topic.send(numbered(10));
    const { processor, reached } = effectful(topic, 'only');
    const before = reached(10);
    const consumer: TestConsumer = await stack.consume(processor, {
      ...SESSION,
      kafka: quietKafka({ socketFactory: through(proxy.port) }),
    });
    await before;
    const refused = proxy.refused();
    proxy.cut();
    await refused;
    await topic.send(['while away']);
    proxy.heal();
    await complete(topic, 11);
    expect(consumer.alive()).toBe(true);
    expect((await effects(topic)).map(({ id }) => id)).toEqual([...numbered(10), 'while away']);
  }, 30_000);
});

describe('kafkajs compression', () => {
  async function sendCompressed(topic: LoopTopic, compression: kafkajs.CompressionTypes): Promise<void> {
    const producer = stack.kafka.producer();
    await producer.connect();
    const value = stack.codec.encode(EVENT, loopEvent(topic.name, 'packed', 0).value);
    await producer.send({ topic: topic.name, compression, messages: [{ key: 'k', value }] });
    await producer.disconnect();
  }

  it('gzip of a foreign producer is read', async () => {
    const topic = await stack.topic();
    await sendCompressed(topic, CompressionTypes.GZIP);
    const { processor } = effectful(topic, 'only');
    await stack.consume(processor);
    await complete(topic, 1);
    expect((await effects(topic)).map(({ id }) => id)).toEqual(['packed']);
  });

  it('CRASH restart:false: snappy, which kafkajs cannot read, ends the process instead of a consumer that does nothing', async () => {
    const topic = await stack.topic();
    const absent = CompressionCodecs[CompressionTypes.Snappy];
    CompressionCodecs[CompressionTypes.Snappy] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => snappyLiteral(buffer),
      decompress: async (buffer: Buffer) => buffer,
    });
    await sendCompressed(topic, CompressionTypes.Snappy);
    CompressionCodecs[CompressionTypes.Snappy] = absent;
    const { processor } = effectful(topic, 'only');
    const consumer = await stack.consume(processor);
    expect(await consumer.died).toMatchObject({ code: 'consumer_died', message: expect.stringContaining(topic.group) });
    expect(consumer.alive()).toBe(false);
    expect(await effects(topic)).toEqual([]);
  });

  /** Snappy's format with everything in one literal: length, tag, bytes. */
  function snappyLiteral(bytes: Buffer): Buffer {
    const length = bytes.length;
    const varint = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
    return Buffer.concat([Buffer.from([...varint, 61 << 2, (length - 1) & 255, (length - 1) >> 8]), bytes]);
  }
});
