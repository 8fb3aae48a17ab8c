import type { ContactDeletion, ContactState, DeletionReason } from '#libs/domain/src/salesforce/fold.ts';
import type { Sql } from './pool.ts';
import { checkWritten, END_COLUMNS } from './sf-contact-writes.ts';

/** A contact as stored, with the version its row had: a write that meets another version is a write_conflict. */
export interface StoredContact {
  state: ContactState;
  /** 0 without a row. */
  version: number;
}

/** The end of a contact to note. */
export interface ContactEnd {
  salesforceId: string;
  /** Version of its row; 0 without one. */
  version: number;
  deletion: ContactDeletion;
}

interface StoredRow {
  id: string;
  version: number | null;
  hash: string;
  modstamp: number | null;
  synced_at: number;
  reason: DeletionReason | null;
  master_id: string | null;
  end_modstamp: number | null;
  end_read_at: number | null;
}

/**
 * What is stored of these contacts, by Salesforce id; those nobody knows are left out. The statement has no name: planned once, it
 * would keep the plan that suits an empty table for ever. The limit keeps it a look-up of each id.
 */
export async function readContacts(
  sql: Sql,
  account: string,
  salesforceIds: readonly string[],
): Promise<Map<string, StoredContact>> {
  const { rows } = await sql.query<StoredRow>(
    `select w.id, c.row_version as version, c.content_hash as hash, c.sf_system_modstamp at time zone 'UTC' as modstamp,
       c.last_synced_at as synced_at, coalesce(c.deletion_reason, d.reason) as reason,
       coalesce(c.master_record_id, d.master_record_id) as master_id,
       coalesce(c.deletion_modstamp, d.modstamp) as end_modstamp, coalesce(c.deletion_read_at, d.read_at) as end_read_at
     from unnest($2::text[]) as w (id)
     left join lateral (select * from sf_contacts t where t.salesforce_id = w.id and t.account_id = $1 limit 1) c on true
     left join lateral (select * from sf_deletions t where t.salesforce_id = w.id and t.account_id = $1 limit 1) d on true
     where c.row_version is not null or d.reason is not null`,
    [account, salesforceIds],
  );
  return new Map(rows.map((row) => [row.id, storedOf(row)]));
}

function storedOf(stored: StoredRow): StoredContact {
  const { version, hash, modstamp, synced_at: readAt, reason, master_id: masterRecordId } = stored;
  const deletion =
    reason === null
      ? undefined
      : { reason, masterRecordId, modstamp: stored.end_modstamp, readAt: stored.end_read_at! };
  const row = version === null ? undefined : { hash, modstamp, readAt };
  return { state: { row, deletion }, version: version ?? 0 };
}

/** When it ended: by the word of Salesforce, else when it was found out. */
function endMembers({ reason, masterRecordId, modstamp, readAt }: ContactDeletion): string {
  return JSON.stringify({ e: reason, ea: modstamp ?? readAt, em: masterRecordId, es: modstamp, er: readAt }).slice(
    1,
    -1,
  );
}

const END_RECORD = 'e text, ea float8, em text, es float8, er float8';
const ms = (member: string): string => `to_timestamp(w.${member} / 1000.0)`;
const END_VALUES = ['w.e', ms('ea'), 'w.em', ms('es'), ms('er')];

/** Marks rows deleted, and remembers the end of contacts that have no row, so that an older read does not bring them to life. */
export async function endContacts(sql: Sql, account: string, ends: readonly ContactEnd[]): Promise<void> {
  const withRow = ends.filter(({ version }) => version > 0);
  const without = ends.filter(({ version }) => version === 0);
  if (withRow.length > 0) {
    const sets = END_COLUMNS.map((column, index) => `${column} = ${END_VALUES[index]}`);
    const result = await sql.query(
      `update sf_contacts t set ${sets.join(', ')}, row_version = w.v
       from json_to_recordset($1::json) as w (s text, v integer, ${END_RECORD})
       where t.salesforce_id = any($3) and t.salesforce_id = w.s and t.account_id = $2 and t.row_version = w.v - 1`,
      // The list keeps it from joining the whole table where statistics are missing.
      [endRecords(withRow), account, withRow.map(({ salesforceId }) => salesforceId)],
    );
    checkWritten(result.rowCount, withRow.length);
  }
  if (without.length > 0) {
    await sql.query(
      `insert into sf_deletions as d (account_id, salesforce_id, reason, deleted_at, master_record_id, modstamp, read_at)
       select $2, w.s, ${END_VALUES.join(', ')} from json_to_recordset($1::json) as w (s text, v integer, ${END_RECORD})
       on conflict (account_id, salesforce_id) do update set reason = excluded.reason, deleted_at = excluded.deleted_at,
         master_record_id = excluded.master_record_id, modstamp = excluded.modstamp, read_at = excluded.read_at`,
      [endRecords(without), account],
    );
  }
}

function endRecords(ends: readonly ContactEnd[]): string {
  const records = ends.map(
    ({ salesforceId, version, deletion }) =>
      `{"s":${JSON.stringify(salesforceId)},"v":${version + 1},${endMembers(deletion)}}`,
  );
  return `[${records.join()}]`;
}

/** Forgets remembered ends of contacts that have a row now, which holds the end if it still is one. */
export async function forgetDeletions(sql: Sql, account: string, salesforceIds: readonly string[]): Promise<void> {
  if (salesforceIds.length === 0) return;
  await sql.query('delete from sf_deletions where account_id = $1 and salesforce_id = any($2)', [
    account,
    salesforceIds,
  ]);
}

/** Rows of an account, those marked deleted included. */
export async function countContacts(sql: Sql, account: string): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    'select count(*) as count from sf_contacts where account_id = $1',
    [account],
  );
  return rows[0]!.count;
}
