import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import { addToOutbox } from '#libs/storage/src/outbox.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { endScan } from '#libs/storage/src/scan-states.ts';

/** Publishes the final word on a scan, and on those that joined it, and drops what only an open scan needs. */
export async function closeScan(sql: Sql, applied: ScanApplied, id: string): Promise<void> {
  const { scanId, source, account, status } = applied;
  const state = status === 'needs_confirmation' ? status : 'applied';
  const joined = await endScan(sql, scanId, account, state);
  const type = 'crm.scan.v1.ScanApplied';
  const event = { topic: 'crm.scan.v1', key: `${source}:${account}`, type } as const;
  await addToOutbox(sql, [
    { ...event, eventId: id, scanId, value: applied },
    ...joined.map((other) => ({
      ...event,
      eventId: eventId(other, type, id),
      scanId: other,
      value: { ...applied, scanId: other },
    })),
  ]);
}
