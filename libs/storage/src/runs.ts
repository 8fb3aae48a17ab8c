import type { Events } from '#libs/contracts/src/generated/events.ts';
import { ERROR_CODES, type ErrorCode } from '#libs/runtime/src/errors.ts';
import type { Sql } from './pool.ts';

/** What the source showed of the fields that a run was to read. */
export type RunFields = Pick<
  Events['crm.scan.v1.ScanFieldsSelected'],
  'read' | 'missing' | 'changed' | 'unmapped' | 'unreadable'
>;

type Written = Partial<Record<Column, unknown>>;
type Column =
  | 'mode'
  | 'dry_run'
  | 'status'
  | 'phase'
  | 'success'
  | 'message'
  | 'exit_code'
  | 'error'
  | 'counters'
  | 'table_counters'
  | 'field_errors'
  | 'fields'
  | 'held_tables'
  | 'progress'
  | 'joined_to'
  | 'requested_by'
  | 'requested_at'
  | 'started_at'
  | 'read_at'
  | 'finished_at'
  | 'paused_at';

/** Later states never give way to earlier ones, whatever order their events arrive in. */
const RANK = `case status when 'queued' then 0 when 'joined' then 1 when 'running' then 1 when 'paused' then 1 when 'read' then 2 when 'failed' then 3 else 4 end`;

/** How a sync that somebody cancelled ends for the projector; people see `cancelled`. */
const ENDED = `'incomplete', 'failed'`;

/** Writes what an event of crm.sync-request.v1 or crm.scan.v1 says of a run. Applying an event twice changes nothing. */
export async function applyRunEvent<T extends keyof typeof RUN_EVENTS>(
  sql: Sql,
  type: T,
  event: Events[T],
): Promise<void> {
  const { syncId, status, written } = RUN_EVENTS[type](event as never);
  const { source, account } = event as { source: string; account: string };
  const columns = Object.keys(written) as Column[];
  const values = columns.map((column) => toCell(column, written[column]));
  const at = (index: number): string => `$${index + 5}`;
  const sets = columns.map((column, index) => `${column} = ${cast(column, at(index))}, `);
  await sql.query(
    `insert into runs as r (${['sync_id', 'source', 'account', 'status', ...columns].join(', ')})
     values (${['$1', '$2', '$3', '$4', ...columns.map((column, index) => cast(column, at(index)))].join(', ')})
     on conflict (sync_id) do update set ${sets.join('')}updated_at = now(),
       status = case when (select ${RANK} from (values (excluded.status)) v (status)) >= (select ${RANK} from (values (r.status)) v (status))
         then case when excluded.status in (${ENDED}) and r.error ->> 'code' = 'scan_cancelled' then 'cancelled' else excluded.status end
         else r.status end`,
    [syncId, source, account, status, ...values],
  );
}

const TIMES = new Set<Column>(['requested_at', 'started_at', 'read_at', 'finished_at', 'paused_at']);
const JSONS = new Set<Column>([
  'error',
  'counters',
  'table_counters',
  'field_errors',
  'fields',
  'held_tables',
  'progress',
]);

function cast(column: Column, parameter: string): string {
  if (TIMES.has(column)) return `to_timestamp(${parameter}::float8 / 1000.0)`;
  return JSONS.has(column) ? `${parameter}::jsonb` : parameter;
}

function toCell(column: Column, value: unknown): unknown {
  return JSONS.has(column) && value !== null ? JSON.stringify(value) : value;
}

interface RunChange {
  syncId: string;
  status: string;
  written: Written;
}

