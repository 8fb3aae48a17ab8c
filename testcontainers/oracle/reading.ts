import type { GhlRules } from '#libs/domain/src/settings.ts';
import { coverageOf, type Coverage } from './coverage.ts';
import { storedZip, zipInAddress } from './zips.ts';

/** A contact as one of GoHighLevel's two answers gives it: GET /contacts/{id} or POST /contacts/search. */
export type ApiContact = Readonly<Record<string, unknown>>;

/** A value of a contact: null when it is empty there, undefined when it cannot be used and the row keeps its own. */
type Read<T> = T | null | undefined;

/** What is read of every contact. */
export interface Person {
  id: string;
  /** dateUpdated, for contests. */
  updated: number;
  isStaff: boolean;
  tags: string[];
  source: string;
  email: Read<string>;
  phone: Read<string>;
  /** First and last name; null for the nameless. */
  name: Read<string>;
  /** What stands in for the name of a nameless contact. */
  standIn: string;
  /** What a lead's opportunity id may be equal to. */
  opportunities: string[];
}

/** What a vendors row takes of a contact. */
export interface VendorReading {
  company_name: Read<string>;
  service_categories: Read<string[]>;
  services_offered: Read<string[]>;
  service_zip_codes: Read<string>;
  /** undefined: the text says nothing known. */
  coverage: Coverage | undefined;
  last_lead_assigned: Read<number>;
  lead_close_percentage: Read<number>;
  taking_new_work: Read<boolean>;
  primary_service_category: Read<string>;
  ghl_user_id: Read<string>;
}

/** What a leads row takes of a contact. */
export interface LeadReading {
  primary_service_category: Read<string>;
  specific_service_requested: Read<string>;
  zip: string | null;
}

/** A contact once read. Errors name the field, once per error. */
export interface Contact {
  person: Person;
  vendor: VendorReading;
  lead: LeadReading;
  errors: { person: string[]; vendor: string[]; lead: string[] };
}

/** rules-ghl section 1: reads a contact of either shape. */
export function readContact(api: ApiContact, rules: GhlRules): Contact {
  const errors = { person: [] as string[], vendor: [] as string[], lead: [] as string[] };
  const person = readPerson(api, rules, errors.person);
  return {
    person,
    vendor: readVendor(api, rules, errors.vendor),
    lead: readLead(api, rules, errors.lead),
    errors,
  };
}

function readPerson(api: ApiContact, rules: GhlRules, errors: string[]): Person {
  const field = (key: string): Read<string> => text(api[key], key, errors);
  const email = field('email')?.toLowerCase();
  const phone = field('phone');
  const names = [field('firstName'), field('lastName')].filter((part) => part != null);
  const name = names.join(' ').replaceAll(/\s+/g, ' ');
  const company = text(custom(api, rules.customFields.companyName), '', []) ?? text(api['companyName'], '', []);
  return {
    id: String(api['id']),
    updated: Date.parse(String(api['dateUpdated'] ?? api['dateAdded'])),
    isStaff: api['type'] === 'staff',
    tags: tagsOf(api['tags']),
    source: text(api['source'], 'source', []) ?? '',
    email: email ?? null,
    phone,
    name: name === '' ? null : name,
    standIn: company ?? email ?? phone ?? '(no name)',
    opportunities: [
      ...customFields(api).map(({ value, fieldValue }) => String(value ?? fieldValue)),
      ...((api['opportunities'] as { id: string }[] | undefined) ?? []).map(({ id }) => id),
    ],
  };
}

function readVendor(api: ApiContact, { customFields: ids }: GhlRules, errors: string[]): VendorReading {
  const field = (id: string, name: string): Read<string> => text(custom(api, id), name, errors);
  const zips = field(ids.serviceZipCodes, 'service_zip_codes');
  const { coverage, isFaulty } = zips == null ? { coverage: undefined, isFaulty: false } : coverageOf(zips);
  if (isFaulty) errors.push('service_zip_codes');
  const categories = ids.serviceCategories.map((id) => listOf(custom(api, id), 'service_categories', errors));
  return {
    company_name: field(ids.companyName, 'company_name'),
    service_categories: categories.find((list) => list != null) ?? (categories.includes(undefined) ? undefined : null),
    services_offered: listOf(custom(api, ids.servicesOffered), 'services_offered', errors),
    service_zip_codes: zips,
    coverage,
    last_lead_assigned: timeOf(field(ids.lastLeadAssigned, 'last_lead_assigned'), errors),
    lead_close_percentage: percentage(field(ids.leadClosePercentage, 'lead_close_percentage'), errors),
    taking_new_work: yesOrNo(field(ids.takingNewWork, 'taking_new_work'), errors),
    primary_service_category: field(ids.primaryServiceCategory, 'primary_service_category'),
    ghl_user_id: field(ids.ghlUserId, 'ghl_user_id'),
  };
}

