import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer as KafkaConsumer, Kafka } from 'kafkajs';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Buried } from './burial.ts';
import type { AnyProcessor, Checkpoint, ConsumerOptions } from './processor.ts';
import { withAdmin } from './topics.ts';

/** Where a processor stands in a partition it owns. */
export interface Position {
  epoch: number;
  /** Offset of the next record; null while nothing is stored. */
  next: string | null;
  /** Failed attempts of the batch under way. */
  attempts: number;
  /** The record that the next checkpoint passes without its having been handled. */
  buried: Buried | undefined;
}

/** The stored positions of the partitions a consumer owns. */
export interface Positions {
  /** Takes the checkpoints of newly assigned partitions and starts reading there; what an earlier assignment gave is void. */
  assign(assignment: Record<string, number[]>): void;
  /** Undefined when the partition is not ours, or not any more. */
  of(topic: string, partition: number): Promise<Position | undefined>;
  /** Takes a new epoch for a partition whose position turned out to be fenced, unless a newer assignment has done so. */
  renew(topic: string, partition: number, fenced: Position): Promise<void>;
  /** Throws offset_out_of_range when the topic begins behind `next`: what comes next was deleted unread. */
  requireKept(topic: string, partition: number, next: string): Promise<void>;
}

type PositionOptions = Pick<ConsumerOptions, 'processor' | 'checkpoints' | 'logger'> & {
  kafka: Kafka;
  consumer: KafkaConsumer;
  backoff(attempt: number): number;
  signal: AbortSignal;
  die(error: AppError): void;
};

const EARLIEST = '-2';

/** Positions of one consumer; Kafka's committed offsets are hints only (architecture section 6). */
export function createPositions(options: PositionOptions): Positions {
  const { kafka, consumer, processor, checkpoints, logger, backoff, signal, die } = options;
  let assigned = new Map<string, Promise<Position | undefined>>();

  /** Repeats until the checkpoints are taken, or the assignment `held` is void. */
  async function acquire(topic: string, partitions: number[], held: typeof assigned): Promise<Map<number, Position>> {
    const taken = new Map<number, Position>();
    for (let attempt = 0; held === assigned && !signal.aborted; attempt += 1) {
      try {
        for (const partition of partitions) {
          const { nextOffset, epoch } = await checkpoints.acquire(processor.name, topic, partition);
          taken.set(partition, { epoch, next: nextOffset, attempts: 0, buried: undefined });
        }
        // Asked after the checkpoints: what is written meanwhile only makes the range larger.
        const ranges = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
        if (held !== assigned) break;
        for (const { partition, low, high } of ranges) {
          const position = taken.get(partition);
          if (position === undefined) continue;
          if (position.next !== null) requireWithin(topic, partition, position.next, { low, high });
          consumer.seek({ topic, partition, offset: position.next ?? EARLIEST });
        }
        return taken;
      } catch (error) {
        const failure = toAppError(error);
        if (failure.kind === 'config') {
          die(failure);
          break;
        }
        logger.warn({ topic, code: failure.code }, 'checkpoints not read yet');
        await wait(backoff(attempt), undefined, { signal }).catch(() => undefined);
      }
    }
    return new Map();
  }

  function requireWithin(
    topic: string,
    partition: number,
    next: string,
    { low, high }: { low: string; high: string },
  ): void {
    if (BigInt(next) < BigInt(low)) throw deletedUnread(processor.name, topic, partition, { next, first: low });
    if (BigInt(next) > BigInt(high)) throw beyondTheEnd(processor.name, topic, partition, { next, high });
  }

  function take(topic: string, partitions: number[]): void {
    const acquired = acquire(topic, partitions, assigned);
    for (const partition of partitions) {
      assigned.set(
        place(topic, partition),
        acquired.then((taken) => taken.get(partition)),
      );
    }
  }

  return {
    assign(assignment) {
      assigned = new Map();
      for (const [topic, partitions] of Object.entries(assignment)) take(topic, partitions);
    },
    of: async (topic, partition) => assigned.get(place(topic, partition)),
    async renew(topic, partition, fenced) {
      if ((await assigned.get(place(topic, partition))) === fenced) take(topic, [partition]);
    },
    async requireKept(topic, partition, next) {
      const ranges = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
      const range = ranges.find((found) => found.partition === partition);
      if (range !== undefined) requireWithin(topic, partition, next, range);
    },
  };
}

/** The step of a processor from a position to `next`. */
export function checkpointOf(
  { name }: AnyProcessor,
  topic: string,
  partition: number,
  { epoch, next: expected }: Position,
  next: string,
): Checkpoint {
  return { processor: name, topic, partition, epoch, expected, next };
}

function place(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}

/** The topic no longer has the record that comes next. */
function deletedUnread(
  processor: string,
  topic: string,
  partition: number,
  { next, first }: { next: string; first: string },
): AppError {
  return new AppError(
    'offset_out_of_range',
    `${topic}[${partition}] starts at ${first} but ${processor} has handled only up to ${next}: records were deleted unread`,
  );
}

/** The topic ends before the record that comes next: it was made anew, or lost its end. */
export function beyondTheEnd(
  processor: string,
  topic: string,
  partition: number,
  { next, high }: { next: string; high: string },
): AppError {
  return new AppError(
    'offset_out_of_range',
    `${topic}[${partition}] ends at ${high} but ${processor} has handled up to ${next}: the topic is not the one it was`,
  );
}
