import type { FieldErrorCount, ScanApplied, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import type { Sql } from './pool.ts';
import { statementName } from './statement-name.ts';
import { abandonScans, dropOpenState } from './abandoned-scans.ts';
import { endScans } from './scan-control.ts';

/** What one batch of a partition adds to the projector's knowledge of a scan. */
export interface PartitionProgress {
  scanId: string;
  account: string;
  partition: number;
  /** Numbers of the records of the scan in this batch, as they came. */
  numbers: number[];
  deadLettered: number;
  /** What became of each of these records, by any name; a record that comes again is not counted again. */
  outcomes?: readonly string[];
  /** Fields of these records that could not be used, by the number of the record; those of a record that comes again count once. */
  fieldErrors?: FieldErrors;
}

/** Fields that could not be used, by the number of their record. */
export type FieldErrors = ReadonlyMap<number, readonly FieldErrorCount[]>;

/** Fields that could not be used: how many of them, and the first of them. */
export interface FaultyFields {
  count: number;
  first: FieldErrorCount[];
}

/** Faulty fields that are kept of a partition, and told of a scan. */
export const MAX_FIELD_ERRORS = 100;

/** How often records of a scan came to each outcome. */
export type OutcomeCounts = Record<string, number>;

/** A closed partition: its marker, and what the projector saw of the partition. */
export interface ClosedPartition {
  marker: ScanMarker;
  lastNumber: number;
  holes: number;
  deadLettered: number;
  outcomes: OutcomeCounts;
  /** The first fields that could not be used; how many there are is the outcome `field_errors`. */
  fieldErrors: FieldErrorCount[];
}

/** State of a scan for the projector; everything after `open` is final, but for a confirmation. Nobody ended an `abandoned` one. */
export type ScanStateName = 'open' | 'applied' | 'needs_confirmation' | 'abandoned';

/** Which of these scans are closed: their records are repeats of what was applied. */
export async function closedScans(sql: Sql, scanIds: string[]): Promise<Set<string>> {
  if (scanIds.length === 0) return new Set();
  const text = `select scan_id from scan_states where scan_id = any($1) and state <> 'open'`;
  const { rows } = await sql.query<{ scan_id: string }>({ name: statementName(text), text, values: [scanIds] });
  return new Set(rows.map(({ scan_id }) => scan_id));
}

/** Follows the numbering of a partition: repeats are welcome, skipped numbers are holes (architecture section 4, rule 4). */
export function followNumbers(last: number, numbers: readonly number[]): { last: number; holes: number } {
  let holes = 0;
  for (const number of numbers) {
    if (number <= last) continue;
    holes += number - last - 1;
    last = number;
  }
  return { last, holes };
}

/** Counts the outcomes of records that follow the last number; repeats count for nothing. */
export function countOutcomes(
  last: number,
  numbers: readonly number[],
  outcomes: readonly string[],
  before: OutcomeCounts,
): OutcomeCounts {
  const counts = { ...before };
  let highest = last;
  for (const [index, outcome] of outcomes.entries()) {
    const number = numbers[index]!;
    if (number <= highest) continue;
    highest = number;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** Faulty fields of records that follow the last number; those of repeats are told already. */
export function newFieldErrors(last: number, fieldErrors: FieldErrors): FaultyFields {
  const fresh = [...fieldErrors].filter(([number]) => number > last).flatMap(([, errors]) => errors);
  return { count: fresh.length, first: fresh.slice(0, MAX_FIELD_ERRORS) };
}

/** The faulty fields of a whole scan. */
export function faultyFields(partitions: readonly ClosedPartition[]): FaultyFields {
  const order = ({ contactId, field, code }: FieldErrorCount): string => `${contactId} ${field} ${code}`;
  const first = partitions.flatMap(({ fieldErrors }) => fieldErrors);
  return {
    count: partitions.reduce((sum, { outcomes }) => sum + (outcomes['field_errors'] ?? 0), 0),
    first: first.sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, MAX_FIELD_ERRORS),
  };
}

/** Records that never arrived, and records that went to the dead-letter topic. */
export function doubtsOf(partitions: readonly ClosedPartition[]): { holes: number; deadLettered: number } {
  let holes = 0;
  let deadLettered = 0;
  for (const partition of partitions) {
    holes += partition.holes + Math.max(0, partition.marker.lastNumber - partition.lastNumber);
    deadLettered += partition.deadLettered;
  }
  return { holes, deadLettered };
}

/** When the last of a scan's markers was made: the time of its result. */
export function closedAt(partitions: readonly ClosedPartition[]): number {
  return Math.max(...partitions.map(({ marker }) => marker.completedAt));
}

const NO_ERRORS: FieldErrors = new Map();

/** Records progress of a scan in one partition, in the transaction that applies the batch. */
export async function saveProgress(sql: Sql, progress: PartitionProgress): Promise<void> {
  const { scanId, account, partition, numbers, deadLettered, outcomes = [], fieldErrors = NO_ERRORS } = progress;
  const read = 'select last_number, outcomes from scan_partitions where scan_id = $1 and partition = $2';
  const { rows } = await sql.query<{ last_number: number; outcomes: OutcomeCounts }>({
    name: statementName(read),
    text: read,
    values: [scanId, partition],
  });
  if (rows.length === 0) {
    await sql.query('insert into scan_states (scan_id, account) values ($1, $2) on conflict do nothing', [
      scanId,
      account,
    ]);
  }
  const before = rows[0]?.last_number ?? 0;
  const { last, holes } = followNumbers(before, numbers);
  const counts = countOutcomes(before, numbers, outcomes, rows[0]?.outcomes ?? {});
  const faulty = newFieldErrors(before, fieldErrors);
  if (faulty.count > 0) counts['field_errors'] = (counts['field_errors'] ?? 0) + faulty.count;
  const write = `insert into scan_partitions as p (scan_id, partition, last_number, holes, dead_lettered, outcomes) values ($1, $2, $3, $4, $5, $6)
    on conflict (scan_id, partition) do update set last_number = excluded.last_number, outcomes = excluded.outcomes,
      holes = p.holes + excluded.holes, dead_lettered = p.dead_lettered + excluded.dead_lettered, touched_at = now()`;
  const values = [scanId, partition, last, holes, deadLettered, JSON.stringify(counts)];
  await sql.query({ name: statementName(write), text: write, values });
  if (faulty.count > 0) await keepFieldErrors(sql, scanId, partition, faulty.first);
}

/** Keeps the first faulty fields of a partition: what a person looks at, whatever the size of the scan. */
async function keepFieldErrors(
  sql: Sql,
  scanId: string,
  partition: number,
  first: readonly FieldErrorCount[],
): Promise<void> {
  await sql.query(
    `update scan_partitions set field_errors = jsonb_path_query_array(field_errors || $3::jsonb, '$[0 to ${MAX_FIELD_ERRORS - 1}]')
     where scan_id = $1 and partition = $2 and jsonb_array_length(field_errors) < ${MAX_FIELD_ERRORS}`,
    [scanId, partition, JSON.stringify(first)],
  );
}

/**
 * Stores a marker and takes the scan's row lock; returns every partition once all are closed, so that exactly one transaction
 * sees the last marker and applies the missing rule.
 */
export async function closePartition(sql: Sql, marker: ScanMarker): Promise<ClosedPartition[] | undefined> {
  await saveProgress(sql, {
    scanId: marker.scanId,
    account: marker.account,
    partition: marker.partition,
    numbers: [],
    deadLettered: 0,
  });
  await sql.query('update scan_partitions set marker = $3 where scan_id = $1 and partition = $2', [
    marker.scanId,
    marker.partition,
    JSON.stringify(marker),
  ]);
  const state = await sql.query<{ state: string }>('select state from scan_states where scan_id = $1 for update', [
    marker.scanId,
  ]);
  if (state.rows[0]?.state !== 'open') return undefined;
  return closedPartitions(sql, marker.scanId, marker.partitions);
}

/** An open scan, under its row lock; undefined when it has ended. Its start is null where only the projector knows it. */
export async function readOpen(sql: Sql, scanId: string): Promise<{ startedAt: number | null } | undefined> {
  const { rows } = await sql.query<{ startedAt: number | null }>(
    `select s.started_at as "startedAt" from scan_states o left join scans s using (scan_id)
     where scan_id = $1 and o.state = 'open' for update of o`,
    [scanId],
  );
  return rows[0];
}

/** Every partition of a scan when all are closed, else undefined. */
export async function closedPartitions(
  sql: Sql,
  scanId: string,
  partitions: number,
): Promise<ClosedPartition[] | undefined> {
  const { rows } = await sql.query<ClosedPartition>(
    `select marker, last_number as "lastNumber", holes, dead_lettered as "deadLettered", outcomes,
       field_errors as "fieldErrors"
     from scan_partitions where scan_id = $1 and marker is not null order by partition`,
    [scanId],
  );
  return rows.length === partitions ? rows : undefined;
}

/**
 * Ends a scan for the projector and for the connector, drops what only an open scan needs, and abandons the scans that cannot end any
 * more. Sightings are dropped when no scan of the account needs them (architecture section 4, rule 5): an open one needs all, one that
 * waits to be confirmed its own and all later ones. Returns the scans that joined this one and end with its result.
 */
export async function endScan(
  sql: Sql,
  scanId: string,
  account: string,
  state: Exclude<ScanStateName, 'open' | 'abandoned'>,
): Promise<string[]> {
  await sql.query('update scan_states set state = $2 where scan_id = $1', [scanId, state]);
  const joined = await endScans(sql, scanId);
  await dropOpenState(sql, [scanId]);
  await abandonScans(sql, scanId, account);
  // The result of a scan that begins to wait just now is not there yet.
  await sql.query(
    `delete from sightings s where s.account = $1 and not exists (
       select from scan_states w where w.account = $1 and (w.state = 'open' or (w.state = 'needs_confirmation' and (
         w.result is null or s.scan_id = w.scan_id
         or s.seen_at >= to_timestamp((w.result -> 'marker' ->> 'startedAt')::float8 / 1000.0)))))`,
    [account],
  );
  return joined;
}

/** The result of a scan, kept while its missing rule waits to be confirmed. */
export interface WaitingScan {
  marker: ScanMarker;
  applied: ScanApplied;
}

/** Keeps the result of a scan that waits to be confirmed. */
export async function saveResult(sql: Sql, scanId: string, result: WaitingScan): Promise<void> {
  await sql.query(`update scan_states set result = $2 where scan_id = $1 and state = 'needs_confirmation'`, [
    scanId,
    JSON.stringify(result),
  ]);
}

/** The result of a scan that waits to be confirmed, under its row lock; undefined when it does not wait. */
export async function readWaiting(sql: Sql, scanId: string): Promise<WaitingScan | undefined> {
  const { rows } = await sql.query<{ result: WaitingScan }>(
    `select result from scan_states where scan_id = $1 and state = 'needs_confirmation' and result is not null for update`,
    [scanId],
  );
  return rows[0]?.result;
}

/** The results of the other scans of an account that wait to be confirmed, under their row locks. */
export async function readOthersWaiting(sql: Sql, scanId: string, account: string): Promise<WaitingScan[]> {
  const { rows } = await sql.query<{ result: WaitingScan }>(
    `select result from scan_states
     where account = $2 and scan_id <> $1 and state = 'needs_confirmation' and result is not null order by scan_id for update`,
    [scanId, account],
  );
  return rows.map(({ result }) => result);
}
