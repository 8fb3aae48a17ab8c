import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer as KafkaConsumer, KafkaMessage } from 'kafkajs';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { createBurial } from './burial.ts';
import { eventReader } from './consumed.ts';
import { beyondTheEnd, checkpointOf, createPositions, type Position } from './positions.ts';
import type { BatchPayload, ConsumedEvent, ConsumerOptions, Timing } from './processor.ts';
import { isForOthers } from './redriven.ts';

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

/** Two writers may meet in a row: that is news only if the next attempts meet it again. Every attempt is counted (onRetry). */
const CONFLICTS_UNTOLD = 2;

/** Codes that end as the data's fault when they do not go away: no outage explains them. */
const SUSPICIOUS = new Set(['internal', 'write_conflict']);

/** A worker over the partitions of one consumer. */
export function createPartitionWorker(options: WorkerOptions): PartitionWorker {
  const {
    consumer,
    processor,
    checkpoints,
    logger,
    hooks = {},
    maxBatch = 1000,
    timing,
    unforeseenAttempts = 6,
    die,
  } = options;
  const eventOf = eventReader({ codec: options.codec, ...processor });
  const burial = createBurial(options);
  const timers = new Set<NodeJS.Timeout>();
  const stopping = new AbortController();
  const backoff = (attempt: number): number =>
    Math.min(timing.firstWaitMs * 2 ** attempt * (0.8 + Math.random() * 0.4), timing.longestWaitMs);
  const positions = createPositions({ ...options, backoff, signal: stopping.signal });

  /** Handles the records of a batch; returns when all are handled, or throws what must wait. */
  async function handleRecords(payload: BatchPayload, position: Position): Promise<void> {
    const { topic, partition, messages, highWatermark } = payload.batch;
    let index = 0;
    while (index < messages.length && payload.isRunning() && !payload.isStale()) {
      const { events, end, bad } = await readSome(payload.batch, index, position);
      const started = performance.now();
      if (end > index) {
        await handleEvents(payload, position, events, nextOf(messages[end - 1]!));
        // Only here: a batch under suspicion keeps its attempts until it is through, whichever half is the good one.
        position.attempts = 0;
        hooks.onHandled?.(processor, topic, events.length, (performance.now() - started) / 1000);
      }
      index = end;
      if (bad !== undefined) {
        const message = messages[index]!;
        await burial.bury(position, { topic, partition, message, failure: bad }, nextOf(message));
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

  /** Reads from a message on, at most a batch and up to a record that cannot be read. */
  async function readSome(
    { topic, partition, messages }: BatchPayload['batch'],
    from: number,
    position: Position,
  ): Promise<{ events: { offset: string }[]; end: number; bad?: AppError }> {
    const events: { offset: string }[] = [];
    const to = Math.min(from + maxBatch, messages.length);
    for (let end = from; end < to; end += 1) {
      try {
        const found =
          processor.read === undefined ? readEvent(messages[end]!) : processor.read(topic, partition, messages[end]!);
        const event = found instanceof Promise ? await found : found;
        if (event !== undefined) events.push(event);
      } catch (error) {
        return { events, end, bad: blame(error, position) };
      }
    }
    return { events, end: to };
  }

  /** The event of a record that is for this processor; throws what is wrong with it. */
  function readEvent(message: KafkaMessage): ReturnType<typeof eventOf> {
    if (isForOthers(message, processor.groupId)) return undefined;
    const found = eventOf(message);
    return found instanceof Promise ? found.then(accept) : accept(found);
  }

  function accept(event: ConsumedEvent | undefined): ConsumedEvent | undefined {
    const refusal = event === undefined ? undefined : processor.refuse?.(event);
    if (refusal !== undefined) throw refusal;
    return event;
  }

  /** I3: handled, or bisected until only the bad record goes to the dead-letter topic. */
  async function handleEvents(
    payload: BatchPayload,
    position: Position,
    events: { offset: string }[],
    next: string,
  ): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    if (position.next === next) return;
    const checkpoint = checkpointOf(processor, topic, partition, position, next);
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
      const failure = blame(error, position);
      if (events.length === 1) {
        const message = messages.find(({ offset }) => offset === events[0]!.offset)!;
        await burial.bury(position, { topic, partition, message, failure }, next);
        return;
      }
      const middle = events.length >> 1;
      await handleEvents(payload, position, events.slice(0, middle), events[middle]!.offset);
      await handleEvents(payload, position, events.slice(middle), next);
    }
  }

  /** What a record is to blame for; throws what must wait, or what must not be dead-lettered. */
  function blame(error: unknown, position: Position): AppError {
    const failure = toAppError(error);
    if (processor.read !== undefined) throw failure;
    if (failure.kind === 'data') return failure;
    if (!SUSPICIOUS.has(failure.code) || position.attempts < unforeseenAttempts) throw failure;
    return new AppError('record_invalid', `${failure.message} (${position.attempts} attempts)`, {
      cause: failure.cause ?? failure,
    });
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
    const untold = failure.code === 'write_conflict' ? CONFLICTS_UNTOLD : 0;
    if (position.attempts === untold || delay === timing.longestWaitMs)
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

  /** What of a batch comes next; undefined when none of it does, and reading is set right. Throws when that cannot be. */
  async function upcoming(payload: BatchPayload, { next }: Position): Promise<BatchPayload | undefined> {
    const { topic, partition, messages, highWatermark } = payload.batch;
    const first = messages[0]?.offset;
    if (first === undefined || payload.isStale() || !payload.isRunning()) return undefined;
    if (next === null || first === next) return payload;
    // kafkajs answers OFFSET_OUT_OF_RANGE by going on somewhere else: nothing is skipped, we stop and say so. But compaction and the
    // markers of transactions leave gaps as well.
    if (BigInt(first) > BigInt(next)) {
      await positions.requireKept(topic, partition, next);
      return payload;
    }
    const rest = messages.filter(({ offset }) => BigInt(offset) >= BigInt(next));
    if (rest.length > 0) return { ...payload, batch: withMessages(payload.batch, rest) };
    if (BigInt(highWatermark) < BigInt(next))
      throw beyondTheEnd(processor.name, topic, partition, { next, high: highWatermark });
    consumer.seek({ topic, partition, offset: next });
    return undefined;
  }

  async function attempt(payload: BatchPayload, position: Position): Promise<void> {
    const { topic, partition } = payload.batch;
    for (;;) {
      const handledUpTo = position.next;
      try {
        await burial.finish(position);
        const due = await upcoming(payload, position);
        if (due === undefined) return;
        await handleRecords(due, position);
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
        if (position !== undefined) await attempt(payload, position);
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

function withMessages(batch: BatchPayload['batch'], messages: KafkaMessage[]): BatchPayload['batch'] {
  return Object.assign(Object.create(batch) as typeof batch, { messages });
}

function isKafkajs(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

function nextOf({ offset }: KafkaMessage): string {
  return (BigInt(offset) + 1n).toString();
}
