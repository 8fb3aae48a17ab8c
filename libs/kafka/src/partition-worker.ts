import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer as KafkaConsumer, KafkaMessage } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { HEADERS } from '#libs/contracts/src/headers.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import {
  consumedEvent,
  deadRecordOf,
  headerText,
  type BatchPayload,
  type ConsumedEvent,
  type ConsumerOptions,
} from './processor.ts';
import { deadLetter } from './dead-letter.ts';
import type { Decoded } from './codec.ts';

/** Handles the partitions a consumer owns. */
export interface PartitionWorker {
  /** Takes the checkpoints of newly assigned partitions and starts reading there. */
  assign(assignment: Record<string, number[]>): void;
  eachBatch(payload: BatchPayload): Promise<void>;
  /** Gives up waits, so that the consumer can stop. */
  stop(): Promise<void>;
}

interface Position {
  epoch: number;
  /** Offset of the next record; null while nothing is stored. */
  next: string | null;
  attempts: number;
}

type WorkerOptions = ConsumerOptions & { consumer: KafkaConsumer; die(error: AppError): void };

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 30_000;
/** Waits longer than this leave the loop with the partition paused, so that the others go on and the session stays alive. */
const IN_PLACE_WAIT_MS = 5_000;
const EARLIEST = '-2';

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
    unforeseenAttempts = 6,
    die,
  } = options;
  const handled = new Set<EventType>(processor.types);
  const positions = new Map<string, Promise<Position>>();
  const timers = new Set<NodeJS.Timeout>();
  const stopping = new AbortController();

  async function acquire(topic: string, partition: number): Promise<Position> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { nextOffset, epoch } = await checkpoints.acquire(processor.name, topic, partition);
        consumer.seek({ topic, partition, offset: nextOffset ?? EARLIEST });
        return { epoch, next: nextOffset, attempts: 0 };
      } catch (error) {
        logger.warn({ topic, partition, code: toAppError(error).code }, 'checkpoint not read yet');
        await wait(backoff(attempt), undefined, { signal: stopping.signal });
      }
    }
  }

  /** Handles records from `start`; returns when all are handled, or throws what must wait. */
  async function handleRecords(payload: BatchPayload, position: Position): Promise<void> {
    const { topic, partition, messages, highWatermark } = payload.batch;
    let index = 0;
    while (index < messages.length && payload.isRunning() && !payload.isStale()) {
      const { events, end, bad } = await decodeSome(messages, index, Math.min(index + maxBatch, messages.length));
      const started = performance.now();
      if (end > index) await handleEvents(payload, position, events, nextOffset(messages, end));
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

  async function decodeSome(
    messages: KafkaMessage[],
    from: number,
    to: number,
  ): Promise<{ events: ConsumedEvent[]; end: number; bad?: AppError }> {
    const events: ConsumedEvent[] = [];
    for (let end = from; end < to; end += 1) {
      const message = messages[end]!;
      const named = headerText(message, HEADERS.type);
      if (named !== undefined && !handled.has(named as EventType)) continue;
      try {
        if (message.value === null) throw new AppError('record_undecodable', 'the record has no value');
        const pending = codec.decode(message.value);
        const decoded: Decoded = pending instanceof Promise ? await pending : pending;
        if (handled.has(decoded.type)) events.push(consumedEvent(message, decoded));
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
    events: ConsumedEvent[],
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
      if (!processor.savesCheckpoint) await checkpoints.save(checkpoint);
      position.next = next;
      position.attempts = 0;
    } catch (error) {
      const failure = suspect(toAppError(error), position);
      if (failure.kind !== 'data') throw failure;
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
    const checkpoint = {
      processor: processor.name,
      topic,
      partition,
      epoch: position.epoch,
      expected: position.next,
      next: next ?? nextOf(message.offset),
    };
    await processor.deadLettered?.(deadRecordOf(topic, partition, message), failure, checkpoint);
    if (!processor.savesCheckpoint || processor.deadLettered === undefined) await checkpoints.save(checkpoint);
    position.next = checkpoint.next;
    position.attempts = 0;
    hooks.onDeadLetter?.(topic, failure.code);
    logger.error({ topic, partition, offset: message.offset, code: failure.code }, 'record dead-lettered');
  }

  /** Decides about a failure; returns how long to wait in place, or undefined when the batch is left. */
  function patience(payload: BatchPayload, failure: AppError, position: Position): number | undefined {
    const { topic, partition } = payload.batch;
    if (failure.code === 'checkpoint_fenced') {
      logger.warn({ topic, partition }, 'partition taken over by another process');
      positions.set(place(topic, partition), acquire(topic, partition));
      return undefined;
    }
    if (failure.kind === 'config') {
      die(failure);
      payload.pause();
      return undefined;
    }
    hooks.onRetry?.(topic, failure.code);
    const delay = backoff(position.attempts);
    if (position.attempts === 0 || delay === LONGEST_WAIT_MS)
      logger.warn({ topic, partition, code: failure.code, cause: causeName(failure) }, failure.message);
    position.attempts += 1;
    if (delay <= IN_PLACE_WAIT_MS) return delay;
    const resume = payload.pause();
    const timer = setTimeout(() => {
      timers.delete(timer);
      resume();
    }, delay);
    timers.add(timer);
    return undefined;
  }

  return {
    assign(assignment) {
      for (const [topic, partitions] of Object.entries(assignment)) {
        for (const partition of partitions) {
          const acquired = acquire(topic, partition);
          acquired.catch(() => undefined);
          positions.set(place(topic, partition), acquired);
        }
      }
    },

    async eachBatch(payload) {
      const { topic, partition } = payload.batch;
      const position = await positions.get(place(topic, partition));
      const first = payload.batch.messages[0]?.offset;
      if (position === undefined || first === undefined || payload.isStale() || !payload.isRunning()) return;
      if (position.next !== null && first !== position.next) {
        if (BigInt(first) > BigInt(position.next)) {
          die(
            new AppError(
              'offset_out_of_range',
              `${topic}[${partition}] starts at ${first} but ${processor.name} has handled only up to ${position.next}: records were deleted unread`,
            ),
          );
          payload.pause();
          return;
        }
        consumer.seek({ topic, partition, offset: position.next });
        return;
      }
      const beats = setInterval(() => void payload.heartbeat().catch(() => undefined), 3_000);
      try {
        await this.attempt(payload, position);
      } finally {
        clearInterval(beats);
      }
    },

    async stop() {
      stopping.abort();
      for (const timer of timers) clearTimeout(timer);
    },

    async attempt(payload: BatchPayload, position: Position): Promise<void> {
      for (;;) {
        const handledUpTo = position.next;
        try {
          const rest = remaining(payload, position);
          await handleRecords(rest, position);
          // The group's own offset is a hint for lag tools; ours is in the database.
          if (position.next !== null && position.next !== handledUpTo) {
            await consumer
              .commitOffsets([
                { topic: payload.batch.topic, partition: payload.batch.partition, offset: position.next },
              ])
              .catch(() => undefined);
          }
          return;
        } catch (error) {
          if (isKafkajs(error)) throw error;
          const delay = patience(payload, toAppError(error), position);
          if (delay === undefined) return;
          await wait(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
          if (stopping.signal.aborted || payload.isStale() || !payload.isRunning()) return;
          await payload.heartbeat();
        }
      }
    },
  } as PartitionWorker & { attempt(payload: BatchPayload, position: Position): Promise<void> };
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

function causeName(failure: AppError): string | undefined {
  return failure.cause instanceof Error ? `${failure.cause.name}: ${failure.cause.message}` : undefined;
}

function place(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}

function backoff(attempt: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** attempt * (0.8 + Math.random() * 0.4), LONGEST_WAIT_MS);
}

function nextOf(offset: string): string {
  return (BigInt(offset) + 1n).toString();
}

function nextOffset(messages: KafkaMessage[], end: number): string {
  return nextOf(messages[end - 1]?.offset ?? '-1');
}
