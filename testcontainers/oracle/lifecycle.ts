import type { Sql } from '#libs/storage/src/pool.ts';
import type { Difference } from './differences.ts';
import { isSame } from './rows.ts';
import type { StoredRow, Tables } from './tables.ts';

/** Columns that identify a row or date it: no event is of them alone (architecture section 6). */
const UNTOLD = new Set(['id', 'created_at']);
const RULE = 'architecture 6';

interface Told {
  type: string;
  changes: Record<string, { before: unknown; after: unknown }>;
}

type Values = Record<string, unknown>;

/**
 * Where the lifecycle events of these scans do not lead from the rows before them to the rows after them: each event must begin where
 * the one before it ended, and a row that changed in nothing people are told of must have none left over.
 */
export async function lifecycleDifferences(
  database: Sql,
  scanIds: readonly string[],
  before: Tables,
  after: Tables,
): Promise<Difference[]> {
  const { rows } = await database.query<Told & { table_name: string; row_id: string }>(
    'select table_name, row_id, type, changes from lifecycle where scan_id = any($1) order by row_id, position',
    [scanIds],
  );
  const events = Map.groupBy(rows, ({ table_name, row_id }) => `${table_name} ${row_id}`);
  return (['vendors', 'leads'] as const).flatMap((table) => {
    const [old, now] = [byId(before[table]), byId(after[table])];
    const ids = [...new Set([...old.keys(), ...now.keys(), ...idsOf(events.keys(), table)])].sort();
    return ids.flatMap((id) => follow(`${table} ${id}`, old.get(id), now.get(id), events.get(`${table} ${id}`) ?? []));
  });
}

function* idsOf(places: Iterable<string>, table: string): Generator<string> {
  for (const place of places) if (place.startsWith(`${table} `)) yield place.slice(table.length + 1);
}

function byId(rows: readonly StoredRow<object>[]): Map<string, Values> {
  return new Map(rows.map(({ row }) => [(row as { id: string }).id, row as Values]));
}

function follow(where: string, before: Values | undefined, after: Values | undefined, events: Told[]): Difference[] {
  const columns = Object.keys(before ?? after ?? {}).filter((column) => !UNTOLD.has(column));
  const state: Values = Object.fromEntries(columns.map((column) => [column, before?.[column] ?? null]));
  const found: Difference[] = [];
  for (const { type, changes } of events) {
    for (const [column, change] of Object.entries(changes)) {
      if (!(column in state)) continue;
      if (!isAlike(state[column], change.before))
        found.push({
          where: `${where}.${column} before ${type}`,
          rule: RULE,
          expected: state[column],
          actual: change.before,
        });
      state[column] = change.after;
    }
  }
  const [first, last] = [events.at(0)?.type, events.at(-1)?.type];
  if (before === undefined && first !== undefined && !first.endsWith('Created'))
    found.push({ where: `${where} begins`, rule: RULE, expected: 'Created', actual: first });
  if (after === undefined && last !== undefined && !last.endsWith('Withdrawn'))
    found.push({ where: `${where} ends`, rule: RULE, expected: 'Withdrawn', actual: last });
  for (const column of columns) {
    const wanted = after?.[column] ?? null;
    if (!isAlike(wanted, state[column]))
      found.push({ where: `${where}.${column} as told`, rule: RULE, expected: wanted, actual: state[column] });
  }
  return found;
}

/** Equal for people: a time is a time, and nothing is the same as an empty list. */
function isAlike(a: unknown, b: unknown): boolean {
  return isSame(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return null;
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? Date.parse(value) : (value ?? null);
}
