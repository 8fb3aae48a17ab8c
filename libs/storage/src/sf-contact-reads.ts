import type { Sql } from './pool.ts';

/** A row of sf_contacts as it is, by the names of its columns. */
export type SfContactRow = Record<string, unknown> & { salesforce_id: string };

/** Contacts of an org that are not deleted, the one changed last first; those changed from a time on, in milliseconds, where one is given. */
export async function listSfContacts(
  sql: Sql,
  account: string,
  since: number | null,
  limit: number | null,
): Promise<SfContactRow[]> {
  const { rows } = await sql.query<{ contact: SfContactRow }>(
    `select to_jsonb(c) as contact from sf_contacts c
     where account_id = $1 and deleted_at is null
       and ($2::float8 is null or sf_system_modstamp >= to_timestamp($2::float8 / 1000.0) at time zone 'UTC')
     order by sf_system_modstamp desc, salesforce_id limit $3`,
    [account, since, limit],
  );
  return rows.map(({ contact }) => contact);
}
