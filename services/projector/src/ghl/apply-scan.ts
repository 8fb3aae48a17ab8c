import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import { UNTOLD, type Writing } from '#libs/storage/src/changes.ts';
import { changedRows, rememberRows, saveChanges } from '#libs/storage/src/dry-run-changes.ts';
import { saveResult, type ClosedPartition } from '#libs/storage/src/scan-states.ts';
import { readDeferred } from '#libs/storage/src/deferred.ts';
import { applyObservations } from './batch.ts';
import type { Observations } from './scope.ts';
import { wholeSight } from './sight.ts';
import { closeScan } from '../close-scan.ts';
import { settleOlder } from './confirm.ts';
import { finishScan } from './finish.ts';

/**
 * Ends a scan. A dry run did nothing but defer its observations: here they are applied, counted, and rolled back to where the
 * scan began, so that its counters and the changes it reports are exactly those of a real run, no business row is written and
 * nobody is told.
 */
export async function applyScan(writing: Writing, partitions: ClosedPartition[], markerId: string): Promise<void> {
  const { sql } = writing;
  const { marker } = partitions[0]!;
  const id = eventId(marker.scanId, 'crm.scan.v1.ScanApplied');
  await settleOlder(sql, partitions);
  if (!marker.dryRun) {
    const applied = await finishScan(writing, partitions, markerId);
    await closeScan(sql, applied, id);
    await saveResult(sql, marker.scanId, { marker, applied });
    return;
  }
  const trial = { ...writing, changes: UNTOLD };
  await sql.query('savepoint dry_run');
  await rememberRows(sql, marker.account);
  for await (const deferred of readDeferred<Observations<VendorObserved>>(sql, marker.scanId))
    await applyObservations(trial, { ...deferred, vendors: deferred.vendors.map(wholeSight) });
  const applied = await finishScan(trial, partitions, markerId);
  const changes = await changedRows(sql, marker.account, writing.rules.inactiveStatus);
  await sql.query('rollback to savepoint dry_run');
  await saveChanges(sql, marker.scanId, changes);
  await closeScan(sql, applied, id);
}
