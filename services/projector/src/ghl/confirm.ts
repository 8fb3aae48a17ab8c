import { eventId } from '#libs/kafka/src/event-id.ts';
import type { SyncConfirmed } from '#libs/contracts/src/generated/events.ts';
import type { Writing } from '#libs/storage/src/changes.ts';
import { settles } from '#libs/domain/src/missing.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import {
  closedPartitions,
  doubtsOf,
  readOthersWaiting,
  readWaiting,
  type ClosedPartition,
} from '#libs/storage/src/scan-states.ts';
import { closeScan } from '../close-scan.ts';
import { confirmMissing } from './finish.ts';

/**
 * Applies the missing rule that a safety valve or a dead letter held back (architecture section 4, rule 5). Returns false when
 * nothing waits: a newer scan settled it, or it was confirmed before, and its final word is out.
 */
export async function confirmScan(
  writing: Writing,
  { syncId: scanId }: SyncConfirmed,
  confirmationId: string,
): Promise<boolean> {
  const { sql } = writing;
  const waiting = await readWaiting(sql, scanId);
  if (waiting === undefined) return false;
  const partitions = await closedPartitions(sql, scanId, waiting.marker.partitions);
  if (partitions === undefined) return false;
  const confirmed = await confirmMissing(writing, partitions, waiting.applied, confirmationId);
  await closeScan(sql, confirmed, eventId(scanId, 'crm.scan.v1.ScanApplied', 'confirmed'));
  return true;
}

const SETTLED =
  'Contacts read were applied, what waited to be confirmed was not: a newer sync of the account took its place.';

/** Gives the final word on older scans that wait to be confirmed and whose place this one takes. */
export async function settleOlder(sql: Sql, partitions: readonly ClosedPartition[]): Promise<void> {
  const { marker } = partitions[0]!;
  const { holes } = doubtsOf(partitions);
  for (const { marker: older, applied } of await readOthersWaiting(sql, marker.scanId, marker.account)) {
    if (!settles(marker, holes, older)) continue;
    const id = eventId(older.scanId, 'crm.scan.v1.ScanApplied', 'settled');
    await closeScan(sql, { ...applied, status: 'incomplete', message: SETTLED }, id);
  }
}
