import type { ScanApplied, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { resolveUserIds } from '#libs/domain/src/contested.ts';
import { markMissing, restoreSighted, safetyValve } from '#libs/domain/src/missing.ts';
import {
  conclude,
  countFaultyFields,
  emptyCounters,
  errorsThatStay,
  type CounterName,
  type Counters,
} from '#libs/domain/src/result.ts';
import type { LeadRow, RowLife, VendorRow } from '#libs/domain/src/rows.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import { LEADS, VENDORS, type TableMap } from '#libs/storage/src/columns.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { normalizeEmails, readHolders, readRows, writeRows } from '#libs/storage/src/rows.ts';
import { closedAt, doubtsOf, type ClosedPartition } from '#libs/storage/src/scan-states.ts';
import { readContested, readOutcomes, stageSightings, type Sighting } from '#libs/storage/src/sightings.ts';
import { settleLeads, settleVendors, type ContestScope, type OwnContact } from './contest.ts';

/** What the end of a scan works on: its tables of sightings are staged, its outcomes are merged. */
export interface FinishScope extends ContestScope {
  scanId: string;
}

const TABLES = ['vendors', 'leads'] as const;
type Table = (typeof TABLES)[number];

/** How many rows are read and written at a time. */
const CHUNK = 1000;

/**
 * The end of a scan, in the transaction that saw its last marker: contested rows, user ids, the missing rule with its exemptions
 * and its safety valve, rows that came back, counters, and ScanApplied in the outbox (architecture section 4, rules 4 and 5).
 */
export async function finishScan(
  writing: Writing,
  partitions: readonly ClosedPartition[],
  eventId: string,
): Promise<ScanApplied> {
  const { marker } = partitions[0]!;
  const scope = await openScope(writing, marker, closingOf(marker, 'missing_rule', eventId));
  // What other programs wrote is matched like the rest: the evidence of the scan knew it by its normal form.
  for (const table of TABLES) await normalizeEmails(scope.sql, table, EMAIL[table], scope.account);
  await settleVendors(scope);
  await settleLeads(scope);
  await settleUserIds(scope, marker.completedAt);
  // What came back is not missing any more when the rows in scope are counted, whether somebody wrote it or passed it over.
  await restorePassedOver(scope, VENDORS, marker.completedAt);
  await restorePassedOver(scope, LEADS, marker.completedAt);
  const { holes, deadLettered } = doubtsOf(partitions);
  const judging: Judging = { holds: holes > 0 || deadLettered > 0, hasValve: true };
  const marked = await applyMissing(scope, marker, judging);
  await scope.changes.publish(scope.sql);
  const counters = await count(scope, marker, marked, deadLettered);
  return {
    ...concluded(partitions, { marked, deadLettered, counters }),
    scanId: marker.scanId,
    source: marker.source,
    account: marker.account,
    fieldErrors: distinctErrors(scope).slice(0, 100),
    startedAt: marker.startedAt,
    appliedAt: closedAt(partitions),
    tableCounters: null,
  };
}

/** Applies the missing rule that was held back: everything else was settled, and counted, when the scan was applied. */
export async function confirmMissing(
  writing: Writing,
  partitions: readonly ClosedPartition[],
  before: ScanApplied,
  eventId: string,
): Promise<ScanApplied> {
  const { marker } = partitions[0]!;
  const { account, scanId, startedAt } = marker;
  await stageSightings(writing.sql, account, scanId, startedAt);
  const scope = { ...writing, account, closing: closingOf(marker, 'confirmation', eventId) };
  const judging: Judging = { holds: doubtsOf(partitions).holes > 0, hasValve: false };
  const marked = await applyMissing(scope, marker, judging);
  await scope.changes.publish(scope.sql);
  const counters = { ...emptyCounters(), ...before.counters };
  for (const [name, more] of Object.entries(missingCounters(marked))) counters[name as CounterName] += more;
  return { ...before, ...concluded(partitions, { marked, deadLettered: 0, counters }) };
}

function closingOf({ scanId, completedAt: at }: ScanMarker, kind: Cause['kind'], eventId: string): Cause {
  return { kind, eventId, scanId, at };
}

/** How the scan ended, once its rows are marked or held. */
function concluded(
  partitions: readonly ClosedPartition[],
  { marked, deadLettered, counters }: { marked: Record<Table, Marked>; deadLettered: number; counters: Counters },
): Pick<ScanApplied, 'status' | 'message' | 'exitCode' | 'counters' | 'heldTables'> {
  const { marker } = partitions[0]!;
  const heldTables = TABLES.filter((table) => marked[table].held > 0);
  const { status, message, exitCode } = conclude({
    mode: marker.mode,
    answersFor: marker.answersFor,
    failure:
      marker.failureCode === null
        ? undefined
        : { code: marker.failureCode, message: marker.failureMessage ?? '', exitCode: marker.failureExitCode },
    heldTables,
    wouldFlag: { vendors: marked.vendors.held, leads: marked.leads.held },
    overShare: TABLES.some((table) => marked[table].overShare),
    missingNumbers: doubtsOf(partitions).holes,
    deadLettered,
    lookupsUnknown: marker.lookupsUnknown,
    dryRun: marker.dryRun,
    scanId: marker.scanId,
    counters,
  });
  return { status, message, exitCode, counters, heldTables };
}

/** What the scan learned of contacts, from its staged sightings. */
async function stagedStates(sql: Sql, rows: readonly RowLife[]): Promise<Map<string, OwnContact>> {
  const ids = rows.flatMap(({ ghlContactId }) => (ghlContactId === null ? [] : [ghlContactId]));
  const { rows: states } = await sql.query<{ value: string; state: OwnContact }>(
    `select c.value, case when s.value is not null then 'seen' when g.value is not null then 'gone' else 'unknown' end as state
     from (select distinct unnest($1::text[]) as value) c
     left join seen_contact s using (value) left join gone_contact g using (value)`,
    [ids],
  );
  return new Map(states.map(({ value, state }) => [value, state]));
}

async function openScope(writing: Writing, marker: ScanMarker, closing: Cause): Promise<FinishScope> {
  const { sql } = writing;
  await stageSightings(sql, marker.account, marker.scanId, marker.startedAt);
  const empty = (): { vendors: Set<string>; leads: Set<string> } => ({ vendors: new Set(), leads: new Set() });
  return {
    ...writing,
    account: marker.account,
    scanId: marker.scanId,
    closing,
    outcomes: await readOutcomes(sql, marker.scanId),
    won: empty(),
    unchanged: empty(),
    displaced: new Set(),
    conflicts: new Set(),
    contested: (table) => readContested(sql, marker.scanId, table),
    contactStates: (rows) => stagedStates(sql, rows),
  };
}

/** Two rows that want one new user id: the better claim keeps it, the others keep their own (rules-ghl section 1). */
async function settleUserIds(scope: FinishScope, at: number): Promise<void> {
  const claims = [...new Map(scope.outcomes.userIds.map((claim) => [claim.rowId, claim])).values()].filter(
    ({ rowId }) => !scope.displaced.has(rowId),
  );
  if (claims.length === 0) return;
  const holders = await heldAtStart(scope, claims);
  const result = resolveUserIds(claims, (userId) => holders.get(userId));
  for (const { contactId, rowId } of result.refused) {
    scope.outcomes.fieldErrors.push({ contactId, rowId, field: 'ghl_user_id', code: 'duplicate_user_id' });
  }
  const changes = claims.filter(
    ({ rowId, granted, wanted, before }) => result.final.get(rowId) !== (granted ? wanted : before),
  );
  if (changes.length === 0) return;
  const rows = await readRows(scope.sql, VENDORS, 't.id = any($1)', [changes.map(({ rowId }) => rowId)]);
  const cause: Cause = { ...scope.closing, kind: 'contest' };
  const freed = rows.map(({ row, version }) => ({ row: { ...row, ghlUserId: null }, version, before: row, cause }));
  await writeRows(scope, VENDORS, freed);
  const wishes = new Map(changes.map((claim) => [claim.rowId, claim]));
  const final = freed.map(({ row, version }) => {
    const { before, updatedAtBefore } = wishes.get(row.id)!;
    const ghlUserId = result.final.get(row.id) ?? null;
    const updatedAt = ghlUserId === before ? (updatedAtBefore ?? row.updatedAt) : at;
    return { row: { ...row, ghlUserId, updatedAt }, version: version + 1, before: row, cause };
  });
  await writeRows(scope, VENDORS, final);
  // A row counts as updated only if it ends up different from what it was.
  const { vendors } = scope.outcomes;
  for (const { row } of final) if (row.ghlUserId !== wishes.get(row.id)!.before) vendors.updated.push(row.id);
  const kept = new Set(changes.filter(({ granted, onlyChange }) => granted && onlyChange).map(({ rowId }) => rowId));
  vendors.updated = vendors.updated.filter((id) => !kept.has(id));
}

async function heldAtStart(scope: FinishScope, claims: Sighting['outcomes']['userIds']): Promise<Map<string, string>> {
  const changed = new Map(claims.filter(({ granted }) => granted).map((claim) => [claim.rowId, claim]));
  const now = await readHolders(
    scope.sql,
    scope.account,
    claims.map(({ wanted }) => wanted),
  );
  const holders = new Map([...now].filter(([, id]) => !changed.has(id)));
  for (const { rowId, before } of changed.values()) if (before !== null) holders.set(before, rowId);
  for (const [rowId, before] of scope.outcomes.userIdsGivenUp) holders.set(before, rowId);
  return holders;
}

interface Marked {
  /** Rows newly marked missing. */
  marked: number;
  /** Rows that would be marked, but for the safety valve, a dead letter or a record that never came. */
  held: number;
  /** Those rows are more than the safety valve lets through. */
  overShare: boolean;
}

/** Whether rows are held for what a scan lacks, and whether for their number. */
interface Judging {
  holds: boolean;
  hasValve: boolean;
}

/** Where the missing rule is applied, and why. */
type MissingScope = Writing & Pick<FinishScope, 'account' | 'closing'>;

const EMAIL = { vendors: 'email', leads: 'customer_email' } as const satisfies Record<Table, string>;

const LEAD_SIGHTED_BY_OPPORTUNITY = `and not exists (select from seen_opportunity where value = t.ghl_opportunity_id)
    and not exists (select from unknown_opportunity where value = t.ghl_opportunity_id)`;

/** Nobody has said since the scan began that the row is there: what people say later than the scan stands (vendor-word.ts). */
const TAKEN_FOR_FOUND = `and not (coalesce(t.local_status_at >= to_timestamp($2 / 1000.0), false) and t.local_status is distinct from 'deleted')`;

/** Rows that existed before the scan, are in scope, and that nobody saw, each look-up of them answered `not found`. */
function missingCondition(table: Table): string {
  const email = EMAIL[table];
  return `t.account_id = $1 and t.born_at < to_timestamp($2 / 1000.0) and t.status <> $3 and t.missing_since is null
    and (t.ghl_contact_id is not null or t.${email} is not null)
    and (t.ghl_contact_id is null or exists (select from gone_contact where value = t.ghl_contact_id))
    and not exists (select from seen_contact where value = t.ghl_contact_id)
    and not exists (select from seen_email where value = t.${email})
    and not exists (select from unknown_contact where value = t.ghl_contact_id)
    and not exists (select from unknown_email where value = t.${email})
    ${table === 'leads' ? LEAD_SIGHTED_BY_OPPORTUNITY : TAKEN_FOR_FOUND}`;
}

async function applyMissing(scope: MissingScope, marker: ScanMarker, judging: Judging): Promise<Record<Table, Marked>> {
  return {
    vendors: await applyTo('vendors', scope, marker, judging),
    leads: await applyTo('leads', scope, marker, judging),
  };
}

async function applyTo(
  table: Table,
  scope: MissingScope,
  { answersFor, startedAt, completedAt }: ScanMarker,
  { holds, hasValve }: Judging,
): Promise<Marked> {
  const { sql, account, rules } = scope;
  const none = { marked: 0, held: 0, overShare: false };
  const values = [account, startedAt, rules.inactiveStatus];
  if (answersFor === 'nothing') return none;
  const { rows } = await sql.query<{ id: string }>(
    `select t.id from ${table} t where ${missingCondition(table)} order by t.id`,
    values,
  );
  if (rows.length === 0) return none;
  const scopeSize = await sql.query<{ count: number }>(
    `select count(*) as count from ${table} t where t.account_id = $1 and t.born_at < to_timestamp($2 / 1000.0) and t.status <> $3 and t.missing_since is null
     and (t.ghl_contact_id is not null or t.${EMAIL[table]} is not null)`,
    values,
  );
  const valve = safetyValve({ inScopeNotMissing: scopeSize.rows[0]!.count, wouldFlag: rows.length }, rules);
  const overShare = hasValve && valve === 'hold';
  if (holds || overShare) return { marked: 0, held: rows.length, overShare };
  const ids = rows.map(({ id }) => id);
  await rewrite(scope, table, ids, scope.closing, (row) => markMissing(row, startedAt, rules, completedAt));
  return { ...none, marked: rows.length };
}

/** Rows that were missing and that somebody saw, though nobody wrote them, show their base status again (rules-ghl section 3). */
async function restorePassedOver(
  scope: FinishScope,
  { table }: TableMap<VendorRow> | TableMap<LeadRow>,
  at: number,
): Promise<void> {
  const { rows } = await scope.sql.query<{ id: string }>(
    `select t.id from ${table} t where t.account_id = $1 and (t.status = $2 or t.missing_since is not null) and (
       exists (select from seen_contact where value = t.ghl_contact_id) or exists (select from seen_email where value = t.${EMAIL[table]})
       ${table === 'leads' ? 'or exists (select from seen_opportunity where value = t.ghl_opportunity_id)' : ''})`,
    [scope.account, scope.rules.inactiveStatus],
  );
  const ids = rows.map(({ id }) => id);
  const cause: Cause = { ...scope.closing, kind: 'restored' };
  await rewrite(scope, table, ids, cause, (row) => restoreSighted(row, table, at, scope.rules));
  scope.outcomes[table].restored.push(...ids);
}

async function rewrite(
  scope: MissingScope,
  table: Table,
  ids: string[],
  cause: Cause,
  change: <R extends VendorRow | LeadRow>(row: R) => R,
): Promise<void> {
  for (let i = 0; i < ids.length; i += CHUNK) {
    const chunk = [ids.slice(i, i + CHUNK)];
    if (table === 'vendors') {
      const rows = await readRows(scope.sql, VENDORS, 't.id = any($1)', chunk);
      await writeRows(
        scope,
        VENDORS,
        rows.map(({ row, version }) => ({ row: change(row), version, before: row, cause })),
      );
    } else {
      const rows = await readRows(scope.sql, LEADS, 't.id = any($1)', chunk);
      await writeRows(
        scope,
        LEADS,
        rows.map(({ row, version }) => ({ row: change(row), version, before: row, cause })),
      );
    }
    // Told chunk by chunk, so that memory does not grow with the rows.
    await scope.changes.publish(scope.sql);
  }
}

async function count(
  scope: FinishScope,
  marker: ScanMarker,
  marked: Record<Table, Marked>,
  deadLettered: number,
): Promise<Counters> {
  const { outcomes } = scope;
  const vendors = tally(scope, 'vendors');
  const leads = tally(scope, 'leads');
  const unchanged = (await countUnchanged(scope, 'vendors', vendors)) + (await countUnchanged(scope, 'leads', leads));
  const passedOver = (await countPassedOver(scope, 'vendors')) + (await countPassedOver(scope, 'leads'));
  return {
    ...emptyCounters(),
    vendors_checked: marker.vendorsChecked,
    vendors_created: vendors.created.size,
    vendors_updated: vendors.updated.size,
    vendors_deactivated: new Set(outcomes.vendors.deactivated).difference(scope.displaced).size,
    ...missingCounters(marked),
    leads_checked: marker.leadsChecked,
    leads_created: leads.created.size,
    leads_updated: leads.updated.size,
    ghl_contacts_fetched: marker.contactsRead,
    unchanged,
    conflicts: scope.conflicts.size + passedOver,
    reclassified: vendors.reclassified.size + leads.reclassified.size,
    restored: vendors.restored.size + leads.restored.size,
    rebound: new Set(outcomes.vendors.rebound).size + new Set(outcomes.leads.rebound).size,
    field_errors: countFaultyFields(errorsThatStay(scope.outcomes.fieldErrors, scope.displaced)),
    lookups_unknown: marker.lookupsUnknown,
    dead_lettered: deadLettered,
  };
}

function missingCounters({ vendors, leads }: Record<Table, Marked>) {
  return { vendors_missing_in_ghl: vendors.marked, vendors_deleted: vendors.marked, leads_deleted: leads.marked };
}

interface Tally {
  created: Set<string>;
  updated: Set<string>;
  restored: Set<string>;
  reclassified: Set<string>;
}

function tally(scope: FinishScope, table: Table): Tally {
  const outcomes = scope.outcomes[table];
  const created = new Set(outcomes.created).difference(scope.displaced);
  return {
    created,
    updated: new Set(outcomes.updated).difference(created).difference(scope.displaced),
    restored: new Set(outcomes.restored),
    reclassified: new Set(outcomes.reclassified),
  };
}

async function countUnchanged(
  scope: FinishScope,
  table: Table,
  { created, updated, restored, reclassified }: Tally,
): Promise<number> {
  const changed = [...created.union(updated).union(restored).union(reclassified)];
  const seen = table === 'vendors' ? 'seen_vendor_contact' : 'seen_lead_contact';
  const { rows } = await scope.sql.query<{ count: number }>(
    `select count(*) as count from ${table} t where t.account_id = $1 and t.id <> all($2)
       and (t.id = any($3) or exists (select from ${seen} where value = t.ghl_contact_id))`,
    [scope.account, changed, [...scope.unchanged[table]]],
  );
  return rows[0]!.count;
}

/** Rows that were seen by e-mail or opportunity only and that nobody won. */
async function countPassedOver(scope: FinishScope, table: Table): Promise<number> {
  const { rows } = await scope.sql.query<{ count: number }>(
    `select count(*) as count from ${table} t where t.account_id = $1 and t.id <> all($2)
       and (t.born_scan is distinct from $3)
       and not exists (select from seen_contact where value = t.ghl_contact_id)
       and (exists (select from seen_email where value = t.${EMAIL[table]})
         ${table === 'leads' ? 'or exists (select from seen_opportunity where value = t.ghl_opportunity_id)' : ''})`,
    [scope.account, [...scope.won[table]], scope.scanId],
  );
  return rows[0]!.count;
}

function distinctErrors(scope: FinishScope): { contactId: string; field: string; code: string }[] {
  const distinct = new Map(
    errorsThatStay(scope.outcomes.fieldErrors, scope.displaced).map(({ contactId, field, code }) => [
      `${contactId} ${field} ${code}`,
      { contactId, field, code },
    ]),
  );
  return [...distinct.values()].sort((a, b) => (a.contactId + a.field < b.contactId + b.field ? -1 : 1));
}
