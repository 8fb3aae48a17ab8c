import type { AppliedStatus, TableCounters } from '#libs/contracts/src/generated/events.ts';

/** What decides how a sync of a source that fills one table ended. */
export interface TableConclusion {
  failure: { code: string; message: string; exitCode: number } | undefined;
  /** Records that never arrived. */
  missingNumbers: number;
  /** Records that were dead-lettered, each time they came; more than was counted where other records had their numbers. */
  deadLettered: number;
  dryRun: boolean;
  counters: TableCounters;
  /** Ids that were listed to catch up with deletions that no window shows any more; null where it was not due. */
  caughtUp: number | null;
}

/** How such a sync ended: completed, and success, only when everything that was retrieved was processed (salesforce W2). */
export interface TableVerdict {
  status: AppliedStatus;
  /** 0 done, 1 failed, 2 credentials or settings refused, 3 incomplete. */
  exitCode: number;
  message: string;
}

const INCOMPLETE = 3;

/** Says how a sync of a source that fills one table ended: nothing that was left out, and no failure, passes as success. */
export function concludeTable(facts: TableConclusion): TableVerdict {
  const verdict = verdictOf(facts);
  return facts.caughtUp === null
    ? verdict
    : { ...verdict, message: `${verdict.message} ${catchingUp(facts.caughtUp)}` };
}

function catchingUp(keys: number): string {
  return (
    'The sync before was longer ago than Salesforce keeps what was deleted (15 days): ' +
    `the ids of all contacts (${keys.toLocaleString('en-US')}) were compared as well.`
  );
}

function verdictOf(facts: TableConclusion): TableVerdict {
  const { failure, missingNumbers, deadLettered, counters } = facts;
  const done = facts.dryRun ? 'Dry run: nothing was written' : 'Records read were applied';
  if (failure !== undefined) return failed(failure, done);
  const left = counters.quarantined + counters.errors - missingNumbers || deadLettered;
  if (missingNumbers === 0 && left === 0) return { status: 'completed', exitCode: 0, message: completed(facts) };
  const reasons = [
    ...(missingNumbers > 0 ? [`${missingNumbers} records never arrived: run the sync again`] : []),
    ...(left > 0 ? [`${left} records went to the dead-letter topic: look at them`] : []),
  ];
  return { status: 'incomplete', exitCode: INCOMPLETE, message: `${done}, but ${reasons.join('; ')}.` };
}

function failed(
  { code, message, exitCode: asked }: NonNullable<TableConclusion['failure']>,
  done: string,
): TableVerdict {
  // A failure that names no exit code is still no success.
  const exitCode = asked === 0 ? INCOMPLETE : asked;
  const reason = message.replace(/[.\s]+$/, '') || code;
  const status = exitCode === 1 || exitCode === 2 ? 'failed' : 'incomplete';
  return { status, exitCode, message: `${done}, but not all could be read: ${reason}.` };
}

function completed({ counters: c, dryRun }: TableConclusion): string {
  return (
    `${dryRun ? 'Dry run: would have' : 'Sync completed:'} created ${c.created}, updated ${c.updated}, ` +
    `marked ${c.deleted} deleted, restored ${c.restored}, left ${c.unchanged} unchanged.`
  );
}

const LINES = [
  ['Total retrieved', 'total_retrieved', 'retrieved'],
  ['Total processed', 'total_processed', 'processed'],
  ['New records', 'new_records', 'created'],
  ['Updated records', 'updated_records', 'updated'],
  ['Unchanged records', 'unchanged_records', 'unchanged'],
  ['Deleted records', 'deleted_records', 'deleted'],
  ['Restored records', 'restored_records', 'restored'],
  ['Quarantined records', 'quarantined_records', 'quarantined'],
  ['Errors', 'errors', 'errors'],
] as const satisfies [label: string, name: string, counter: keyof TableCounters][];

/**
 * The statistics block people know from the existing service, with what it did not count (salesforce B9, W18). `seconds` is how
 * long the sync took from its start to its result; without it there is no rate.
 */
export function statistics(counters: TableCounters, seconds: number | null): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const rate =
    seconds === null || seconds <= 0
      ? []
      : [`Processing rate: ${(counters.processed / seconds).toFixed(1)} records/second`];
  return [
    'Final Statistics:',
    ...LINES.map(([label, , counter]) => `  ${label}: ${number(counters[counter])}`),
    ...rate.map((line) => `  ${line}`),
    `  Final database count: ${number(counters.total)}`,
  ].join('\n');
}

/** The counters by the names that the existing service gives them, and by names like these where it has none (salesforce B9). */
export function namedStatistics(counters: TableCounters): Record<string, number> {
  const named = LINES.map(([, name, counter]) => [name, counters[counter]] as const);
  return { ...Object.fromEntries(named), final_database_count: counters.total };
}
