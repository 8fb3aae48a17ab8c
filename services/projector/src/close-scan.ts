import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import { accountOfKey, type TopicName } from '#libs/contracts/src/topics.ts';
import { emptyCounters } from '#libs/domain/src/result.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { DeadRecord } from '#libs/kafka/src/processor.ts';
import { addToOutbox } from '#libs/storage/src/outbox.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { endScan, readOpen } from '#libs/storage/src/scan-states.ts';

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

/**
 * Ends a scan as failed when one of its markers went to the dead-letter topic: it would wait for ever, and no later scan of the account
 * could begin. What it left contested, and what another partition may still hold of it, the next one reads again. Returns whether
 * it was open.
 */
export async function failScan(
  sql: Sql,
  source: string,
  marker: Pick<DeadRecord, 'topic' | 'key' | 'scanId' | 'timestamp'>,
  { code, message }: { code: string; message: string },
): Promise<boolean> {
  const { scanId = '', timestamp } = marker;
  const open = await readOpen(sql, scanId);
  if (open === undefined) return false;
  const applied: ScanApplied = {
    scanId,
    source,
    account: accountOfKey(marker.topic as TopicName, marker.key) ?? '',
    status: 'failed',
    message: `The end of the scan could not be applied (${code}: ${message}), nothing was marked missing: see \`tributary dead-letters list --scan ${scanId}\`, then sync again.`,
    counters: { ...emptyCounters(), dead_lettered: 1 },
    heldTables: [],
    fieldErrors: [],
    exitCode: 1,
    startedAt: open.startedAt ?? timestamp,
    appliedAt: timestamp,
    tableCounters: null,
  };
  await closeScan(sql, applied, eventId(scanId, 'crm.scan.v1.ScanApplied'));
  return true;
}
