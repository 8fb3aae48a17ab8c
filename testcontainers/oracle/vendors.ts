import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { VendorReading } from './reading.ts';
import { blankVendor, isSame, type VendorRow } from './rows.ts';
import {
  baseOf,
  bind,
  bestOf,
  byAge,
  countErrors,
  hasEmail,
  newIdOf,
  ownOf,
  reclassify,
  restore,
  type Classified,
  type Scan,
} from './scan.ts';

/** What a blanked column returns to: the column's default, or the row would change again after it was created. */
const BLANK = blankVendor('');

/** A vendors row with the contact that writes it. */
interface Written {
  row: VendorRow;
  contact: Classified;
}

/** rules-ghl sections 2 to 4 for vendors: the rows after the scan, and the ids of those it sighted. */
export function syncVendors(scan: Scan): { rows: VendorRow[]; sighted: Set<string>; refused: Set<string> } {
  const before = byAge(scan.input.vendors);
  const rows = structuredClone(before);
  const sighted = new Set<string>();
  const claimants = scan.contacts.filter(({ isVendor, person }) => isVendor || person.isStaff);
  const target = (contact: Classified): VendorRow | undefined =>
    before.find((row) => row.ghl_contact_id === contact.person.id) ??
    before.find((row) => hasEmail(row.email, contact));

  const written: Written[] = [];
  for (const row of rows) {
    const own = ownOf(row, scan);
    const claims = claimants.filter((contact) => target(contact)?.id === row.id);
    const winner = deciderOf(own, claims);
    for (const loser of claims) if (loser !== winner) scan.conflicts.add(loser.person.id);
    if (winner === undefined && !claimants.some((contact) => hasEmail(row.email, contact))) continue;
    sighted.add(row.id);
    if (winner?.isVendor === true) {
      written.push({ row, contact: winner });
      continue;
    }
    restore(row, scan.input.rules.defaultVendorStatus, scan);
    if (winner === undefined) scan.conflicts.add(row.id);
    else reclassify(row, 'staff', scan);
  }
  const strangers = claimants.filter((contact) => contact.isVendor && target(contact) === undefined);
  const born = newcomers(strangers, scan).map((contact) => ({
    row: blankVendor(newIdOf(scan, 'vendors', contact.person.id)),
    contact,
  }));
  const { granted, refused } = grantUsers([...written, ...born], scan);
  for (const item of written) update(item, granted, scan);
  for (const item of born) create(item, granted, scan);
  return { rows: [...rows, ...born.map(({ row }) => row)], sighted, refused };
}

/**
 * Who decides what a row becomes: its own contact; where that is gone, or there is none, the best that matches it otherwise. Nobody
 * while it is unknown whether the own contact is there: it would win by its id.
 */
function deciderOf(own: ReturnType<typeof ownOf>, claims: readonly Classified[]): Classified | undefined {
  if (own === 'unknown') return undefined;
  return own === 'gone' || own === 'none' ? bestOf(claims, ({ isVendor }) => isVendor) : own;
}

/** Of contacts that match no row, those that get one: of several with one e-mail only the best. */
export function newcomers(contacts: readonly Classified[], scan: Scan): Classified[] {
  return contacts.filter((contact) => {
    const { email, id } = contact.person;
    const rivals = email === null ? [contact] : contacts.filter(({ person }) => person.email === email);
    const wins = bestOf(rivals) === contact;
    if (!wins) scan.conflicts.add(id);
    return wins;
  });
}

/** Who of the written rows gets the ghl_user_id it wants; one that another row held before goes to nobody. */
function grantUsers(
  written: readonly Written[],
  scan: Scan,
): { granted: Map<VendorRow, string>; refused: Set<string> } {
  const granted = new Map<VendorRow, string>();
  const refused = new Set<string>();
  const wishes = written.filter(({ row, contact }) => {
    const wish = contact.vendor.ghl_user_id;
    return wish != null && wish !== row.ghl_user_id;
  });
  for (const { row, contact } of wishes) {
    const wish = contact.vendor.ghl_user_id!;
    const isHeld = scan.input.vendors.some(({ ghl_user_id }) => ghl_user_id === wish);
    const rivals = wishes.filter((other) => other.contact.vendor.ghl_user_id === wish).map((other) => other.contact);
    if (!isHeld && bestOf(rivals) === contact) granted.set(row, wish);
    else {
      refused.add(row.id);
      countErrors(scan, contact, ['ghl_user_id']);
    }
  }
  return { granted, refused };
}

