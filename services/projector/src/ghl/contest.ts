import type { ContactUnclassified, LeadObserved, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { resolveLeads, resolveVendors, type ContestClaim, type ContestRow } from '#libs/domain/src/contested.ts';
import { evolveLead, reclassifyLead } from '#libs/domain/src/lead.ts';
import type { LeadRow, RowLife, VendorRow } from '#libs/domain/src/rows.ts';
import { evolveVendor, reclassifyVendor } from '#libs/domain/src/vendor.ts';
import { LEADS, VENDORS } from '#libs/storage/src/columns.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { deleteRows, readRows, writeRows, type RowWrite, type Versioned } from '#libs/storage/src/rows.ts';
import { readContested } from '#libs/storage/src/sightings.ts';
import { noteOutcome, noteReclassified } from './scope.ts';
import type { FinishScope } from './finish.ts';
import { withWords } from './words.ts';
import type { LeadClaimant } from './leads.ts';

interface Claim {
  claimant:
    | Exclude<LeadClaimant, { type: 'crm.observation.v1.VendorObserved' }>
    | { type: 'crm.observation.v1.VendorObserved'; fits: true | 'vendor'; observation: VendorObserved };
  claim: ContestClaim;
}

/** Settles the contested vendor rows of a scan (rules-ghl section 3); the result does not depend on the order of arrival. */
export async function settleVendors(scope: FinishScope): Promise<void> {
  const claims = await readClaims(scope, 'vendors');
  if (claims.size === 0) return;
  const rows = await contestedRows(scope, 'vendors', claims);
  const states = await ownContactStates(
    scope,
    rows.map(({ row }) => row),
  );
  const emails = startEmails(scope, 'vendors');
  const result = resolveVendors({
    rows: rows.map(({ row }) => contestRow(scope, row, emails.get(row.id) ?? row.email, states)),
    claims: [...claims.values()].map(({ claim }) => claim),
  });
  const byId = new Map(rows.map((known) => [known.row.id, known]));
  const writes: RowWrite<VendorRow>[] = [];
  const displaced: string[] = [];
  for (const { contactId, outcome } of result.claims) {
    const entry = claims.get(contactId);
    if (entry === undefined || outcome.kind === 'lost') continue;
    const known = outcome.kind === 'row' ? byId.get(outcome.rowId) : undefined;
    if (outcome.kind === 'new' && outcome.replaces !== undefined) displaced.push(outcome.replaces);
    if (known !== undefined) scope.won.vendors.add(known.row.id);
    const write = vendorWrite(scope, entry, known);
    if (write !== undefined) writes.push(write);
  }
  for (const contactId of result.conflicts) scope.conflicts.add(`contact:${contactId}`);
  await deleteRows(scope.sql, 'vendors', displaced);
  for (const id of displaced) scope.displaced.add(id);
  await writeRows(scope.sql, VENDORS, await withWords(scope.sql, writes, scope.rules));
}

function vendorWrite(
  scope: FinishScope,
  { claimant }: Claim,
  known: Versioned<VendorRow> | undefined,
): RowWrite<VendorRow> | undefined {
  const outcomes = scope.outcomes.vendors;
  if (claimant.type === 'crm.observation.v1.VendorObserved') {
    const { observation } = claimant;
    const id = rowIdOf('vendor', scope.account, observation.contactId);
    const evolution = evolveVendor(known?.row, observation, { rules: scope.rules, id, grantUserId: false });
    noteOutcome(outcomes, evolution.row.id, evolution);
    if (evolution.outcome === 'unchanged') scope.unchanged.vendors.add(evolution.row.id);
    noteErrors(scope, observation.contactId, evolution.fieldErrors);
    if (observation.ghlUserId !== null && observation.ghlUserId !== known?.row.ghlUserId) {
      scope.outcomes.userIds.push({
        rowId: evolution.row.id,
        contactId: observation.contactId,
        dateUpdated: observation.dateUpdated,
        wanted: observation.ghlUserId,
        before: known?.row.ghlUserId ?? null,
        granted: false,
      });
    }
    return evolution.row === known?.row ? undefined : { row: evolution.row, version: known?.version ?? 0 };
  }
  if (known === undefined) return undefined;
  const row = reclassifyVendor(known.row, 'staff', claimant.observation.observedAt, scope.rules);
  noteReclassified(outcomes, known.row, row);
  return row === known.row ? undefined : { row, version: known.version };
}

/**
 * Contacts that would have lost a lead row by an e-mail, had the row's own contact not changed that e-mail earlier in this scan: they
 * count as conflicts whichever of the two arrived first.
 */
async function noteLostLeads(scope: FinishScope): Promise<void> {
  const gaveUp = scope.outcomes.emailChanges.flatMap(([table, , before]) =>
    table === 'leads' && before !== null ? [before] : [],
  );
  if (gaveUp.length === 0) return;
  const { rows } = await scope.sql.query<{ contact: string }>(
    `select distinct t.ghl_contact_id as contact from leads t join seen_lead_contact s on s.value = t.ghl_contact_id
     where t.account_id = $1 and t.customer_email = any($2)`,
    [scope.account, gaveUp],
  );
  for (const { contact } of rows) scope.conflicts.add(`contact:${contact}`);
}

/** Settles the contested lead rows of a scan, row by row (rules-ghl section 3). */
export async function settleLeads(scope: FinishScope): Promise<void> {
  await noteLostLeads(scope);
  const claims = await readClaims(scope, 'leads');
  if (claims.size === 0) return;
  const rows = await contestedRows(scope, 'leads', claims);
  const states = await ownContactStates(
    scope,
    rows.map(({ row }) => row),
  );
  const emails = startEmails(scope, 'leads');
  const result = resolveLeads({
    rows: rows.map(({ row }) => ({
      ...contestRow(scope, row, emails.get(row.id) ?? row.customerEmail, states),
      opportunityId: row.ghlOpportunityId,
    })),
    claims: [...claims.values()].map(({ claim }) => claim),
  });
  const byId = new Map(rows.map((known) => [known.row.id, known]));
  const writes: RowWrite<LeadRow>[] = [];
  const displaced: string[] = [];
  for (const outcome of result.claims) {
    const entry = claims.get(outcome.contactId);
    if (entry === undefined || outcome.lost) continue;
    if (outcome.isNew && outcome.replaces !== undefined) displaced.push(outcome.replaces);
    const targets = outcome.isNew ? [undefined] : outcome.rows.map((id) => byId.get(id));
    for (const known of targets) {
      if (known !== undefined) scope.won.leads.add(known.row.id);
      const write = leadWrite(scope, entry, known, known === undefined || known.row.id === outcome.requestRow);
      if (write !== undefined) writes.push(write);
    }
  }
  for (const contactId of result.conflicts) scope.conflicts.add(`contact:${contactId}`);
  await deleteRows(scope.sql, 'leads', displaced);
  for (const id of displaced) scope.displaced.add(id);
  await writeRows(scope.sql, LEADS, writes);
}

function leadWrite(
  scope: FinishScope,
  { claimant }: Claim,
  known: Versioned<LeadRow> | undefined,
  request: boolean,
): RowWrite<LeadRow> | undefined {
  const outcomes = scope.outcomes.leads;
  if (claimant.fits === true && claimant.type === 'crm.observation.v1.LeadObserved') {
    const { observation } = claimant;
    const id = rowIdOf('lead', scope.account, observation.contactId);
    const evolution = evolveLead(known?.row, observation, {
      rules: scope.rules,
      id,
      part: request ? 'all' : 'contact',
    });
    noteOutcome(outcomes, evolution.row.id, evolution);
    if (evolution.outcome === 'unchanged') scope.unchanged.leads.add(evolution.row.id);
    noteErrors(scope, observation.contactId, evolution.fieldErrors);
    return evolution.row === known?.row ? undefined : { row: evolution.row, version: known?.version ?? 0 };
  }
  if (known === undefined || claimant.fits === true) return undefined;
  const row = reclassifyLead(known.row, claimant.fits, claimant.observation.observedAt, scope.rules);
  noteReclassified(outcomes, known.row, row);
  return row === known.row ? undefined : { row, version: known.version };
}

function noteErrors(scope: FinishScope, contactId: string, errors: readonly { field: string; code: string }[]): void {
  for (const error of errors)
    if (error.code !== 'duplicate_user_id') scope.outcomes.fieldErrors.push({ contactId, ...error });
}

async function readClaims(scope: FinishScope, table: 'vendors' | 'leads'): Promise<Map<string, Claim>> {
  const stored = await readContested(scope.sql, scope.scanId, table);
  return new Map(
    stored.map(({ contactId, type, observation: value }) => {
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
      return [contactId, { claimant: { type, fits, observation } as Claim['claimant'], claim }];
    }),
  );
}

function fitOf(table: 'vendors' | 'leads', type: string): ContestClaim['fits'] {
  if (type === 'crm.observation.v1.ContactUnclassified') return 'staff';
  return table === 'leads' && type === 'crm.observation.v1.VendorObserved' ? 'vendor' : true;
}

/** The rows that claims could be about, with the identifiers they had when the scan began. */
async function contestedRows<T extends 'vendors' | 'leads'>(
  scope: FinishScope,
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
  const condition = (email: string, more: string): string =>
    `t.account_id = $1 and (t.${email} = any($2) or t.id = any($3) or t.ghl_contact_id = any($4)${more})`;
  const rows =
    table === 'vendors'
      ? await readRows(scope.sql, VENDORS, condition('email', ''), [scope.account, emails, gaveUp, contacts])
      : await readRows(scope.sql, LEADS, condition('customer_email', ' or t.ghl_opportunity_id = any($5)'), [
          scope.account,
          emails,
          gaveUp,
          contacts,
          all.flatMap(({ opportunityIds }) => opportunityIds),
        ]);
  return rows as Versioned<T extends 'vendors' ? VendorRow : LeadRow>[];
}

/** E-mails that rows had when the scan began, for rows that have another one since. */
function startEmails(scope: FinishScope, table: 'vendors' | 'leads'): Map<string, string | null> {
  const emails = new Map<string, string | null>();
  for (const [of, id, before] of scope.outcomes.emailChanges)
    if (of === table && !emails.has(id)) emails.set(id, before);
  return emails;
}

type OwnContact = ContestRow['ownContact'];

async function ownContactStates(scope: FinishScope, rows: readonly RowLife[]): Promise<Map<string, OwnContact>> {
  const ids = rows.flatMap(({ ghlContactId }) => (ghlContactId === null ? [] : [ghlContactId]));
  const { rows: states } = await scope.sql.query<{ value: string; state: OwnContact }>(
    `select c.value, case when s.value is not null then 'seen' when g.value is not null then 'gone' else 'unknown' end as state
     from (select distinct unnest($1::text[]) as value) c
     left join seen_contact s using (value) left join gone_contact g using (value)`,
    [ids],
  );
  return new Map(states.map(({ value, state }) => [value, state]));
}

function contestRow(
  scope: FinishScope,
  row: RowLife,
  email: string | null,
  states: Map<string, OwnContact>,
): ContestRow {
  const born = row.bornScan === scope.scanId && row.ghlContactId !== null;
  return {
    id: row.id,
    contactId: row.ghlContactId,
    email,
    createdAt: row.createdAt,
    bornInScan: born ? { contactId: row.ghlContactId ?? '', dateUpdated: row.sourceUpdatedAt } : undefined,
    ownContact: row.ghlContactId === null ? 'none' : (states.get(row.ghlContactId) ?? 'unknown'),
  };
}
