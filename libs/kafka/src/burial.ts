import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import { toAppError, type AppError } from '#libs/runtime/src/errors.ts';
import { deadLetter, type DeadLetter } from './dead-letter.ts';
import { checkpointOf, type Position } from './positions.ts';
import { deadRecordOf, type Checkpoint, type ConsumerOptions, type DeadRecord } from './processor.ts';

/** A record whose dead letter is written, while the checkpoint has still to pass it. */
export interface Buried {
  record: DeadRecord;
  failure: AppError;
  /** Offset of the next record to handle once it is passed. */
  next: string;
  /** What became of telling the processor; undefined before. */
  told: boolean | undefined;
}

/** Passes records that cannot be handled. */
export interface Burial {
  /** Gives a record its dead letter and passes it. */
  bury(
    position: Position,
    record: Pick<DeadLetter, 'topic' | 'partition' | 'message' | 'failure'>,
    next: string,
  ): Promise<void>;
  /** Passes what an earlier attempt has buried, if it did: a record gets one letter, however often its checkpoint fails. */
  finish(position: Position): Promise<void>;
}

/** I3: first the dead letter, then the processor's ear, and the checkpoint at last. */
export function createBurial(
  options: Pick<ConsumerOptions, 'producer' | 'processor' | 'checkpoints' | 'hooks' | 'logger'>,
): Burial {
  const { producer, processor, checkpoints, hooks = {}, logger } = options;

  async function finish(position: Position): Promise<void> {
    const { buried } = position;
    if (buried === undefined) return;
    const { record, failure, next } = buried;
    const { topic, partition, offset } = record;
    const checkpoint = checkpointOf(processor, topic, partition, position, next);
    buried.told ??= await tell(record, failure, checkpoint);
    if (!processor.savesCheckpoint || !buried.told) await checkpoints.save(checkpoint);
    Object.assign(position, { next, attempts: 0, buried: undefined });
    hooks.onDeadLetter?.(topic, failure.code);
    logger.error({ topic, partition, offset, code: failure.code }, 'record dead-lettered');
  }

  /** Tells the processor; false when it has no ear, or when the record's own headers or key are what it cannot take. */
  async function tell(record: DeadRecord, failure: AppError, checkpoint: Checkpoint): Promise<boolean> {
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

  return {
    async bury(position, { topic, partition, message, failure }, next) {
      await deadLetter(producer, { topic, partition, message, processor, failure, attempts: position.attempts + 1 });
      position.buried = { record: deadRecordOf(topic, partition, message), failure, next, told: undefined };
      await crashPoint('after-dead-letter-before-checkpoint');
      await finish(position);
    },
    finish,
  };
}
