import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { MAX_RECORD_BYTES } from '#libs/contracts/src/topics.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import {
  countRecords,
  loopEvent,
  openLoop,
  quietKafka,
  readTopic,
  through,
  type LoopStack,
} from '#testcontainers/loop.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startProxy, type Proxy } from '#testcontainers/proxy.ts';
import { createProducer, partitionOf } from './producer.ts';
import { ensureTopics, withAdmin } from './topics.ts';

let database: TestDatabase;
let stack: LoopStack;
let proxy: Proxy;

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await openLoop(database.pool);
  const [host, port] = testStack().kafkaBrokers.split(',')[0]!.split(':');
  proxy = await startProxy({ host: host!, port: Number(port) });
}, 60_000);

afterAll(async () => {
  await stack.stop();
  await proxy.stop();
  await database.drop();
}, 60_000);

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}`);

/** The syncIds of a topic in the order of one partition. */
async function idsOn(topic: string, count: number, partition = 0): Promise<string[]> {
  const records = await readTopic(stack.kafka, topic, count);
  return records.filter((record) => record.partition === partition).map(({ headers }) => headers['ce_id']!);
}

describe('sending', () => {
  it('acknowledges every event with the place it got, over many batches, in order', async () => {
    const topic = await stack.topic(2);
    const events = numbered(2_600).map((id, index) => loopEvent(topic.name, id, index % 2));
    const sent = await stack.producer.send(events);
    expect(sent).toHaveLength(2_600);
    expect(sent[2_599]).toEqual({ topic: topic.name, partition: 1, offset: '1299' });
    expect(await idsOn(topic.name, 2_600, 1)).toEqual(numbered(2_600).filter((_, index) => index % 2 === 1));
  });

  it('keeps the order of concurrent calls', async () => {
    const topic = await stack.topic();
    await Promise.all(numbered(200).map((id) => stack.producer.send([loopEvent(topic.name, id, 0)])));
    expect(await idsOn(topic.name, 200)).toEqual(numbered(200));
  });

  it('writes CloudEvents headers in binary mode and no others', async () => {
    const topic = await stack.topic();
    const event = loopEvent(topic.name, 'e1', 0);
    await stack.producer.send([{ ...event, subject: 's', time: 0, scanId: 'scan', scanNumber: 3, causationId: 'c' }]);
    const [record] = await readTopic(stack.kafka, topic.name, 1);
    expect(record!.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'e1',
      ce_type: event.type,
      ce_source: '/test',
      ce_time: '1970-01-01T00:00:00.000Z',
      ce_subject: 's',
      ce_scanid: 'scan',
      ce_scannumber: '3',
      ce_causationid: 'c',
      'content-type': 'application/vnd.confluent.avro',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-/),
    });
  });

  it('spreads keys as the Java client does', () => {
    // Reference values of org.apache.kafka.common.utils.Utils.murmur2 (UtilsTest.testMurmur2), made positive.
    const reference: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ];
    for (const [key, hash] of reference) expect(partitionOf(key, 0x7fffffff)).toBe((hash & 0x7fffffff) % 0x7fffffff);
  });

  it('refuses an event that no topic takes, before anything of the call is sent', async () => {
    const topic = await stack.topic();
    const large = loopEvent(topic.name, 'large', 0);
    Object.assign(large.value, { requestedBy: 'x'.repeat(MAX_RECORD_BYTES) });
    await expect(stack.producer.send([loopEvent(topic.name, 'small', 0), large])).rejects.toMatchObject({
      code: 'record_too_large',
      kind: 'data',
    });
    expect(await countRecords(stack.kafka, topic.name)).toBe(0);
  });

  it('MESSAGE_TOO_LARGE of the broker is the fault of the record, at once, and later sends go on', async () => {
    const name = `test.small.${crypto.randomUUID()}` as TopicName;
    const configEntries = [{ name: 'max.message.bytes', value: '2000' }];
    await withAdmin(stack.kafka, (admin) =>
      admin.createTopics({ waitForLeaders: true, topics: [{ topic: name, numPartitions: 1, configEntries }] }),
    );
    const large = loopEvent(name, 'large', 0);
    Object.assign(large.value, { requestedBy: 'x'.repeat(3_000) });
    await expect(stack.producer.send([large])).rejects.toMatchObject({ code: 'record_too_large' });
    await stack.producer.send([loopEvent(name, 'small', 0)]);
    expect(await idsOn(name, 1)).toEqual(['small']);
  });

  it('dead-letter topics take the largest record a topic takes, with the error headers on top', async () => {
    const group = `g-${crypto.randomUUID()}`;
    const topic = 'crm.sync-request.v1' satisfies TopicName;
    await ensureTopics(stack.kafka, [{ topic, groupId: group }]);
    const headers = { why: 'w'.repeat(1_000) };
    const value = Buffer.alloc(MAX_RECORD_BYTES - 200, 1);
    await stack.producer.sendRaw([{ topic: `${topic}.${group}.dlq`, key: null, value, headers }]);
    expect(await countRecords(stack.kafka, `${topic}.${group}.dlq`)).toBe(1);
  }, 20_000);
});

describe('Kafka 4 (KIP-896): the protocol versions of kafkajs', () => {
  it('are those the broker still speaks: produce, fetch, metadata, group and admin calls', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    const { brokers } = await withAdmin(stack.kafka, (admin) => admin.describeCluster());
    expect(brokers.length).toBeGreaterThan(0);
    expect(await idsOn(topic.name, 1)).toEqual(['r0']);
  });

  it('kafkajs compression: records go out uncompressed, so that no codec is missing at a reader', async () => {
    const topic = await stack.topic();
    await topic.send(['r0']);
    const configs = await withAdmin(stack.kafka, (admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic.name }] }),
    );
    const compression = configs.resources[0]!.configEntries.find(({ configName }) => configName === 'compression.type');
    expect(compression?.configValue).toBe('producer');
  });
});

describe('brokers that go away', () => {
  it('are waited for: everything is delivered in order, exactly once, and acknowledged', async () => {
    const topic = await stack.topic();
    const kafka = quietKafka({ socketFactory: through(proxy.port) });
    const producer = await createProducer({ kafka, codec: stack.codec, source: '/test' });
    await producer.send([loopEvent(topic.name, 'before', 0)]);
    const refused = proxy.refused();
    proxy.cut();
    const sending = Promise.all(numbered(20).map((id) => producer.send([loopEvent(topic.name, id, 0)])));
    await refused;
    proxy.heal();
    expect((await sending).flat().map(({ offset }) => offset)).toEqual(numbered(20).map((_, index) => `${index + 1}`));
    await producer.stop();
    expect(await idsOn(topic.name, 21)).toEqual(['before', ...numbered(20)]);
  }, 30_000);

  it('do not hold up a stop: a failing send and what is queued behind it fail when the time is up', async () => {
    const topic = await stack.topic();
    const kafka = quietKafka({ socketFactory: through(proxy.port) });
    const producer = await createProducer({ kafka, codec: stack.codec, source: '/test', flushMs: 500 });
    const refused = proxy.refused();
    proxy.cut();
    const failing = Promise.allSettled(numbered(2).map((id) => producer.send([loopEvent(topic.name, id, 0)])));
    await refused;
    const asked = performance.now();
    await producer.stop();
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect(await failing).toMatchObject(
      Array<object>(2).fill({ status: 'rejected', reason: { code: 'kafka_unavailable', kind: 'transient' } }),
    );
    proxy.heal();
  });
});
