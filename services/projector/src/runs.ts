import type { Processor } from '#libs/kafka/src/processor.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';
import { applyRunEvent, nameAccount, RUN_EVENT_TYPES, type RunEventType } from '#libs/storage/src/runs.ts';

/** Projections runs and accounts: the life of every sync, from the request to the final word. */
export function runsProjection(database: Database): Processor {
  return {
    name: 'runs',
    groupId: 'projector-runs',
    topics: ['crm.sync-request.v1', 'crm.scan.v1'],
    types: RUN_EVENT_TYPES,
    savesCheckpoint: true,
    async handle(batch) {
      await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, batch.checkpoint);
        for (const { type, value } of batch.events) {
          await applyRunEvent(sql, type as RunEventType, value as never);
          if (type !== 'crm.scan.v1.ScanStarted') continue;
          const { account, accountName } = value as { account: string; accountName: string | null };
          if (accountName !== null) await nameAccount(sql, account, accountName);
        }
      });
    },
  };
}
