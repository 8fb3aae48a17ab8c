import type { Sql } from '#libs/storage/src/pool.ts';
import { blankLead, blankVendor, type LeadRow, type VendorRow } from './rows.ts';

/** A row as the model sees it, and what moves when somebody writes it. */
export interface StoredRow<Row> {
  row: Row;
  written: { updated_at: unknown; row_version: unknown; source_updated_at: unknown };
}

/** Both tables of a location. */
export interface Tables {
  vendors: StoredRow<VendorRow>[];
  leads: StoredRow<LeadRow>[];
}

const TIMES = new Set(['created_at', 'missing_since', 'last_lead_assigned']);
const LISTS = new Set(['service_categories', 'services_offered', 'coverage_states', 'coverage_counties']);

/** Empties the tables of a location and fills them with a world's rows. */
export async function insertRows(
  database: Sql,
  account: string,
  { vendors, leads }: { vendors: VendorRow[]; leads: LeadRow[] },
): Promise<void> {
  await database.query('delete from vendors where account_id = $1', [account]);
  await database.query('delete from leads where account_id = $1', [account]);
  await database.query(
    'insert into accounts (id, ghl_location_id, company_name) values ($1, $1, $1) on conflict do nothing',
    [account],
  );
  await insert(database, 'vendors', account, vendors);
  await insert(database, 'leads', account, leads);
}

async function insert(database: Sql, table: string, account: string, rows: (VendorRow | LeadRow)[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = columnsOf(rows[0]!);
  const selected = columns.map((column) => (TIMES.has(column) ? `to_timestamp(${column} / 1000.0)` : column));
  const types = columns.map((column) => `${column} ${typeOf(column)}`);
  await database.query(
    `insert into ${table} (account_id, ${columns.join(', ')})
     select $1, ${selected.join(', ')} from jsonb_to_recordset($2::jsonb) as given (${types.join(', ')})`,
    [account, JSON.stringify(rows)],
  );
}

function typeOf(column: string): string {
  if (TIMES.has(column)) return 'numeric';
  if (LISTS.has(column)) return 'jsonb';
  if (column === 'taking_new_work') return 'boolean';
  return column === 'lead_close_percentage' ? 'numeric' : 'text';
}

/** Every row of a location, in the order of their ids. */
export async function readTables(database: Sql, account: string): Promise<Tables> {
  return {
    vendors: await read(database, 'vendors', account, columnsOf(blankVendor(''))),
    leads: await read(database, 'leads', account, columnsOf(blankLead(''))),
  } as Tables;
}

async function read(database: Sql, table: string, account: string, columns: string[]): Promise<StoredRow<object>[]> {
  const selected = columns.map((column) =>
    TIMES.has(column) ? `(extract(epoch from ${column}) * 1000)::float8 as ${column}` : column,
  );
  const { rows } = await database.query<Record<string, unknown>>(
    `select ${selected.join(', ')}, updated_at, row_version, source_updated_at from ${table} where account_id = $1 order by id`,
    [account],
  );
  return rows.map(({ updated_at, row_version, source_updated_at, ...row }) => ({
    row,
    written: { updated_at, row_version, source_updated_at },
  }));
}

function columnsOf(row: object): string[] {
  return Object.keys(row);
}
