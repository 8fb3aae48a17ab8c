import type { FieldError, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import {
  afterStale,
  applyPatch,
  baseStatus,
  isStale,
  reclassify,
  sameItems,
  sighted,
  sourceVersion,
  type Outcome,
  type Sight,
} from './life.ts';
import type { VendorRow } from './rows.ts';
import { NO_WORD, wordAfter } from './vendor-word.ts';
import type { GhlRules } from './settings.ts';

/** What the rules need besides the row and the observation. */
export interface VendorContext {
  rules: GhlRules;
  /** Id of a new row. */
  id: string;
  /** Whether the row may take the GHL user id it wants: no other row holds it. */
  grantUserId: boolean;
}

/** A vendor row after an observation. The same object when nothing is to be written. */
export interface VendorEvolution {
  row: VendorRow;
  outcome: Outcome;
  /** The row was missing and shows its base status again. */
  restored: boolean;
  /** The status became `deactivated`. */
  deactivated: boolean;
  /** The row now shows another contact than its own, which is gone. */
  rebound: boolean;
  changed: string[];
  fieldErrors: FieldError[];
}

/** Status a row has by this observation (rules-ghl section 4, status; D11): tags, else what people or absence may keep, else the default. */
export function vendorStatus(base: string | null, tagStatus: string | null, rules: GhlRules): string {
  if (tagStatus !== null) return tagStatus;
  if (base === null) return rules.defaultVendorStatus;
  const byPeople = !rules.vendorTagLevels.some(({ status }) => status === base);
  return rules.vendorStatusKept.includes(base) || byPeople ? base : rules.defaultVendorStatus;
}

/** What a new row shows where GHL gives nothing (V3's column defaults); blanking returns to it, so that a new row is not blanked again. */
const BLANK = { coverageType: 'county', leadClosePercentage: 0 };

/** A vendor row born from an observation, with all its fields at once. */
export function bornVendor(observed: VendorObserved, { rules, id, grantUserId }: VendorContext): VendorRow {
  return {
    id,
    account: observed.account,
    ghlContactId: observed.contactId,
    status: vendorStatus(null, observed.tagStatus, rules),
    previousStatus: null,
    missingSince: null,
    reclassifiedAs: null,
    reclassifiedAt: null,
    sourceUpdatedAt: observed.dateUpdated,
    bornAt: observed.observedAt,
    bornScan: observed.scanId,
    createdAt: observed.observedAt,
    updatedAt: observed.observedAt,
    name: observed.name,
    companyName: observed.companyName,
    email: observed.email,
    phone: observed.phone,
    ghlUserId: grantUserId ? observed.ghlUserId : null,
    serviceCategories: observed.serviceCategories,
    servicesOffered: observed.servicesOffered,
    serviceZipCodes: observed.serviceZipCodes,
    coverageType: observed.coverageType ?? BLANK.coverageType,
    coverageStates: observed.coverageStates,
    coverageCounties: observed.coverageCounties,
    lastLeadAssigned: observed.lastLeadAssigned,
    leadClosePercentage: observed.leadClosePercentage ?? BLANK.leadClosePercentage,
    takingNewWork: observed.takingNewWork ?? true,
    primaryServiceCategory: observed.primaryServiceCategory,
    ...NO_WORD,
  };
}

/** A vendor row after one of its contact's observations (rules-ghl section 4). Applying the same observation again changes nothing. */
export function evolveVendor(
  row: VendorRow | undefined,
  observed: VendorObserved,
  context: VendorContext,
): VendorEvolution {
  const { rules } = context;
  if (row === undefined) {
    const born = bornVendor(observed, context);
    const fieldErrors = refused(null, observed, context);
    return {
      row: born,
      outcome: 'created',
      restored: false,
      deactivated: born.status === 'deactivated',
      rebound: false,
      changed: [],
      fieldErrors: [...observed.fieldErrors, ...fieldErrors],
    };
  }
  if (isStale(row, observed)) {
    const stale = afterStale(row, observed, rules.defaultVendorStatus, rules);
    return { ...stale, deactivated: false, rebound: false, fieldErrors: [] };
  }
  const base = baseStatus(row, rules);
  const status = vendorStatus(base, observed.tagStatus, rules);
  const localStatus = status === base ? row.localStatus : wordAfter(row, observed.observedAt);
  const patch: Partial<VendorRow> = {
    ...fieldsOf(row, observed, context),
    ...sighted({ ...row, localStatus }, status, observed.observedAt, rules),
    localStatus,
    baseChangedAt: status === base ? row.baseChangedAt : observed.observedAt,
    ghlContactId: observed.contactId,
    reclassifiedAs: null,
    reclassifiedAt: null,
    sourceUpdatedAt: sourceVersion(row, observed),
  };
  const result = applyPatch(row, patch, observed.observedAt, rules);
  return {
    ...result,
    deactivated: status === 'deactivated' && base !== 'deactivated',
    rebound: row.ghlContactId !== null && row.ghlContactId !== observed.contactId,
    fieldErrors: [...observed.fieldErrors, ...refused(row, observed, context)],
  };
}

function wantsUserId(row: VendorRow | null, observed: VendorObserved): boolean {
  return observed.ghlUserId !== null && observed.ghlUserId !== (row?.ghlUserId ?? null);
}

function refused(row: VendorRow | null, observed: VendorObserved, { grantUserId }: VendorContext): FieldError[] {
  return wantsUserId(row, observed) && !grantUserId ? [{ field: 'ghl_user_id', code: 'duplicate_user_id' }] : [];
}

/** Fields that the observation changes: empty values never blank a filled column, but for the listed ones with GHL_EMPTY_OVERWRITES. */
function fieldsOf(row: VendorRow, observed: VendorObserved, { rules, grantUserId }: VendorContext): Partial<VendorRow> {
  const broken = new Set(observed.fieldErrors.map(({ field }) => field));
  /** The value to show: what GHL gives; where it gives nothing, what is there, or nothing if it may be blanked. */
  const filled = <T>(given: T | null, current: T | null, column: string, blank: T | null = null): T | null => {
    if (given !== null) return given;
    return rules.emptyOverwrites && !broken.has(column) ? blank : current;
  };
  const items = (given: string[], current: string[], column: string): string[] => {
    if (given.length > 0) return sameItems(given, current) ? current : given;
    return rules.emptyOverwrites && !broken.has(column) ? [] : current;
  };
  const keepsUserId = wantsUserId(row, observed) && !grantUserId;
  return {
    name: observed.nameIsStandIn && row.name.trim() !== '' ? row.name : observed.name,
    email: observed.email ?? row.email,
    phone: filled(observed.phone, row.phone, 'phone'),
    companyName: filled(observed.companyName, row.companyName, 'company_name'),
    ghlUserId: keepsUserId ? row.ghlUserId : filled(observed.ghlUserId, row.ghlUserId, 'ghl_user_id'),
    serviceCategories: items(observed.serviceCategories, row.serviceCategories, 'service_categories'),
    servicesOffered: items(observed.servicesOffered, row.servicesOffered, 'services_offered'),
    takingNewWork: observed.takingNewWork ?? row.takingNewWork,
    lastLeadAssigned: filled(observed.lastLeadAssigned, row.lastLeadAssigned, 'last_lead_assigned'),
    leadClosePercentage: filled(
      observed.leadClosePercentage,
      row.leadClosePercentage,
      'lead_close_percentage',
      BLANK.leadClosePercentage,
    ),
    primaryServiceCategory: filled(
      observed.primaryServiceCategory,
      row.primaryServiceCategory,
      'primary_service_category',
    ),
    ...coverageOf(row, observed, rules.emptyOverwrites && !broken.has('service_zip_codes')),
  };
}

/** The text and the three coverage fields; the three are replaced together or not at all (V16). */
function coverageOf(row: VendorRow, observed: VendorObserved, mayBlank: boolean): Partial<VendorRow> {
  if (observed.serviceZipCodes === null) {
    return mayBlank
      ? { serviceZipCodes: null, coverageType: BLANK.coverageType, coverageStates: [], coverageCounties: [] }
      : {};
  }
  if (observed.coverageType === null) return { serviceZipCodes: observed.serviceZipCodes };
  return {
    serviceZipCodes: observed.serviceZipCodes,
    coverageType: observed.coverageType,
    coverageStates: sameItems(row.coverageStates, observed.coverageStates)
      ? row.coverageStates
      : observed.coverageStates,
    coverageCounties: sameItems(row.coverageCounties, observed.coverageCounties)
      ? row.coverageCounties
      : observed.coverageCounties,
  };
}

/** The row's contact is seen but is staff: the row keeps its status and says so (rules-ghl section 2). */
export function reclassifyVendor(row: VendorRow, as: 'staff', observed: Sight, rules: GhlRules): VendorRow {
  return reclassify(row, as, observed, rules.defaultVendorStatus, rules);
}
