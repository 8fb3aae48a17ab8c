import type { EventType, VendorUpdated } from '#libs/contracts/src/generated/events.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Sql } from './pool.ts';

/** A lifecycle event as it came. */
export interface LifecycleRecord {
  eventId: string;
  type: EventType;
  /** Offset in its partition, as decimal text: the order of a row's changes. */
  position: string;
  event: VendorUpdated;
}

/** Adds events to the history; one that is there already, because it was published twice, changes nothing. */
export async function saveHistory(sql: Sql, records: LifecycleRecord[]): Promise<void> {
  const rows = records.map(({ eventId, type, position, event }) => {
    const name = type.split('.').at(-1) ?? type;
    const { entityId, account, ghlContactId, version, cause, causationId, scanId, at } = event;
    const changes = event.changes.map(({ field, before, after }) => [
      field,
      { before: parsed(before), after: parsed(after) },
    ]);
    return {
      event_id: eventId,
      table_name: name.startsWith('Vendor') ? 'vendors' : 'leads',
      row_id: entityId,
      account_id: account,
      ghl_contact_id: ghlContactId,
      type: name,
      version,
      changes: Object.fromEntries(changes) as object,
      cause,
      causation_id: causationId,
      scan_id: scanId,
      at: new Date(at).toISOString(),
      position,
    };
  });
  await sql.query(
    `insert into lifecycle select * from json_populate_recordset(null::lifecycle, $1::json) on conflict (event_id) do nothing`,
    [JSON.stringify(rows)],
  );
}

function parsed(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}

/** One change of a row as the API and the CLI show it. */
export interface HistoryItem {
  eventId: string;
  /** Name of the event, such as VendorUpdated. */
  type: string;
  at: string;
  cause: string;
  causationId: string;
  scanId: string | null;
  ghlContactId: string | null;
  version: number;
  changes: Record<string, { before: unknown; after: unknown }>;
}

/** A page of a row's history, newest first; `next` is the cursor of the page after it, null on the last one. */
export interface HistoryPage {
  items: HistoryItem[];
  next: string | null;
}

/** What happened to a row; not_found when there is no such row and never was, or it is of another account than these. */
export async function readHistory(
  sql: Sql,
  query: {
    table: 'vendors' | 'leads';
    id: string;
    limit: number;
    cursor?: string | undefined;
    accounts?: readonly string[] | undefined;
  },
): Promise<HistoryPage> {
  const { table, id, limit, cursor, accounts = null } = query;
  const { rows } = await sql.query<Omit<HistoryItem, 'at'> & { at: number; position: number }>(
    `select event_id as "eventId", type, at, cause, causation_id as "causationId", scan_id as "scanId", ghl_contact_id as "ghlContactId",
       version, changes, position
     from lifecycle where table_name = $1 and row_id = $2 and position < $3 and ($5::text[] is null or account_id = any($5))
     order by position desc limit $4`,
    [table, id, cursor ?? '9223372036854775807', limit + 1, accounts],
  );
  if (rows.length === 0 && cursor === undefined) {
    const known = await sql.query(
      `select from ${table} where id = $1 and ($2::text[] is null or account_id = any($2))`,
      [id, accounts],
    );
    if (known.rowCount === 0) throw new AppError('not_found', `there is no row ${id} in ${table}`);
  }
  const items = rows
    .slice(0, limit)
    .map(({ position: _, at, ...item }) => ({ ...item, at: new Date(at).toISOString() }));
  return { items, next: rows.length > limit ? String(rows[limit - 1]!.position) : null };
}
