import { fail } from './answers.ts';
import type { Dto, Rule } from './dto.ts';
import { fullName } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

const text: Rule = { type: 'string' };
const clearable: Rule = { type: 'string', nullable: true };
const COMMON: Dto = {
  firstName: clearable,
  lastName: clearable,
  name: clearable,
  email: clearable,
  phone: clearable,
  address1: clearable,
  city: clearable,
  state: clearable,
  postalCode: text,
  country: text,
  website: clearable,
  timezone: clearable,
  source: text,
  assignedTo: text,
  dateOfBirth: clearable,
  dnd: { type: 'boolean' },
  dndSettings: { type: 'object' },
  inboundDndSettings: { type: 'object' },
  tags: { type: 'strings' },
  customFields: { type: 'objects' },
};

/** The keys of a create (ghl section 2.5). */
export const CREATE: Dto = {
  ...COMMON,
  locationId: { type: 'string', required: true },
  gender: text,
  companyName: clearable,
};
/** The keys of an update: without location, gender and company name (section 2.6). */
export const UPDATE: Dto = { ...COMMON, source: clearable, assignedTo: clearable };
/** The keys of an upsert (section 2.7). */
export const UPSERT: Dto = { ...CREATE, createNewIfDuplicateAllowed: { type: 'boolean' } };

/** A contact that a write would repeat. */
export interface Duplicate {
  contact: StoredContact;
  field: 'email' | 'phone';
}

/** The contact that has the e-mail or the phone already, by the location's order of fields. */
export function duplicateOf(world: World, body: Record<string, unknown>, self?: string): Duplicate | undefined {
  const fields = world.allowDuplicateContact ? (['email', 'phone'] as const) : world.uniqueFields;
  for (const field of fields) {
    const contact = holderOf(world, field, body[field], self);
    if (contact !== undefined) return { contact, field };
  }
  return undefined;
}

function holderOf(world: World, field: 'email' | 'phone', value: unknown, self?: string): StoredContact | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const same = field === 'email' ? (known: string) => known.trim().toLowerCase() : e164;
  const wanted = same(value);
  for (const contact of world.contacts.values()) {
    const known = contact[field];
    if (contact.id !== self && known != null && known !== '' && same(known) === wanted) return contact;
  }
  return undefined;
}

/** The 400 of a location that allows no duplicates, which names the contact that is there (section 4). */
export function refuseDuplicate(world: World, body: Record<string, unknown>, self?: string): void {
  const duplicate = world.allowDuplicateContact ? undefined : duplicateOf(world, body, self);
  if (duplicate === undefined) return;
  const contactName = fullName(duplicate.contact);
  throw fail(400, 'This location does not allow duplicated contacts.', {
    meta: {
      contactId: duplicate.contact.id,
      ...(contactName === undefined ? {} : { contactName }),
      matchingField: duplicate.field,
    },
  });
}

/** An upsert that matches one contact by its first field drops the other field without a word where a third contact has it (issue 37). */
export function withoutConflict(
  world: World,
  body: Record<string, unknown>,
  { contact, field }: Duplicate,
): Record<string, unknown> {
  const other = field === 'email' ? 'phone' : 'email';
  if (holderOf(world, other, body[other], contact.id) === undefined) return body;
  const { [other]: _dropped, ...rest } = body;
  return rest;
}

/** The keys of a write as they are stored: tags in lower case, phones in E.164, `field_value` as `value`, a birth date as an instant. */
export function written(body: Record<string, unknown>, now?: StoredContact): Partial<StoredContact> {
  const {
    tags,
    customFields,
    phone,
    name,
    gender: _ignored,
    dateOfBirth,
    createNewIfDuplicateAllowed: _flag,
    ...rest
  } = body;
  const stored: Record<string, unknown> = { ...rest };
  if (typeof name === 'string' && rest['firstName'] === undefined && rest['lastName'] === undefined) {
    const [firstName, ...others] = name.trim().split(/\s+/);
    Object.assign(stored, { firstName, lastName: others.join(' ') });
  }
  if (phone !== undefined) stored['phone'] = typeof phone === 'string' ? e164(phone) : phone;
  if (dateOfBirth !== undefined)
    stored['dateOfBirth'] = typeof dateOfBirth === 'string' ? birthDate(dateOfBirth) : null;
  if (Array.isArray(tags)) stored['tags'] = [...new Set(tags.map(tagName))].filter((tag) => tag !== '');
  if (Array.isArray(customFields))
    stored['customFields'] = mergedFields(now?.customFields ?? [], customFields as Written[]);
  return stored;
}

interface Written {
  id?: unknown;
  value?: unknown;
  field_value?: unknown;
}

/** A write names the fields it changes; the others keep what they have. */
function mergedFields(known: StoredContact['customFields'], given: Written[]): StoredContact['customFields'] {
  const values = new Map(known.map(({ id, value }) => [id, value]));
  for (const { id, value, field_value } of given) {
    if (typeof id !== 'string') throw fail(422, ['each value in customFields must have an id']);
    values.set(id, field_value ?? value);
  }
  return [...values].map(([id, value]) => ({ id, value }));
}

/** A tag as the location keeps it. */
export const tagName = (tag: unknown): string => String(tag).trim().toLowerCase();

/** Ten digits are a number of the location's country, the United States. */
function e164(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  if (digits === '') return '';
  return phone.trim().startsWith('+') || digits.length !== 10 ? `+${digits}` : `+1${digits}`;
}

/** YYYY-MM-DD or MM-DD-YYYY, with `/`, `.` or `_` as well. */
function birthDate(value: string): string {
  const yearFirst = /^(\d{4})[-/._](\d{2})[-/._](\d{2})$/.exec(value);
  const yearLast = /^(\d{2})[-/._](\d{2})[-/._](\d{4})$/.exec(value);
  const iso =
    yearFirst !== null
      ? `${yearFirst[1]}-${yearFirst[2]}-${yearFirst[3]}`
      : yearLast !== null
        ? `${yearLast[3]}-${yearLast[1]}-${yearLast[2]}`
        : value;
  const at = Date.parse(iso);
  if (Number.isNaN(at)) throw fail(422, ['dateOfBirth must be a valid date']);
  return new Date(at).toISOString();
}
