import { randomUUID } from 'node:crypto';
import type { Kafka, KafkaMessage } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Codec } from './codec.ts';
import { eventReader } from './consumed.ts';
import { deadRecordOf, type ConsumedEvent, type DeadRecord } from './processor.ts';
import { withAdmin } from './topics.ts';

/** A partition of a topic, and the offset of its next record as a number. */
export interface Place {
  topic: TopicName;
  partition: number;
  offset: number;
}

/** How far a reader may go: not to the record at `end`, nor to one written at `before` or later. */
export interface Limit {
  end: number;
  before: number;
}

/** Records of one partition in order: the events that were asked for, up to a record that cannot be read. */
export interface ReadBatch {
  events: ConsumedEvent[];
  /** Offset of the record after them. */
  next: number;
  /** The record at `next` when it cannot be decoded; the following batch begins behind it. */
  bad?: { record: DeadRecord; error: AppError };
}

/** Reads topics apart from every consumer group, at its caller's pace and in its caller's order. */
export interface TopicReader {
  /** When the next record within the limit was written; undefined when there is none. */
  nextTime(topic: string, partition: number, limit: Limit): Promise<number | undefined>;
  /** The next records within the limit, at most `max`; undefined when there are none. */
  read(topic: string, partition: number, limit: Limit, max: number): Promise<ReadBatch | undefined>;
  close(): Promise<void>;
}

/** Bytes of values that wait in a partition's queue before the broker is asked for no more of them. */
const ENOUGH_BYTES = 1024 * 1024;

interface Queue {
  messages: KafkaMessage[];
  index: number;
  /** Of the values that wait. */
  bytes: number;
  next: number;
  resume: (() => void) | undefined;
  wake: PromiseWithResolvers<void>;
}

/** Opens a reader at these places. kafkajs reads through groups only: this one is made for the reader, saves nothing and is deleted with it. */
export async function openReader(options: {
  kafka: Kafka;
  codec: Codec;
  places: readonly Place[];
  types: readonly EventType[];
  /** Whether heads are looked at before values are asked for. */
  headFirst?: boolean | undefined;
}): Promise<TopicReader> {
  const { kafka, codec, places, types, headFirst } = options;
  const eventOf = eventReader({ codec, types, headFirst });
  const groupId = `tributary-reader-${randomUUID()}`;
  const queues = new Map(places.map(({ topic, partition, offset }) => [`${topic} ${partition}`, emptyQueue(offset)]));
  const consumer = kafka.consumer({
    groupId,
    maxBytesPerPartition: 1024 * 1024,
    maxBytes: 8 * 1024 * 1024,
    maxWaitTimeInMs: 50,
    allowAutoTopicCreation: false,
  });
  let died: AppError | undefined;
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (payload.restart) return;
    died = new AppError('kafka_unavailable', 'the topics cannot be read any further', { cause: payload.error });
    for (const { wake } of queues.values()) wake.resolve();
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...new Set(places.map(({ topic }) => topic))], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 4,
    async eachBatch({ batch, resolveOffset, heartbeat, pause }) {
      const queue = queues.get(`${batch.topic} ${batch.partition}`);
      const newest = queue?.messages.at(-1)?.offset ?? '-1';
      const fresh = batch.messages.filter(
        ({ offset }) => queue !== undefined && Number(offset) >= queue.next && Number(offset) > Number(newest),
      );
      if (queue !== undefined) enqueue(queue, fresh);
      resolveOffset(batch.lastOffset());
      if (queue === undefined) pause();
      else if (queue.bytes >= ENOUGH_BYTES) queue.resume = pause();
      queue?.wake.resolve();
      await heartbeat();
    },
  });
  for (const { topic, partition, offset } of places) consumer.seek({ topic, partition, offset: String(offset) });

  /** The queue of a partition once its next record is there; undefined when the limit comes first. */
  async function ready(topic: string, partition: number, { end, before }: Limit): Promise<Queue | undefined> {
    const queue = queues.get(`${topic} ${partition}`);
    if (queue === undefined) return undefined;
    for (;;) {
      if (died !== undefined) throw died;
      if (queue.next >= end) return undefined;
      const message = queue.messages[queue.index];
      if (message !== undefined)
        return Number(message.offset) < end && Number(message.timestamp) < before ? queue : undefined;
      queue.wake = Promise.withResolvers();
      queue.resume?.();
      queue.resume = undefined;
      await queue.wake.promise;
    }
  }

  return {
    async nextTime(topic, partition, limit) {
      const queue = await ready(topic, partition, limit);
      return queue === undefined ? undefined : Number(queue.messages[queue.index]!.timestamp);
    },
    async read(topic, partition, limit, max) {
      const queue = await ready(topic, partition, limit);
      if (queue === undefined) return undefined;
      const events: ConsumedEvent[] = [];
      let bad: ReadBatch['bad'];
      for (let read = 0; read < max && bad === undefined; read += 1) {
        const message = queue.messages[queue.index];
        if (message === undefined || Number(message.offset) >= limit.end || Number(message.timestamp) >= limit.before)
          break;
        queue.index += 1;
        queue.bytes -= bytesOf(message);
        try {
          const event = await eventOf(message);
          if (event !== undefined) events.push(event);
        } catch (failure) {
          const error = toAppError(failure);
          if (error.kind !== 'data') throw error;
          bad = { record: deadRecordOf(topic, partition, message), error };
        }
        if (bad === undefined) queue.next = Number(message.offset) + 1;
      }
      const next = queue.next;
      if (bad !== undefined) queue.next = Number(bad.record.offset) + 1;
      if (queue.index * 2 > queue.messages.length) {
        queue.messages.splice(0, queue.index);
        queue.index = 0;
      }
      return { events, next, ...(bad === undefined ? {} : { bad }) };
    },
    async close() {
      await consumer.disconnect();
      await withAdmin(kafka, (admin) => admin.deleteGroups([groupId]));
    },
  };
}

function enqueue(queue: Queue, messages: readonly KafkaMessage[]): void {
  queue.messages.push(...messages);
  for (const message of messages) queue.bytes += bytesOf(message);
}

const bytesOf = ({ value }: KafkaMessage): number => value?.length ?? 0;

function emptyQueue(offset: number): Queue {
  return { messages: [], index: 0, bytes: 0, next: offset, resume: undefined, wake: Promise.withResolvers() };
}

/** Where the first records written at a time or later are; the beginnings of the partitions when no time is given. */
export async function placesAt(kafka: Kafka, topics: readonly TopicName[], time?: number): Promise<Place[]> {
  return withAdmin(kafka, async (admin) => {
    const of = async (topic: TopicName): Promise<Place[]> => {
      const found =
        time === undefined
          ? (await admin.fetchTopicOffsets(topic)).map(({ partition, low }) => ({ partition, offset: low }))
          : await admin.fetchTopicOffsetsByTimestamp(topic, time);
      return found.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }));
    };
    return (await Promise.all(topics.map(of))).flat();
  });
}
