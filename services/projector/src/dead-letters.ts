import type { LetterFacts } from '#libs/contracts/src/dead-letters.ts';
import type { DeadLetterDiscarded, DeadLetterRedriven } from '#libs/contracts/src/generated/events.ts';
import { DEAD_LETTER_TOPICS, TOPICS } from '#libs/contracts/src/topics.ts';
import { letterFacts } from '#libs/kafka/src/letters.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { noteLetters, noteOperation } from '#libs/storage/src/dead-letters.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';

type Noted = { offset: string; facts: LetterFacts };

/** The index of every dead-letter topic of the catalogue, read as bytes: what the headers say, never the payload. */
export function deadLettersProjection(database: Database): Processor<Noted> {
  return {
    name: 'dead-letters',
    groupId: 'projector-dead-letters',
    topics: DEAD_LETTER_TOPICS.map(({ name }) => name),
    types: [],
    savesCheckpoint: true,
    read(topic, partition, message) {
      const facts = letterFacts(topic, partition, message);
      return facts === undefined ? undefined : { offset: message.offset, facts };
    },
    async handle({ checkpoint, events }) {
      await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, checkpoint);
        await noteLetters(
          sql,
          events.map(({ facts }) => facts),
        );
      });
    },
  };
}

/** What people did with dead letters, folded into the same index in any order. */
export function operationsProjection(database: Database): Processor {
  return {
    name: 'operations',
    groupId: 'projector-operations',
    topics: ['crm.operation.v1'],
    types: TOPICS['crm.operation.v1'].events,
    savesCheckpoint: true,
    async handle({ checkpoint, events }) {
      await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, checkpoint);
        for (const { value } of events) await noteOperation(sql, value as DeadLetterRedriven | DeadLetterDiscarded);
      });
    },
  };
}
