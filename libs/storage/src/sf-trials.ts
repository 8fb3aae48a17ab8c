import type { ContactState } from '#libs/domain/src/salesforce/fold.ts';
import type { Sql } from './pool.ts';

/** What a dry run has made so far of those of these contacts that it would have changed, by Salesforce id. */
export async function readTrials(
  sql: Sql,
  scanId: string,
  salesforceIds: readonly string[],
): Promise<Map<string, ContactState>> {
  const { rows } = await sql.query<{ id: string; state: Partial<ContactState> }>(
    'select salesforce_id as id, state from sf_trials where scan_id = $1 and salesforce_id = any($2)',
    [scanId, salesforceIds],
  );
  return new Map(rows.map(({ id, state: { row, deletion } }) => [id, { row, deletion }]));
}

/** Keeps what a dry run would have made of contacts, until it ends. */
export async function saveTrials(sql: Sql, scanId: string, states: ReadonlyMap<string, ContactState>): Promise<void> {
  if (states.size === 0) return;
  await sql.query(
    `insert into sf_trials (scan_id, salesforce_id, state)
     select $1, w.id, w.state from json_to_recordset($2::json) as w (id text, state jsonb)
     on conflict (scan_id, salesforce_id) do update set state = excluded.state`,
    [scanId, JSON.stringify([...states].map(([id, state]) => ({ id, state })))],
  );
}
