import type {
  ContactRead,
  ContactUnclassified,
  LeadObserved,
  VendorObserved,
} from '#libs/contracts/src/generated/events.ts';
import { parseCoverage, type Coverage } from './coverage.ts';
import {
  contactName,
  errorSink,
  normalizeEmail,
  readDate,
  readId,
  readList,
  readPercentage,
  readTags,
  readText,
  readYesNo,
  withoutNul,
  type ErrorSink,
} from './reading.ts';
import type { GhlRules } from './settings.ts';
import { leadZip, type LookupZip } from './zip.ts';

/** Modes that read the location itself: elsewhere contacts that no row knows are left alone (rules-ghl section 2, and the decision on mode incremental). */
const DISCOVERING: ReadonlySet<string> = new Set(['full', 'incremental']);

/** What one contact becomes. */
export type ClassifiedEvent =
  | { type: 'crm.observation.v1.VendorObserved'; value: VendorObserved }
  | { type: 'crm.observation.v1.LeadObserved'; value: LeadObserved }
  | { type: 'crm.observation.v1.ContactUnclassified'; value: ContactUnclassified };

/** The tag that asks for LEAD_TAG_NEW_LEAD_STATUS (README, lead status from tags). */
const NEW_LEAD_TAG = 'new lead';

/** Classes of a contact (rules-ghl section 2). */
export interface Classes {
  staff: boolean;
  vendor: boolean;
  /** GHL itself says vendor: source keyword or vendor tag. */
  signals: boolean;
  lead: boolean;
  /** Lead by LEAD_DISCOVERY_TAGS alone. */
  discovered: boolean;
}

/** Decides what a contact is, from itself and the evidence it carries: no table is asked, so every replay decides alike. */
export function classesOf(contact: ContactRead, tags: readonly string[], rules: GhlRules): Classes {
  const { knownAs } = contact;
  if ((contact.type ?? '').trim().toLowerCase() === 'staff') {
    return { staff: true, vendor: false, signals: false, lead: false, discovered: false };
  }
  const signals = hasVendorSignals(contact, tags, rules);
  const vendorEvidence = knownAs.vendorById || knownAs.vendorByEmail;
  const leadEvidence = knownAs.leadById || knownAs.leadByEmail || knownAs.leadByOpportunity;
  // Elsewhere contacts that no row knows are left alone, but for a vendor that somebody asks for by name.
  const discovers = DISCOVERING.has(contact.mode) && !vendorEvidence && !leadEvidence;
  const discoversVendor = discovers || contact.mode === 'single';
  // There an e-mail alone does not make somebody else's contact a row's own (ghl-sync-v3 4.6).
  const isVendor = contact.mode === 'single' ? knownAs.vendorById : vendorEvidence;
  const discovered = discovers && !signals && rules.leadDiscoveryTags.some((tag) => tags.includes(tag));
  return {
    staff: false,
    vendor: isVendor || (signals && (discoversVendor || vendorEvidence || leadEvidence)),
    signals,
    lead: (leadEvidence && !signals) || discovered,
    discovered,
  };
}

function hasVendorSignals({ source }: ContactRead, tags: readonly string[], rules: GhlRules): boolean {
  const keyword = rules.vendorSourceKeyword.toLowerCase();
  const bySource = keyword !== '' && (source ?? '').toLowerCase().includes(keyword);
  return bySource || rules.vendorTags.some((tag) => tags.includes(tag));
}

/** A contact as observations: a vendor, a lead, both (a vendor by evidence only), or unclassified with the reason. */
export function classify(contact: ContactRead, rules: GhlRules, lookupZip: LookupZip): ClassifiedEvent[] {
  const tags = readTags(contact.tags);
  const classes = classesOf(contact, tags, rules);
  const shared = {
    account: contact.account,
    scanId: contact.scanId,
    scanNumber: contact.scanNumber,
    dryRun: contact.dryRun,
    contactId: contact.contactId,
    mode: contact.mode,
    observedAt: contact.readAt,
    dateUpdated: contact.dateUpdated ?? contact.dateAdded,
    email: normalizeEmail(contact.email),
    knownAs: contact.knownAs,
  };
  if (!classes.vendor && !classes.lead) {
    const reason = classes.staff ? 'staff' : 'no_evidence';
    return [{ type: 'crm.observation.v1.ContactUnclassified', value: { ...shared, reason } }];
  }
  const events: ClassifiedEvent[] = [];
  const fields = new Map(contact.customFields.map(({ id, value }) => [id, value]));
  if (classes.vendor) {
    const value = { ...shared, signals: classes.signals, ...vendorFields(contact, fields, tags, rules, lookupZip) };
    events.push({ type: 'crm.observation.v1.VendorObserved', value });
  }
  if (classes.lead) {
    const value = { ...shared, discovered: classes.discovered, ...leadFields(contact, fields, tags, rules, lookupZip) };
    events.push({ type: 'crm.observation.v1.LeadObserved', value });
  }
  return events;
}

