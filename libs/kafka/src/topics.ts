import type { Admin, ITopicConfig, Kafka } from 'kafkajs';
import {
  DEAD_LETTER_RETENTION_MS,
  deadLetterTopic,
  MAX_RECORD_BYTES,
  TOPICS,
  type TopicDefinition,
  type TopicName,
} from '#libs/contracts/src/topics.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { kafkaError } from './client.ts';

/** A consumer group on a topic: each has a dead-letter topic of its own. */
export interface Consumption {
  topic: TopicName;
  groupId: string;
}

/** Room for the error headers of a dead letter, in bytes. */
const DEAD_LETTER_EXTRA_BYTES = 64 * 1024;

/** Runs admin calls on a connection of their own. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: { retries: 5 } });
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw kafkaError(error, 'the brokers do not answer: check KAFKA_BROKERS');
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Throws kafka_unavailable unless the brokers answer a new connection; how often it is tried is the client's to say. */
export async function askBrokers(kafka: Kafka): Promise<void> {
  await withAdmin(kafka, (admin) => admin.describeCluster());
}

/** Creates what is missing of the catalogue and of the dead-letter topics; config error when a topic has another partition count. */
export async function ensureTopics(
  kafka: Kafka,
  consumptions: readonly Consumption[],
  replicationFactor = 1,
): Promise<string[]> {
  const wanted: ITopicConfig[] = [
    ...Object.entries<TopicDefinition>(TOPICS).map(([topic, definition]) =>
      topicConfig(topic, definition, replicationFactor),
    ),
    ...consumptions.map(({ topic, groupId }) =>
      topicConfig(deadLetterTopic(topic, groupId), DEAD_LETTERS, replicationFactor),
    ),
  ];
  return withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true, timeout: 20_000 });
    const present = wanted.filter(({ topic }) => existing.has(topic));
    if (present.length > 0) {
      const { topics } = await admin.fetchTopicMetadata({ topics: present.map(({ topic }) => topic) });
      for (const { name, partitions } of topics) {
        const count = present.find(({ topic }) => topic === name)?.numPartitions;
        if (partitions.length !== count) {
          throw new AppError(
            'topic_missing',
            `topic ${name} has ${partitions.length} partitions, the catalogue says ${count ?? 0}: keys would move`,
          );
        }
      }
    }
    return missing.map(({ topic }) => topic);
  });
}

type Layout = Pick<TopicDefinition, 'partitions' | 'retentionMs' | 'compactAfterMs'> & { maxBytes?: number };

const DEAD_LETTERS: Layout = {
  partitions: 1,
  retentionMs: DEAD_LETTER_RETENTION_MS,
  // The largest record has the error headers on top here.
  maxBytes: MAX_RECORD_BYTES + DEAD_LETTER_EXTRA_BYTES,
};

/** How a topic is created. */
export function topicConfig(
  topic: string,
  { partitions, retentionMs, compactAfterMs, maxBytes = MAX_RECORD_BYTES }: Layout,
  replicationFactor: number,
): ITopicConfig {
  const cleanup =
    compactAfterMs === undefined
      ? [{ name: 'cleanup.policy', value: 'delete' }]
      : [
          { name: 'cleanup.policy', value: 'compact,delete' },
          { name: 'min.compaction.lag.ms', value: String(compactAfterMs) },
        ];
  return {
    topic,
    numPartitions: partitions,
    replicationFactor,
    configEntries: [
      ...cleanup,
      { name: 'retention.ms', value: String(retentionMs) },
      { name: 'max.message.bytes', value: String(maxBytes) },
    ],
  };
}

/** Lowest and next offset of every partition of topics that exist. */
export async function topicOffsets(
  kafka: Kafka,
  topics: readonly string[],
): Promise<{ topic: string; partition: number; low: number; high: number }[]> {
  return withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const found = topics.filter((topic) => existing.has(topic));
    const offsets = await Promise.all(
      found.map(async (topic) =>
        (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
          topic,
          partition,
          low: Number(low),
          high: Number(high),
        })),
      ),
    );
    return offsets
      .flat()
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
  });
}

/** Whether a consumer group has members: somebody does its work. */
export async function groupAlive(kafka: Kafka, groupId: string): Promise<boolean> {
  return withAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId]);
    return (groups[0]?.members.length ?? 0) > 0;
  });
}
