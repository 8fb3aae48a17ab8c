import type { Sql } from './pool.ts';

/**
 * Abandons the open scans of an account that cannot end any more, now that a newer one has: scans that no connector reads or will
 * read, and of which nothing was heard from a day before the newer one began. Scans run one after the other, so whatever one of them
 * wrote lies before the records of the next. What only an open scan needs goes with them; a record that comes later is a repeat.
 */
export async function abandonScans(sql: Sql, newerId: string, account: string): Promise<void> {
  const { rows } = await sql.query<{ scan_id: string }>(
    `update scan_states o set state = 'abandoned'
     where o.account = $2 and o.state = 'open' and o.scan_id <> $1
       and not exists (select from scans s where s.scan_id = o.scan_id and s.state in ('queued', 'running', 'paused', 'read'))
       and (select max(p.touched_at) from scan_partitions p where p.scan_id = o.scan_id) < (
         select min(to_timestamp((p.marker ->> 'startedAt')::float8 / 1000)) - interval '1 day'
         from scan_partitions p where p.scan_id = $1)
     returning scan_id`,
    [newerId, account],
  );
  await dropOpenState(
    sql,
    rows.map(({ scan_id: scanId }) => scanId),
  );
}

/** Drops what only open scans need, but for sightings, which scans of an account share. */
export async function dropOpenState(sql: Sql, scanIds: readonly string[]): Promise<void> {
  if (scanIds.length === 0) return;
  for (const table of ['scan_rows', 'contested', 'deferred', 'sf_trials'])
    await sql.query(`delete from ${table} where scan_id = any($1)`, [scanIds]);
}
