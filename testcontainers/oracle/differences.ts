import type { RunView } from '#libs/storage/src/reads.ts';
import type { Expected } from './model.ts';
import { isSame, MARKED, type LifeColumns } from './rows.ts';
import type { StoredRow, Tables } from './tables.ts';

/** One thing that is not as the model says, with the section of the rules that decides it. */
export interface Difference {
  where: string;
  rule: string;
  expected: unknown;
  actual: unknown;
  /** Which scan of the world, from 1. */
  scan?: number;
}

/** A scan that was foretold and has been run. */
export interface CheckedScan {
  before: Tables;
  expected: Expected;
  after: Tables;
  run: RunView;
  dryRun: boolean;
}

const RULES: Record<string, string> = {
  id: 'rules-ghl 3',
  ghl_contact_id: 'rules-ghl 3',
  ghl_user_id: 'rules-ghl 1',
  name: 'rules-ghl 1',
  customer_name: 'rules-ghl 1',
  previous_status: 'rules-ghl 6',
  missing_since: 'rules-ghl 6',
  reclassified_as: 'rules-ghl 2',
};

/** Compares rows, result and counters. */
export function differences({ before, expected, after, run, dryRun }: CheckedScan): Difference[] {
  const untouched = { vendors: before.vendors.map(({ row }) => row), leads: before.leads.map(({ row }) => row) };
  const { vendors, leads } = dryRun ? untouched : expected;
  return [
    ...tableDifferences('vendors', 'rules-ghl 4', before.vendors, vendors, after.vendors, expected.refused),
    ...tableDifferences('leads', 'rules-ghl 5', before.leads, leads, after.leads),
    ...resultDifferences(expected, run),
  ];
}

function resultDifferences(expected: Expected, run: RunView): Difference[] {
  const found: Difference[] = [];
  const compare = (where: string, wanted: unknown, actual: unknown): void => {
    if (!isSame(wanted, actual)) found.push({ where, rule: 'rules-ghl 7', expected: wanted, actual });
  };
  compare('exit code', expected.exitCode, run.exitCode);
  compare('success', expected.exitCode === 0, run.success);
  compare('held tables', expected.heldTables, run.heldTables ?? []);
  for (const [name, count] of Object.entries(expected.counters)) compare(`counter ${name}`, count, run.stats?.[name]);
  return found;
}

function tableDifferences<Row extends LifeColumns>(
  table: string,
  rule: string,
  before: StoredRow<Row>[],
  expected: Row[],
  after: StoredRow<Row>[],
  rewritable: ReadonlySet<string> = new Set(),
): Difference[] {
  const ids = [...new Set([...expected.map(({ id }) => id), ...after.map(({ row }) => row.id)])].sort();
  return ids.flatMap((id) => {
    const wanted = expected.find((row) => row.id === id);
    const stored = after.find(({ row }) => row.id === id);
    const old = before.find(({ row }) => row.id === id);
    const where = `${table} ${id}`;
    if (wanted === undefined || stored === undefined) {
      return [{ where, rule: RULES['id']!, expected: wanted, actual: stored?.row }];
    }
    const columns = columnDifferences(where, rule, wanted, stored.row, old?.row);
    const isStill = old !== undefined && isSame(old.row, wanted);
    if (columns.length > 0 || !isStill || isUntouched(old.written, stored.written, rewritable.has(id))) return columns;
    return [{ where: `${where} written again`, rule: 'rules-ghl 7', expected: old.written, actual: stored.written }];
  });
}

/**
 * A row may be written without a change of its own only to keep the version of the contact that it shows, or because it had a
 * GHL user id for a while that another row got in the end.
 */
function isUntouched(before: Written, after: Written, isRewritable: boolean): boolean {
  const isNewerVersion = before.source_updated_at !== after.source_updated_at;
  const mayBeWritten = isNewerVersion || isRewritable;
  return before.updated_at === after.updated_at && (mayBeWritten || before.row_version === after.row_version);
}

type Written = StoredRow<LifeColumns>['written'];

function columnDifferences(
  where: string,
  rule: string,
  wanted: object,
  actual: object,
  old: object | undefined,
): Difference[] {
  const [want, have, was] = [wanted, actual, old ?? {}] as Record<string, unknown>[];
  return Object.keys(wanted).flatMap((column) => {
    const expected = want![column];
    const shown = have![column];
    if (column === 'created_at' && old === undefined) return [];
    const isMarkedNow =
      column === 'missing_since' && expected === MARKED && typeof shown === 'number' && shown !== was![column];
    if (isMarkedNow || isSame(expected, shown)) return [];
    return [
      {
        where: `${where}.${column} (was ${JSON.stringify(was![column])})`,
        rule: RULES[column] ?? rule,
        expected,
        actual: shown,
      },
    ];
  });
}
