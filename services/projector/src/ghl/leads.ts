import type { ContactUnclassified, LeadObserved, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { evolveLead, reclassifyLead, type LeadEvolution } from '#libs/domain/src/lead.ts';
import type { LeadRow } from '#libs/domain/src/rows.ts';
import { LEADS } from '#libs/storage/src/columns.ts';
import { newRowIds } from '#libs/storage/src/ids.ts';
import {
  ensureAccount,
  lockKeys,
  readHolding,
  writeRows,
  type RowWrite,
  type Versioned,
} from '#libs/storage/src/rows.ts';
import {
  contest,
  firstByEmail,
  newestByContact,
  noteOutcome,
  noteReclassified,
  observedBy,
  type BatchScope,
  type Observations,
} from './scope.ts';

/** What a contact is for the leads table: a lead, or something else that lead rows know it by. */
export type LeadClaimant =
  | { type: 'crm.observation.v1.LeadObserved'; fits: true; observation: LeadObserved }
  | { type: 'crm.observation.v1.VendorObserved'; fits: 'vendor'; observation: VendorObserved }
  | { type: 'crm.observation.v1.ContactUnclassified'; fits: 'staff'; observation: ContactUnclassified };

/** Lead rows of a batch: rows that are wholly the contact's own evolve, discovered leads are born, the rest waits for the end of the scan. */
export async function applyLeads(scope: BatchScope, observations: Observations): Promise<void> {
  const claimants = claimantsOf(observations);
  if (claimants.length === 0) return;
  const rows = await readMatchingRows(scope, claimants);
  const writes: RowWrite<LeadRow>[] = [];
  const discovered: LeadObserved[] = [];
  const isOpen = await mayWinMore(scope, claimants);
  for (const claimant of claimants) {
    const { own, others } = rows.of(claimant.observation);
    if (own.length === 0 && others === 0 && claimant.fits === true && claimant.observation.discovered) {
      discovered.push(claimant.observation);
    } else if (own.length === 0 || others > 0 || isOpen) {
      contest(scope, 'leads', claimant.type, claimant.observation);
    } else if (claimant.fits === true) {
      writes.push(...settle(scope, claimant.observation, own));
    } else {
      writes.push(...reclassifyOwn(scope, claimant, own));
    }
  }
  const newborn = await unrivalled(scope, discovered);
  const ids = await newRowIds(
    scope.sql,
    'lead',
    scope.account,
    newborn.map(({ contactId }) => contactId),
  );
  for (const observation of newborn) writes.push(...settle(scope, observation, [], ids.get(observation.contactId)));
  if (writes.some(({ version }) => version === 0)) await ensureAccount(scope.sql, scope.account);
  await writeRows(scope, LEADS, writes);
}

/**
 * A targeted read looks contacts up by id, which tells no opportunities, and may show them again with theirs: while rows of the
 * account have an opportunity, what a contact wins is certain at the end of the scan only, wherever batches end.
 */
async function mayWinMore({ sql, account }: BatchScope, claimants: readonly LeadClaimant[]): Promise<boolean> {
  if (claimants.every(({ observation }) => observation.mode !== 'targeted')) return false;
  const { rows } = await sql.query(
    'select from leads where account_id = $1 and ghl_opportunity_id is not null limit 1',
    [account],
  );
  return rows.length > 0;
}

function claimantsOf({ leads, vendors, unclassified }: Observations): LeadClaimant[] {
  const knownAsLead = ({ knownAs }: { knownAs: LeadObserved['knownAs'] }): boolean =>
    knownAs.leadById || knownAs.leadByEmail || knownAs.leadByOpportunity;
  const all: LeadClaimant[] = [
    ...leads.map((observation) => ({ type: 'crm.observation.v1.LeadObserved', fits: true, observation }) as const),
    ...vendors
      .filter(({ head }) => knownAsLead(head))
      .map((sight) => sight.observation())
      .filter(({ signals }) => signals)
      .map((observation) => ({ type: 'crm.observation.v1.VendorObserved', fits: 'vendor', observation }) as const),
    ...unclassified
      .filter((observation) => observation.reason === 'staff' && knownAsLead(observation))
      .map((observation) => ({ type: 'crm.observation.v1.ContactUnclassified', fits: 'staff', observation }) as const),
  ];
  const newest = newestByContact(all.map(({ observation }) => observation));
  return all.filter(({ observation }) => newest.get(observation.contactId) === observation);
}

interface MatchingRows {
  /** Rows that are the contact's own by id, oldest first, and how many other rows match it by e-mail or opportunity. */
  of(observation: LeadClaimant['observation']): { own: Versioned<LeadRow>[]; others: number };
}

async function readMatchingRows(scope: BatchScope, claimants: LeadClaimant[]): Promise<MatchingRows> {
  const contacts = claimants.map(({ observation }) => observation.contactId);
  const emails = claimants.flatMap(({ observation }) => (observation.email === null ? [] : [observation.email]));
  const opportunities = claimants.flatMap(({ observation }) => observation.knownAs.leadOpportunityIds);
  const rows = await readHolding(scope.sql, LEADS, scope.account, [
    ['ghlContactId', contacts],
    ['customerEmail', emails],
    ['ghlOpportunityId', opportunities],
  ]);
  rows.sort((a, b) => olderFirst(a.row, b.row));
  const byContact = Map.groupBy(rows, ({ row }) => row.ghlContactId ?? '');
  const byEmail = Map.groupBy(rows, ({ row }) => row.customerEmail ?? '');
  const byOpportunity = Map.groupBy(rows, ({ row }) => row.ghlOpportunityId ?? '');
  return {
    of({ contactId, email, knownAs }) {
      const matched = [
        ...(email === null ? [] : (byEmail.get(email) ?? [])),
        ...knownAs.leadOpportunityIds.flatMap((id) => byOpportunity.get(id) ?? []),
      ];
      const others = matched.filter(({ row }) => row.ghlContactId !== contactId).length;
      return { own: byContact.get(contactId) ?? [], others };
    },
  };
}

/** Order of requests: by created_at, then id (rules-ghl section 3). */
export function olderFirst(a: { createdAt: number; id: string }, b: { createdAt: number; id: string }): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

function settle(
  scope: BatchScope,
  observation: LeadObserved,
  own: Versioned<LeadRow>[],
  newId?: string,
): RowWrite<LeadRow>[] {
  scope.sighting.leadContacts.push(observation.contactId);
  const targets = own.length === 0 ? [undefined] : own;
  return targets.flatMap((known, index) => {
    const part = index === targets.length - 1 ? 'all' : 'contact';
    const id = known?.row.id ?? newId!;
    const evolution = evolveLead(known?.row, observation, { rules: scope.rules, id, part });
    noteLead(scope, observation, known?.row, evolution);
    if (evolution.row === known?.row) return [];
    return [
      { row: evolution.row, version: known?.version ?? 0, before: known?.row, cause: observedBy(scope, observation) },
    ];
  });
}

function reclassifyOwn(
  scope: BatchScope,
  { fits, observation }: Exclude<LeadClaimant, { fits: true }>,
  own: Versioned<LeadRow>[],
): RowWrite<LeadRow>[] {
  const { contactId, email, knownAs } = observation;
  const { outcomes, otherContacts } = scope.sighting;
  otherContacts.push(contactId);
  if (email !== null && knownAs.leadByEmail) outcomes.reclassifiedEmails.push([contactId, email]);
  return own.flatMap(({ row: before, version }) => {
    const row = reclassifyLead(before, fits, observation, scope.rules);
    noteReclassified(outcomes.leads, before, row);
    return row === before ? [] : [{ row, version, before, cause: observedBy(scope, observation) }];
  });
}

async function unrivalled(scope: BatchScope, discovered: LeadObserved[]): Promise<LeadObserved[]> {
  const emails = discovered.flatMap(({ email }) => (email === null ? [] : [email]));
  if (emails.length === 0) return discovered;
  await lockKeys(
    scope.sql,
    emails.map((email) => `lead:${scope.account}:${email}`),
  );
  // Another partition may have made a row with this e-mail while this one waited for the lock.
  const born = await readHolding(scope.sql, LEADS, scope.account, [['customerEmail', emails]]);
  const taken = new Set(born.map(({ row }) => row.customerEmail));
  return firstByEmail(discovered, taken, (rival) => contest(scope, 'leads', 'crm.observation.v1.LeadObserved', rival));
}

function noteLead(
  scope: BatchScope,
  observation: LeadObserved,
  before: LeadRow | undefined,
  evolution: LeadEvolution,
): void {
  const { outcomes } = scope.sighting;
  noteOutcome(outcomes.leads, evolution.row.id, evolution);
  if (before !== undefined && before.customerEmail !== evolution.row.customerEmail) {
    outcomes.emailChanges.push(['leads', before.id, before.customerEmail]);
  }
  const { contactId } = observation;
  const rowId = evolution.row.id;
  if (observation.email === null) outcomes.leadsWithoutEmail.push(contactId);
  for (const error of evolution.fieldErrors) outcomes.fieldErrors.push({ contactId, rowId, ...error });
}
