import { MAX_RECORD_BYTES } from '#libs/contracts/src/topics.ts';
import { normalizeEmail } from '#libs/domain/src/reading.ts';
import { uuidV5 } from '#libs/kafka/src/event-id.ts';
import type { PageCounts, ReadContext, Seen, SourceRecord } from '../kit/ports.ts';
import type { ApiContact } from './client.ts';
import { knownAs, readContact, type ContactFields } from './contact.ts';

/** Records made of API answers, the contacts they show, and what they stand for. */
export interface Records {
  records: SourceRecord[];
  seen: Seen;
  counts: PageCounts;
}

/** What turns contacts into records. */
export interface Reading {
  locationId: string;
  evidence: ReadContext['evidence'];
  now(): number;
}

/** Room for what an event holds besides the contact; the classifier's event of the same contact must fit as well. */
const LARGEST_CONTACT_BYTES = MAX_RECORD_BYTES - 512 * 1024;

/** Nothing read. */
export function noRecords(): Records {
  return {
    records: [],
    seen: { contactIds: [], emails: [], opportunityIds: [] },
    counts: { read: 0, unusable: 0, unknown: 0 },
  };
}

/** Adds a contact that a list or a look-up gave: as ContactRead, or as what it is when it cannot be used. Says whether it could. */
export function addContact(into: Records, contact: unknown, via: string, reading: Reading): boolean {
  const { locationId, evidence, now } = reading;
  const fields = isObject(contact) ? readContact(contact) : undefined;
  const isElsewhere =
    isObject(contact) && typeof contact['locationId'] === 'string' && contact['locationId'] !== locationId;
  if (fields === undefined || isElsewhere) {
    addUnusable(into, contact, fields?.contactId ?? null, 'record_invalid', now());
    return false;
  }
  if (bytesOf(fields) > LARGEST_CONTACT_BYTES) {
    addUnusable(into, contact, fields.contactId, 'record_too_large', now());
    return false;
  }
  const known = knownAs(fields, evidence);
  into.records.push({
    type: 'crm.raw.ghl.v1.ContactRead',
    id: fields.contactId,
    value: { ...fields, via, readAt: now(), knownAs: known },
  });
  const email = normalizeEmail(fields.email);
  into.seen.contactIds.push(fields.contactId);
  if (email !== null && (known.vendorByEmail || known.leadByEmail)) into.seen.emails.push(email);
  into.seen.opportunityIds.push(...known.leadOpportunityIds);
  into.counts.read += 1;
  return true;
}

/** A contact that cannot be used exempts the rows it may be about from the missing rule: those of its id and of its e-mail. */
export function addUnusable(into: Records, contact: unknown, contactId: string | null, code: string, at: number): void {
  const raw = JSON.stringify(contact ?? null);
  const given = isObject(contact) ? contact['email'] : undefined;
  const email = typeof given === 'string' ? normalizeEmail(given) : null;
  into.records.push({
    type: 'crm.raw.ghl.v1.ContactLookupFailed',
    // The id ends up in the key, which must tell nothing of a person.
    id: contactId ?? `unusable-${uuidV5(raw)}`,
    value: {
      contactId,
      email,
      opportunityId: null,
      code,
      raw: Buffer.byteLength(raw) > LARGEST_CONTACT_BYTES ? null : raw,
      at,
    },
  });
  into.counts.unusable += 1;
}

/** What a look-up was for: the rows known by it are exempt from the missing rule. */
export type LookedFor = { contactId: string } | { email: string } | { opportunityId: string };

/** A look-up that stayed without an answer. */
export function addUnanswered(into: Records, lookedFor: LookedFor, code: string, at: number): void {
  const [kind, value] = Object.entries(lookedFor)[0] as [string, string];
  into.records.push({
    type: 'crm.raw.ghl.v1.ContactLookupFailed',
    // The id ends up in the key, which must tell nothing of a person.
    id: 'contactId' in lookedFor ? value : `unanswered-${uuidV5(`${kind} ${value}`)}`,
    value: { contactId: null, email: null, opportunityId: null, ...lookedFor, code, raw: null, at },
  });
}

/** Bytes of the texts of a contact. */
function bytesOf({ customFields, tags, ...fields }: ContactFields): number {
  const texts = [...Object.values(fields), ...tags, ...customFields.map(({ value }) => value)];
  return texts.reduce<number>((sum, text) => sum + (typeof text === 'string' ? Buffer.byteLength(text) : 0), 0);
}

function isObject(value: unknown): value is ApiContact {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
