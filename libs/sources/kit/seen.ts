import type { Seen } from './ports.ts';

/** A page that showed these contacts, and nothing else that a row could be known by. */
export function seenContacts(contactIds: string[] = []): Seen {
  return { contactIds, emails: [], opportunityIds: [] };
}
