import type { VendorUpdated } from '#libs/contracts/src/generated/events.ts';
import { TOPICS } from '#libs/contracts/src/topics.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { saveHistory } from '#libs/storage/src/history.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';

/** Projection lifecycle: the history of every vendor and lead row. All its events have the same fields. */
export function lifecycleProjection(database: Database): Processor {
  return {
    name: 'lifecycle',
    groupId: 'projector-lifecycle',
    topics: ['crm.lifecycle.v1'],
    types: TOPICS['crm.lifecycle.v1'].events,
    savesCheckpoint: true,
    async handle(batch) {
      await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, batch.checkpoint);
        await saveHistory(
          sql,
          batch.events.map(({ id, type, offset, value }) => ({
            eventId: id,
            type,
            position: offset,
            event: value as VendorUpdated,
          })),
        );
      });
    },
  };
}
