import type { Sql } from './pool.ts';

/** What would become of one row; of sf_contacts the id is that of the contact. */
export interface RowChange {
  table: 'vendors' | 'leads' | 'sf_contacts';
  id: string;
  outcome: 'created' | 'updated' | 'missing' | 'restored' | 'removed' | 'deleted';
  /** Columns that would change, with what they show and would show; of sf_contacts only why a contact ended. */
  columns: Record<string, { before: unknown; after: unknown }>;
}

/** The changes of a dry run. */
export interface ChangeSet {
  /** Changes there were, kept or not. */
  total: number;
  /** Of these, how many were not kept. */
  leftOut: number;
  items: RowChange[];
}

/** Most changes that are kept of one dry run. */
export const MAX_CHANGES = 10_000;
const KEPT_DAYS = 30;
const CHUNK = 1000;
/** Columns that are ours, that every write changes, or that none does. */
const UNTOLD = ['row_version', 'shown_observation', 'created_at', 'updated_at', 'born_at', 'born_scan'];

/**
 * Keeps the tables of an account as they are, inside a transaction, so that changedRows can tell what became of them. One pass over
 * the account's rows: a dry run has all of them to compare with.
 */
export async function rememberRows(sql: Sql, account: string): Promise<void> {
  for (const table of ['vendors', 'leads']) {
    await sql.query(
      `create temporary table before_${table} on commit drop as select id, row_version, to_jsonb(t) as row from ${table} t where account_id = $1`,
      [account],
    );
    await sql.query(`create unique index on before_${table} (id)`);
  }
}

/** What became of the rows that rememberRows kept: at most MAX_CHANGES, in order of table and id, and how many there were. */
export async function changedRows(
  sql: Sql,
  account: string,
  inactiveStatus: string,
): Promise<{ total: number; items: RowChange[] }> {
  const parts = ['vendors', 'leads'].map(
    (table) => `select '${table}' as table_name, coalesce(t.id, b.id) as id, b.row as before, to_jsonb(t) as after
      from (select * from ${table} where account_id = $1) t full join before_${table} b on b.id = t.id
      where t.row_version is distinct from b.row_version and (to_jsonb(t) - $2::text[]) is distinct from (b.row - $2::text[])`,
  );
  const changed = `(${parts.join(' union all ')}) c`;
  const { rows } = await sql.query<{ total: number }>(`select count(*) as total from ${changed}`, [account, UNTOLD]);
  const items = await sql.query<{
    table: RowChange['table'];
    id: string;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
  }>(
    `select table_name as "table", id, before, after from ${changed} order by table_name desc, id collate "C" limit $3`,
    [account, UNTOLD, MAX_CHANGES],
  );
  return {
    total: rows[0]!.total,
    items: items.rows.map(({ table, id, before, after }) => ({
      table,
      id,
      outcome: outcomeOf(before, after, inactiveStatus),
      columns: columnsOf(before ?? {}, after ?? {}),
    })),
  };
}

function outcomeOf(
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
  inactive: string,
): RowChange['outcome'] {
  if (before === null) return 'created';
  if (after === null) return 'removed';
  if (before['status'] !== inactive && after['status'] === inactive) return 'missing';
  return before['status'] === inactive && after['status'] !== inactive ? 'restored' : 'updated';
}

function columnsOf(before: Record<string, unknown>, after: Record<string, unknown>): RowChange['columns'] {
  const columns: RowChange['columns'] = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[name] ?? null, after[name] ?? null];
    if (!UNTOLD.includes(name) && JSON.stringify(was) !== JSON.stringify(is))
      columns[name] = { before: was, after: is };
  }
  return columns;
}

/** Keeps the changes of a dry run for 30 days; what is older goes. */
export async function saveChanges(
  sql: Sql,
  scanId: string,
  { total, items }: { total: number; items: readonly RowChange[] },
): Promise<void> {
  await sql.query(`delete from change_sets where made_at < now() - make_interval(days => $1)`, [KEPT_DAYS]);
  await sql.query('insert into change_sets (scan_id, total) values ($1, $2)', [scanId, total]);
  for (let first = 0; first < items.length; first += CHUNK) {
    await sql.query(
      `insert into changes (scan_id, position, table_name, row_id, outcome, columns)
       select $1, $2 + ordinality, c ->> 'table', c ->> 'id', c ->> 'outcome', c -> 'columns'
       from jsonb_array_elements($3::jsonb) with ordinality as e (c, ordinality)`,
      [scanId, first, JSON.stringify(items.slice(first, first + CHUNK))],
    );
  }
}

/** A page of the changes of a dry run; undefined when there are none kept: it was no dry run, is not over, or was too long ago. */
export async function readChanges(
  sql: Sql,
  scanId: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<ChangeSet | undefined> {
  const set = await sql.query<{ total: number; kept: number }>(
    `select total, (select count(*) from changes c where c.scan_id = s.scan_id) as kept
     from change_sets s where scan_id = $1`,
    [scanId],
  );
  const known = set.rows[0];
  if (known === undefined) return undefined;
  const { rows } = await sql.query<RowChange>(
    `select table_name as "table", row_id as id, outcome, columns from changes
     where scan_id = $1 and position > $2 order by position limit $3`,
    [scanId, offset, limit],
  );
  return { total: known.total, leftOut: known.total - known.kept, items: rows };
}
