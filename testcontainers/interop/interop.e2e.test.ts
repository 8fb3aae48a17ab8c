import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { createCodec } from '#libs/kafka/src/codec.ts';
import { createProducer } from '#libs/kafka/src/producer.ts';
import { withAdmin } from '#libs/kafka/src/topics.ts';
import { toAppError } from '#libs/runtime/src/errors.ts';
import { countRecords, EVENT, loopEvent, quietKafka, readTopic } from '#testcontainers/loop.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline } from '#testcontainers/pipeline.ts';
import { makeWorld } from '#testcontainers/simulators/ghl/world.ts';
import { preparePython } from './python.ts';

/** Records by topic, partition and full name of the event. */
type Counts = Record<string, Record<string, Record<string, number>>>;

const prepared = preparePython();
const topics = Object.keys(TOPICS);

/** What our own codec makes of every record of the catalogue. */
async function ourCounts(): Promise<Counts> {
  const kafka = quietKafka();
  const codec = createCodec({ registryUrl: testStack().schemaRegistryUrl });
  const counts: Counts = {};
  for (const topic of topics) {
    const total = await countRecords(kafka, topic);
    for (const { partition, value } of total === 0 ? [] : await readTopic(kafka, topic, total)) {
      const type = await typeOf(codec, value);
      const ofPartition = ((counts[topic] ??= {})[partition] ??= {});
      ofPartition[type] = (ofPartition[type] ?? 0) + 1;
    }
  }
  return counts;
}

async function typeOf(codec: ReturnType<typeof createCodec>, value: Buffer | null): Promise<string> {
  try {
    return (await codec.decode(value ?? Buffer.alloc(0))).type;
  } catch (error) {
    if (toAppError(error).kind !== 'data') throw error;
    return 'unreadable';
  }
}

async function theirCounts(python: string, of = topics): Promise<{ counts: Counts; faults: string[] }> {
  const { kafkaBrokers, schemaRegistryUrl } = testStack();
  const args = [join(import.meta.dirname, 'consumer.py'), kafkaBrokers, schemaRegistryUrl, ...of];
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 16 * 1024 * 1024, timeout: 60_000 });
  return JSON.parse(stdout) as { counts: Counts; faults: string[] };
}

if ('missing' in prepared) it.skip(`a consumer that is not ours (${prepared.missing})`, () => undefined);
else
  describe('a consumer that is not ours, in Python with librdkafka and fastavro', () => {
    beforeAll(async () => {
      const test = await startTestPipeline(makeWorld({ seed: 1616, contacts: 300 }), {
        LEAD_DISCOVERY_TAGS: 'new lead',
      });
      expect(await test.sync()).toMatchObject({ exitCode: 0 });
      await test.stop();
    }, 60_000);

    it('reads every record of the catalogue through the registry, finds every envelope right, and counts the same', async () => {
      const { counts, faults } = await theirCounts(prepared.python);
      expect(faults).toEqual([]);
      expect(counts).toEqual(await ourCounts());
      const observed = Object.values(counts['crm.observation.v1']!).flatMap((partition) => Object.entries(partition));
      const types = observed.map(([type]) => type.split('.').at(-1));
      expect(types).toEqual(expect.arrayContaining(['VendorObserved', 'LeadObserved', 'ScanMarker']));
      expect(observed.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(300);
    }, 60_000);

    it('tells an envelope that is wrong, and a record that nobody can read', async () => {
      const topic = `test.interop.${randomUUID()}`;
      const kafka = quietKafka();
      await withAdmin(kafka, (admin) =>
        admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }),
      );
      const codec = createCodec({ registryUrl: testStack().schemaRegistryUrl });
      await codec.ready([EVENT]);
      const producer = await createProducer({ kafka, codec, source: '/test' });
      const event = loopEvent(topic as TopicName, 'no-uuid', 0);
      await producer.send([event]);
      const value = codec.encode(EVENT, event.value);
      await producer.sendRaw([
        { topic, key: null, value, headers: { ce_type: 'Other' } },
        { topic, key: null, value: Buffer.concat([value, Buffer.from([0])]), headers: {} },
        { topic, key: null, value: Buffer.from('no framing'), headers: {} },
      ]);
      await producer.stop();
      const { counts, faults } = await theirCounts(prepared.python, [topic]);
      expect(counts).toEqual({ [topic]: { 0: { [EVENT]: 2, unreadable: 2 } } });
      const place = (offset: number): string => `${topic} 0 ${offset} ${EVENT}`;
      expect(faults).toEqual([
        `${place(0)}: badly formed hexadecimal UUID string`,
        `${place(1)}: ce_specversion is not 1.0`,
        `${place(1)}: ce_type is Other`,
        `${place(1)}: content-type is None`,
        `${place(1)}: badly formed hexadecimal UUID string`,
      ]);
    }, 30_000);
  });
