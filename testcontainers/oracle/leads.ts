import type { GhlRules } from '#libs/domain/src/settings.ts';
import { blankLead, isSame, type LeadRow } from './rows.ts';
import {
  baseOf,
  bind,
  bestOf,
  byAge,
  countErrors,
  matchesLead,
  newIdOf,
  ownOf,
  reclassify,
  restore,
  type Classified,
  type Scan,
} from './scan.ts';
import { newcomers } from './vendors.ts';
import { placeOf } from './zips.ts';

/** rules-ghl sections 2, 3 and 5 for leads: the rows after the scan, and the ids of those it sighted. */
export function syncLeads(scan: Scan): { rows: LeadRow[]; sighted: Set<string> } {
  const before = byAge(scan.input.leads);
  const rows = structuredClone(before);
  const sighted = new Set<string>();
  const won = new Map<Classified, LeadRow[]>();
  for (const row of rows) {
    const matching = scan.contacts.filter((contact) => matchesLead(row, contact));
    if (matching.length === 0) continue;
    sighted.add(row.id);
    const own = ownOf(row, scan);
    const winner = own === 'gone' || own === 'none' ? bestOf(matching, ({ isLead }) => isLead)! : own;
    if (winner === 'unknown') {
      // The own contact would win by its id, were it there: nobody gets the row.
      scan.conflicts.add(row.id);
      restore(row, scan.input.rules.defaultLeadStatus, scan);
      continue;
    }
    for (const loser of matching) if (loser !== winner) scan.conflicts.add(loser.person.id);
    won.set(winner, [...(won.get(winner) ?? []), row]);
    if (winner.isLead) continue;
    restore(row, scan.input.rules.defaultLeadStatus, scan);
    reclassify(row, winner.person.isStaff ? 'staff' : 'vendor', scan);
  }
  for (const contact of scan.contacts) {
    const isKnown = before.some((row) => matchesLead(row, contact));
    if (isKnown && !won.has(contact)) scan.conflicts.add(contact.person.id);
  }
  for (const [contact, mine] of won) {
    if (!contact.isLead) continue;
    countErrors(scan, contact, errorsOf(contact));
    for (const row of mine) update(row, contact, row === mine.at(-1), scan);
  }
  const strangers = scan.contacts.filter(
    (contact) => contact.isLead && !before.some((row) => matchesLead(row, contact)),
  );
  const born = newcomers(strangers, scan).map((contact) => create(contact, scan));
  return { rows: [...rows, ...born], sighted };
}

function update(row: LeadRow, contact: Classified, isNewest: boolean, scan: Scan): void {
  const { input, counters } = scan;
  const { rules } = input;
  const before = structuredClone(row);
  const base = baseOf(row, rules) ?? rules.defaultLeadStatus;
  bind(row, contact, scan);
  restore(row, rules.defaultLeadStatus, scan);
  row.reclassified_as = null;
  fillPerson(row, contact);
  if (isNewest) {
    fillRequest(row, contact);
    row.status = leadStatus(contact.person.tags, base, rules);
  }
  const shown = { ...before, status: base, previous_status: null, missing_since: null };
  if (!isSame(shown, row)) counters.leads_updated += 1;
  else if (isSame(before, row)) counters.unchanged += 1;
}

function create(contact: Classified, scan: Scan): LeadRow {
  const { input, counters } = scan;
  const row = blankLead(newIdOf(scan, 'leads', contact.person.id));
  row.ghl_contact_id = contact.person.id;
  row.source = 'ghl_sync';
  row.status = contact.person.tags.includes('new lead') ? input.rules.newLeadStatus : input.rules.defaultLeadStatus;
  row.customer_zip_code = contact.lead.zip;
  countErrors(scan, contact, errorsOf(contact));
  fillPerson(row, contact);
  fillRequest(row, contact);
  counters.leads_created += 1;
  return row;
}

/** The faulty columns: those of a person are a lead's own. */
function errorsOf({ errors }: Classified): string[] {
  return [...errors.person.map((field) => `customer ${field}`), ...errors.lead];
}

function fillPerson(row: LeadRow, { person }: Classified): void {
  const isNameless = row.customer_name === null || row.customer_name === '';
  row.customer_name = person.name ?? (isNameless ? person.standIn : row.customer_name);
  row.customer_email = person.email ?? row.customer_email;
  row.customer_phone = person.phone ?? row.customer_phone;
}

function fillRequest(row: LeadRow, { lead }: Classified): void {
  row.primary_service_category = lead.primary_service_category ?? row.primary_service_category;
  row.specific_service_requested = lead.specific_service_requested ?? row.specific_service_requested;
  if (lead.zip === null) return;
  const place = /^\d{5}$/.test(lead.zip) ? placeOf(lead.zip) : undefined;
  if (lead.zip === row.service_zip_code) {
    row.service_county ??= place?.county ?? null;
    row.service_state ??= place?.state ?? null;
    return;
  }
  row.service_zip_code = lead.zip;
  row.service_county = place?.county ?? null;
  row.service_state = place?.state ?? null;
}

/** rules-ghl section 5: the tag moves a lead only while nobody has begun with it. */
function leadStatus(tags: readonly string[], base: string, rules: GhlRules): string {
  return tags.includes('new lead') && ['unassigned', 'new', ''].includes(base) ? rules.newLeadStatus : base;
}
