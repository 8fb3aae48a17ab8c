import type { Sql } from './pool.ts';

/** A row that is not the same in both tables. Values are PostgreSQL's text of them. */
export interface RowDifference {
  id: string;
  in: 'both' | 'live' | 'rebuilt';
  columns: Record<string, { live: string | null; rebuilt: string | null }>;
}

/** How a rebuilt table differs from the live one. */
export interface TableDifference {
  live: number;
  rebuilt: number;
  onlyLive: number;
  onlyRebuilt: number;
  /** Rows that both have and that differ. */
  different: number;
  /** Of these, how many differ in each column. */
  columns: Record<string, number>;
  examples: RowDifference[];
}

/** Columns that number a row's writes and what it last showed: they say nothing of what it is. */
const BOOKKEEPING = ['row_version', 'shown_observation'];

/** Compares tables of the schema public with those of another one, row by row and column by column but for local columns. */
export async function compareTables(
  sql: Sql,
  tables: readonly string[],
  schema: string,
  examples: number,
  local: Readonly<Record<string, readonly string[]>> = {},
): Promise<Record<string, TableDifference>> {
  const found: Record<string, TableDifference> = {};
  for (const table of tables) {
    const columns = (await columnsOf(sql, table)).filter((column) => local[table]?.includes(column) !== true);
    found[table] = await compareTable(sql, table, columns, schema, examples);
  }
  return found;
}

async function compareTable(
  sql: Sql,
  table: string,
  columns: string[],
  schema: string,
  examples: number,
): Promise<TableDifference> {
  const joined = `public.${table} l full join ${schema}.${table} r on r.id = l.id`;
  const differs = columns.map((column) => `l.${column} is distinct from r.${column}`);
  const both = 'l.id is not null and r.id is not null';
  const { rows } = await sql.query<Record<string, number>>(
    `select count(l.id) as live, count(r.id) as rebuilt, count(*) filter (where r.id is null) as only_live,
       count(*) filter (where l.id is null) as only_rebuilt, count(*) filter (where ${both} and (${differs.join(' or ')})) as different
       ${differs.map((one, index) => `, count(*) filter (where ${both} and ${one}) as c${index}`).join('')}
     from ${joined}`,
  );
  const counts = rows[0]!;
  const byColumn = columns
    .map((column, index) => [column, counts[`c${index}`]!] as const)
    .filter(([, count]) => count > 0);
  const different = counts['different']! + counts['only_live']! + counts['only_rebuilt']!;
  return {
    live: counts['live']!,
    rebuilt: counts['rebuilt']!,
    onlyLive: counts['only_live']!,
    onlyRebuilt: counts['only_rebuilt']!,
    different: counts['different']!,
    columns: Object.fromEntries(byColumn),
    examples: different === 0 ? [] : await examplesOf(sql, joined, columns, examples),
  };
}

async function columnsOf(sql: Sql, table: string): Promise<string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [`public.${table}`],
  );
  return rows.map(({ name }) => name).filter((name) => name !== 'id' && !BOOKKEEPING.includes(name));
}

async function examplesOf(sql: Sql, joined: string, columns: string[], limit: number): Promise<RowDifference[]> {
  const cells = columns.map((column, index) => `l.${column}::text as l${index}, r.${column}::text as r${index}`);
  const differs = columns.map((column) => `l.${column} is distinct from r.${column}`);
  const { rows } = await sql.query<Record<string, string | null>>(
    `select l.id as live_id, r.id as rebuilt_id, ${cells.join(', ')} from ${joined} where ${differs.join(' or ')}
     order by coalesce(l.id, r.id) limit $1`,
    [limit],
  );
  return rows.map((row) => {
    const { live_id: live, rebuilt_id: rebuilt } = row;
    const changed = columns.flatMap((column, index) => {
      const [before, after] = [row[`l${index}`] ?? null, row[`r${index}`] ?? null];
      return before === after ? [] : [[column, { live: before, rebuilt: after }] as const];
    });
    const place = live === null ? 'rebuilt' : rebuilt === null ? 'live' : 'both';
    return { id: (live ?? rebuilt) as string, in: place, columns: Object.fromEntries(changed) };
  });
}
