import type { ContactRead, CustomField, KnownAs } from '#libs/contracts/src/generated/events.ts';
import { knownTime, normalizeEmail, parseDate } from '#libs/domain/src/reading.ts';
import type { Evidence } from '../kit/ports.ts';
import type { ApiContact } from './client.ts';

/** The fields of a contact that do not depend on the scan. */
export type ContactFields = Omit<
  ContactRead,
  'account' | 'scanId' | 'scanNumber' | 'dryRun' | 'via' | 'readAt' | 'mode' | 'knownAs'
>;

const TEXTS = [
  'firstName',
  'lastName',
  'companyName',
  'email',
  'phone',
  'address1',
  'city',
  'state',
  'country',
  'postalCode',
  'type',
  'source',
  'assignedTo',
] as const;

/** Keys that only repeat others or the paging; the rest of what is not declared is kept in `extra`. */
const DERIVED = new Set([
  'searchAfter',
  'firstNameLowerCase',
  'lastNameLowerCase',
  'fullNameLowerCase',
  'emailLowerCase',
  'traceId',
]);

/**
 * A contact of the API, of either shape (GET by id, POST search), as the fields of a raw event: typed and lossless. A declared
 * key of an unexpected type stays in `extra`, as do all undeclared ones; null, empty and missing are one (ghl section 3).
 * Undefined when it has no id.
 */
export function readContact(api: ApiContact): ContactFields | undefined {
  const rest = new Map(Object.entries(api).filter(([key, value]) => !isEmpty(value) && !DERIVED.has(key)));
  const id = rest.get('id');
  if (typeof id !== 'string') return undefined;
  rest.delete('id');
  rest.delete('locationId');
  // Search answers call the street `address`.
  if (typeof rest.get('address') === 'string' && !rest.has('address1')) {
    rest.set('address1', rest.get('address'));
    rest.delete('address');
  }
  const texts = Object.fromEntries(TEXTS.map((key) => [key, takeText(rest, key)])) as Record<
    (typeof TEXTS)[number],
    string | null
  >;
  dropDisplayName(rest, texts);
  const fields: ContactFields = {
    contactId: id,
    ...texts,
    tags: takeTags(rest),
    customFields: takeCustomFields(rest),
    opportunityIds: readOpportunityIds(rest),
    dateAdded: takeTime(rest, 'dateAdded'),
    dateUpdated: takeTime(rest, 'dateUpdated'),
    extra: null,
  };
  fields.extra = rest.size === 0 ? null : JSON.stringify(Object.fromEntries(rest));
  return fields;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The display name, where it only repeats first and last name. */
function dropDisplayName(
  rest: Map<string, unknown>,
  names: { firstName: string | null; lastName: string | null },
): void {
  const full = [names.firstName, names.lastName].filter((name) => name !== null).join(' ');
  for (const key of ['contactName', 'name']) if (rest.get(key) === full) rest.delete(key);
}

function takeText(rest: Map<string, unknown>, key: string): string | null {
  const value = rest.get(key);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  rest.delete(key);
  return String(value);
}

/** Tags as texts; a shape that is not a plain list of strings stays in `extra` as well. */
function takeTags(rest: Map<string, unknown>): string[] {
  const value = rest.get('tags');
  if (typeof value === 'string') return value.split(',');
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.every((tag) => typeof tag === 'string')) rest.delete('tags');
  return items.flatMap(tagTexts);
}

function tagTexts(item: unknown): string[] {
  if (typeof item === 'string') return [item];
  if (typeof item === 'number') return [String(item)];
  if (item === null || typeof item !== 'object') return [];
  const { name, tag } = item as { name?: unknown; tag?: unknown };
  const text = typeof name === 'string' ? name : tag;
  return typeof text === 'string' ? [text] : [];
}

/**
 * Custom fields as id and JSON text of the value; `fieldValue` is accepted for `value`; nulls are missing. Items with anything
 * else in them stay in `extra` as well.
 */
function takeCustomFields(rest: Map<string, unknown>): CustomField[] {
  const key = ['customFields', 'customField'].find((name) => Array.isArray(rest.get(name)));
  if (key === undefined) return [];
  const odd: unknown[] = [];
  const fields: CustomField[] = [];
  for (const item of rest.get(key) as unknown[]) {
    const { id, value, fieldValue, field_value: snake, ...more } = (item ?? {}) as Record<string, unknown>;
    const given = [value, fieldValue, snake].filter((one) => one !== null && one !== undefined);
    if (typeof id === 'string' && given.length > 0) fields.push({ id, value: JSON.stringify(given[0]) });
    if (typeof id !== 'string' || given.length > 1 || Object.keys(more).length > 0) odd.push(item);
  }
  if (odd.length > 0) rest.set(key, odd);
  else rest.delete(key);
  return fields;
}

/** Ids of the opportunities, which stay in `extra` as they are. */
function readOpportunityIds(rest: Map<string, unknown>): string[] {
  const value = rest.get('opportunities');
  if (!Array.isArray(value)) return [];
  return (value as ({ id?: unknown } | null)[]).flatMap((opportunity) =>
    typeof opportunity?.id === 'string' ? [opportunity.id] : [],
  );
}

/** An instant of the years 1 to 9999: ISO text (UTC where it names no zone, whatever zone this machine is in) or milliseconds. */
function takeTime(rest: Map<string, unknown>, key: string): number | null {
  const value = rest.get(key);
  const ms = typeof value === 'string' ? parseDate(value) : typeof value === 'number' ? knownTime(value) : undefined;
  if (ms === undefined) return null;
  rest.delete(key);
  return ms;
}

/** What the local tables knew of a contact when the scan began (architecture section 5). */
export function knownAs(fields: ContactFields, evidence: Evidence): KnownAs {
  const email = normalizeEmail(fields.email);
  const opportunities =
    evidence.leadOpportunityIds.size === 0
      ? []
      : opportunityRefs(fields).filter((id) => evidence.leadOpportunityIds.has(id));
  return {
    vendorById: evidence.vendorIds.has(fields.contactId),
    vendorByEmail: email !== null && evidence.vendorEmails.has(email),
    leadById: evidence.leadIds.has(fields.contactId),
    leadByEmail: email !== null && evidence.leadEmails.has(email),
    leadByOpportunity: opportunities.length > 0,
    leadOpportunityIds: [...new Set(opportunities)],
  };
}

/** Ids by which a lead row could name one of the contact's opportunities: any custom field value, or its opportunities. */
function opportunityRefs({ customFields, opportunityIds }: ContactFields): string[] {
  const values = customFields.flatMap(({ value }) => {
    const parsed = JSON.parse(value) as unknown;
    const items: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return items.flatMap((item) => (typeof item === 'string' || typeof item === 'number' ? [String(item).trim()] : []));
  });
  return [...opportunityIds, ...values];
}
