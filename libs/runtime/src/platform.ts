import { hostname } from 'node:os';
import { CONSUMER_GROUPS, TOPICS } from '#libs/contracts/src/topics.ts';
import { closeConnections, createKafka, type KafkaLogger } from '#libs/kafka/src/client.ts';
import { createCodec, type Codec } from '#libs/kafka/src/codec.ts';
import { startConsumer, type RunningConsumer } from '#libs/kafka/src/consumer.ts';
import type { AnyProcessor, CheckpointStore } from '#libs/kafka/src/processor.ts';
import { createProducer, type Producer } from '#libs/kafka/src/producer.ts';
import { registerSchemas } from '#libs/kafka/src/registry.ts';
import type { RegistryAddress } from '#libs/kafka/src/registry-client.ts';
import { askBrokers, ensureTopics } from '#libs/kafka/src/topics.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import { grantRoles } from '#libs/storage/src/roles.ts';
import { askDatabase, createPool, type Database } from '#libs/storage/src/pool.ts';
import { toAppError } from './errors.ts';
import type { StackAccess } from './access.ts';
import type { Component, Readiness } from './host.ts';
import { instrument } from './instrument.ts';
import type { Logger } from './logger.ts';
import { reachable } from './reachable.ts';

/** The stack, and what this process may use of it. */
export interface PlatformOptions {
  stack: StackAccess;
  databasePool: number;
  /** Silence after which a consumer's partitions go to others; 45 s if nothing is said. */
  sessionMs?: number;
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
  /** Whether the database and the brokers answer, and why not. */
  readiness(): Promise<Readiness[]>;
  close(): Promise<void>;
}

/** A Kafka client for the stack. */
export function kafkaOf(
  { kafkaBrokers: brokers, kafkaSecurity: security }: StackAccess,
  clientId: string,
  logger: KafkaLogger,
  more: { retries?: number } = {},
): ReturnType<typeof createKafka> {
  return createKafka({ brokers, clientId, logger, security, ...more });
}

/** The registry of the stack. */
export function registryOf({ schemaRegistryUrl, registrySecurity }: StackAccess): RegistryAddress {
  return { registryUrl: schemaRegistryUrl, security: registrySecurity };
}

/**
 * The deploy step: migrations, database roles, topics, schemas. Running it again changes nothing. `roles` is what an administrator of
 * the database has to run first, where our own user may not.
 */
export async function deploy(
  options: Omit<PlatformOptions, 'databasePool' | 'sessionMs'> & { replication: number },
): Promise<{ migrations: string[]; roles: string[]; topics: string[]; schemas: number }> {
  const { stack, logger, service, replication } = options;
  const kafka = kafkaOf(stack, `tributary-${service}`, logger);
  const consumptions = Object.entries(CONSUMER_GROUPS).flatMap(([groupId, topics]) =>
    topics.map((topic) => ({ topic, groupId })),
  );
  const [{ migrations, roles }, topics, schemas] = await Promise.all([
    migrateWithRoles(stack.databaseUrl),
    ensureTopics(kafka, consumptions, replication),
    registerSchemas(registryOf(stack)),
  ]);
  return { migrations, roles, topics, schemas };
}

async function migrateWithRoles(databaseUrl: string): Promise<{ migrations: string[]; roles: string[] }> {
  // A process that does not deploy starts without the ORM.
  const { migrate } = await import('#libs/storage/src/orm.ts');
  const migrations = await migrate(databaseUrl);
  return { migrations, roles: await grantRoles(databaseUrl) };
}

/** Opens the shared connections. Throws when the schemas are not registered. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { stack, databasePool, sessionMs, logger, service } = options;
  const { databaseUrl } = stack;
  const clientId = `tributary-${service}-${hostname()}`;
  const kafka = kafkaOf(stack, clientId, logger);
  const probing = kafkaOf(stack, clientId, logger, { retries: 0 });
  const database = createPool({ databaseUrl, applicationName: `tributary-${service}`, max: databasePool });
  const codec = createCodec(registryOf(stack));
  const producer = await connectAll(database, codec, () =>
    createProducer({ kafka, codec, source: `/crm/${service}`, onSent: instrument.sent }),
  ).catch(async (error: unknown) => {
    await database.end();
    throw error;
  });
  const checkpoints = createCheckpointStore(database);
  const looks = [reachable('database', () => askDatabase(database)), reachable('kafka', () => askBrokers(probing))];
  const timing = sessionMs === undefined ? {} : { timing: { sessionMs } };
  return {
    kafka,
    database,
    codec,
    producer,
    checkpoints,
    consumer: (processor) => consumerComponent(processor, { kafka, codec, producer, checkpoints, logger, ...timing }),
    readiness: () => Promise.all(looks.map((look) => look())),
    async close() {
      await producer.stop();
      await database.end();
      closeConnections(kafka);
      closeConnections(probing);
    },
  };
}

/** A database that is down is waited for by the parts; one that refuses us is told now. */
async function connectAll<T>(database: Database, codec: Codec, connect: () => Promise<T>): Promise<T> {
  await database.query('select 1').catch((error: unknown) => {
    if (toAppError(error).kind === 'config') throw error;
  });
  await codec.ready(Object.values(TOPICS).flatMap(({ events }) => [...events]));
  return connect();
}

type Shared = Pick<Platform, 'kafka' | 'codec' | 'producer' | 'checkpoints'> & {
  logger: Logger;
  timing?: { sessionMs: number };
};

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
