import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer as KafkaConsumer, KafkaMessage } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { HEADERS } from '#libs/contracts/src/headers.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import {
  deadRecordOf,
  headerText,
  type BatchPayload,
  type Checkpoint,
  type ConsumerOptions,
  type DeadRecord,
  type Timing,
} from './processor.ts';
import { consumedEvent } from './consumed.ts';
import { isForOthers } from './redriven.ts';
import { deadLetter } from './dead-letter.ts';
import { beyondTheEnd, createPositions, deletedUnread, type Position } from './positions.ts';

/** Handles the partitions a consumer owns. */
export interface PartitionWorker {
  /** Takes the checkpoints of newly assigned partitions and starts reading there. */
  assign(assignment: Record<string, number[]>): void;
  eachBatch(payload: BatchPayload): Promise<void>;
  /** Gives up waits, so that the consumer can stop. */
  stop(): Promise<void>;
}

type WorkerOptions = Omit<ConsumerOptions, 'timing'> & {
  consumer: KafkaConsumer;
  timing: Timing;
  die(error: AppError): void;
};

const BEAT_MS = 3_000;

/** Codes that end as the data's fault when they do not go away: no outage explains them. */
const SUSPICIOUS = new Set(['internal', 'write_conflict']);

/** A worker over the partitions of one consumer. */
export function createPartitionWorker(options: WorkerOptions): PartitionWorker {
  const {
    consumer,
    processor,
    checkpoints,
    codec,
    logger,
    hooks = {},
    maxBatch = 1000,
    timing,
    unforeseenAttempts = 6,
    die,
  } = options;
  const handled = new Set<EventType>(processor.types);
  const timers = new Set<NodeJS.Timeout>();
  const stopping = new AbortController();
  const backoff = (attempt: number): number =>
    Math.min(timing.firstWaitMs * 2 ** attempt * (0.8 + Math.random() * 0.4), timing.longestWaitMs);
  const positions = createPositions({ ...options, backoff, signal: stopping.signal });

  /** Handles records from `start`; returns when all are handled, or throws what must wait. */
  async function handleRecords(payload: BatchPayload, position: Position): Promise<void> {
    const { topic, partition, messages, highWatermark } = payload.batch;
    let index = 0;
    while (index < messages.length && payload.isRunning() && !payload.isStale()) {
      const { events, end, bad } = await readSome(payload.batch, index, Math.min(index + maxBatch, messages.length));
      const started = performance.now();
      if (end > index) await handleEvents(payload, position, events, nextOffset(messages, end));
      // Only here: a batch under suspicion keeps its attempts until it is through, whichever half is the good one.
      position.attempts = 0;
      hooks.onHandled?.(processor, topic, events.length, (performance.now() - started) / 1000);
      index = end;
      if (bad !== undefined) {
        await bury(payload, position, messages[index]!, bad);
        index += 1;
      }
      const last = messages[index - 1]!;
      payload.resolveOffset(last.offset);
      const records = Number(highWatermark) - Number(last.offset) - 1;
      hooks.onLag?.(processor, topic, partition, {
        records,
        seconds: records <= 0 ? 0 : Math.max(0, (Date.now() - Number(last.timestamp)) / 1000),
      });
      await payload.heartbeat();
    }
  }

  async function readSome(
    { topic, partition, messages }: BatchPayload['batch'],
    from: number,
    to: number,
  ): Promise<{ events: { offset: string }[]; end: number; bad?: AppError }> {
    const events: { offset: string }[] = [];
    for (let end = from; end < to; end += 1) {
      const message = messages[end]!;
      if (processor.read !== undefined) {
        const record = processor.read(topic, partition, message);
        if (record !== undefined) events.push(record);
        continue;
      }
      if (isForOthers(message, processor.groupId)) continue;
      const named = headerText(message, HEADERS.type);
      if (named !== undefined && !handled.has(named as EventType)) continue;
      try {
        if (message.value === null) throw new AppError('record_undecodable', 'the record has no value');
        const head = processor.headFirst === true ? codec.decodeHead(message.value) : undefined;
        const pending = head ?? codec.decode(message.value);
        const decoded = pending instanceof Promise ? await pending : pending;
        if (!handled.has(decoded.type)) continue;
        const event = consumedEvent(message, decoded);
        const refusal = processor.refuse?.(event);
        if (refusal !== undefined) return { events, end, bad: refusal };
        events.push(event);
      } catch (error) {
        const failure = toAppError(error);
        if (failure.kind !== 'data') throw failure;
        return { events, end, bad: failure };
      }
    }
    return { events, end: to };
  }

  /** I3: handled, or bisected until only the bad record goes to the dead-letter topic. */
  async function handleEvents(
    payload: BatchPayload,
    position: Position,
    events: { offset: string }[],
    next: string,
  ): Promise<void> {
    const { topic, partition } = payload.batch;
    const checkpoint = {
      processor: processor.name,
      topic,
      partition,
      epoch: position.epoch,
      expected: position.next,
      next,
    };
    if (position.next === next) return;
    if (events.length === 0) {
      await checkpoints.save(checkpoint);
      position.next = next;
      return;
    }
    try {
      await processor.handle({ topic: topic as TopicName, partition, events, checkpoint });
      if (!processor.savesCheckpoint) {
        await crashPoint('after-send-before-checkpoint');
        await checkpoints.save(checkpoint);
      }
      await crashPoint('after-commit-before-resolve');
      position.next = next;
    } catch (error) {
      const failure = suspect(toAppError(error), position);
      if (failure.kind !== 'data' || processor.read !== undefined) throw failure;
      const message = payload.batch.messages.find(({ offset }) => offset === events[0]!.offset)!;
      if (events.length === 1) {
        await bury(payload, position, message, failure, next);
        return;
      }
      const middle = events.length >> 1;
      await handleEvents(payload, position, events.slice(0, middle), events[middle]!.offset);
      await handleEvents(payload, position, events.slice(middle), next);
    }
  }

  function suspect(failure: AppError, position: Position): AppError {
    if (!SUSPICIOUS.has(failure.code) || position.attempts < unforeseenAttempts) return failure;
    return new AppError('record_invalid', `${failure.message} (${position.attempts} attempts)`, {
      cause: failure.cause ?? failure,
    });
  }

  async function bury(
    payload: BatchPayload,
    position: Position,
    message: KafkaMessage,
    failure: AppError,
    next?: string,
  ): Promise<void> {
    const { topic, partition } = payload.batch;
    await deadLetter(options.producer, {
      topic,
      partition,
      message,
      processor,
      failure,
      attempts: position.attempts + 1,
    });
    await crashPoint('after-dead-letter-before-checkpoint');
    const checkpoint = {
      processor: processor.name,
      topic,
      partition,
      epoch: position.epoch,
      expected: position.next,
      next: next ?? nextOf(message.offset),
    };
    const told = await tellDeadLettered(deadRecordOf(topic, partition, message), failure, checkpoint);
    if (!processor.savesCheckpoint || !told) await checkpoints.save(checkpoint);
    position.next = checkpoint.next;
    position.attempts = 0;
    hooks.onDeadLetter?.(topic, failure.code);
    logger.error({ topic, partition, offset: message.offset, code: failure.code }, 'record dead-lettered');
  }

  /** Tells the processor; false when it has no ear, or when the record's own headers or key are what it cannot take. */
  async function tellDeadLettered(record: DeadRecord, failure: AppError, checkpoint: Checkpoint): Promise<boolean> {
    if (processor.deadLettered === undefined) return false;
    try {
      await processor.deadLettered(record, failure, checkpoint);
      return true;
    } catch (error) {
      const { kind, code } = toAppError(error);
      if (kind !== 'data') throw error;
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset, code }, 'dead letter not noted: its scan will miss a number');
      return false;
    }
  }

  /** Decides about a failure; returns how long to wait in place, or undefined when the batch is left. */
  function patience(payload: BatchPayload, failure: AppError, position: Position): number | undefined {
    const { topic, partition } = payload.batch;
    if (failure.kind === 'config') {
      die(failure);
      payload.pause();
      return undefined;
    }
    hooks.onRetry?.(topic, failure.code);
    const delay = backoff(position.attempts);
    if (position.attempts === 0 || delay === timing.longestWaitMs)
      logger.warn({ topic, partition, code: failure.code, err: failure.cause }, failure.message);
    position.attempts += 1;
    if (delay <= timing.inPlaceWaitMs) return delay;
    const resume = payload.pause();
    const timer = setTimeout(() => {
      timers.delete(timer);
      resume();
    }, delay);
    timers.add(timer);
    return undefined;
  }

  /** Whether the batch begins at the position; if not, reading is set right, or the consumer stops when that cannot be. */
  function isNext(payload: BatchPayload, { next }: Position): boolean {
    const { topic, partition, messages, highWatermark } = payload.batch;
    const first = messages[0]?.offset;
    if (first === undefined || payload.isStale() || !payload.isRunning()) return false;
    if (next === null || first === next) return true;
    // kafkajs answers OFFSET_OUT_OF_RANGE by going on somewhere else: nothing is skipped, we stop and say so.
    const isLost = BigInt(first) > BigInt(next);
    if (isLost || BigInt(highWatermark) < BigInt(next)) {
      die(
        isLost
          ? deletedUnread(processor.name, topic, partition, { next, first })
          : beyondTheEnd(processor.name, topic, partition, { next, high: highWatermark }),
      );
      payload.pause();
      return false;
    }
    consumer.seek({ topic, partition, offset: next });
    return false;
  }

  async function attempt(payload: BatchPayload, position: Position): Promise<void> {
    const { topic, partition } = payload.batch;
    for (;;) {
      const handledUpTo = position.next;
      try {
        await handleRecords(remaining(payload, position), position);
        // The group's own offset is a hint for lag tools; ours is in the database.
        if (position.next !== null && position.next !== handledUpTo) {
          await consumer.commitOffsets([{ topic, partition, offset: position.next }]).catch(() => undefined);
        }
        return;
      } catch (error) {
        if (isKafkajs(error)) throw error;
        const failure = toAppError(error);
        if (failure.code === 'checkpoint_fenced') {
          logger.warn({ topic, partition }, 'partition taken over by another process');
          // A zombie hears from the coordinator that it is none of the group any more, and joins again; a member takes a new epoch.
          await payload.heartbeat();
          await positions.renew(topic, partition, position);
          return;
        }
        const delay = patience(payload, failure, position);
        if (delay === undefined) return;
        await wait(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
        if (stopping.signal.aborted || payload.isStale() || !payload.isRunning()) return;
        await payload.heartbeat();
      }
    }
  }

  return {
    assign: positions.assign,

    async eachBatch(payload) {
      const { topic, partition } = payload.batch;
      // kafkajs beats only between batches (its issue 1140): a long one would lose the partition.
      const beats = setInterval(() => void payload.heartbeat().catch(() => undefined), BEAT_MS);
      try {
        const position = await positions.of(topic, partition);
        if (position !== undefined && isNext(payload, position)) await attempt(payload, position);
      } finally {
        clearInterval(beats);
      }
    },

    async stop() {
      stopping.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The payload without the records an earlier attempt has handled. */
function remaining(payload: BatchPayload, position: Position): BatchPayload {
  const { next } = position;
  const { messages } = payload.batch;
  if (next === null || messages[0]?.offset === next) return payload;
  const from = messages.findIndex(({ offset }) => BigInt(offset) >= BigInt(next));
  const batch = Object.assign(Object.create(payload.batch) as typeof payload.batch, {
    messages: from < 0 ? [] : messages.slice(from),
  });
  return { ...payload, batch };
}

function isKafkajs(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

function nextOf(offset: string): string {
  return (BigInt(offset) + 1n).toString();
}

function nextOffset(messages: KafkaMessage[], end: number): string {
  return nextOf(messages[end - 1]?.offset ?? '-1');
}
