import type { ContactState } from '#libs/domain/src/salesforce/fold.ts';
import { MAX_CHANGES, type RowChange } from './dry-run-changes.ts';
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

/**
 * What a dry run would make of the rows of an account: at most MAX_CHANGES, in order of the contacts' ids, and how many there are. Of
 * columns it tells why a contact ended: what else a contact holds is not kept.
 */
export async function trialChanges(
  sql: Sql,
  scanId: string,
  account: string,
): Promise<{ total: number; items: RowChange[] }> {
  const changed = `(
    select t.salesforce_id as id, c.deletion_reason as before, t.state #>> '{deletion,reason}' as after,
      case when c.id is null then 'created' when c.deletion_reason is null and t.state ? 'deletion' then 'deleted'
        when c.deletion_reason is not null and not t.state ? 'deletion' then 'restored' else 'updated' end as outcome
    from sf_trials t left join sf_contacts c on c.salesforce_id = t.salesforce_id and c.account_id = $2
    where t.scan_id = $1 and t.state ? 'row'
      and (c.content_hash, c.deletion_reason) is distinct from (t.state #>> '{row,hash}', t.state #>> '{deletion,reason}')) c`;
  const { rows } = await sql.query<{ total: number }>(`select count(*) as total from ${changed}`, [scanId, account]);
  const { rows: items } = await sql.query<{
    id: string;
    outcome: RowChange['outcome'];
    before: string | null;
    after: string | null;
  }>(`select * from ${changed} order by id collate "C" limit $3`, [scanId, account, MAX_CHANGES]);
  return {
    total: rows[0]!.total,
    items: items.map(({ id, outcome, before, after }) => ({
      table: 'sf_contacts',
      id,
      outcome,
      columns: before === after ? {} : { deletion_reason: { before, after } },
    })),
  };
}
