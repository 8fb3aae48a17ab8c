import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { IHeaders, Kafka, Message, Producer as KafkaProducer } from 'kafkajs';
import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import { AVRO_CONTENT_TYPE, HEADERS } from '#libs/contracts/src/headers.ts';
import { MAX_RECORD_BYTES, TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { kafkaError } from './client.ts';
import type { Codec } from './codec.ts';
import { murmur2 } from './murmur2.ts';
import { writableHeaders } from './record-format.ts';

/** An event to publish, with its CloudEvents context. */
export interface OutgoingEvent<T extends EventType = EventType> {
  topic: TopicName;
  key: string;
  /** Partition; by default the key's. */
  partition?: number | undefined;
  type: T;
  value: Events[T];
  /** Derived id: the same step repeats the same id. */
  id: string;
  subject?: string | undefined;
  /** When it happened, in milliseconds; by default now. */
  time?: number | undefined;
  scanId?: string | undefined;
  scanNumber?: number | undefined;
  correlationId?: string | undefined;
  causationId?: string | undefined;
  traceParent?: string | undefined;
}

/** Where the broker put an event. */
export interface SentRecord {
  topic: string;
  partition: number;
  offset: string;
}

/** A record as bytes, for the dead-letter topic. */
export interface RawMessage {
  topic: string;
  partition?: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
}

/** Publishes events: acks from all, idempotent, one request in flight, in batches. */
export interface Producer {
  /** Resolves when the broker has acknowledged every event, in the order given. I1: only then may a position be saved. */
  send(events: OutgoingEvent[]): Promise<SentRecord[]>;
  /** Publishes bytes as they are. */
  sendRaw(messages: RawMessage[]): Promise<void>;
  /** Flushes what is queued and disconnects; sends that do not get through in time fail, though the broker may have the records. */
  stop(): Promise<void>;
}

/** What a producer needs; `source` is the CloudEvents source, such as /crm/connector. */
export interface ProducerOptions {
  kafka: Kafka;
  codec: Codec;
  source: string;
  /** How long a failing send is tried again, in milliseconds. */
  patienceMs?: number;
  /** How long stopping waits for sends, in milliseconds: less than a host waits for its parts. */
  flushMs?: number;
  onSent?(topic: string, count: number): void;
}

const BATCH_EVENTS = 1000;
const BATCH_BYTES = 900 * 1024;

/** Partition of a key: murmur2 as the Java client counts it, so that every client of the topics agrees. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

interface Queued {
  message: Message & { partition: number };
  topic: string;
  bytes: number;
}

/** Connects a producer. Sends wait in one queue, so the order per partition holds across concurrent calls. */
export async function createProducer(options: ProducerOptions): Promise<Producer> {
  const { kafka, codec, source, patienceMs = 120_000, flushMs = 10_000, onSent } = options;
  const traceRoot = randomBytes(16).toString('hex');
  let client = await connect(kafka).catch((error: unknown) => {
    throw kafkaError(error, 'the brokers do not answer: check KAFKA_BROKERS');
  });
  let tail: Promise<unknown> = Promise.resolve();
  const late = new AbortController();

  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = tail.then(work, work);
    tail = result.catch(() => undefined);
    return result;
  }

  async function deliver(batch: Queued[]): Promise<SentRecord[]> {
    const deadline = Date.now() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        late.signal.throwIfAborted();
        return await unlessAborted(sendOnce(client, batch), late.signal);
      } catch (error) {
        if ((error as { type?: string }).type === 'MESSAGE_TOO_LARGE') {
          throw new AppError('record_too_large', 'the broker refuses a record as too large', { cause: error });
        }
        if (Date.now() > deadline || late.signal.aborted) {
          throw kafkaError(error, 'the brokers do not take records: check KAFKA_BROKERS');
        }
        // A new producer id starts a new sequence: an idempotent producer that lost its place never recovers.
        await wait(Math.min(250 * 2 ** attempt, 5_000) * (0.8 + Math.random() * 0.4), undefined, {
          signal: late.signal,
        }).catch(() => undefined);
        await client.disconnect().catch(() => undefined);
        client = await connect(kafka).catch(() => client);
      }
    }
  }

  return {
    async send(events) {
      const queued = events.map((event) => toQueued(event, codec, source, traceRoot));
      return enqueue(async () => {
        const sent: SentRecord[] = [];
        for (const batch of batches(queued)) {
          sent.push(...(await deliver(batch)));
          if (onSent !== undefined) countByTopic(batch).forEach((count, topic) => onSent(topic, count));
        }
        return sent;
      });
    },
    async sendRaw(messages) {
      const queued = messages.map(({ topic, partition, key, value, headers }) => ({
        topic,
        bytes: (value?.length ?? 0) + 256,
        message: { key, value, headers: writableHeaders(headers), partition: partition ?? 0 },
      }));
      await enqueue(async () => {
        for (const batch of batches(queued)) await deliver(batch);
      });
    },
    async stop() {
      const flushed = enqueue(async () => client.disconnect());
      const timer = setTimeout(() => late.abort(), flushMs);
      await unlessAborted(flushed, late.signal)
        .catch((error: unknown) => {
          if (!late.signal.aborted) throw error;
        })
        .finally(() => clearTimeout(timer));
    },
  };
}

