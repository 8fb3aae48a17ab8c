import type { Sql } from './pool.ts';
import type { ScanRequest } from './scans.ts';

/** A scan by its names. */
export interface ScanName {
  scanId: string;
  source: string;
  account: string;
}

/**
 * Queues a request; repeating it changes nothing. One that asks for the same as a scan that has not begun to read joins it, and its
 * id is returned: the row lock keeps that scan from beginning meanwhile.
 */
async function enqueueScan(sql: Sql, request: ScanRequest): Promise<{ joinedTo: string | undefined }> {
  const { scanId, source, account, mode, dryRun, contactId, asked, requestedBy, requestedAt } = request;
  const same = await sql.query<{ scan_id: string }>(
    `select scan_id from scans
     where source = $1 and account = $2 and mode = $3 and dry_run = $4 and contact_id is not distinct from $5 and asked = $7::jsonb and scan_id <> $6
       and state in ('queued', 'running') and started_at is null and not cancel_requested
     order by requested_at limit 1 for update`,
    [source, account, mode, dryRun, contactId, scanId, JSON.stringify(asked)],
  );
  const joinedTo = same.rows[0]?.scan_id;
  const { rows } = await sql.query<{ joined_to: string | null }>(
    `insert into scans (scan_id, source, account, mode, dry_run, contact_id, requested_by, requested_at, state, joined_to, asked)
     values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), $9, $10, $11::jsonb)
     on conflict do nothing returning joined_to`,
    [
      scanId,
      source,
      account,
      mode,
      dryRun,
      contactId,
      requestedBy,
      requestedAt,
      joinedTo === undefined ? 'queued' : 'joined',
      joinedTo,
      JSON.stringify(asked),
    ],
  );
  return { joinedTo: rows[0]?.joined_to ?? undefined };
}

/**
 * Asks a scan to stop. One that reads nothing yet is ended here, and every scan that ends with it is returned, itself first; a running
 * or paused one is ended by the connector that owns it.
 */
async function cancelScan(sql: Sql, scanId: string): Promise<ScanName[]> {
  await sql.query(
    `update scans set cancel_requested = true, state = 'running' where scan_id = $1 and state in ('running', 'paused')`,
    [scanId],
  );
  const { rows } = await sql.query<ScanName>(
    `with ended as (
       update scans set state = 'applied', cancel_requested = true, finished_at = now()
       where scan_id = $1 and state in ('queued', 'joined') returning scan_id, source, account
     ), joined as (
       update scans set state = 'applied', finished_at = now()
       where joined_to in (select scan_id from ended) and state = 'joined' returning scan_id, source, account
     )
     select scan_id as "scanId", source, account from ended union all select scan_id, source, account from joined`,
    [scanId],
  );
  return rows;
}

/** Asks a running scan to stop after the page under way. */
async function pauseScan(sql: Sql, scanId: string): Promise<void> {
  await sql.query(`update scans set pause_requested = true where scan_id = $1 and state = 'running'`, [scanId]);
}

/** Lets a paused scan go on, or takes a pause back that has not come about yet. */
async function resumeScan(sql: Sql, scanId: string): Promise<void> {
  await sql.query(
    `update scans set pause_requested = false, state = 'running', resume_at = null where scan_id = $1 and state in ('running', 'paused')`,
    [scanId],
  );
}

/** Ends a scan for the connector, with those that joined it; these are returned, again when it is ended again. */
export async function endScans(sql: Sql, scanId: string): Promise<string[]> {
  const { rows } = await sql.query<{ scan_id: string; joined: boolean }>(
    `update scans set state = 'applied' where scan_id = $1 or (joined_to = $1 and not cancel_requested)
     returning scan_id, joined_to is not null as joined`,
    [scanId],
  );
  return rows.filter(({ joined }) => joined).map(({ scan_id }) => scan_id);
}

/** What requests do to scans, each inside the transaction that saves the request's checkpoint. */
export const SCAN_CONTROL = { enqueue: enqueueScan, cancel: cancelScan, pause: pauseScan, resume: resumeScan };

/** What requests do to scans. */
export type ScanControl = typeof SCAN_CONTROL;
