import type { RefusalCode } from '#libs/domain/src/registration.ts';
import type { Sql } from './pool.ts';

/** What became of one line of an imported file. */
export interface ImportOutcome {
  importId: string;
  line: number;
  table: 'vendors' | 'leads';
  /** A refusal says why the line was left out. */
  outcome: 'inserted' | 'merged' | RefusalCode;
  /** The row that the line became or was merged into; of a refused one, the row that stands in its way. */
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

/** What became of the lines of an import, in their order; of a line that is not there the record went to the dead letters. */
export async function readImport(
  sql: Sql,
  importId: string,
): Promise<Pick<ImportOutcome, 'line' | 'outcome' | 'rowId'>[]> {
  const { rows } = await sql.query<Pick<ImportOutcome, 'line' | 'outcome' | 'rowId'>>(
    'select line, outcome, row_id as "rowId" from imports where import_id = $1 order by line',
    [importId],
  );
  return rows;
}
