import type pg from 'pg';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { RowLife } from '#libs/domain/src/rows.ts';
import type { Cause, Transition, Writing } from './changes.ts';
import type { TableMap } from './columns.ts';
import { copyCell, copyInto, type CellValue } from './copy.ts';
import { holdsAny } from './look-up.ts';
import type { Sql } from './pool.ts';
import { statementName } from './statement-name.ts';

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

/** Reads rows by a condition on the table (alias t). The values are bound, never spliced in. */
export function readRows<Row extends { id: string }>(
  sql: Sql,
  map: TableMap<Row>,
  condition: string,
  values: unknown[],
): Promise<Versioned<Row>[]> {
  const text = rowsText(map, condition);
  return askRows(sql, map, { name: statementName(text), text, values });
}

/**
 * Reads the rows of an account that hold one of these values in their column, of any of the columns. Planned each time: a plan made
 * while the table was small would read all of it for every value, for ever.
 */
export function readHolding<Row extends RowLife>(
  sql: Sql,
  map: TableMap<Row>,
  account: string,
  values: readonly [property: keyof Row & string, values: readonly (string | null)[]][],
): Promise<Versioned<Row>[]> {
  const lists = values.map(([property], index): [string, string] => {
    const { column } = map.columns.find((each) => each.property === property)!;
    return [column, `$${index + 2}`];
  });
  const text = rowsText(map, holdsAny(map.table, 'account_id = $1', lists));
  return askRows(sql, map, { text, values: [account, ...values.map(([, list]) => list)] });
}

function rowsText<Row extends { id: string }>({ table, columns }: TableMap<Row>, condition: string): string {
  return `select ${columns.map(({ column }) => `t.${column}`).join(', ')}, t.row_version from ${table} t where ${condition}`;
}

async function askRows<Row extends { id: string }>(
  sql: Sql,
  map: TableMap<Row>,
  query: pg.QueryConfig,
): Promise<Versioned<Row>[]> {
  const result = await sql.query({ ...query, rowMode: 'array' } as never);
  return (result.rows as unknown as unknown[][]).map((cells) => toRow(map, cells));
}

function toRow<Row extends { id: string }>(map: TableMap<Row>, cells: unknown[]): Versioned<Row> {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < map.columns.length; i += 1) row[map.columns[i]!.property] = cells[i];
  return { row: row as unknown as Row, version: cells[map.columns.length] as number };
}

/**
 * Inserts and updates rows by COPY and notes what changed. Throws write_conflict when a row changed since it was read or an insert
 * meets an existing id, so that the whole batch is read and decided again.
 */
export async function writeRows<Row extends RowLife>(
  { sql, changes }: Writing,
  map: TableMap<Row>,
  writes: RowWrite<Row>[],
): Promise<void> {
  const columns = writtenColumns(map);
  const [births, updates] = [new Map<RowWrite<Row>, string>(), new Map<RowWrite<Row>, string>()];
  for (const write of writes) (write.version === 0 ? births : updates).set(write, lineOf(map, write));
  if (births.size > 0) await copyInto(sql, map.table, columns, [...births.values()].join(''));
  if (updates.size > 0) await updateRows(sql, map.table, columns, [...updates.values()]);
  for (const write of writes) {
    const { row: after, version, before, cause, also } = write;
    changes.note(map, { before, after, version: version + 1, cause, also, line: births.get(write) });
  }
}

/** Updates through a table of the session: COPY into it, then one statement. */
async function updateRows(sql: Sql, table: string, columns: readonly string[], lines: string[]): Promise<void> {
  const staging = `changed_${table}`;
  await sql.query(
    `create temp table if not exists ${staging} on commit delete rows as select ${columns.join(', ')} from ${table} with no data`,
  );
  // A transaction may write more than once.
  await sql.query(`delete from ${staging}`);
  await copyInto(sql, staging, columns, lines.join(''));
  const sets = columns.filter((column) => column !== 'id').map((column) => `${column} = c.${column}`);
  // Planned each time: a plan made while the table was small would read all of it for ever.
  const { rowCount } = await sql.query(
    `update ${table} t set ${sets.join(', ')} from ${staging} c where t.id = c.id and t.row_version = c.row_version - 1`,
  );
  if (rowCount === lines.length) return;
  const missed = lines.length - (rowCount ?? 0);
  throw new AppError('write_conflict', `${table}: ${missed} rows changed since they were read`);
}

/** Columns in the order of a line: the row's own, its version, and what it shows. */
function writtenColumns<Row extends { id: string }>({ columns }: TableMap<Row>): string[] {
  return [...columns.map(({ column }) => column), 'row_version', 'shown_observation'];
}

function lineOf<Row extends { id: string }>(
  { columns }: TableMap<Row>,
  { row, version, shows }: RowWrite<Row>,
): string {
  let line = '';
  for (const { property, kind } of columns) line += `${copyCell(row[property] as CellValue, kind)}\t`;
  return `${line}${version + 1}\t${copyCell(shows ?? null, 'text')}\n`;
}

/** The rows of these contacts, by contact id, and which observation each shows in full; null where it was written otherwise since. */
export async function readShown(
  sql: Sql,
  table: 'vendors',
  account: string,
  contactIds: string[],
): Promise<Map<string, { id: string; shows: string | null }>> {
  const text = `select w.contact_id, r.id, r.shown_observation from unnest($2::text[]) as w (contact_id)
    cross join lateral (select id, shown_observation from ${table} where account_id = $1 and ghl_contact_id = w.contact_id offset 0) r`;
  // Planned each time, as in readHolding.
  const { rows } = await sql.query({ text, values: [account, contactIds], rowMode: 'array' } as never);
  const found = rows as unknown as [contactId: string, id: string, shows: string | null][];
  return new Map(found.map(([contactId, id, shows]) => [contactId, { id, shows }]));
}

/** Who holds these GHL user ids, by user id. Asked one by one inside the statement, for the reason of holdsAny. */
export async function readHolders(sql: Sql, account: string, userIds: readonly string[]): Promise<Map<string, string>> {
  const text = `select w.user_id as "userId", v.id from unnest($2::text[]) as w (user_id)
    cross join lateral (select id from vendors where account_id = $1 and ghl_user_id = w.user_id offset 0) v`;
  const { rows } = await sql.query<{ userId: string; id: string }>(text, [account, userIds]);
  return new Map(rows.map(({ userId, id }) => [userId, id]));
}

/** Brings e-mails that other programs wrote into the form in which they are matched (rules-ghl section 1): trimmed, in lower case. */
export async function normalizeEmails(
  sql: Sql,
  table: 'vendors' | 'leads',
  column: 'email' | 'customer_email',
  account: string,
): Promise<void> {
  const normal = `nullif(lower(btrim(${column})), '')`;
  await sql.query(
    `update ${table} set ${column} = ${normal}, row_version = row_version + 1, shown_observation = null
     where account_id = $1 and ${column} is distinct from ${normal}`,
    [account],
  );
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
