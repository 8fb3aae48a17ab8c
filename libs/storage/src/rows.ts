import { AppError } from '#libs/runtime/src/errors.ts';
import type { RowLife } from '#libs/domain/src/rows.ts';
import type { Cause, Transition, Writing } from './changes.ts';
import type { ColumnKind, TableMap } from './columns.ts';
import type { Sql } from './pool.ts';

/** A row as read, with the version it had: a write that meets another version is a write_conflict. */
export interface Versioned<Row> {
  row: Row;
  version: number;
}

/** A row to write; version 0 inserts it. */
export interface RowWrite<Row> extends Versioned<Row>, Pick<Transition<Row>, 'cause' | 'also'> {
  /** The row as it was read; undefined where it is inserted. */
  before: Row | undefined;
  /** Hash of the observation that the row now shows in full; left out by whatever else writes the row, which forgets it. */
  shows?: string;
}

const SQL_TYPES: Record<ColumnKind, string> = {
  text: 'text',
  list: 'jsonb',
  time: 'float8',
  number: 'numeric',
  boolean: 'boolean',
};

/** Reads rows by a condition on the table (alias t). The values are bound, never spliced in. */
export async function readRows<Row extends { id: string }>(
  sql: Sql,
  map: TableMap<Row>,
  condition: string,
  values: unknown[],
): Promise<Versioned<Row>[]> {
  const list = map.columns.map(({ column }) => `t.${column}`).join(', ');
  const text = `select ${list}, t.row_version from ${map.table} t where ${condition}`;
  const result = await sql.query({ name: statementName(text), text, values, rowMode: 'array' } as never);
  return (result.rows as unknown as unknown[][]).map((cells) => toRow(map, cells));
}

function toRow<Row extends { id: string }>(map: TableMap<Row>, cells: unknown[]): Versioned<Row> {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < map.columns.length; i += 1) row[map.columns[i]!.property] = cells[i];
  return { row: row as unknown as Row, version: cells[map.columns.length] as number };
}

/**
 * Inserts and updates rows in one statement and notes what changed. Throws write_conflict when a row changed since it was read or
 * an insert meets an existing id, so that the whole batch is read and decided again.
 */
export async function writeRows<Row extends RowLife>(
  { sql, changes }: Writing,
  map: TableMap<Row>,
  writes: RowWrite<Row>[],
): Promise<void> {
  if (writes.length === 0) return;
  const text = writeStatement(map);
  const payload = toRecords(map, writes);
  const result = await sql.query({ name: statementName(text), text, values: [payload] });
  if (result.rowCount !== writes.length) {
    throw new AppError(
      'write_conflict',
      `${map.table}: ${writes.length - (result.rowCount ?? 0)} rows changed since they were read`,
    );
  }
  for (const { row: after, version, before, cause, also } of writes)
    changes.note(map, { before, after, version: version + 1, cause, also });
}

/** Columns that every write has besides the row's own. */
const VERSION = 'v';
const SHOWS = 's';

/** The rows as a JSON list of records with keys as short as can be: half of what PostgreSQL does with a batch is parsing it. */
function toRecords<Row extends { id: string }>({ columns }: TableMap<Row>, writes: RowWrite<Row>[]): string {
  let json = '';
  for (const { row, version, shows } of writes) {
    json += `${json === '' ? '[' : ','}{"${VERSION}":${version + 1}`;
    if (shows !== undefined) json += `,"${SHOWS}":"${shows}"`;
    for (let i = 0; i < columns.length; i += 1) {
      const { property, kind } = columns[i]!;
      const value = row[property] as string | string[] | number | boolean | null;
      if (value === null) continue;
      json += `,"${i}":${kind === 'text' || kind === 'list' ? JSON.stringify(value) : String(value)}`;
    }
    json += '}';
  }
  return `${json}]`;
}

const statements = new Map<string, string>();

function writeStatement<Row extends { id: string }>(map: TableMap<Row>): string {
  const known = statements.get(map.table);
  if (known !== undefined) return known;
  const columns = map.columns.map(({ column }) => column);
  const record = map.columns.map(({ kind }, index) => `"${index}" ${SQL_TYPES[kind]}`).join(', ');
  const values = map.columns.map(({ kind }, index) =>
    kind === 'time' ? `to_timestamp(r."${index}" / 1000.0)` : `r."${index}"`,
  );
  const written = [...columns, 'row_version', 'shown_observation'];
  const sets = written.filter((column) => column !== 'id').map((column) => `${column} = excluded.${column}`);
  const text = `insert into ${map.table} as t (${written.join(', ')})
    select ${values.join(', ')}, r.${VERSION}, r.${SHOWS}
    from json_to_recordset($1::json) as r (${record}, ${VERSION} integer, ${SHOWS} text)
    on conflict (id) do update set ${sets.join(', ')} where t.row_version = excluded.row_version - 1`;
  statements.set(map.table, text);
  return text;
}

/** The rows of these contacts, by contact id, and which observation each shows in full; null where it was written otherwise since. */
export async function readShown(
  sql: Sql,
  table: 'vendors',
  account: string,
  contactIds: string[],
): Promise<Map<string, { id: string; shows: string | null }>> {
  const text = `select ghl_contact_id, id, shown_observation from ${table} where account_id = $1 and ghl_contact_id = any($2)`;
  const query = { name: statementName(text), text, values: [account, contactIds], rowMode: 'array' };
  const { rows } = await sql.query(query as never);
  const found = rows as unknown as [contactId: string, id: string, shows: string | null][];
  return new Map(found.map(([contactId, id, shows]) => [contactId, { id, shows }]));
}

const names = new Map<string, string>();

/** A short name per statement text, so that PostgreSQL plans it once per connection. */
export function statementName(text: string): string {
  const name = names.get(text) ?? `s${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** Removes rows that a better claim displaced in the scan that made them. */
export async function deleteRows<Row extends RowLife>(
  { sql, changes }: Writing,
  map: TableMap<Row>,
  rows: Versioned<Row>[],
  cause: Cause,
): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(`delete from ${map.table} where id = any($1)`, [rows.map(({ row }) => row.id)]);
  for (const { row: before, version } of rows)
    changes.note(map, { before, after: undefined, version: version + 1, cause });
}

/** Makes the account row known before rows that refer to it; keeps what is there. */
export async function ensureAccount(sql: Sql, account: string): Promise<void> {
  await sql.query(
    `insert into accounts (id, ghl_location_id, company_name) values ($1, $1, $1) on conflict do nothing`,
    [account],
  );
}

/** Serialises writers that would make rows or claims for the same keys; held to the end of the transaction. */
export async function lockKeys(sql: Sql, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  const unique = [...new Set(keys)].sort();
  const text = 'select pg_advisory_xact_lock(hashtextextended(k, 0)) from unnest($1::text[]) as k';
  await sql.query({ name: statementName(text), text, values: [unique] });
}