/** What each event says of its run. */
const RUN_EVENTS = {
  'crm.sync.v1.SyncRequested': (e: Events['crm.sync.v1.SyncRequested']): RunChange => ({
    syncId: e.syncId,
    status: 'queued',
    written: { mode: e.mode, dry_run: e.dryRun, requested_by: e.requestedBy, requested_at: e.requestedAt },
  }),
  'crm.sync.v1.ContactSyncRequested': (e: Events['crm.sync.v1.ContactSyncRequested']): RunChange => ({
    syncId: e.syncId,
    status: 'queued',
    written: { mode: 'single', dry_run: false, requested_by: e.requestedBy, requested_at: e.requestedAt },
  }),
  'crm.scan.v1.ScanJoined': (e: Events['crm.scan.v1.ScanJoined']): RunChange => ({
    syncId: e.scanId,
    status: 'joined',
    written: { joined_to: e.joinedTo },
  }),
  'crm.scan.v1.ScanPaused': (e: Events['crm.scan.v1.ScanPaused']): RunChange => ({
    syncId: e.scanId,
    status: 'paused',
    written: {
      paused_at: e.at,
      // Only a pause that nobody asked for has a reason.
      ...(e.code === null
        ? {}
        : { error: { code: e.code, kind: ERROR_CODES[e.code as ErrorCode]?.kind ?? 'transient', message: e.message } }),
    },
  }),
  'crm.scan.v1.ScanResumed': (e: Events['crm.scan.v1.ScanResumed']): RunChange => ({
    syncId: e.scanId,
    status: 'running',
    written: { paused_at: null, error: null },
  }),
  'crm.scan.v1.ScanStarted': (e: Events['crm.scan.v1.ScanStarted']): RunChange => ({
    syncId: e.scanId,
    status: 'running',
    written: { mode: e.mode, dry_run: e.dryRun, started_at: e.startedAt },
  }),
  'crm.scan.v1.ScanFieldsSelected': ({
    scanId: syncId,
    read,
    missing,
    changed,
    unmapped,
    unreadable,
  }: Events['crm.scan.v1.ScanFieldsSelected']): RunChange => ({
    syncId,
    status: 'running',
    written: { fields: { read, missing, changed, unmapped, unreadable } satisfies RunFields },
  }),
  'crm.scan.v1.ScanProgressed': (e: Events['crm.scan.v1.ScanProgressed']): RunChange => ({
    syncId: e.scanId,
    status: 'running',
    written: {
      phase: e.phase,
      progress: {
        recordsRead: e.recordsRead,
        recordsTotal: e.recordsTotal,
        lookupsDone: e.lookupsDone,
        lookupsTotal: e.lookupsTotal,
        requests: e.requests,
        perSecond: e.perSecond,
        at: e.at,
      },
    },
  }),
  'crm.scan.v1.ScanCompleted': (e: Events['crm.scan.v1.ScanCompleted']): RunChange => ({
    syncId: e.scanId,
    status: 'read',
    written: { phase: 'applying', read_at: e.completedAt },
  }),
  'crm.scan.v1.ScanFailed': (e: Events['crm.scan.v1.ScanFailed']): RunChange => ({
    syncId: e.scanId,
    status: 'failed',
    written: { error: { code: e.code, kind: e.kind, message: e.message }, read_at: e.failedAt, paused_at: null },
  }),
  'crm.scan.v1.ScanApplied': (e: Events['crm.scan.v1.ScanApplied']): RunChange => ({
    syncId: e.scanId,
    status: e.status,
    written: {
      phase: 'done',
      success: e.exitCode === 0,
      message: e.message,
      exit_code: e.exitCode,
      counters: e.counters,
      table_counters: e.tableCounters,
      field_errors: e.fieldErrors,
      held_tables: e.heldTables,
      finished_at: e.appliedAt,
      started_at: e.startedAt,
    },
  }),
} as const;

/** Events that say something of a run. */
export type RunEventType = keyof typeof RUN_EVENTS;

/** Full names of the events that say something of a run. */
export const RUN_EVENT_TYPES = Object.keys(RUN_EVENTS) as RunEventType[];

/** Writes the account's name, as the source gave it. */
export async function nameAccount(sql: Sql, account: string, name: string): Promise<void> {
  await sql.query(
    `insert into accounts as a (id, ghl_location_id, company_name) values ($1, $1, $2)
     on conflict (id) do update set company_name = excluded.company_name, updated_at = now()
     where a.company_name is distinct from excluded.company_name`,
    [account, name],
  );
}

/** When the last successful scan of each source was applied, in milliseconds. */
export async function lastSuccesses(sql: Sql): Promise<{ source: string; at: number }[]> {
  const { rows } = await sql.query<{ source: string; at: number }>(
    'select source, max(finished_at) as at from runs where success and not dry_run group by source',
  );
  return rows;
}

/** When scans of GoHighLevel began, in order, in milliseconds. */
export async function scanStarts(sql: Sql): Promise<number[]> {
  const { rows } = await sql.query<{ at: number }>(
    `select distinct started_at as at from runs where source = 'ghl' and started_at is not null order by 1`,
  );
  return rows.map(({ at }) => at);
}
