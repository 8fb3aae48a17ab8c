import type { StoredContact } from './world.ts';

/** A contact as GET /contacts/{id} answers: empty keys are left out. */
export function contactById(contact: StoredContact): Record<string, unknown> {
  const { opportunities: _opportunities, dateAdded, dateUpdated, ...rest } = contact;
  const answer = {
    ...rest,
    ...lowerCased(contact),
    fullNameLowerCase: fullName(contact)?.toLowerCase(),
    emailLowerCase: contact.email?.toLowerCase(),
    dateAdded: new Date(dateAdded).toISOString(),
    dateUpdated: dateUpdated === undefined ? undefined : new Date(dateUpdated).toISOString(),
  };
  return Object.fromEntries(
    Object.entries(answer).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}

/** A contact as POST /contacts/search answers: nulls are sent, the street is called `address`, and a cursor is there. */
export function contactInSearch(contact: StoredContact, sortValue: unknown): Record<string, unknown> {
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
    website: null,
    timezone: null,
    type: orNull(contact.type),
    source: orNull(contact.source),
    assignedTo: orNull(contact.assignedTo),
    followers: [],
    tags: contact.tags,
    customFields: contact.customFields,
    dnd: contact.dnd ?? false,
    dndSettings: {},
    additionalEmails: [],
    additionalPhones: [],
    dateOfBirth: null,
    dateAdded: new Date(contact.dateAdded).toISOString(),
    dateUpdated: contact.dateUpdated === undefined ? null : new Date(contact.dateUpdated).toISOString(),
    opportunities: contact.opportunities,
    searchAfter: [sortValue, contact.id],
  };
}

function fullName(contact: StoredContact): string | undefined {
  const name = [contact.firstName, contact.lastName].filter((part) => part !== undefined).join(' ');
  return name === '' ? undefined : name;
}

function lowerCased(contact: StoredContact): Record<string, unknown> {
  return {
    firstNameLowerCase: contact.firstName?.toLowerCase() ?? null,
    lastNameLowerCase: contact.lastName?.toLowerCase() ?? null,
  };
}
