import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import { HEADERS } from '#libs/contracts/src/headers.ts';
import type { DeadLetterTopic, TopicName } from '#libs/contracts/src/topics.ts';
import type { AppError } from '#libs/runtime/src/errors.ts';
import type { KafkaLogger } from './client.ts';
import type { Codec } from './codec.ts';
import type { Producer } from './producer.ts';

/** Position of a processor in a partition; saved with its effect. Offsets are decimal text. */
export interface Checkpoint {
  processor: string;
  topic: string;
  partition: number;
  /** Taken at assignment; a stored one that is higher means that somebody else owns the partition now. */
  epoch: number;
  /** Stored position this step starts from; null at the beginning. */
  expected: string | null;
  /** Offset of the next record to handle. */
  next: string;
}

/** Where checkpoints live. `save` throws checkpoint_fenced when epoch or expected position are not the stored ones. */
export interface CheckpointStore {
  acquire(processor: string, topic: string, partition: number): Promise<{ nextOffset: string | null; epoch: number }>;
  save(checkpoint: Checkpoint): Promise<void>;
}

/** A record as a processor sees it. */
export interface ConsumedEvent {
  type: EventType;
  /** Where the head alone was read, asking for the value decodes it, and throws record_undecodable when it cannot be. */
  value: Events[EventType];
  /** What says who and which scan: the head of a record that was read head first, else the value itself. */
  head: object;
  /** Bytes of the content of a record that was read head first. */
  content: Buffer | undefined;
  key: string;
  offset: string;
  /** When it was written, in milliseconds. */
  timestamp: number;
  id: string;
  scanId: string | undefined;
  scanNumber: number | undefined;
  traceParent: string | undefined;
}

/** A record that went to the dead-letter topic: its headers are readable, its value may not be. */
export interface DeadRecord {
  topic: string;
  partition: number;
  offset: string;
  key: string;
  timestamp: number;
  /** Full name of its event. */
  type: string | undefined;
  id: string | undefined;
  scanId: string | undefined;
  scanNumber: number | undefined;
}

/** Records of one partition, in order, with the checkpoint that stands for them. */
export interface EventBatch<R = ConsumedEvent> {
  topic: TopicName;
  partition: number;
  events: R[];
  checkpoint: Checkpoint;
}

/** What handles the records of some topics: decoded events, or whatever `read` makes of a record. */
export interface Processor<R extends { offset: string } = ConsumedEvent> {
  name: string;
  groupId: string;
  topics: readonly (TopicName | DeadLetterTopic)[];
  /** Events it handles; others are passed over without decoding them. */
  types: readonly EventType[];
  /** True when it looks at heads before it asks for values (contracts, head). */
  headFirst?: boolean;
  /** Reads a record without decoding it; undefined passes it over. Such a processor never dead-letters: nothing may be lost twice. */
  read?(topic: string, partition: number, message: KafkaMessage): R | undefined;
  /** True when handle() saves the checkpoint in its own transaction (I5), and deadLettered() too. */
  savesCheckpoint: boolean;
  /**
   * Looks at a decoded record by itself, before its batch is handled. One that is refused goes to the dead-letter topic without the
   * others being halved on its account.
   */
  refuse?(event: R): AppError | undefined;
  handle(batch: EventBatch<R>): Promise<void>;
  /** Told of a record after it reached the dead-letter topic and before the checkpoint passes it (I3). */
  deadLettered?(record: DeadRecord, error: AppError, checkpoint: Checkpoint): Promise<void>;
}

/** A processor of whatever records, as the loop runs it. */
export type AnyProcessor = Processor<{ offset: string }>;

/** What the loop reports, for metrics. */
export interface ConsumerHooks {
  onHandled?(processor: AnyProcessor, topic: string, count: number, seconds: number): void;
  onDeadLetter?(topic: string, code: string): void;
  onRetry?(topic: string, code: string): void;
  /** Lag of a partition after a batch: records behind, and seconds since the last handled one was written (0 at the end). */
  onLag?(processor: AnyProcessor, topic: string, partition: number, lag: { records: number; seconds: number }): void;
}

/** How patient a consumer is, in milliseconds; the defaults are for production. */
export interface Timing {
  /** Silence after which the coordinator gives the partitions of a member to others. */
  sessionMs: number;
  /** First wait after a transient error; each next one is about twice as long. */
  firstWaitMs: number;
  longestWaitMs: number;
  /** Longer waits leave the loop with the partition paused, so that the others go on and the session stays alive. */
  inPlaceWaitMs: number;
}

/** What a consumer needs. */
export interface ConsumerOptions {
  kafka: Kafka;
  codec: Codec;
  /** Writes dead letters. */
  producer: Producer;
  checkpoints: CheckpointStore;
  processor: AnyProcessor;
  logger: KafkaLogger;
  /** Called once when the consumer stopped for good without being asked to: the process must end (kafkajs lives on doing nothing). */
  onDead(error: AppError): void;
  hooks?: ConsumerHooks;
  maxBatch?: number;
  partitionsConcurrently?: number;
  timing?: Partial<Timing>;
  /** Attempts of an error nobody foresaw before the batch is bisected for a bad record. */
  unforeseenAttempts?: number;
}

/** Text of a header; undefined when absent, or null as Kafka allows. */
export function headerText(message: KafkaMessage, name: string): string | undefined {
  const header = message.headers?.[name];
  const first: Buffer | string | null | undefined = Array.isArray(header) ? header[0] : header;
  return first?.toString();
}

/** What can be said of a record without decoding its value. */
export function deadRecordOf(topic: string, partition: number, message: KafkaMessage): DeadRecord {
  const number = Number(headerText(message, HEADERS.scanNumber));
  return {
    topic,
    partition,
    offset: message.offset,
    key: message.key?.toString() ?? '',
    timestamp: Number(message.timestamp),
    type: headerText(message, HEADERS.type),
    id: headerText(message, HEADERS.id),
    scanId: headerText(message, HEADERS.scanId),
    scanNumber: Number.isSafeInteger(number) && number > 0 ? number : undefined,
  };
}

/** The payload kafkajs hands to eachBatch. */
export type BatchPayload = EachBatchPayload;
