import { MARKED, type LeadRow, type LifeColumns, type VendorRow } from './rows.ts';
import { isMissing, type Scan } from './scan.ts';

/** A table after its contacts are applied, with the ids of the rows that the scan sighted. */
export interface Seen<Row extends LifeColumns> {
  rows: Row[];
  sighted: ReadonlySet<string>;
}

const LEAST_LOOKUPS = 20;

/** rules-ghl section 6 in mode full: marks what GoHighLevel denies. Returns the tables that the safety valve held back. */
export function markMissing(scan: Scan, vendors: Seen<VendorRow>, leads: Seen<LeadRow>): ('vendors' | 'leads')[] {
  const { counters, input } = scan;
  const { total, unknown } = lookUps(scan);
  counters.lookups_unknown = unknown;
  if (total >= LEAST_LOOKUPS && unknown > input.rules.missingMaxUnknownShare * total) return [];
  const held: ('vendors' | 'leads')[] = [];
  const missingVendors = markTable(scan, vendors, input.vendors, isVendorInScope);
  const missingLeads = markTable(scan, leads, input.leads, isLeadInScope);
  if (missingVendors === undefined) held.push('vendors');
  if (missingLeads === undefined) held.push('leads');
  counters.vendors_missing_in_ghl = missingVendors ?? 0;
  counters.vendors_deleted = missingVendors ?? 0;
  counters.leads_deleted = missingLeads ?? 0;
  return held;
}

/** Rows that have something GoHighLevel can be asked for. */
export function isVendorInScope({ ghl_contact_id, email }: VendorRow): boolean {
  return ghl_contact_id !== null || email !== null;
}

/** The same of a lead: an opportunity alone is not enough. */
export function isLeadInScope({ ghl_contact_id, customer_email }: LeadRow): boolean {
  return ghl_contact_id !== null || customer_email !== null;
}

/** The by-id look-ups after the list: how many there were, and how many of them nothing answered. */
function lookUps({ input, contacts }: Scan): { total: number; unknown: number } {
  const ids = new Set([...input.vendors, ...input.leads].flatMap(({ ghl_contact_id }) => ghl_contact_id ?? []));
  const asked = [...ids].filter((id) => contacts.every(({ person }) => person.id !== id));
  return { total: asked.length, unknown: asked.filter((id) => input.unanswered.has(id)).length };
}

/** Marks a table's missing rows; undefined when there are too many of them. */
function markTable<Row extends LifeColumns>(
  { input }: Scan,
  { rows, sighted }: Seen<Row>,
  before: readonly Row[],
  isInScope: (row: Row) => boolean,
): number | undefined {
  const { rules, unanswered } = input;
  // Rows that came back in this scan are not missing: they count, as if they had never been away.
  const present = rows.filter(
    (row) => before.some(({ id }) => id === row.id) && isInScope(row) && !isMissing(row, rules),
  );
  const missing = present.filter(
    ({ id, ghl_contact_id }) => !sighted.has(id) && !(ghl_contact_id !== null && unanswered.has(ghl_contact_id)),
  );
  if (present.length >= rules.missingMinRows && missing.length > rules.missingMaxShare * present.length)
    return undefined;
  for (const row of missing) {
    row.previous_status = row.status;
    row.status = rules.inactiveStatus;
    row.missing_since = MARKED;
  }
  return missing.length;
}
