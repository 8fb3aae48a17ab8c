import { randomUUID } from 'node:crypto';
import type { Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import type { LetterFacts } from '#libs/contracts/src/dead-letters.ts';
import { DEAD_LETTER_HEADERS as H, HEADERS } from '#libs/contracts/src/headers.ts';
import { accountOfKey, DEAD_LETTER_TOPICS } from '#libs/contracts/src/topics.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { headerText } from './processor.ts';
import { topicOffsets, withAdmin } from './topics.ts';

/** A dead letter as it lies on its topic. */
export interface LetterRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
}

/** Id of a dead letter: where it lies. */
export function letterId(topic: string, partition: number, offset: string | number): string {
  return `${topic}:${partition}:${offset}`;
}

/** What the headers of a dead letter say; its value stays unread. Undefined for what no consumer of ours wrote. */
export function letterFacts(topic: string, partition: number, message: KafkaMessage): LetterFacts | undefined {
  const origin = DEAD_LETTER_TOPICS.find(({ name }) => name === topic);
  const number = Number(headerText(message, H.offset));
  if (origin === undefined || headerText(message, H.offset) === undefined || !Number.isSafeInteger(number))
    return undefined;
  const text = (name: string): string | null => clean(headerText(message, name));
  return {
    id: letterId(topic, partition, message.offset),
    topic: origin.topic,
    partition: Number(headerText(message, H.partition)) || 0,
    offset: number,
    group: origin.group,
    code: text(H.exceptionClass) ?? 'internal',
    message: text(H.exceptionMessage),
    attempts: Number(headerText(message, H.attempts)) || null,
    at: Number(message.timestamp),
    type: text(HEADERS.type),
    scanId: text(HEADERS.scanId),
    account: clean(accountOfKey(origin.topic, message.key?.toString() ?? '') ?? undefined),
    redrivenFrom: text(HEADERS.redrivenFrom),
  };
}

/** Text that fits a column: PostgreSQL takes no NUL, and nobody reads more than this. */
function clean(text: string | undefined): string | null {
  return text === undefined ? null : text.replaceAll('\0', '').slice(0, 2_000);
}

const READ_WITHIN_MS = 60_000;

/** Reads dead letters by id, as bytes; those that Kafka no longer keeps are left out. */
export async function readLetters(kafka: Kafka, ids: readonly string[]): Promise<Map<string, LetterRecord>> {
  const wanted = await stillKept(kafka, ids);
  if (wanted.size === 0) return new Map();
  const groupId = `tributary-dead-letter-reader-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 });
  try {
    return await collect(consumer, wanted);
  } finally {
    await consumer.disconnect();
    // A group without offsets ends by itself; removing it keeps lists of groups clean.
    await withAdmin(kafka, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  }
}

/** Offsets that are asked for, by topic and partition, ascending. */
type Wanted = Map<string, { topic: string; partition: number; offsets: number[] }>;

async function stillKept(kafka: Kafka, ids: readonly string[]): Promise<Wanted> {
  const places = ids.map((id) => {
    const [topic = '', partition, offset] = id.split(':');
    return { topic, partition: Number(partition), offset: Number(offset) };
  });
  const kept = await topicOffsets(kafka, [...new Set(places.map(({ topic }) => topic))]);
  const wanted: Wanted = new Map();
  for (const { topic, partition, low, high } of kept) {
    const offsets = places
      .filter((place) => place.topic === topic && place.partition === partition)
      .map(({ offset }) => offset)
      .filter((offset) => offset >= low && offset < high)
      .sort((a, b) => a - b);
    if (offsets.length > 0) wanted.set(`${topic} ${partition}`, { topic, partition, offsets });
  }
  return wanted;
}

async function collect(consumer: Consumer, wanted: Wanted): Promise<Map<string, LetterRecord>> {
  const found = new Map<string, LetterRecord>();
  const open = new Set(wanted.keys());
  let timer: NodeJS.Timeout | undefined;
  await consumer.connect();
  await consumer.subscribe({
    topics: [...new Set([...wanted.values()].map(({ topic }) => topic))],
    fromBeginning: true,
  });
  await new Promise<void>((resolve, reject) => {
    const late = new AppError('kafka_unavailable', 'the dead letters could not be read in time: check KAFKA_BROKERS');
    timer = setTimeout(() => reject(late), READ_WITHIN_MS);
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch: { topic, partition, messages } }) => {
          const place = `${topic} ${partition}`;
          const asked = wanted.get(place);
          if (asked === undefined) return;
          for (const { offset, key, value, headers = {} } of messages) {
            if (asked.offsets.includes(Number(offset)))
              found.set(letterId(topic, partition, offset), { key, value, headers });
          }
          if (Number(messages.at(-1)?.offset ?? -1) >= asked.offsets.at(-1)!) open.delete(place);
          if (open.size === 0) resolve();
        },
      })
      .then(() => {
        for (const { topic, partition, offsets } of wanted.values())
          consumer.seek({ topic, partition, offset: String(offsets[0]) });
      }, reject);
  }).finally(() => clearTimeout(timer));
  return found;
}