function update({ row, contact }: Written, users: Map<VendorRow, string>, scan: Scan): void {
  const { input, counters } = scan;
  const { rules } = input;
  const before = structuredClone(row);
  const base = baseOf(row, rules);
  bind(row, contact, scan);
  restore(row, rules.defaultVendorStatus, scan);
  row.status = vendorStatus(contact.person.tags, base, rules);
  row.reclassified_as = null;
  fill(row, contact, users, scan);
  const shown = {
    ...before,
    status: base ?? row.status,
    previous_status: null,
    missing_since: null,
  };
  const isChanged = !isSame(shown, row);
  if (isChanged) counters.vendors_updated += 1;
  else if (isSame(before, row)) counters.unchanged += 1;
  if (row.status === 'deactivated' && base !== 'deactivated') counters.vendors_deactivated += 1;
}

function create({ row, contact }: Written, users: Map<VendorRow, string>, scan: Scan): void {
  const { input, counters } = scan;
  row.ghl_contact_id = contact.person.id;
  row.status = vendorStatus(contact.person.tags, undefined, input.rules);
  fill(row, contact, users, scan);
  counters.vendors_created += 1;
  if (row.status === 'deactivated') counters.vendors_deactivated += 1;
}

/** rules-ghl section 4: the highest tag level wins; without one, a base status that people set or that is kept stays. */
function vendorStatus(tags: readonly string[], base: string | undefined, rules: GhlRules): string {
  const levels = rules.vendorTagLevels.filter(({ tag }) => tags.includes(tag)).sort((a, b) => b.level - a.level);
  if (levels[0] !== undefined) return levels[0].status;
  const isOfTable = rules.vendorTagLevels.some(({ status }) => status === base);
  const isKept = base !== undefined && (rules.vendorStatusKept.includes(base) || !isOfTable);
  return isKept ? base : rules.defaultVendorStatus;
}

function fill(row: VendorRow, contact: Classified, users: Map<VendorRow, string>, scan: Scan): void {
  const { person, vendor, errors } = contact;
  countErrors(scan, contact, [...errors.person, ...errors.vendor]);
  row.name = person.name ?? (row.name === '' ? person.standIn : row.name);
  row.email = person.email ?? row.email;
  const blanks = scan.input.rules.emptyOverwrites;
  row.phone = taken(row.phone, person.phone, blanks, null);
  row.company_name = taken(row.company_name, vendor.company_name, blanks, null);
  row.service_categories = takenList(row.service_categories, vendor.service_categories, blanks);
  row.services_offered = takenList(row.services_offered, vendor.services_offered, blanks);
  row.last_lead_assigned = taken(row.last_lead_assigned, vendor.last_lead_assigned, blanks, null);
  row.lead_close_percentage = taken(
    row.lead_close_percentage,
    vendor.lead_close_percentage,
    blanks,
    BLANK.lead_close_percentage,
  );
  row.primary_service_category = taken(row.primary_service_category, vendor.primary_service_category, blanks, null);
  row.taking_new_work = vendor.taking_new_work ?? row.taking_new_work;
  row.ghl_user_id = vendor.ghl_user_id === null && blanks ? null : (users.get(row) ?? row.ghl_user_id);
  cover(row, vendor, blanks);
}

function cover(row: VendorRow, { service_zip_codes, coverage }: VendorReading, blanks: boolean): void {
  row.service_zip_codes = taken(row.service_zip_codes, service_zip_codes, blanks, null);
  if (service_zip_codes === null && blanks) {
    row.coverage_type = BLANK.coverage_type;
    row.coverage_states = [];
    row.coverage_counties = [];
  }
  if (coverage === undefined) return;
  const isKnown =
    row.coverage_type === coverage.type &&
    isSameSet(row.coverage_states, coverage.states) &&
    isSameSet(row.coverage_counties, coverage.counties);
  if (isKnown) return;
  row.coverage_type = coverage.type;
  row.coverage_states = coverage.states;
  row.coverage_counties = coverage.counties;
}

function taken<T>(old: T, read: T | null | undefined, blanks: boolean, blank: T): T {
  if (read === undefined) return old;
  if (read === null) return blanks ? blank : old;
  return read;
}

function takenList(old: string[], read: string[] | null | undefined, blanks: boolean): string[] {
  const list = taken(old, read, blanks, []);
  return isSameSet(old, list) ? old : list;
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return isSame([...new Set(a)].sort(), [...new Set(b)].sort());
}
