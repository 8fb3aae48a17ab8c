import type { GhlRules } from '#libs/domain/src/settings.ts';
import { noCounters, type Counters } from './counters.ts';
import { readContact, type ApiContact, type Contact } from './reading.ts';
import type { LeadRow, LifeColumns, VendorRow } from './rows.ts';

/** The rows before a scan, and the rules it follows. */
export interface ScanStart {
  vendors: readonly VendorRow[];
  leads: readonly LeadRow[];
  rules: GhlRules;
  /** Id of a row that the scan creates for a contact: its first turn, or a later one when a row has that id already. */
  idOf(table: 'vendors' | 'leads', contactId: string, turn: number): string;
}

/** What a scan in mode full gets to see of the world. */
export interface FullInput extends ScanStart {
  /** Every contact that the scan reads, as the API gives it. */
  contacts: readonly ApiContact[];
  /** Contact ids whose look-up gets no answer; only those that are not among the contacts matter. */
  unanswered: ReadonlySet<string>;
}

/** What a scan in any mode gets to see of the world. */
export interface ScanInput extends FullInput {
  /** E-mails and opportunity ids of which nobody can say whether a contact has them. */
  unknownEmails: ReadonlySet<string>;
  unknownOpportunities: ReadonlySet<string>;
  /** Look-ups made, and how many of them nothing answered. */
  lookUps: { total: number; unknown: number };
  /** Whether contacts that no row knows are looked at: mode full only (rules-ghl section 2). */
  discovers: boolean;
  /** Why the scan can answer for less than it set out to; `nothing`: no row may be marked missing. */
  shortfall?: 'nothing' | 'refused' | 'short';
}

/** A contact with the evidence of the scan's start and its class (rules-ghl section 2). */
export interface Classified extends Contact {
  isVendor: boolean;
  isLead: boolean;
  hasVendorSignal: boolean;
}

/** A scan under evaluation: what the two tables share. */
export interface Scan {
  input: ScanInput;
  contacts: Classified[];
  counters: Counters;
  /** Contacts and rows that lost or were passed over, each once. */
  conflicts: Set<string>;
  /** Faulty fields as `contact field`, each once. */
  fieldErrors: Set<string>;
}

/** Reads and classifies every contact against the rows of the scan's start. */
export function openScan(input: ScanInput): Scan {
  const { rules } = input;
  const contacts = input.contacts.map((api) => classify(readContact(api, rules), input));
  const counters = noCounters();
  counters.ghl_contacts_fetched = contacts.length;
  return { input, contacts, counters, conflicts: new Set(), fieldErrors: new Set() };
}

function classify(contact: Contact, { vendors, leads, rules, discovers }: ScanInput): Classified {
  const { person } = contact;
  const hasVendorSignal =
    person.source.toLowerCase().includes(rules.vendorSourceKeyword.toLowerCase()) ||
    person.tags.some((tag) => rules.vendorTags.includes(tag));
  const isKnownVendor = vendors.some((row) => row.ghl_contact_id === person.id || hasEmail(row.email, contact));
  const isKnownLead = leads.some((row) => matchesLead(row, contact));
  const isDiscovered = discovers && !isKnownVendor && person.tags.some((tag) => rules.leadDiscoveryTags.includes(tag));
  return {
    ...contact,
    hasVendorSignal,
    isVendor: !person.isStaff && (isKnownVendor || (hasVendorSignal && (discovers || isKnownLead))),
    isLead: !person.isStaff && !hasVendorSignal && (isKnownLead || isDiscovered),
  };
}

/** What the rows are known by that no contact shows by any of what they are known by. */
export function lostIn(
  { vendors, leads, rules }: ScanStart,
  contacts: Iterable<ApiContact>,
): { ids: Set<string>; emails: Set<string>; opportunities: Set<string> } {
  const shown = [...contacts].map((api) => readContact(api, rules));
  const lostVendors = vendors.filter(
    (row) => !shown.some((contact) => row.ghl_contact_id === contact.person.id || hasEmail(row.email, contact)),
  );
  const lostLeads = leads.filter((row) => !shown.some((contact) => matchesLead(row, contact)));
  return {
    ids: new Set([...lostVendors, ...lostLeads].flatMap(({ ghl_contact_id }) => ghl_contact_id ?? [])),
    emails: new Set([
      ...lostVendors.flatMap(({ email }) => email ?? []),
      ...lostLeads.flatMap(({ customer_email }) => customer_email ?? []),
    ]),
    opportunities: new Set(lostLeads.flatMap(({ ghl_opportunity_id }) => ghl_opportunity_id ?? [])),
  };
}

