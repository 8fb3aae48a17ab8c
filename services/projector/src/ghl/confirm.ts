import { eventId } from '#libs/kafka/src/event-id.ts';
import type { SyncConfirmed } from '#libs/contracts/src/generated/events.ts';
import type { Writing } from '#libs/storage/src/changes.ts';
import { closedPartitions, readWaiting } from '#libs/storage/src/scan-states.ts';
import { closeScan } from '../close-scan.ts';
import { confirmMissing } from './finish.ts';

/**
 * Applies the missing rule that a safety valve or a dead letter held back (architecture section 4, rule 5). Returns false when
 * nothing waits: a newer scan settled it, or it was confirmed before.
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
