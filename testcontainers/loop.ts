import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { ISocketFactory, Producer as KafkaProducer } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { createKafka, type KafkaOptions } from '#libs/kafka/src/client.ts';
import { createCodec, type Codec } from '#libs/kafka/src/codec.ts';
import { startConsumer, type RunningConsumer } from '#libs/kafka/src/consumer.ts';
import type { CheckpointStore, ConsumerOptions, EventBatch, Processor } from '#libs/kafka/src/processor.ts';
import { createProducer, type OutgoingEvent, type Producer } from '#libs/kafka/src/producer.ts';
import { registerSchemas } from '#libs/kafka/src/registry.ts';
import { withAdmin } from '#libs/kafka/src/topics.ts';
import type { AppError } from '#libs/runtime/src/errors.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { testStack } from './addresses.ts';

/** Event that tests of the loop are made of. */
export const EVENT: EventType = 'crm.sync.v1.SyncCancelled';

/** Kafka, the codec, a producer and checkpoints as a consumer needs them, on the stack of the environment. */
export interface LoopStack {
  kafka: ReturnType<typeof createKafka>;
  codec: Codec;
  producer: Producer;
  checkpoints: CheckpointStore;
  /** A topic with its dead-letter topic, and one processor's private group on it. */
  topic(partitions?: number): Promise<LoopTopic>;
  /** Starts a consumer; it is stopped with the stack unless it was stopped before. */
  consume(processor: Processor, options?: Partial<ConsumerOptions>): Promise<TestConsumer>;
  stop(): Promise<void>;
}

/** A consumer with what killed it, if anything did. */
export interface TestConsumer extends RunningConsumer {
  died: Promise<AppError>;
}

/** A topic of one test's own. */
export interface LoopTopic {
  name: TopicName;
  group: string;
  deadLetters: string;
  /** Sends events whose syncId is the given text, to one partition. */
  send(ids: string[], partition?: number): Promise<void>;
  /** Sends bytes as they are. */
  sendBytes(value: Buffer | null, more?: Partial<{ key: string; headers: Record<string, string> }>): Promise<void>;
  /** Sends an event in a transaction of a foreign producer, whose end takes an offset as well. */
  transact(id: string, end: 'commit' | 'abort'): Promise<void>;
  /** A processor on the topic that hands its batches to `handle`. */
  processor(handle: (batch: EventBatch) => Promise<void>, more?: Partial<Processor>): Processor;
}

/** A Kafka client that says nothing, by default straight to the broker. */
export function quietKafka(options: Partial<KafkaOptions> = {}): ReturnType<typeof createKafka> {
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  return createKafka({ brokers: testStack().kafkaBrokers, clientId: 'test', logger, ...options });
}

/** Sends every connection of a client to one port, whatever address the broker advertises. */
export function through(port: number): ISocketFactory {
  return ({ onConnect }) => connect({ host: '127.0.0.1', port }, onConnect);
}

/** Opens the stack of a test file. */
export async function openLoop(database: Database): Promise<LoopStack> {
  const { schemaRegistryUrl } = testStack();
  const kafka = quietKafka();
  await registerSchemas({ registryUrl: schemaRegistryUrl });
  const codec = createCodec({ registryUrl: schemaRegistryUrl });
  await codec.ready([EVENT]);
  const producer = await createProducer({ kafka, codec, source: '/test' });
  const checkpoints = createCheckpointStore(database);
  const consumers: TestConsumer[] = [];
  return {
    kafka,
    codec,
    producer,
    checkpoints,
    topic: (partitions = 1) => makeTopic({ kafka, codec, producer }, partitions),
    async consume(processor, options = {}) {
      const quiet = (): void => undefined;
      const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
      const death = Promise.withResolvers<AppError>();
      const timing = { firstWaitMs: 5, longestWaitMs: 200, inPlaceWaitMs: 100, ...options.timing };
      const shared = { kafka, codec, producer, checkpoints, processor, logger, onDead: death.resolve };
      const running = await startConsumer({ ...shared, ...options, timing });
      let stopped: Promise<void> | undefined;
      const stop = (): Promise<void> => (stopped ??= running.stop());
      const consumer = { alive: running.alive, died: death.promise, stop };
      consumers.push(consumer);
      return consumer;
    },
    async stop() {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      await producer.stop();
    },
  };
}

async function makeTopic(
  { kafka, codec, producer }: Pick<LoopStack, 'kafka' | 'codec' | 'producer'>,
  partitions: number,
): Promise<LoopTopic> {
  const name = `test.loop.${randomUUID()}` as TopicName;
  const group = `loop-${name.slice(-36)}`;
  const deadLetters = `${name}.${group}.dlq`;
  await withAdmin(kafka, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: name, numPartitions: partitions, replicationFactor: 1 },
        { topic: deadLetters, numPartitions: 1, replicationFactor: 1 },
      ],
    }),
  );
  return {
    name,
    group,
    deadLetters,
    async send(ids, partition = 0) {
      await producer.send(ids.map((id) => loopEvent(name, id, partition)));
    },
    async sendBytes(value, { key = 'key', headers = {} } = {}) {
      await producer.sendRaw([{ topic: name, key: Buffer.from(key), value, headers }]);
    },
    async transact(id, end) {
      const open = async (): Promise<KafkaProducer> => {
        const foreign = kafka.producer({ transactionalId: name, idempotent: true, maxInFlightRequests: 1 });
        await foreign.connect();
        return foreign;
      };
      const foreign = await open();
      const transaction = await foreign.transaction();
      const value = codec.encode(EVENT, loopEvent(name, id, 0).value);
      await transaction.send({ topic: name, messages: [{ key: id, value }] });
      await transaction[end]();
      await foreign.disconnect();
      // The end is written after it is acknowledged, and before the next producer of the same id is let in.
      await (await open()).disconnect();
    },
    processor: (handle, more = {}) => ({
      name,
      groupId: group,
      topics: [name],
      types: [EVENT],
      savesCheckpoint: false,
      handle,
      ...more,
    }),
  };
}

/** An event whose syncId is the given text. */
export function loopEvent(topic: TopicName, syncId: string, partition: number): OutgoingEvent {
  const value = { syncId, source: 'ghl', account: 'L', requestedBy: 'test', requestedAt: 1 };
  return { topic, key: syncId, partition, type: EVENT, id: syncId, value };
}

/** The syncIds of a batch. */
export function idsOf({ events }: EventBatch): string[] {
  return events.map(({ value }) => (value as { syncId: string }).syncId);
}

/** A record as it is on a topic. */
export interface StoredRecord {
  partition: number;
  offset: string;
  key: string | undefined;
  value: Buffer | null;
  headers: Record<string, string>;
}

/** The first `count` records of a topic, read without any group's position. */
export async function readTopic(kafka: LoopStack['kafka'], topic: string, count: number): Promise<StoredRecord[]> {
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 50 });
  const records: StoredRecord[] = [];
  const full = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: { offset, key, value, headers = {} } }) => {
      const texts = Object.entries(headers).map(([name, header]) => [name, String(header)]);
      records.push({
        partition,
        offset,
        key: key?.toString(),
        value,
        headers: Object.fromEntries(texts) as Record<string, string>,
      });
      if (records.length === count) full.resolve();
    },
  });
  await full.promise;
  await consumer.disconnect();
  return records;
}

/** How many records a topic holds. */
export async function countRecords(kafka: LoopStack['kafka'], topic: string): Promise<number> {
  const offsets = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
  return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}
