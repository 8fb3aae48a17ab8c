import { hostname } from 'node:os';
import { CONSUMER_GROUPS, TOPICS } from '#libs/contracts/src/topics.ts';
import { createKafka } from '#libs/kafka/src/client.ts';
import { createCodec, type Codec } from '#libs/kafka/src/codec.ts';
import { startConsumer, type RunningConsumer } from '#libs/kafka/src/consumer.ts';
import type { AnyProcessor, CheckpointStore } from '#libs/kafka/src/processor.ts';
import { createProducer, type Producer } from '#libs/kafka/src/producer.ts';
import { registerSchemas } from '#libs/kafka/src/registry.ts';
import { ensureTopics } from '#libs/kafka/src/topics.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import { migrate } from '#libs/storage/src/orm.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import type { Component } from './host.ts';
import { instrument } from './instrument.ts';
import type { Logger } from './logger.ts';

/** Addresses of the three services, and what this process may use of them. */
export interface PlatformOptions {
  kafkaBrokers: string;
  schemaRegistryUrl: string;
  databaseUrl: string;
  databasePool: number;
  logger: Logger;
  /** Name of the process: client id, application name, CloudEvents source. */
  service: string;
}

/** Connections that the parts of one process share. */
export interface Platform {
  kafka: ReturnType<typeof createKafka>;
  database: Database;
  codec: Codec;
  producer: Producer;
  checkpoints: CheckpointStore;
  /** A component that runs a processor. */
  consumer(processor: AnyProcessor): Component;
  close(): Promise<void>;
}

/** The deploy step: migrations, topics, schemas. Running it again changes nothing. */
export async function deploy(
  options: Omit<PlatformOptions, 'databasePool'> & { replication: number },
): Promise<{ migrations: string[]; topics: string[]; schemas: number }> {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl, logger, service, replication } = options;
  const kafka = createKafka({ brokers: kafkaBrokers, clientId: `tributary-${service}`, logger });
  const consumptions = Object.entries(CONSUMER_GROUPS).flatMap(([groupId, topics]) =>
    topics.map((topic) => ({ topic, groupId })),
  );
  const [migrations, topics, schemas] = await Promise.all([
    migrate(databaseUrl),
    ensureTopics(kafka, consumptions, replication),
    registerSchemas(schemaRegistryUrl),
  ]);
  return { migrations, topics, schemas };
}

/** Opens the shared connections. Throws when the schemas are not registered. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl, databasePool, logger, service } = options;
  const kafka = createKafka({ brokers: kafkaBrokers, clientId: `tributary-${service}-${hostname()}`, logger });
  const database = createPool({ databaseUrl, applicationName: `tributary-${service}`, max: databasePool });
  const codec = createCodec({ registryUrl: schemaRegistryUrl });
  await codec.ready(Object.values(TOPICS).flatMap(({ events }) => [...events]));
  const producer = await createProducer({ kafka, codec, source: `/crm/${service}`, onSent: instrument.sent });
  const checkpoints = createCheckpointStore(database);
  return {
    kafka,
    database,
    codec,
    producer,
    checkpoints,
    consumer: (processor) => consumerComponent(processor, { kafka, codec, producer, checkpoints, logger }),
    async close() {
      await producer.stop();
      await database.end();
    },
  };
}

type Shared = Pick<Platform, 'kafka' | 'codec' | 'producer' | 'checkpoints'> & { logger: Logger };

function consumerComponent(processor: AnyProcessor, shared: Shared): Component {
  let running: RunningConsumer | undefined;
  return {
    name: processor.groupId,
    async start(fail) {
      const lags = new Map<string, number>();
      running = await startConsumer({
        ...shared,
        processor,
        onDead: fail,
        hooks: {
          onHandled: ({ groupId }, topic, count, seconds) => instrument.handled(groupId, topic, count, seconds),
          onDeadLetter: instrument.deadLetter,
          onRetry: instrument.retry,
          onLag({ groupId }, topic, partition, { seconds }) {
            lags.set(`${topic} ${partition}`, seconds);
            const worst = Math.max(
              ...[...lags].filter(([place]) => place.startsWith(`${topic} `)).map(([, lag]) => lag),
            );
            instrument.lag(groupId, topic, worst);
          },
        },
      });
    },
    readiness: () => [
      running?.alive() === true
        ? { part: processor.groupId, ready: true }
        : { part: processor.groupId, ready: false, reason: 'the consumer group is not joined yet' },
    ],
    stop: async () => running?.stop(),
  };
}
