import type { TableCounters } from '#libs/contracts/src/generated/events.ts';
import { emptyCounters } from '#libs/domain/src/result.ts';
import { concludeTable } from '#libs/domain/src/table-result.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { closedAt, doubtsOf, faultyFields, type ClosedPartition } from '#libs/storage/src/scan-states.ts';
import { saveChanges } from '#libs/storage/src/dry-run-changes.ts';
import { trialChanges } from '#libs/storage/src/sf-trials.ts';
import { countContacts } from '#libs/storage/src/sf-contacts.ts';
import { closeScan } from '../close-scan.ts';

/**
 * The end of a scan, in the transaction that saw its last marker: counters and ScanApplied in the outbox. There is no missing rule:
 * what is gone was found by the scan itself and came as an event (salesforce A6).
 */
export async function finishScan(sql: Sql, partitions: readonly ClosedPartition[]): Promise<void> {
  const { marker } = partitions[0]!;
  const { scanId, source, account, mode, dryRun, startedAt, failureCode, failureMessage, failureExitCode } = marker;
  const { holes, deadLettered } = doubtsOf(partitions);
  const total = await countContacts(sql, account);
  // A reconciliation retrieves keys; what it publishes is only what it finds gone.
  const keys = marker.keysListed ?? null;
  const counted = countersOf(partitions, holes);
  const counters = { ...counted, total, retrieved: mode === 'reconcile' && keys !== null ? keys : counted.retrieved };
  const faulty = faultyFields(partitions);
  if (dryRun) await saveChanges(sql, scanId, await trialChanges(sql, scanId, account));
  const verdict = concludeTable({
    failure:
      failureCode === null
        ? undefined
        : { code: failureCode, message: failureMessage ?? '', exitCode: failureExitCode },
    missingNumbers: holes,
    deadLettered,
    dryRun,
    counters,
    caughtUp: mode === 'reconcile' ? null : keys,
  });
  await closeScan(
    sql,
    {
      ...verdict,
      scanId,
      source,
      account,
      counters: { ...sharedCounters(counters), field_errors: faulty.count },
      heldTables: [],
      fieldErrors: faulty.first,
      startedAt,
      appliedAt: closedAt(partitions),
      tableCounters: counters,
    },
    eventId(scanId, 'crm.scan.v1.ScanApplied'),
  );
}

function countersOf(partitions: readonly ClosedPartition[], holes: number): Omit<TableCounters, 'total'> {
  const of = (outcome: string): number => partitions.reduce((sum, { outcomes }) => sum + (outcomes[outcome] ?? 0), 0);
  const [created, updated, unchanged, deleted, restored] = [
    of('created'),
    of('updated'),
    of('unchanged'),
    of('deleted'),
    of('restored'),
  ];
  const processed = created + updated + unchanged + deleted + restored;
  const [quarantined, errors] = [of('quarantined'), of('errors') + holes];
  const retrieved = processed + quarantined + errors;
  return { retrieved, processed, created, updated, unchanged, deleted, restored, quarantined, errors };
}

/** What the counters of every result have in common with these; the others stay at zero. */
function sharedCounters({ unchanged, restored, quarantined, errors }: TableCounters): Record<string, number> {
  return { ...emptyCounters(), unchanged, restored, dead_lettered: quarantined, errors };
}
