import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { NO_WORD } from './vendor-word.ts';
import type { LeadRow, RowLife, VendorRow } from './rows.ts';

/** Life of a row that begins locally; defaults are V3's column defaults (ghl-sync-v3 section 3). */
function lifeOf(event: VendorRegistered | LeadRegistered, bornAt: number, defaultStatus: string): RowLife {
  const createdAt = event.createdAt ?? event.registeredAt;
  return {
    id: event.id,
    account: event.account,
    ghlContactId: event.ghlContactId,
    status: event.status ?? defaultStatus,
    previousStatus: null,
    missingSince: null,
    reclassifiedAs: null,
    reclassifiedAt: null,
    sourceUpdatedAt: null,
    bornAt,
    bornScan: null,
    createdAt,
    updatedAt: event.updatedAt ?? createdAt,
  };
}

/** A vendor row from its registration, and when that was written: a whole file is registered at one time, before its lines are. */
export function vendorFromRegistration(event: VendorRegistered, bornAt: number): VendorRow {
  return {
    ...lifeOf(event, bornAt, 'pending'),
    name: event.name ?? event.companyName ?? event.email ?? event.phone ?? '(no name)',
    companyName: event.companyName,
    email: event.email,
    phone: event.phone,
    ghlUserId: event.ghlUserId,
    serviceCategories: event.serviceCategories ?? [],
    servicesOffered: event.servicesOffered ?? [],
    serviceZipCodes: event.serviceZipCodes,
    coverageType: event.coverageType ?? 'county',
    coverageStates: event.coverageStates ?? [],
    coverageCounties: event.coverageCounties ?? [],
    lastLeadAssigned: event.lastLeadAssigned,
    leadClosePercentage: event.leadClosePercentage ?? 0,
    takingNewWork: event.takingNewWork ?? true,
    primaryServiceCategory: event.primaryServiceCategory,
    ...NO_WORD,
  };
}

/** A lead row from its registration, and when that was written: the columns the rules touch. */
export function leadFromRegistration(event: LeadRegistered, bornAt: number): LeadRow {
  return {
    ...lifeOf(event, bornAt, 'new'),
    ghlOpportunityId: event.ghlOpportunityId,
    customerName: event.customerName,
    customerEmail: event.customerEmail,
    customerPhone: event.customerPhone,
    primaryServiceCategory: event.primaryServiceCategory,
    specificServiceRequested: event.specificServiceRequested,
    customerZipCode: event.customerZipCode,
    serviceZipCode: event.serviceZipCode,
    serviceCounty: event.serviceCounty,
    serviceState: event.serviceState,
    source: event.origSource ?? 'elementor',
  };
}

const VENDOR_FIELDS = [
  'name',
  'companyName',
  'email',
  'phone',
  'ghlContactId',
  'ghlUserId',
  'serviceCategories',
  'servicesOffered',
  'serviceZipCodes',
  'coverageType',
  'coverageStates',
  'coverageCounties',
  'lastLeadAssigned',
  'leadClosePercentage',
  'primaryServiceCategory',
] as const satisfies (keyof VendorRow & keyof VendorRegistered)[];

const LEAD_FIELDS = [
  'ghlContactId',
  'ghlOpportunityId',
  'customerName',
  'customerEmail',
  'customerPhone',
  'primaryServiceCategory',
  'specificServiceRequested',
  'customerZipCode',
  'serviceZipCode',
  'serviceCounty',
  'serviceState',
] as const satisfies (keyof LeadRow & keyof LeadRegistered)[];

/** Fills the empty fields of a vendor row from a registration (rules-ghl section 7): a default is not empty, and none is filled in. */
export function mergeVendor(row: VendorRow, event: VendorRegistered): VendorRow {
  return fill(row, event, VENDOR_FIELDS);
}

/** Fills the empty fields of a lead row from a registration. */
export function mergeLead(row: LeadRow, event: LeadRegistered): LeadRow {
  return fill(row, event, LEAD_FIELDS);
}

function fill<R extends RowLife, E extends { registeredAt: number }, K extends keyof R & keyof E>(
  row: R,
  event: E,
  fields: readonly K[],
): R {
  const patch: Partial<R> = {};
  for (const field of fields) {
    if (isEmpty(row[field]) && !isEmpty(event[field])) patch[field] = event[field] as unknown as R[K];
  }
  return Object.keys(patch).length === 0 ? row : { ...row, ...patch, updatedAt: event.registeredAt };
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

/** Why a registered row is left out (closed list): its id is a row's of another account, or another row has what is unique in its own. */
export type RefusalCode = 'id_elsewhere' | 'contact_id_taken' | 'user_id_taken';

/** What becomes of a registration: the row to write and the one that it replaces, or the row that stands in its way. */
export type Registration<Row> = { row: Row; known: Row | undefined } | { refused: RefusalCode; holder: Row };

/**
 * Decides about a registered vendor, given all rows that have its id, and of its account those that have its contact id, e-mail or user
 * id, oldest first. It is merged into the row with its id, contact id or e-mail, in this order (rules-ghl section 7); `at` is when it
 * was written.
 */
export function registeredVendor(
  event: VendorRegistered,
  rows: readonly VendorRow[],
  at: number,
): Registration<VendorRow> {
  const own = rows.filter(({ account }) => account === event.account);
  const known =
    own.find(({ id }) => id === event.id) ??
    own.find(({ ghlContactId }) => isSame(ghlContactId, event.ghlContactId)) ??
    own.find(({ email }) => isSame(email, event.email));
  if (known === undefined && rows.length > own.length)
    return { refused: 'id_elsewhere', holder: rows.find(({ account }) => account !== event.account)! };
  const row = known === undefined ? vendorFromRegistration(event, at) : mergeVendor(known, event);
  const others = own.filter((other) => other !== known);
  const ofContact = others.find(({ ghlContactId }) => isSame(ghlContactId, row.ghlContactId));
  if (ofContact !== undefined) return { refused: 'contact_id_taken', holder: ofContact };
  const ofUser = others.find(({ ghlUserId }) => isSame(ghlUserId, row.ghlUserId));
  return ofUser === undefined ? { row, known } : { refused: 'user_id_taken', holder: ofUser };
}

/** Decides about a registered lead, given the row that has its id: it is merged into that, if it is of its account. */
export function registeredLead(event: LeadRegistered, holder: LeadRow | undefined, at: number): Registration<LeadRow> {
  if (holder === undefined) return { row: leadFromRegistration(event, at), known: undefined };
  if (holder.account !== event.account) return { refused: 'id_elsewhere', holder };
  return { row: mergeLead(holder, event), known: holder };
}

function isSame(a: string | null, b: string | null): boolean {
  return a !== null && a === b;
}