/** Whether a leads row has the contact's id, e-mail or one of its opportunities. */
export function matchesLead(row: LeadRow, contact: Contact): boolean {
  return (
    row.ghl_contact_id === contact.person.id || hasEmail(row.customer_email, contact) || hasOpportunity(row, contact)
  );
}

/** Whether a row's e-mail is the contact's. */
export function hasEmail(email: string | null, { person }: Contact): boolean {
  return email !== null && email === person.email;
}

function hasOpportunity({ ghl_opportunity_id: id }: LeadRow, { person }: Contact): boolean {
  return id !== null && person.opportunities.includes(id);
}

/**
 * rules-ghl section 3: among contacts that match the same, one that fits the table decides, then the newer dateUpdated, then the
 * smaller id.
 */
export function bestOf<T extends Contact>(
  contacts: readonly T[],
  fits: (contact: T) => boolean = () => true,
): T | undefined {
  return [...contacts].sort(
    (a, b) =>
      Number(fits(b)) - Number(fits(a)) || b.person.updated - a.person.updated || (a.person.id < b.person.id ? -1 : 1),
  )[0];
}

/** Rows in the order they were created. */
export function byAge<T extends LifeColumns>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
}

/** The status under a missing row's overlay; undefined when it was imported as inactive and nobody knows. */
export function baseOf(row: LifeColumns, { inactiveStatus }: GhlRules): string | undefined {
  return row.status === inactiveStatus ? (row.previous_status ?? undefined) : row.status;
}

/** The id of a contact's new row: the first turn that no row of before has. */
export function newIdOf({ input }: Scan, table: 'vendors' | 'leads', contactId: string): string {
  for (let turn = 1; ; turn += 1) {
    const id = input.idOf(table, contactId, turn);
    if (!input[table].some((row) => row.id === id)) return id;
  }
}

/** Whether the row shows as missing. */
export function isMissing(row: LifeColumns, { inactiveStatus }: GhlRules): boolean {
  return row.status === inactiveStatus;
}

/** Takes the overlay off a sighted row; `unknownBase` is what a row without a base becomes. Counts it as restored. */
export function restore(row: LifeColumns, unknownBase: string, { input, counters }: Scan): void {
  if (!isMissing(row, input.rules)) return;
  row.status = baseOf(row, input.rules) ?? unknownBase;
  row.previous_status = null;
  row.missing_since = null;
  counters.restored += 1;
}

/** Says of a sighted row that its contact is of another class now; nothing else of the row changes. */
export function reclassify(row: LifeColumns, as: 'vendor' | 'staff', { counters }: Scan): void {
  if (row.reclassified_as === as) return;
  row.reclassified_as = as;
  counters.reclassified += 1;
}

/** Remembers faulty fields of a contact; one that both tables read counts once. */
export function countErrors({ fieldErrors }: Scan, { person }: Contact, errors: readonly string[]): void {
  for (const field of errors) fieldErrors.add(`${person.id} ${field}`);
}

/** What the scan learned of the contact that a row carries the id of: itself, or that it is gone, or nothing; `none` without an id. */
export function ownOf(
  { ghl_contact_id: id }: LifeColumns,
  { input, contacts }: Scan,
): Classified | 'gone' | 'unknown' | 'none' {
  if (id === null) return 'none';
  return contacts.find(({ person }) => person.id === id) ?? (input.unanswered.has(id) ? 'unknown' : 'gone');
}

/** Binds a row to the contact that writes it. A row that had another one, which is gone then, counts as rebound. */
export function bind(row: LifeColumns, { person }: Contact, { counters }: Scan): void {
  if (row.ghl_contact_id !== null && row.ghl_contact_id !== person.id) counters.rebound += 1;
  row.ghl_contact_id = person.id;
}
