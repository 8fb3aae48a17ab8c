import type { TableCounters } from '#libs/contracts/src/generated/events.ts';
import type { MikroORM } from '@mikro-orm/postgresql';
import { AppError } from '#libs/runtime/src/errors.ts';
import { DELETED_STATUS } from '#libs/domain/src/life.ts';
import type { Progress } from '#libs/domain/src/progress.ts';
import { Lead, Run, Vendor, type LeadRecord, type RunRecord, type VendorRecord } from './entities.ts';
import { databaseError, type Sql } from './pool.ts';
import type { RunFields } from './runs.ts';
import { readProgress, type ReportedProgress } from './run-progress.ts';

/** A page of rows. */
export interface Page<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

/** What the caller may see. */
export interface Visible {
  /** The only accounts; all of them when undefined. */
  accounts: readonly string[] | undefined;
}

/** What a list is asked for; every part is optional but the page. */
export interface ListQuery extends Visible {
  account?: string | undefined;
  status?: string | undefined;
  email?: string | undefined;
  ghlContactId?: string | undefined;
  /** Whether rows that are missing in GHL are shown; asking for their status shows them too. */
  includeMissing: boolean;
  /** Statuses of rows that are missing, also of those that were imported so and that no scan has marked. */
  inactiveStatuses: readonly string[];
  sort: string;
  descending: boolean;
  limit: number;
  offset: number;
}

/** Columns that lists may be sorted by. */
export const SORT_FIELDS = ['createdAt', 'updatedAt', 'status', 'id'] as const;

/** Vendors, filtered, sorted and paged. */
export async function listVendors(orm: MikroORM, query: ListQuery): Promise<Page<VendorRecord>> {
  const where = { ...conditions(query, [DELETED_STATUS]), ...defined({ email: query.email }) };
  const [items, total] = await told(orm.em.fork().findAndCount(Vendor, where, paging(query)));
  return { items: items, total, limit: query.limit, offset: query.offset };
}

/** Leads, filtered, sorted and paged. */
export async function listLeads(orm: MikroORM, query: ListQuery): Promise<Page<LeadRecord>> {
  const where = { ...conditions(query, []), ...defined({ customerEmail: query.email }) };
  const [items, total] = await told(orm.em.fork().findAndCount(Lead, where, paging(query)));
  return { items: items, total, limit: query.limit, offset: query.offset };
}

/** What the ORM found; what went wrong as an AppError, as our own SQL tells it. */
async function told<T>(found: Promise<T>): Promise<T> {
  return found.catch((error: unknown) => {
    throw databaseError(error);
  });
}

/** Rows that are missing, and others of these statuses, are shown to who asks for their status only. */
function conditions(query: ListQuery, hidden: readonly string[]): Record<string, unknown> {
  const { status, ghlContactId, includeMissing, inactiveStatuses } = query;
  const shown = status ?? { $nin: includeMissing ? hidden : [...hidden, ...inactiveStatuses] };
  return {
    ...defined({ accountId: accountCondition(query), ghlContactId }),
    status: shown,
    ...(includeMissing || status !== undefined ? {} : { missingSince: null }),
  };
}

/** The account asked for and those that may be seen, both at once. */
function accountCondition({ account, accounts }: Visible & { account?: string | undefined }): unknown {
  if (accounts === undefined) return account;
  return { $in: accounts.filter((visible) => account === undefined || account === visible) };
}

function paging({ sort, descending, limit, offset }: ListQuery): Record<string, unknown> {
  const direction = descending ? 'desc' : 'asc';
  return { orderBy: sort === 'id' ? { id: direction } : { [sort]: direction, id: direction }, limit, offset };
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The newest runs. */
export async function listRuns(
  orm: MikroORM,
  query: Visible & { account?: string | undefined; source?: string | undefined; limit: number },
): Promise<RunRecord[]> {
  const { source, limit } = query;
  const where = defined({ account: accountCondition(query), source });
  return await told(orm.em.fork().find(Run, where, { orderBy: { updatedAt: 'desc' }, limit }));
}

/** A run as the CLI and the API show it. */
export interface RunView {
  syncId: string;
  source: string;
  account: string;
  mode: string | null;
  dryRun: boolean;
  status: string;
  /** The sync that reads for this one, where it joined it. */
  joinedTo: string | null;
  phase: string | null;
  success: boolean | null;
  message: string | null;
  exitCode: number | null;
  error: { code: string; kind: string; message: string } | null;
  stats: Record<string, number> | null;
  /** Counters of a source that fills one table; null for others. */
  tableStats: TableCounters | null;
  fieldErrors: { contactId: string; field: string; code: string }[] | null;
  /** What the source showed of the fields that were to be read; null where it was not asked. */
  fields: RunFields | null;
  heldTables: string[] | null;
  /** Null until somebody begins to read. */
  progress: Progress | null;
  requestedAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  /** Since when it is paused; null while it is not. */
  pausedAt: number | null;
  /** Seconds from the start to the result; null while it runs. */
  duration: number | null;
}

/** One run; not_found when nobody asked for it, and when the caller may not see its account. */
export async function readRun(sql: Sql, syncId: string, accounts?: readonly string[]): Promise<RunView> {
  const [run] = await readRuns(sql, [syncId], accounts);
  if (run === undefined) throw new AppError('not_found', `there is no sync ${syncId}`);
  return run;
}

/** Those of these runs that somebody asked for, of the accounts that the caller may see, in no order. */
export async function readRuns(sql: Sql, syncIds: readonly string[], accounts?: readonly string[]): Promise<RunView[]> {
  const { rows } = await sql.query<Omit<RunView, 'progress'> & { reported: ReportedProgress | null }>(
    `select sync_id as "syncId", source, account, mode, dry_run as "dryRun", status, joined_to as "joinedTo", phase, success, message,
       exit_code as "exitCode", error, counters as stats, table_counters as "tableStats", field_errors as "fieldErrors", fields, held_tables as "heldTables",
       progress || jsonb_build_object('phase', phase) as reported, requested_at as "requestedAt",
       started_at as "startedAt", finished_at as "finishedAt", paused_at as "pausedAt",
       round(extract(epoch from finished_at - started_at), 3) as duration
     from runs where sync_id = any($1) and ($2::text[] is null or account = any($2))`,
    [syncIds, accounts ?? null],
  );
  const scanOf = (run: { syncId: string; joinedTo: string | null }): string => run.joinedTo ?? run.syncId;
  const progress = await readProgress(
    sql,
    rows.map(({ reported, status, ...run }) => ({ scanId: scanOf(run), status, reported })),
  );
  return rows.map(({ reported: _reported, ...run }) => ({ ...run, progress: progress.get(scanOf(run)) ?? null }));
}
