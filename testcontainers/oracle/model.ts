/**
 * What a scan of a GoHighLevel location must make of the two tables: the rules of the requirements read once more, slowly and
 * without the product's code, so that two readings must agree before a test passes.
 */
import type { Counters } from './counters.ts';
import { syncLeads } from './leads.ts';
import { isLeadInScope, isVendorInScope, markMissing } from './missing.ts';
import type { LeadRow, VendorRow } from './rows.ts';
import { openScan, type ScanInput } from './scan.ts';
import { syncVendors } from './vendors.ts';

/** Tables and result of a scan. */
export interface Expected {
  vendors: VendorRow[];
  leads: LeadRow[];
  counters: Counters;
  heldTables: ('vendors' | 'leads')[];
  exitCode: 0 | 3;
  /** Rows that wanted a GHL user id in vain: the product may give it and take it back, so these may be written without a change. */
  refused: ReadonlySet<string>;
}

/** Foretells a scan in mode full whose list is complete. */
export function foretellFull(input: ScanInput): Expected {
  const scan = openScan(input);
  const { counters } = scan;
  counters.vendors_checked = input.vendors.filter(isVendorInScope).length;
  counters.leads_checked = input.leads.filter(isLeadInScope).length;
  const vendors = syncVendors(scan);
  const leads = syncLeads(scan);
  const heldTables = markMissing(scan, vendors, leads);
  counters.conflicts = scan.conflicts.size;
  counters.field_errors = scan.fieldErrors.size;
  const exitCode = heldTables.length > 0 || counters.lookups_unknown > 0 ? 3 : 0;
  return { vendors: vendors.rows, leads: leads.rows, counters, heldTables, exitCode, refused: vendors.refused };
}