/** The outcome of `work`, or a rejection at once when the signal comes first. A race would keep every outcome as long as the signal. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

async function connect(kafka: Kafka): Promise<KafkaProducer> {
  const client = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
    retry: { retries: 5, initialRetryTime: 100 },
  });
  try {
    await client.connect();
  } catch (error) {
    // It may have connected and then been refused its producer id.
    await client.disconnect().catch(() => undefined);
    throw error;
  }
  return client;
}

function toQueued(event: OutgoingEvent, codec: Codec, source: string, traceRoot: string): Queued {
  const value = codec.encode(event.type, event.value);
  if (value.length > MAX_RECORD_BYTES - 64 * 1024) {
    throw new AppError('record_too_large', `a ${event.type} of ${value.length} bytes is larger than a topic takes`);
  }
  const partition = event.partition ?? partitionOf(event.key, TOPICS[event.topic].partitions);
  const message = { key: event.key, value, partition, headers: headersOf(event, source, traceRoot) };
  return { topic: event.topic, bytes: value.length + 512, message };
}

function headersOf(event: OutgoingEvent, source: string, traceRoot: string): IHeaders {
  const headers: IHeaders = {
    [HEADERS.specVersion]: '1.0',
    [HEADERS.id]: event.id,
    [HEADERS.type]: event.type,
    [HEADERS.source]: source,
    [HEADERS.time]: isoTime(event.time ?? Date.now()),
    [HEADERS.contentType]: AVRO_CONTENT_TYPE,
    [HEADERS.traceParent]: event.traceParent ?? `00-${traceRoot}-${event.id.replaceAll('-', '').slice(0, 16)}-01`,
  };
  if (event.subject !== undefined) headers[HEADERS.subject] = event.subject;
  if (event.correlationId !== undefined) headers[HEADERS.correlationId] = event.correlationId;
  if (event.causationId !== undefined) headers[HEADERS.causationId] = event.causationId;
  if (event.scanId !== undefined) headers[HEADERS.scanId] = event.scanId;
  if (event.scanNumber !== undefined) headers[HEADERS.scanNumber] = String(event.scanNumber);
  return headers;
}

let lastTime = { ms: 0, text: new Date(0).toISOString() };

/** The records of a batch share their milliseconds. */
function isoTime(ms: number): string {
  if (lastTime.ms !== ms) lastTime = { ms, text: new Date(ms).toISOString() };
  return lastTime.text;
}

function* batches(queued: Queued[]): Generator<Queued[]> {
  let batch: Queued[] = [];
  let bytes = 0;
  for (const item of queued) {
    if (batch.length > 0 && (batch.length >= BATCH_EVENTS || bytes + item.bytes > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += item.bytes;
  }
  if (batch.length > 0) yield batch;
}

async function sendOnce(client: KafkaProducer, batch: Queued[]): Promise<SentRecord[]> {
  const byTopic = Map.groupBy(batch, ({ topic }) => topic);
  const topicMessages = [...byTopic].map(([topic, items]) => ({
    topic,
    messages: items.map(({ message }) => message),
  }));
  const results = await client.sendBatch({ acks: -1, timeout: 30_000, topicMessages });
  const next = new Map(
    results.map(({ topicName, partition, baseOffset }) => [`${topicName} ${partition}`, BigInt(baseOffset ?? '-1')]),
  );
  return batch.map(({ topic, message }) => {
    const place = `${topic} ${message.partition}`;
    const offset = next.get(place) ?? -1n;
    next.set(place, offset + 1n);
    return { topic, partition: message.partition, offset: offset.toString() };
  });
}

function countByTopic(batch: Queued[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { topic } of batch) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  return counts;
}
