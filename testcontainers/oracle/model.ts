/**
 * What a scan of a GoHighLevel location must make of the two tables: the rules of the requirements read once more, slowly and
 * without the product's code, so that two readings must agree before a test passes.
 */
import type { Counters } from './counters.ts';
import { syncLeads } from './leads.ts';
import { isLeadInScope, isVendorInScope, markMissing } from './missing.ts';
import type { LeadRow, VendorRow } from './rows.ts';
import { lostIn, openScan, type FullInput, type ScanInput, type ScanStart } from './scan.ts';
import { syncVendors } from './vendors.ts';

/** Tables and result of a scan. */
export interface Expected {
  vendors: VendorRow[];
  leads: LeadRow[];
  counters: Counters;
  heldTables: ('vendors' | 'leads')[];
  exitCode: 0 | 2 | 3;
  /** Status of the run; a dry run has nothing to confirm. */
  status: 'completed' | 'incomplete' | 'needs_confirmation' | 'failed';
  /** Rows that wanted a GHL user id in vain: the product may give it and take it back, so these may be written without a change. */
  refused: ReadonlySet<string>;
}

/** Foretells a scan in mode full whose list is complete; `byId` are contacts that only the look-ups find. */
export function foretellFull({ byId = [], ...input }: FullInput & { byId?: FullInput['contacts'] }): Expected {
  const isListed = new Set(input.contacts.map(({ id }) => id));
  const asked = idsOf(input).filter((id) => !isListed.has(id));
  // A row that the list shows otherwise is answered for (rules-ghl section 6).
  const lost = lostIn(input, input.contacts);
  const unknown = asked.filter((id) => input.unanswered.has(id) && lost.ids.has(id)).length;
  const contacts = [...input.contacts, ...byId];
  const lookUps = { total: asked.length, unknown };
  return foretell({ ...input, ...NOTHING_UNKNOWN, contacts, lookUps, discovers: true });
}

/** Foretells a scan that ended before it had read what it set out to: what it read is applied, and nothing is marked missing. */
export function foretellBroken(
  start: ScanStart,
  contacts: FullInput['contacts'],
  mode: string,
  refused: boolean,
): Expected {
  const isRead = new Set(contacts.map(({ id }) => id));
  return foretell({
    ...start,
    ...NOTHING_UNKNOWN,
    contacts,
    unanswered: new Set(idsOf(start).filter((id) => !isRead.has(id))),
    lookUps: { total: 0, unknown: 0 },
    discovers: mode === 'full',
    shortfall: refused && contacts.length === 0 ? 'refused' : 'nothing',
  });
}

const NOTHING_UNKNOWN = { unknownEmails: new Set<string>(), unknownOpportunities: new Set<string>() };

/** The contact ids that the rows are known by, each once. */
export function idsOf({ vendors, leads }: Pick<ScanStart, 'vendors' | 'leads'>): string[] {
  return [...new Set([...vendors, ...leads].flatMap(({ ghl_contact_id }) => ghl_contact_id ?? []))];
}

/** Foretells what a scan makes of what it got to see. */
export function foretell(input: ScanInput): Expected {
  const scan = openScan(input);
  const { counters } = scan;
  counters.vendors_checked = input.vendors.filter(isVendorInScope).length;
  counters.leads_checked = input.leads.filter(isLeadInScope).length;
  const vendors = syncVendors(scan);
  const leads = syncLeads(scan);
  const heldTables = markMissing(scan, vendors, leads);
  counters.conflicts = scan.conflicts.size;
  counters.field_errors = scan.fieldErrors.size;
  const { exitCode, status } = ending(input, heldTables);
  return { vendors: vendors.rows, leads: leads.rows, counters, heldTables, exitCode, status, refused: vendors.refused };
}

/** rules-ghl section 7: how the run ends. */
function ending(input: ScanInput, held: readonly string[]): Pick<Expected, 'exitCode' | 'status'> {
  if (input.shortfall === 'refused') return { exitCode: 2, status: 'failed' };
  if (held.length > 0) return { exitCode: 3, status: 'needs_confirmation' };
  const isShort = input.shortfall !== undefined || input.lookUps.unknown > 0;
  return isShort ? { exitCode: 3, status: 'incomplete' } : { exitCode: 0, status: 'completed' };
}
