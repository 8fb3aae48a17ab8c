import { AppError } from '#libs/runtime/src/errors.ts';
import type { ColumnKind, TableMap } from './columns.ts';
import type { Sql } from './pool.ts';

/** A row as read, with the version it had: a write that meets another version is a write_conflict. */
export interface Versioned<Row> {
  row: Row;
  version: number;
}

/** A row to write; version 0 inserts it. */
export type RowWrite<Row> = Versioned<Row>;

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
 * Inserts and updates rows in one statement. Throws write_conflict when a row changed since it was read or an insert meets an
 * existing id, so that the whole batch is read and decided again.
 */
export async function writeRows<Row extends { id: string }>(
  sql: Sql,
  map: TableMap<Row>,
  writes: RowWrite<Row>[],
): Promise<void> {
  if (writes.length === 0) return;
  const text = writeStatement(map);
  const payload = JSON.stringify(writes.map(({ row, version }) => toCells(map, row, version)));
  const result = await sql.query({ name: statementName(text), text, values: [payload] });
  if (result.rowCount !== writes.length) {
    throw new AppError(
      'write_conflict',
      `${map.table}: ${writes.length - (result.rowCount ?? 0)} rows changed since they were read`,
    );
  }
}

function toCells<Row extends { id: string }>(map: TableMap<Row>, row: Row, version: number): Record<string, unknown> {
  const cells: Record<string, unknown> = { row_version: version + 1 };
  for (const { property, column } of map.columns) cells[column] = row[property];
  return cells;
}

const statements = new Map<string, string>();

function writeStatement<Row extends { id: string }>(map: TableMap<Row>): string {
  const known = statements.get(map.table);
  if (known !== undefined) return known;
  const names = map.columns.map(({ column }) => column);
  const record = map.columns.map(({ column, kind }) => `${column} ${SQL_TYPES[kind]}`).join(', ');
  const values = map.columns.map(({ column, kind }) =>
    kind === 'time' ? `to_timestamp(r.${column} / 1000.0)` : `r.${column}`,
  );
  const sets = names.filter((name) => name !== 'id').map((name) => `${name} = excluded.${name}`);
  const text = `insert into ${map.table} as t (${names.join(', ')}, row_version)
    select ${values.join(', ')}, r.row_version from json_to_recordset($1::json) as r (${record}, row_version integer)
    on conflict (id) do update set ${sets.join(', ')}, row_version = excluded.row_version
    where t.row_version = excluded.row_version - 1`;
  statements.set(map.table, text);
  return text;
}

const names = new Map<string, string>();

/** A short name per statement text, so that PostgreSQL plans it once per connection. */
export function statementName(text: string): string {
  const name = names.get(text) ?? `s${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** Removes rows that a better claim displaced in the scan that made them. */
export async function deleteRows(sql: Sql, table: 'vendors' | 'leads', ids: string[]): Promise<void> {
  if (ids.length > 0) await sql.query(`delete from ${table} where id = any($1)`, [ids]);
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
