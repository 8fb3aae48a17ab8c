import { CONSUMER_GROUPS, deadLetterTopic, TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { kafkaOf } from '#libs/runtime/src/platform.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import { readPositions } from '#libs/storage/src/checkpoints.ts';
import { existingStack, withDatabase } from './connections.ts';

/** A topic with how many records it holds and how far each consumer is behind. */
export interface TopicState {
  topic: string;
  partitions: number;
  records: number;
  consumers: { processor: string; behind: number }[];
}

/** Processor names by consumer group, as their checkpoints are called. */
const PROCESSORS: Record<keyof typeof CONSUMER_GROUPS, string> = {
  'connector-ghl': 'connector',
  classifier: 'classifier',
  'projector-ghl': 'ghl',
  'projector-salesforce': 'salesforce',
  'projector-runs': 'runs',
  'projector-operations': 'operations',
  'projector-lifecycle': 'lifecycle',
};

/** Offsets of every topic of the catalogue and of every dead-letter topic. */
export async function topicsOf(settings: Settings, logger: Logger): Promise<TopicState[]> {
  const stack = await existingStack(settings);
  const kafka = kafkaOf(stack, 'tributary-cli', logger);
  const groups = Object.entries(CONSUMER_GROUPS) as [keyof typeof CONSUMER_GROUPS, readonly TopicName[]][];
  const dead = groups.flatMap(([group, topics]) => topics.map((topic) => deadLetterTopic(topic, group)));
  const offsets = await topicOffsets(kafka, [...Object.keys(TOPICS), ...dead]);
  return withDatabase(stack, async (database) => {
    const positions = await readPositions(database);
    return [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, parts]) => {
      const readers = groups
        .filter(([, topics]) => (topics as readonly string[]).includes(topic))
        .map(([group]) => PROCESSORS[group]);
      return {
        topic,
        partitions: parts.length,
        records: parts.reduce((sum, { low, high }) => sum + high - low, 0),
        consumers: readers.map((processor) => ({
          processor,
          behind: parts.reduce(
            (sum, { partition, low, high }) =>
              sum + high - Math.max(low, positions.get(`${processor} ${topic} ${partition}`) ?? low),
            0,
          ),
        })),
      };
    });
  });
}

/** The topics for people. */
export function renderTopics(topics: readonly TopicState[]): string {
  const width = Math.max(5, ...topics.map(({ topic }) => topic.length));
  const lines = topics.map(({ topic, partitions, records, consumers }) => {
    const lag = consumers
      .map(({ processor, behind }) => `${processor} ${behind === 0 ? 'at the end' : `${behind} behind`}`)
      .join(', ');
    return `${topic.padEnd(width)}  ${String(partitions).padStart(10)}  ${String(records).padStart(9)}  ${lag}`;
  });
  return [`${'TOPIC'.padEnd(width)}  PARTITIONS    RECORDS  CONSUMERS`, ...lines].join('\n');
}
