import type { StoredContact } from './world.ts';

/** A contact as GET /contacts/{id} answers: empty keys are left out. */
export function contactById(contact: StoredContact): Record<string, unknown> {
  const { opportunities: _opportunities, dateAdded, dateUpdated, ...rest } = contact;
  return withoutEmpties({
    ...rest,
    ...lowerCased(contact),
    fullNameLowerCase: fullName(contact)?.toLowerCase(),
    emailLowerCase: contact.email?.toLowerCase(),
    dateAdded: new Date(dateAdded).toISOString(),
    dateUpdated: dateUpdated === undefined ? undefined : new Date(dateUpdated).toISOString(),
  });
}

/** A contact as POST /contacts/ answers (CreateContactSchema): with the marks of a new record. */
export function contactCreated(contact: StoredContact): Record<string, unknown> {
  const born = contact.dateOfBirth == null ? undefined : new Date(contact.dateOfBirth);
  const { inboundDndSettings: _inbound, timezone: _timezone, ...rest } = contactById(contact);
  return withoutEmpties({
    ...rest,
    deleted: false,
    bounceEmail: false,
    unsubscribeEmail: false,
    birthMonth: born === undefined ? undefined : born.getUTCMonth() + 1,
    birthDay: born?.getUTCDate(),
  });
}

/** A contact as GET /contacts/ lists it (ContactsSearchSchema). */
export function contactInList(contact: StoredContact): Record<string, unknown> {
  return withoutEmpties({
    id: contact.id,
    locationId: contact.locationId,
    contactName: fullName(contact),
    firstName: contact.firstName,
    lastName: contact.lastName,
    email: contact.email,
    phone: contact.phone,
    timezone: contact.timezone,
    country: contact.country,
    source: contact.source,
    dateAdded: new Date(contact.dateAdded).toISOString(),
    customFields: contact.customFields,
    tags: contact.tags,
  });
}

/** A contact as POST /contacts/search answers: nulls are sent, the street is called `address`, and a cursor is there. */
export function contactInSearch(contact: StoredContact, ...sortValues: unknown[]): Record<string, unknown> {
  const orNull = (value: unknown): unknown => (value === undefined || value === '' ? null : value);
  return {
    id: contact.id,
    locationId: contact.locationId,
    contactName: orNull(fullName(contact)),
    firstName: orNull(contact.firstName),
    lastName: orNull(contact.lastName),
    ...lowerCased(contact),
    companyName: orNull(contact.companyName),
    businessName: null,
    email: orNull(contact.email),
    phone: orNull(contact.phone),
    phoneLabel: null,
    validEmail: null,
    address: orNull(contact.address1),
    city: orNull(contact.city),
    state: orNull(contact.state),
    country: orNull(contact.country),
    postalCode: orNull(contact.postalCode),
    website: orNull(contact.website),
    timezone: orNull(contact.timezone),
    type: orNull(contact.type),
    source: orNull(contact.source),
    assignedTo: orNull(contact.assignedTo),
    followers: [],
    tags: contact.tags,
    customFields: contact.customFields,
    dnd: contact.dnd ?? false,
    dndSettings: contact.dndSettings ?? {},
    inboundDndSettings: contact.inboundDndSettings ?? null,
    additionalEmails: [],
    additionalPhones: [],
    dateOfBirth: orNull(contact.dateOfBirth),
    dateAdded: new Date(contact.dateAdded).toISOString(),
    dateUpdated: contact.dateUpdated === undefined ? null : new Date(contact.dateUpdated).toISOString(),
    opportunities: contact.opportunities,
    searchAfter: [...sortValues, contact.id],
  };
}

/** First and last name; undefined when there is neither. */
export function fullName({ firstName, lastName }: StoredContact): string | undefined {
  const name = [firstName, lastName].filter((part) => part != null && part !== '').join(' ');
  return name === '' ? undefined : name;
}

/** The tags of a contact whose tags are as they should be; odd shapes have none. */
export function tagNames(tags: unknown): string[] {
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
}

function lowerCased({ firstName, lastName }: StoredContact): Record<string, unknown> {
  return { firstNameLowerCase: firstName?.toLowerCase() ?? null, lastNameLowerCase: lastName?.toLowerCase() ?? null };
}

function withoutEmpties(answer: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}
