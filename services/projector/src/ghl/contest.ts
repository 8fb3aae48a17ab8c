import type { ContactUnclassified, LeadObserved, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import {
  emailAtStart,
  resolveLeads,
  resolveVendors,
  type ContestClaim,
  type ContestRow,
} from '#libs/domain/src/contested.ts';
import { evolveLead, reclassifyLead } from '#libs/domain/src/lead.ts';
import type { LeadRow, RowLife, VendorRow } from '#libs/domain/src/rows.ts';
import { evolveVendor, reclassifyVendor } from '#libs/domain/src/vendor.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import { LEADS, VENDORS } from '#libs/storage/src/columns.ts';
import { newRowIds } from '#libs/storage/src/ids.ts';
import { deleteRows, readHolding, writeRows, type RowWrite, type Versioned } from '#libs/storage/src/rows.ts';
import type { Sighting } from '#libs/storage/src/sightings.ts';
import { noteOutcome, noteReclassified, noteUserId } from './scope.ts';
import type { LeadClaimant } from './leads.ts';
import { withWords } from './words.ts';

/** An observation whose rows are contested, as it was kept. */
export interface KeptClaim {
  contactId: string;
  type: string;
  /** Id of its event. */
  eventId: string;
  observation: unknown;
}

/** What is known of the contact that a row is bound to. */
export type OwnContact = ContestRow['ownContact'];

/** What a contest works on: everything contested in one scan, or in one batch outside any. */
export interface ContestScope extends Writing {
  account: string;
  /** Scan whose newborn rows take part. */
  scanId: string | null;
  outcomes: Sighting['outcomes'];
  /** Rows that a contested contact won. */
  won: { vendors: Set<string>; leads: Set<string> };
  /** Rows that a contested contact won without changing them. */
  unchanged: { vendors: Set<string>; leads: Set<string> };
  /** Newborn rows that a better claim displaced. */
  displaced: Set<string>;
  /** Contacts and rows that lost or were passed over. */
  conflicts: Set<string>;
  /** Why rows that lose everything go. */
  closing: Cause;
  contested(table: 'vendors' | 'leads'): Promise<readonly KeptClaim[]>;
  contactStates(rows: readonly RowLife[]): Promise<Map<string, OwnContact>>;
}

interface Claim {
  claimant:
    | Exclude<LeadClaimant, { type: 'crm.observation.v1.VendorObserved' }>
    | { type: 'crm.observation.v1.VendorObserved'; fits: true | 'vendor'; observation: VendorObserved };
  claim: ContestClaim;
  cause: Cause;
}

/** Settles the contested vendor rows of a scan (rules-ghl section 3); the result does not depend on the order of arrival. */
export async function settleVendors(scope: ContestScope): Promise<void> {
  const claims = await readClaims(scope, 'vendors');
  if (claims.size === 0) return;
  const rows = await contestedRows(scope, 'vendors', claims);
  const states = await scope.contactStates(rows.map(({ row }) => row));
  const emails = startEmails(scope, 'vendors');
  const result = resolveVendors({
    rows: rows.map(({ row }) => contestRow(scope, row, emailAtStart(emails, row), states)),
    claims: [...claims.values()].map(({ claim }) => claim),
  });
  const byId = new Map(rows.map((known) => [known.row.id, known]));
  const births = result.claims.filter(({ outcome }) => outcome.kind === 'new').map(({ contactId }) => contactId);
  const ids = await newRowIds(scope.sql, 'vendor', scope.account, births);
  const writes: RowWrite<VendorRow>[] = [];
  const displaced: string[] = [];
  for (const { contactId, outcome } of result.claims) {
    const entry = claims.get(contactId);
    if (entry === undefined || outcome.kind === 'lost') continue;
    const known = outcome.kind === 'row' ? byId.get(outcome.rowId) : undefined;
    if (outcome.kind === 'new' && outcome.replaces !== undefined) displaced.push(outcome.replaces);
    if (known !== undefined) scope.won.vendors.add(known.row.id);
    const write = vendorWrite(scope, entry, known, ids.get(contactId));
    if (write !== undefined) writes.push(write);
  }
  for (const contactId of result.conflicts) scope.conflicts.add(`contact:${contactId}`);
  await deleteRows(scope, VENDORS, rowsOf(displaced, byId), { ...scope.closing, kind: 'contest' });
  for (const id of displaced) scope.displaced.add(id);
  await writeRows(scope, VENDORS, await withWords(scope.sql, writes, scope.rules));
}

function vendorWrite(
  scope: ContestScope,
  { claimant, cause }: Claim,
  known: Versioned<VendorRow> | undefined,
  newId: string | undefined,
): RowWrite<VendorRow> | undefined {
  const outcomes = scope.outcomes.vendors;
  if (claimant.type === 'crm.observation.v1.VendorObserved') {
    const { observation } = claimant;
    const id = known?.row.id ?? newId!;
    const evolution = evolveVendor(known?.row, observation, { rules: scope.rules, id, grantUserId: false });
    noteOutcome(outcomes, evolution.row.id, evolution);
    if (evolution.outcome === 'unchanged') scope.unchanged.vendors.add(evolution.row.id);
    noteErrors(scope, observation.contactId, evolution.row.id, evolution.fieldErrors);
    noteUserId(scope.outcomes, observation, known?.row, evolution, false);
    if (evolution.row === known?.row) return undefined;
    return { row: evolution.row, version: known?.version ?? 0, before: known?.row, cause };
  }
  if (known === undefined) return undefined;
  const row = reclassifyVendor(known.row, 'staff', claimant.observation, scope.rules);
  noteReclassified(outcomes, known.row, row);
  return row === known.row ? undefined : { row, version: known.version, before: known.row, cause };
}

/**
 * Contacts that would have lost a lead row by an e-mail, had the row's own contact not changed that e-mail earlier in this scan: they
 * count as conflicts whichever of the two arrived first.
 */
async function noteLostLeads(scope: ContestScope): Promise<void> {
  const gaveUp = scope.outcomes.emailChanges.flatMap(([table, , before]) =>
    table === 'leads' && before !== null ? [before] : [],
  );
  if (gaveUp.length === 0) return;
  const { rows } = await scope.sql.query<{ contact: string }>(
    `select distinct t.ghl_contact_id as contact from leads t join seen_lead_contact s on s.value = t.ghl_contact_id
     where t.account_id = $1 and t.customer_email = any($2) and t.ghl_contact_id <> all($3)`,
    [scope.account, gaveUp, scope.outcomes.leadsWithoutEmail],
  );
  const lost = scope.outcomes.reclassifiedEmails.flatMap(([contact, email]) =>
    gaveUp.includes(email) ? [contact] : [],
  );
  for (const contact of [...rows.map((row) => row.contact), ...lost]) scope.conflicts.add(`contact:${contact}`);
}

/** Settles the contested lead rows of a scan, row by row (rules-ghl section 3). */
export async function settleLeads(scope: ContestScope): Promise<void> {
  await noteLostLeads(scope);
  const claims = await readClaims(scope, 'leads');
  if (claims.size === 0) return;
  const rows = await contestedRows(scope, 'leads', claims);
  const states = await scope.contactStates(rows.map(({ row }) => row));
  const emails = startEmails(scope, 'leads');
  const result = resolveLeads({
    rows: rows.map(({ row }) => ({
      ...contestRow(scope, row, emailAtStart(emails, { id: row.id, email: row.customerEmail }), states),
      opportunityId: row.ghlOpportunityId,
    })),
    claims: [...claims.values()].map(({ claim }) => claim),
  });
  const byId = new Map(rows.map((known) => [known.row.id, known]));
  const births = result.claims.filter(({ isNew }) => isNew).map(({ contactId }) => contactId);
  const ids = await newRowIds(scope.sql, 'lead', scope.account, births);
  const writes: RowWrite<LeadRow>[] = [];
  const displaced: string[] = [];
  for (const outcome of result.claims) {
    const entry = claims.get(outcome.contactId);
    if (entry === undefined || outcome.lost) continue;
    if (outcome.isNew && outcome.replaces !== undefined) displaced.push(outcome.replaces);
    const targets = outcome.isNew ? [undefined] : outcome.rows.map((id) => byId.get(id));
    for (const known of targets) {
      if (known !== undefined) scope.won.leads.add(known.row.id);
      const isRequest = known === undefined || known.row.id === outcome.requestRow;
      const write = leadWrite(scope, entry, known, isRequest, ids.get(outcome.contactId));
      if (write !== undefined) writes.push(write);
    }
  }
  for (const contactId of result.conflicts) scope.conflicts.add(`contact:${contactId}`);
  await deleteRows(scope, LEADS, rowsOf(displaced, byId), { ...scope.closing, kind: 'contest' });
  for (const id of displaced) scope.displaced.add(id);
  await writeRows(scope, LEADS, writes);
}

function leadWrite(
  scope: ContestScope,
  { claimant, cause }: Claim,
  known: Versioned<LeadRow> | undefined,
  request: boolean,
  newId: string | undefined,
): RowWrite<LeadRow> | undefined {
  const outcomes = scope.outcomes.leads;
  if (claimant.fits === true && claimant.type === 'crm.observation.v1.LeadObserved') {
    const { observation } = claimant;
    const id = known?.row.id ?? newId!;
    const evolution = evolveLead(known?.row, observation, {
      rules: scope.rules,
      id,
      part: request ? 'all' : 'contact',
    });
    noteOutcome(outcomes, evolution.row.id, evolution);
    if (evolution.outcome === 'unchanged') scope.unchanged.leads.add(evolution.row.id);
    noteErrors(scope, observation.contactId, evolution.row.id, evolution.fieldErrors);
    if (evolution.row === known?.row) return undefined;
    return { row: evolution.row, version: known?.version ?? 0, before: known?.row, cause };
  }
  if (known === undefined || claimant.fits === true) return undefined;
  const row = reclassifyLead(known.row, claimant.fits, claimant.observation, scope.rules);
  noteReclassified(outcomes, known.row, row);
  return row === known.row ? undefined : { row, version: known.version, before: known.row, cause };
}

function noteErrors(
  scope: ContestScope,
  contactId: string,
  rowId: string,
  errors: readonly { field: string; code: string }[],
): void {
  for (const error of errors)
    if (error.code !== 'duplicate_user_id') scope.outcomes.fieldErrors.push({ contactId, rowId, ...error });
}

async function readClaims(scope: ContestScope, table: 'vendors' | 'leads'): Promise<Map<string, Claim>> {
  const stored = await scope.contested(table);
  return new Map(
    stored.map(({ contactId, type, eventId, observation: value }) => {
      const observation = value as VendorObserved & LeadObserved & ContactUnclassified;
      const { vendorByEmail, leadByEmail, leadByOpportunity, leadById } = observation.knownAs;
      const fits = fitOf(table, type);
      const known = table === 'vendors' ? vendorByEmail : leadByEmail || leadByOpportunity || leadById;
      const claim: ContestClaim = {
        contactId,
        email: observation.email,
        opportunityIds: table === 'leads' ? observation.knownAs.leadOpportunityIds : [],
        fits,
        known,
        dateUpdated: observation.dateUpdated,
      };
      const cause: Cause = { kind: 'contest', eventId, scanId: scope.scanId, at: observation.observedAt };
      return [contactId, { claimant: { type, fits, observation } as Claim['claimant'], claim, cause }];
    }),
  );
}

function rowsOf<R>(ids: readonly string[], byId: ReadonlyMap<string, R>): R[] {
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function fitOf(table: 'vendors' | 'leads', type: string): ContestClaim['fits'] {
  if (type === 'crm.observation.v1.ContactUnclassified') return 'staff';
  return table === 'leads' && type === 'crm.observation.v1.VendorObserved' ? 'vendor' : true;
}

/** The rows that claims could be about, with the identifiers they had when the scan began. */
async function contestedRows<T extends 'vendors' | 'leads'>(
  scope: ContestScope,
  table: T,
  claims: Map<string, Claim>,
): Promise<Versioned<T extends 'vendors' ? VendorRow : LeadRow>[]> {
  const all = [...claims.values()].map(({ claim }) => claim);
  const emails = all.flatMap(({ email }) => (email === null ? [] : [email]));
  const wanted = new Set(emails);
  const gaveUp = scope.outcomes.emailChanges.flatMap(([of, id, before]) =>
    of === table && before !== null && wanted.has(before) ? [id] : [],
  );
  const contacts = all.map(({ contactId }) => contactId);
  const { sql, account } = scope;
  const rows =
    table === 'vendors'
      ? await readHolding(sql, VENDORS, account, [
          ['email', emails],
          ['id', gaveUp],
          ['ghlContactId', contacts],
        ])
      : await readHolding(sql, LEADS, account, [
          ['customerEmail', emails],
          ['id', gaveUp],
          ['ghlContactId', contacts],
          ['ghlOpportunityId', all.flatMap(({ opportunityIds }) => opportunityIds)],
        ]);
  return rows as Versioned<T extends 'vendors' ? VendorRow : LeadRow>[];
}

/** E-mails that rows had when the scan began, for rows that have another one since. */
function startEmails(scope: ContestScope, table: 'vendors' | 'leads'): Map<string, string | null> {
  const emails = new Map<string, string | null>();
  for (const [of, id, before] of scope.outcomes.emailChanges)
    if (of === table && !emails.has(id)) emails.set(id, before);
  return emails;
}

function contestRow(
  scope: ContestScope,
  row: RowLife,
  email: string | null,
  states: Map<string, OwnContact>,
): ContestRow {
  const born = scope.scanId !== null && row.bornScan === scope.scanId && row.ghlContactId !== null;
  return {
    id: row.id,
    contactId: row.ghlContactId,
    email,
    createdAt: row.createdAt,
    bornInScan: born ? { contactId: row.ghlContactId ?? '', dateUpdated: row.sourceUpdatedAt } : undefined,
    ownContact: row.ghlContactId === null ? 'none' : (states.get(row.ghlContactId) ?? 'unknown'),
  };
}
