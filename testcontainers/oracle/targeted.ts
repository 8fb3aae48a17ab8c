import { contactById, contactInSearch } from '#testcontainers/simulators/ghl/shapes.ts';
import type { StoredContact } from '#testcontainers/simulators/ghl/world.ts';
import { foretell, idsOf, type Expected } from './model.ts';
import { isDown } from './missing.ts';
import { readContact, type ApiContact } from './reading.ts';
import { lostIn, type ScanInput, type ScanStart } from './scan.ts';

/** What a scan in mode targeted meets at a location. */
export interface TargetedInput extends ScanStart {
  /** What the location holds, in the order of its list. */
  location: readonly StoredContact[];
  /** Contacts that only their id finds: the search index has still to learn of them. */
  unindexed?: ReadonlySet<string>;
  /** Ids and e-mails whose look-ups get no answer. */
  unanswered: ReadonlySet<string>;
  unansweredEmails: ReadonlySet<string>;
  /** Contacts that the list shows before it ends, is capped or breaks off. */
  listed: number;
}

/**
 * rules-ghl section 6, mode targeted: every id that a row is known by; then the e-mails of the rows that nothing read so far shows;
 * then the list, for the e-mails and opportunities of rows that are still unmatched, each until the first contact that has it.
 */
export function foretellTargeted(input: TargetedInput): Expected {
  const { location, unanswered, unansweredEmails, rules } = input;
  const read = new Map<string, ApiContact>();
  const lost = (): ReturnType<typeof lostIn> => lostIn(input, read.values());
  const indexed = location.filter(({ id }) => input.unindexed?.has(id) !== true);
  const emailOf = (contact: StoredContact): string => contact.email?.trim().toLowerCase() ?? '';

  const ids = idsOf(input);
  for (const id of ids) {
    const contact = location.find((one) => one.id === id);
    if (contact !== undefined && !unanswered.has(id)) read.set(id, contactById(contact));
  }
  const emails = [...lost().emails];
  const searched = new Set(emails.filter((email) => !unansweredEmails.has(email)));
  for (const contact of indexed) {
    if (searched.has(emailOf(contact))) read.set(contact.id, contactInSearch(contact));
  }
  const wanted = lost();
  for (const contact of indexed.slice(0, input.listed)) {
    const api = contactInSearch(contact);
    const { opportunities } = readContact(api, rules).person;
    const matched = opportunities.filter((id) => wanted.opportunities.delete(id));
    if (wanted.emails.delete(emailOf(contact)) || matched.length > 0) read.set(contact.id, api);
  }
  const isShort = input.listed < indexed.length && wanted.emails.size + wanted.opportunities.size > 0;
  const left = lost();
  const unknown =
    ids.filter((id) => unanswered.has(id) && left.ids.has(id)).length +
    emails.filter((email) => unansweredEmails.has(email) && left.emails.has(email)).length;
  const seen: ScanInput = {
    ...input,
    contacts: [...read.values()],
    unknownEmails: unansweredEmails,
    unknownOpportunities: isShort ? wanted.opportunities : new Set(),
    lookUps: { total: ids.length + emails.length, unknown },
    discovers: false,
    ...(isShort ? { shortfall: 'short' } : {}),
  };
  return foretell(isDown(seen) ? { ...seen, shortfall: 'nothing' } : seen);
}
