import type { Sql } from './pool.ts';

/** What became of one line of an imported file. */
export interface ImportOutcome {
  importId: string;
  line: number;
  table: 'vendors' | 'leads';
  outcome: 'inserted' | 'merged';
  rowId: string;
}

/** Notes what became of lines, in the transaction that wrote their rows; a replayed line keeps its first outcome. */
export async function saveImportOutcomes(sql: Sql, outcomes: ImportOutcome[]): Promise<void> {
  await sql.query(
    `insert into imports (import_id, line, table_name, outcome, row_id)
     select "importId", line, "table", outcome, "rowId" from json_to_recordset($1::json)
       as o ("importId" text, line integer, "table" text, outcome text, "rowId" text) on conflict do nothing`,
    [JSON.stringify(outcomes)],
  );
}

/** How many lines of an import were inserted and merged, and which lines were merged into which row. */
export async function readImport(
  sql: Sql,
  importId: string,
): Promise<{ inserted: number; merged: { line: number; rowId: string }[] }> {
  const { rows } = await sql.query<{ line: number; outcome: string; row_id: string }>(
    'select line, outcome, row_id from imports where import_id = $1 order by line',
    [importId],
  );
  const merged = rows
    .filter(({ outcome }) => outcome === 'merged')
    .map(({ line, row_id }) => ({ line, rowId: row_id }));
  return { inserted: rows.length - merged.length, merged };
}