function readLead(api: ApiContact, { customFields: ids }: GhlRules, errors: string[]): LeadReading {
  const address = text(api['address1'] ?? api['address'], 'address', errors);
  const zip =
    text(api['postalCode'], 'postal_code', errors) ??
    (address == null ? undefined : zipInAddress(address)) ??
    text(custom(api, ids.leadZip), 'lead_zip', errors);
  return {
    primary_service_category: text(custom(api, ids.primaryServiceCategory), 'primary_service_category', errors),
    specific_service_requested: text(custom(api, ids.specificServiceRequested), 'specific_service_requested', errors),
    zip: zip == null ? null : storedZip(zip),
  };
}

function customFields(api: ApiContact): { id: string; value?: unknown; fieldValue?: unknown }[] {
  return (api['customFields'] as { id: string }[] | null | undefined) ?? [];
}

function custom(api: ApiContact, id: string): unknown {
  const found = customFields(api).find((field) => field.id === id);
  return found?.value ?? found?.fieldValue;
}

/** A text: lists joined, numbers and booleans written out, NUL characters removed; an object is an error. */
function text(value: unknown, field: string, errors: string[]): Read<string> {
  if (value === null || value === undefined) return null;
  const written = Array.isArray(value) ? value.map((item) => plain(item)).join(', ') : plain(value);
  if (written === undefined) {
    errors.push(field);
    return undefined;
  }
  const clean = written.replaceAll('\0', '');
  if (clean !== written) errors.push(field);
  return clean.trim() === '' ? null : clean.trim();
}

function plain(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** A list: an array's items, or a text split at commas; trimmed, empty and repeated items dropped. */
function listOf(value: unknown, field: string, errors: string[]): Read<string[]> {
  if (Array.isArray(value)) return items(value.map(String));
  const joined = text(value, field, errors);
  return joined == null ? joined : items(joined.split(','));
}

function items(list: string[]): string[] | null {
  const kept = [...new Set(list.map((item) => item.trim()).filter((item) => item !== ''))];
  return kept.length === 0 ? null : kept;
}

function tagsOf(value: unknown): string[] {
  const list: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  return list
    .map((tag) => {
      const { name, tag: named } = (typeof tag === 'object' ? (tag ?? {}) : {}) as { name?: unknown; tag?: unknown };
      return (plain(tag) ?? plain(name) ?? plain(named) ?? '').trim().toLowerCase();
    })
    .filter((tag) => tag !== '');
}

function timeOf(value: Read<string>, errors: string[]): Read<number> {
  if (value == null) return value;
  const date = /^(\d{4}-\d{2}-\d{2})($|T.*(Z|[+-]\d{2}:\d{2})$)/.exec(value)?.[1];
  const time = date === undefined ? Number.NaN : Date.parse(value);
  const isReal =
    date !== undefined && !Number.isNaN(time) && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
  // Years 1 to 9999.
  if (isReal && /^(?!0000)\d{4}-/.test(new Date(time).toISOString())) return time;
  errors.push('last_lead_assigned');
  return undefined;
}

function percentage(value: Read<string>, errors: string[]): Read<number> {
  if (value == null) return value;
  const digits = value.replace('%', '').trim();
  if (/^-?\d+(\.\d+)?$/.test(digits)) return Number(digits);
  errors.push('lead_close_percentage');
  return undefined;
}

function yesOrNo(value: Read<string>, errors: string[]): Read<boolean> {
  if (value == null) return value;
  if (['yes', 'true', '1'].includes(value.toLowerCase())) return true;
  if (!['no', 'false', '0'].includes(value.toLowerCase())) errors.push('taking_new_work');
  return false;
}