type Fields = ReadonlyMap<string, string>;

/** The value of a custom field, out of its JSON text. What is no JSON reads as an object: a field error, never a lost record. */
function valueOf(fields: Fields, id: string): unknown {
  const json = fields.get(id);
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return {};
  }
}

function personal(
  contact: ContactRead,
  fields: Fields,
  rules: GhlRules,
  names: { name: string; email: string; phone: string },
  sink: ErrorSink,
) {
  const clean = (text: string | null, field: string): string | null =>
    text === null ? null : withoutNul(text, field, sink).trim() || null;
  const phone = clean(contact.phone, names.phone);
  clean(contact.email, names.email);
  // The company's own column reports what is wrong with it; here it only stands in for a name.
  const companyField = readText(valueOf(fields, rules.customFields.companyName), 'company_name', errorSink());
  const { name, isStandIn } = contactName({
    firstName: clean(contact.firstName, names.name),
    lastName: clean(contact.lastName, names.name),
    companyField,
    companyName: contact.companyName?.replaceAll('\u0000', '') ?? null,
    email: normalizeEmail(contact.email),
    phone,
  });
  return { name, nameIsStandIn: isStandIn, phone };
}

function vendorFields(
  contact: ContactRead,
  fields: Fields,
  tags: readonly string[],
  rules: GhlRules,
  lookupZip: LookupZip,
) {
  const sink = errorSink();
  const ids = rules.customFields;
  const read = <T>(reader: (value: unknown, field: string, sink: ErrorSink) => T, id: string, field: string): T =>
    reader(valueOf(fields, id), field, sink);
  const serviceZipCodes = read(readText, ids.serviceZipCodes, 'service_zip_codes');
  const coverage = serviceZipCodes === null ? undefined : coverageOf(serviceZipCodes, lookupZip, sink);
  return {
    ...personal(contact, fields, rules, { name: 'name', email: 'email', phone: 'phone' }, sink),
    companyName: read(readText, ids.companyName, 'company_name'),
    ghlUserId: read(readId, ids.ghlUserId, 'ghl_user_id'),
    serviceCategories: firstList(fields, ids.serviceCategories, sink),
    servicesOffered: read(readList, ids.servicesOffered, 'services_offered'),
    serviceZipCodes,
    coverageType: coverage?.type ?? null,
    coverageStates: coverage?.states ?? [],
    coverageCounties: coverage?.counties ?? [],
    takingNewWork: read(readYesNo, ids.takingNewWork, 'taking_new_work'),
    lastLeadAssigned: read(readDate, ids.lastLeadAssigned, 'last_lead_assigned'),
    leadClosePercentage: read(readPercentage, ids.leadClosePercentage, 'lead_close_percentage'),
    primaryServiceCategory: read(readText, ids.primaryServiceCategory, 'primary_service_category'),
    tagStatus: statusFromTags(tags, rules),
    fieldErrors: sink.errors,
  };
}

function coverageOf(text: string, lookupZip: LookupZip, sink: ErrorSink): Coverage | undefined {
  const { coverage, errors } = parseCoverage(text, lookupZip);
  for (const code of errors) sink.add('service_zip_codes', code);
  return coverage;
}

function firstList(fields: Fields, ids: readonly string[], sink: ErrorSink): string[] {
  for (const id of ids) {
    const items = readList(valueOf(fields, id), 'service_categories', sink);
    if (items.length > 0) return items;
  }
  return [];
}

/** Status of the highest tag level present (README, vendor status from tags); null when no level tag is there. */
export function statusFromTags(tags: readonly string[], rules: GhlRules): string | null {
  let best: GhlRules['vendorTagLevels'][number] | undefined;
  for (const level of rules.vendorTagLevels) {
    if (tags.includes(level.tag) && (best === undefined || level.level > best.level)) best = level;
  }
  return best?.status ?? null;
}

function leadFields(
  contact: ContactRead,
  fields: Fields,
  tags: readonly string[],
  rules: GhlRules,
  lookupZip: LookupZip,
) {
  const sink = errorSink();
  const ids = rules.customFields;
  const clean = (text: string | null): string | null =>
    text === null ? null : withoutNul(text, 'service_zip_code', sink);
  const place = leadZip(
    {
      postalCode: clean(contact.postalCode),
      address: clean(contact.address1),
      customField: readText(valueOf(fields, ids.leadZip), 'service_zip_code', sink),
    },
    lookupZip,
  );
  return {
    ...personal(
      contact,
      fields,
      rules,
      { name: 'customer_name', email: 'customer_email', phone: 'customer_phone' },
      sink,
    ),
    primaryServiceCategory: readText(valueOf(fields, ids.primaryServiceCategory), 'primary_service_category', sink),
    specificServiceRequested: readText(
      valueOf(fields, ids.specificServiceRequested),
      'specific_service_requested',
      sink,
    ),
    ...place,
    hasNewLeadTag: tags.includes(NEW_LEAD_TAG),
    fieldErrors: sink.errors,
  };
}
