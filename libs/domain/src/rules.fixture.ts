import { NO_WORD } from './vendor-word.ts';
import type { ContactRead, KnownAs, LeadObserved, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { LeadRow, RowLife, VendorRow } from './rows.ts';
import { DEFAULT_GHL_RULES } from './settings.ts';
import type { LookupZip } from './zip.ts';

/** Plain examples for the tests of the rules; every part can be overridden. */

export const rules = DEFAULT_GHL_RULES;
export const ids = rules.customFields;

const PLACES: Record<string, { county: string; state: string }> = {
  '33301': { county: 'Broward', state: 'FL' },
  '33401': { county: 'Palm Beach', state: 'FL' },
  '02108': { county: 'Suffolk', state: 'MA' },
};

/** Three zips are known. */
export const lookupZip: LookupZip = (zip) => PLACES[zip];

export function evidence(overrides: Partial<KnownAs> = {}): KnownAs {
  const none = {
    vendorById: false,
    vendorByEmail: false,
    leadById: false,
    leadByEmail: false,
    leadByOpportunity: false,
  };
  return { ...none, leadOpportunityIds: [], ...overrides };
}

const head = {
  account: 'loc',
  scanId: 'scan',
  scanNumber: 1,
  dryRun: false,
  contactId: 'c1',
  mode: 'full',
  dateUpdated: 50,
};

/** A contact; custom fields are given as values, by id. */
export function contact(overrides: Partial<ContactRead> = {}, custom: Record<string, unknown> = {}): ContactRead {
  return {
    ...head,
    via: 'list',
    readAt: 100,
    knownAs: evidence(),
    firstName: 'Ann',
    lastName: 'Lee',
    companyName: null,
    email: 'ann@example.com',
    phone: '+1',
    address1: null,
    city: null,
    state: null,
    country: null,
    postalCode: null,
    type: null,
    source: null,
    assignedTo: null,
    tags: [],
    customFields: Object.entries(custom).map(([id, value]) => ({ id, value: JSON.stringify(value) })),
    opportunityIds: [],
    dateAdded: null,
    extra: null,
    ...overrides,
  };
}

export function vendorObserved(overrides: Partial<VendorObserved> = {}): VendorObserved {
  return {
    ...head,
    observedAt: 100,
    email: 'ann@example.com',
    knownAs: evidence({ vendorById: true }),
    signals: false,
    name: 'Ann Lee',
    nameIsStandIn: false,
    phone: null,
    companyName: null,
    ghlUserId: null,
    serviceCategories: [],
    servicesOffered: [],
    serviceZipCodes: null,
    coverageType: null,
    coverageStates: [],
    coverageCounties: [],
    takingNewWork: null,
    lastLeadAssigned: null,
    leadClosePercentage: null,
    primaryServiceCategory: null,
    tagStatus: null,
    fieldErrors: [],
    ...overrides,
  };
}

export function leadObserved(overrides: Partial<LeadObserved> = {}): LeadObserved {
  return {
    ...head,
    observedAt: 100,
    email: 'ann@example.com',
    knownAs: evidence({ leadById: true }),
    discovered: false,
    name: 'Ann Lee',
    nameIsStandIn: false,
    phone: null,
    primaryServiceCategory: null,
    specificServiceRequested: null,
    zip: null,
    county: null,
    state: null,
    hasNewLeadTag: false,
    fieldErrors: [],
    ...overrides,
  };
}

const life: RowLife = {
  id: 'row',
  account: 'loc',
  ghlContactId: 'c1',
  status: 'pending',
  previousStatus: null,
  missingSince: null,
  reclassifiedAs: null,
  reclassifiedAt: null,
  sourceUpdatedAt: 50,
  bornAt: 1,
  bornScan: null,
  createdAt: 1,
  updatedAt: 1,
};

/** A row that {@link vendorObserved} leaves as it is. */
export function vendorRow(overrides: Partial<VendorRow> = {}): VendorRow {
  return {
    ...life,
    name: 'Ann Lee',
    companyName: null,
    email: 'ann@example.com',
    phone: null,
    ghlUserId: null,
    serviceCategories: [],
    servicesOffered: [],
    serviceZipCodes: null,
    coverageType: 'county',
    coverageStates: [],
    coverageCounties: [],
    lastLeadAssigned: null,
    leadClosePercentage: 0,
    takingNewWork: true,
    ...NO_WORD,
    primaryServiceCategory: null,
    ...overrides,
  };
}

/** A row that {@link leadObserved} leaves as it is. */
export function leadRow(overrides: Partial<LeadRow> = {}): LeadRow {
  return {
    ...life,
    status: 'unassigned',
    ghlOpportunityId: null,
    customerName: 'Ann Lee',
    customerEmail: 'ann@example.com',
    customerPhone: null,
    primaryServiceCategory: null,
    specificServiceRequested: null,
    customerZipCode: null,
    serviceZipCode: null,
    serviceCounty: null,
    serviceState: null,
    source: 'elementor',
    ...overrides,
  };
}
