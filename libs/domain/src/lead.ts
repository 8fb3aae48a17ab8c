import type { FieldError, LeadObserved } from '#libs/contracts/src/generated/events.ts';
import {
  afterStale,
  applyPatch,
  baseStatus,
  isStale,
  reclassify,
  sighted,
  sourceVersion,
  type Outcome,
  type Sight,
} from './life.ts';
import type { LeadRow } from './rows.ts';
import type { GhlRules } from './settings.ts';

/** What the rules need besides the row and the observation. */
export interface LeadContext {
  rules: GhlRules;
  /** Id of a new row. */
  id: string;
  /** all: the newest request of the contact; contact: an older one, which keeps what it asked for (rules-ghl section 3). */
  part: 'all' | 'contact';
}

/** A lead row after an observation. The same object when nothing is to be written. */
export interface LeadEvolution {
  row: LeadRow;
  outcome: Outcome;
  restored: boolean;
  rebound: boolean;
  changed: string[];
  fieldErrors: FieldError[];
}

/** Base statuses that the tag `new lead` may replace (D23: it never resets a lead that went on). */
const BEFORE_ASSIGNMENT = ['unassigned', 'new', ''];

/** Status of a lead by its tag (rules-ghl section 5): an unknown base is the default, and a lead that went on keeps its status. */
export function leadStatus(base: string | null, hasNewLeadTag: boolean, rules: GhlRules): string {
  const status = base ?? rules.defaultLeadStatus;
  return hasNewLeadTag && BEFORE_ASSIGNMENT.includes(status) ? rules.newLeadStatus : status;
}

/** A lead row born from an observation. */
export function bornLead(observed: LeadObserved, { rules, id }: LeadContext): LeadRow {
  return {
    id,
    account: observed.account,
    ghlContactId: observed.contactId,
    status: observed.hasNewLeadTag ? rules.newLeadStatus : rules.defaultLeadStatus,
    previousStatus: null,
    missingSince: null,
    reclassifiedAs: null,
    reclassifiedAt: null,
    sourceUpdatedAt: observed.dateUpdated,
    bornAt: observed.observedAt,
    bornScan: observed.scanId,
    createdAt: observed.observedAt,
    updatedAt: observed.observedAt,
    ghlOpportunityId: null,
    customerName: observed.name,
    customerEmail: observed.email,
    customerPhone: observed.phone,
    primaryServiceCategory: observed.primaryServiceCategory,
    specificServiceRequested: observed.specificServiceRequested,
    customerZipCode: observed.zip,
    serviceZipCode: observed.zip,
    serviceCounty: observed.county,
    serviceState: observed.state,
    source: 'ghl_sync',
  };
}

/** A lead row after one of its contact's observations (rules-ghl section 5). Leads are never blanked. */
export function evolveLead(row: LeadRow | undefined, observed: LeadObserved, context: LeadContext): LeadEvolution {
  const { rules, part } = context;
  const { fieldErrors } = observed;
  if (row === undefined)
    return {
      row: bornLead(observed, context),
      outcome: 'created',
      restored: false,
      rebound: false,
      changed: [],
      fieldErrors,
    };
  if (isStale(row, observed))
    return { ...afterStale(row, observed, rules.defaultLeadStatus, rules), rebound: false, fieldErrors: [] };
  const base = baseStatus(row, rules);
  const status = part === 'all' ? leadStatus(base, observed.hasNewLeadTag, rules) : (base ?? rules.defaultLeadStatus);
  const patch: Partial<LeadRow> = {
    customerName: observed.nameIsStandIn && (row.customerName ?? '').trim() !== '' ? row.customerName : observed.name,
    customerEmail: observed.email ?? row.customerEmail,
    customerPhone: observed.phone ?? row.customerPhone,
    ...(part === 'all' ? requestFields(row, observed) : {}),
    ...sighted(row, status, observed.observedAt, rules),
    ghlContactId: observed.contactId,
    reclassifiedAs: null,
    reclassifiedAt: null,
    sourceUpdatedAt: sourceVersion(row, observed),
  };
  return {
    ...applyPatch(row, patch, observed.observedAt, rules),
    rebound: row.ghlContactId !== null && row.ghlContactId !== observed.contactId,
    fieldErrors,
  };
}

function requestFields(row: LeadRow, observed: LeadObserved): Partial<LeadRow> {
  return {
    primaryServiceCategory: observed.primaryServiceCategory ?? row.primaryServiceCategory,
    specificServiceRequested: observed.specificServiceRequested ?? row.specificServiceRequested,
    ...placeOf(row, observed),
  };
}

/** County and state follow the zip: a changed or first one sets or clears both, an unchanged one fills them where empty. */
function placeOf(row: LeadRow, { zip, county, state }: LeadObserved): Partial<LeadRow> {
  if (zip === null) return {};
  if (zip !== row.serviceZipCode) return { serviceZipCode: zip, serviceCounty: county, serviceState: state };
  return { serviceCounty: filled(row.serviceCounty) ?? county, serviceState: filled(row.serviceState) ?? state };
}

function filled(text: string | null): string | null {
  return text === null || text.trim() === '' ? null : text;
}

/** The row's contact is seen but is staff or a vendor: the row keeps its status and says so (rules-ghl section 2). */
export function reclassifyLead(row: LeadRow, as: 'vendor' | 'staff', observed: Sight, rules: GhlRules): LeadRow {
  return reclassify(row, as, observed, rules.defaultLeadStatus, rules);
}
