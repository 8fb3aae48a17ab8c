import { TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { setImmediate as turn } from 'node:timers/promises';
import { openReader, placesAt, type Limit, type Place, type ReadBatch } from '#libs/kafka/src/reader.ts';
import type { CheckpointStore, ConsumedEvent, Processor } from '#libs/kafka/src/processor.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { Position } from '#libs/storage/src/shadow.ts';

/** A projection under construction. */
export interface Rebuild {
  /** Handles every record before these positions, and none after them. */
  catchUp(ends: readonly Position[]): Promise<void>;
  /** Records handled so far. */
  records(): number;
  /** Records that could not be handled, as the live projector could not. */
  deadLettered(): number;
  /** Whether every topic was read from its very first record. */
  isWhole(): boolean;
  close(): Promise<void>;
}

/** What a rebuild works with. */
export interface RebuildOptions {
  platform: Pick<Platform, 'kafka' | 'codec'>;
  /** The processor, over the shadow. */
  processor: Processor;
  /** Its checkpoints, in the shadow. */
  checkpoints: CheckpointStore;
  /** When scans began, in order: nothing written later is handled before everything written earlier. */
  starts: readonly number[];
  /** Leaves out what was written earlier. */
  from?: number | undefined;
}

/** Topics whose partitions never meet, or meet in commutative folds; what is on the others happens at its time. */
const FOLDED: ReadonlySet<TopicName> = new Set(['crm.observation.v1', 'crm.raw.salesforce.v1']);
const BATCH = 1000;
const AT_ONCE = 3;
const ATTEMPTS = 8;

interface Cursor extends Place {
  epoch: number;
  expected: string | null;
  end: number;
}

/**
 * Reads the topics of a processor in the order in which things happened, as the live projector met them: the observations of a
 * scan in any order, but registrations, confirmations and the start of the next scan each after all that was written before it.
 */
export async function openRebuild(options: RebuildOptions): Promise<Rebuild> {
  const { platform, processor, checkpoints, starts, from } = options;
  const places = await placesAt(
    platform.kafka,
    processor.topics.filter((topic): topic is TopicName => topic in TOPICS),
    from,
  );
  const begins = places.map(({ offset }) => offset);
  const reader = await openReader({ ...platform, places, types: processor.types, headFirst: processor.headFirst });
  const cursors: Cursor[] = [];
  for (const place of places) {
    const { epoch } = await checkpoints.acquire(processor.name, place.topic, place.partition);
    cursors.push({ ...place, epoch, expected: null, end: 0 });
  }
  const folded = cursors.filter(({ topic }) => FOLDED.has(topic));
  const timed = cursors.filter(({ topic }) => !FOLDED.has(topic));
  let records = 0;
  let deadLettered = 0;

  async function drain(some: readonly Cursor[], before: number): Promise<void> {
    const waiting = [...some];
    const work = async (): Promise<void> => {
      for (let cursor = waiting.shift(); cursor !== undefined; cursor = waiting.shift()) {
        const limit: Limit = { end: cursor.end, before };
        for (;;) {
          const batch = await reader.read(cursor.topic, cursor.partition, limit, BATCH);
          if (batch === undefined) break;
          await handleBatch(cursor, batch);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async function earliest(some: readonly Cursor[], before: number): Promise<number | undefined> {
    const times = await Promise.all(
      some.map(({ topic, partition, end }) => reader.nextTime(topic, partition, { end, before })),
    );
    return times.reduce(
      (first, time) => (time === undefined || (first !== undefined && first <= time) ? first : time),
      undefined,
    );
  }

  async function handleBatch(cursor: Cursor, { events, next, bad }: ReadBatch): Promise<void> {
    if (next > cursor.offset) await handle(cursor, events, next);
    if (bad === undefined) return;
    deadLettered += 1;
    await pass(cursor, Number(bad.record.offset) + 1, bad.error, bad.record);
  }

  /** Handles events, or halves them until only the one that cannot be handled is passed over. */
  async function handle(cursor: Cursor, events: readonly ConsumedEvent[], next: number): Promise<void> {
    const { topic, partition } = cursor;
    if (events.length === 0) {
      await checkpoints.save(checkpointOf(cursor, next));
      return advance(cursor, next);
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await processor.handle({ topic, partition, events: [...events], checkpoint: checkpointOf(cursor, next) });
        return advance(cursor, next);
      } catch (error) {
        const failure = toAppError(error);
        if (failure.kind === 'data') break;
        // Two partitions met in one row.
        if (failure.code !== 'write_conflict' || attempt === ATTEMPTS) throw failure;
        await turn();
      }
    }
    const [first] = events;
    if (events.length === 1) {
      deadLettered += 1;
      const { type, id, key, offset, timestamp, scanId, scanNumber } = first!;
      const record = { topic, partition, offset, key, timestamp, type, id, scanId, scanNumber };
      return pass(cursor, next, new AppError('record_invalid', 'the record cannot be handled'), record);
    }
    const middle = events.length >> 1;
    await handle(cursor, events.slice(0, middle), Number(events[middle]!.offset));
    await handle(cursor, events.slice(middle), next);
  }

  async function pass(
    cursor: Cursor,
    next: number,
    error: AppError,
    record: Parameters<NonNullable<Processor['deadLettered']>>[0],
  ): Promise<void> {
    const checkpoint = checkpointOf(cursor, next);
    if (processor.deadLettered === undefined) await checkpoints.save(checkpoint);
    else await processor.deadLettered(record, error, checkpoint);
    advance(cursor, next);
  }

  function advance(cursor: Cursor, next: number): void {
    records += next - cursor.offset;
    cursor.offset = next;
    cursor.expected = String(next);
  }

  function checkpointOf({ topic, partition, epoch, expected }: Cursor, next: number) {
    return { processor: processor.name, topic, partition, epoch, expected, next: String(next) };
  }

  return {
    async catchUp(ends) {
      for (const cursor of cursors) {
        const end = ends.find(({ topic, partition }) => topic === cursor.topic && partition === cursor.partition);
        cursor.end = end?.next ?? 0;
      }
      for (const start of [...starts, Infinity]) {
        for (;;) {
          const time = await earliest(timed, start);
          await drain(folded, time ?? start);
          if (time === undefined) break;
          // All that happens before the next observation is one step.
          await drain(timed, Math.max((await earliest(folded, start)) ?? start, time + 1));
        }
      }
    },
    records: () => records,
    deadLettered: () => deadLettered,
    isWhole: () => begins.every((offset) => offset === 0),
    close: () => reader.close(),
  };
}
