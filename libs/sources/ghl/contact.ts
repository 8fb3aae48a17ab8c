import type { ContactRead, KnownAs } from '#libs/contracts/src/generated/events.ts';
import { normalizeEmail } from '#libs/domain/src/reading.ts';
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
 * key of an unexpected type stays in `extra`, as do all undeclared ones. Undefined when it has no id.
 */
export function readContact(api: ApiContact): ContactFields | undefined {
  const rest = new Map(
    Object.entries(api).filter(([key, value]) => value !== null && value !== undefined && !DERIVED.has(key)),
  );
  const id = rest.get('id');
  if (typeof id !== 'string' || id === '') return undefined;
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
  const fields: ContactFields = {
    contactId: id,
    ...texts,
    tags: takeTags(rest),
    customFields: takeCustomFields(rest),
    opportunityIds: takeOpportunityIds(rest),
    dateAdded: takeTime(rest, 'dateAdded'),
    dateUpdated: takeTime(rest, 'dateUpdated'),
    extra: null,
  };
  fields.extra = rest.size === 0 ? null : JSON.stringify(Object.fromEntries(rest));
  return fields;
}

function takeText(rest: Map<string, unknown>, key: string): string | null {
  const value = rest.get(key);
  if (typeof value === 'number' || typeof value === 'boolean') {
    rest.delete(key);
    return String(value);
  }
  if (typeof value !== 'string') return null;
  rest.delete(key);
  return value;
}

/** Tags as texts; a shape that is not a plain list of strings stays in `extra` as well. */
function takeTags(rest: Map<string, unknown>): string[] {
  const value = rest.get('tags');
  if (Array.isArray(value) && value.every((tag) => typeof tag === 'string')) {
    rest.delete('tags');
    return value;
  }
  if (typeof value === 'string') return value.split(',');
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => {
    if (typeof item === 'string') return [item];
    if (item === null || typeof item !== 'object') return [];
    const { name, tag } = item as { name?: unknown; tag?: unknown };
    const text = typeof name === 'string' ? name : tag;
    return typeof text === 'string' ? [text] : [];
  });
}

/** Custom fields as id and JSON text of the value; `fieldValue` is accepted for `value`; nulls are missing. */
function takeCustomFields(rest: Map<string, unknown>): { id: string; value: string }[] {
  const value = rest.get('customFields') ?? rest.get('customField');
  if (!Array.isArray(value)) return [];
  const odd: unknown[] = [];
  const fields: { id: string; value: string }[] = [];
  for (const item of value as unknown[]) {
    const { id, value: plain, fieldValue, field_value: snake } = (item ?? {}) as Record<string, unknown>;
    const given = plain ?? fieldValue ?? snake;
    if (typeof id === 'string' && given !== null && given !== undefined)
      fields.push({ id, value: JSON.stringify(given) });
    else if (typeof id !== 'string') odd.push(item);
  }
  rest.delete('customFields');
  rest.delete('customField');
  if (odd.length > 0) rest.set('customFields', odd);
  return fields;
}

function takeOpportunityIds(rest: Map<string, unknown>): string[] {
  const value = rest.get('opportunities');
  if (!Array.isArray(value)) return [];
  if (value.length === 0) rest.delete('opportunities');
  return (value as { id?: unknown }[]).flatMap((opportunity) =>
    typeof opportunity?.id === 'string' ? [opportunity.id] : [],
  );
}

function takeTime(rest: Map<string, unknown>, key: string): number | null {
  const value = rest.get(key);
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isSafeInteger(ms)) return null;
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
