import { eventId } from '#libs/kafka/src/event-id.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { changedRows, rememberRows, saveChanges } from '#libs/storage/src/changes.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { saveResult, type ClosedPartition } from '#libs/storage/src/scan-states.ts';
import { readDeferred } from '#libs/storage/src/deferred.ts';
import { applyObservations } from './batch.ts';
import type { Observations } from './scope.ts';
import { closeScan, finishScan } from './finish.ts';

/**
 * Ends a scan. A dry run did nothing but defer its observations: here they are applied, counted, and rolled back to where the
 * scan began, so that its counters and the changes it tells are exactly those of a real run and no business row is written.
 */
export async function applyScan(sql: Sql, rules: GhlRules, partitions: ClosedPartition[]): Promise<void> {
  const { marker } = partitions[0]!;
  const id = eventId(marker.scanId, 'crm.scan.v1.ScanApplied');
  if (!marker.dryRun) {
    const applied = await finishScan(sql, rules, partitions);
    await closeScan(sql, applied, id, marker.mode !== 'single');
    await saveResult(sql, marker.scanId, { marker, applied });
    return;
  }
  await sql.query('savepoint dry_run');
  await rememberRows(sql, marker.account);
  for await (const observations of readDeferred<Observations>(sql, marker.scanId))
    await applyObservations(sql, rules, observations);
  const applied = await finishScan(sql, rules, partitions);
  const changes = await changedRows(sql, marker.account, rules.inactiveStatus);
  await sql.query('rollback to savepoint dry_run');
  await saveChanges(sql, marker.scanId, changes);
  await closeScan(sql, applied, id);
}
