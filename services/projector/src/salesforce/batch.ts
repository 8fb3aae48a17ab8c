import { hash } from 'node:crypto';
import type { ContactDeleted, SalesforceContactRead } from '#libs/contracts/src/generated/events.ts';
import {
  contactDeleted,
  contactRead,
  UNKNOWN_CONTACT,
  type ContactOutcome,
  type ContactState,
  type DeletionReason,
} from '#libs/domain/src/salesforce/fold.ts';
import { contactContent, type ContactContent } from '#libs/domain/src/salesforce/row.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { writeContacts, type ContactWrite } from '#libs/storage/src/sf-contact-writes.ts';
import { endContacts, forgetDeletions, readContacts, type ContactEnd } from '#libs/storage/src/sf-contacts.ts';
import { readTrials, saveTrials } from '#libs/storage/src/sf-trials.ts';

/** A word on a contact. */
export type ContactWord = { read: SalesforceContactRead } | { deleted: ContactDeleted };

/** A contact of the batch: what is stored of it, what it is now, and the content that its row is to show. */
interface Contact {
  stored: ContactState;
  version: number;
  state: ContactState;
  content: ContactContent | undefined;
  /** When it was first read. */
  bornAt: number;
}

/**
 * Folds words on contacts of one account into their rows in the order in which they came, each as if it came alone, and writes each
 * row once; returns what became of each word. A dry run, named by its scan, finds the same and writes no row: what it would have made
 * of contacts is kept until it ends, so that one that comes again meets it.
 */
export async function applyContacts(
  sql: Sql,
  account: string,
  words: readonly ContactWord[],
  dryRun: string | null,
): Promise<ContactOutcome[]> {
  const contacts = await contactsOf(sql, account, words);
  if (dryRun !== null) await recall(sql, dryRun, contacts);
  const outcomes: ContactOutcome[] = [];
  for (const word of words) {
    const contact = contacts.get(idOf(word))!;
    if ('deleted' in word) {
      outcomes.push(end(contact, word.deleted));
      continue;
    }
    const content = contactContent(word.read);
    // What it keeps is what an earlier word of this batch left.
    if (dryRun === null && content.kept.length > 0 && contact.content !== undefined)
      await flush(sql, account, contacts);
    outcomes.push(read(contact, word.read, content));
  }
  if (dryRun === null) await flush(sql, account, contacts);
  else await remember(sql, dryRun, contacts);
  return outcomes;
}

function idOf(word: ContactWord): string {
  return ('read' in word ? word.read : word.deleted).salesforceId;
}

async function contactsOf(sql: Sql, account: string, words: readonly ContactWord[]): Promise<Map<string, Contact>> {
  const ids = [...new Set(words.map(idOf))];
  const found = await readContacts(sql, account, ids);
  return new Map(
    ids.map((id) => {
      const { state, version } = found.get(id) ?? { state: UNKNOWN_CONTACT, version: 0 };
      return [id, { stored: state, state, version, content: undefined, bornAt: 0 }];
    }),
  );
}

/** Takes what the dry run has made of contacts for what is stored of them. */
async function recall(sql: Sql, dryRun: string, contacts: Map<string, Contact>): Promise<void> {
  for (const [id, state] of await readTrials(sql, dryRun, [...contacts.keys()]))
    Object.assign(contacts.get(id)!, { stored: state, state });
}

async function remember(sql: Sql, dryRun: string, contacts: Map<string, Contact>): Promise<void> {
  const changed = [...contacts].filter(([, { state, stored }]) => state !== stored);
  await saveTrials(sql, dryRun, new Map(changed.map(([id, { state }]) => [id, state])));
}

function read(contact: Contact, event: SalesforceContactRead, content: ContactContent): ContactOutcome {
  const { state } = contact;
  const step = contactRead(state, {
    // A version that was not read is the one that the column keeps.
    modstamp: event.sfSystemModstamp ?? state.row?.modstamp ?? null,
    readAt: event.readAt,
    hash: hash('sha1', content.tracked, 'base64'),
  });
  if (step.state.row !== state.row) contact.content = content;
  if (step.outcome === 'created') contact.bornAt = event.readAt;
  contact.state = step.state;
  return step.outcome;
}

function end(contact: Contact, event: ContactDeleted): ContactOutcome {
  const { sfSystemModstamp: modstamp, readAt, masterRecordId } = event;
  const step = contactDeleted(contact.state, {
    modstamp,
    readAt,
    reason: event.reason as DeletionReason,
    masterRecordId,
  });
  contact.state = step.state;
  return step.outcome;
}

async function flush(sql: Sql, account: string, contacts: Map<string, Contact>): Promise<void> {
  const rows: ContactWrite[] = [];
  const ends: ContactEnd[] = [];
  const forgotten: string[] = [];
  for (const [salesforceId, contact] of contacts) {
    const { stored, state, version, content, bornAt } = contact;
    if (state === stored) continue;
    const { row, deletion } = state;
    if (row !== undefined && content !== undefined) {
      rows.push({ salesforceId, version, bornAt, state: { row, deletion }, ...content });
      if (stored.row === undefined && stored.deletion !== undefined) forgotten.push(salesforceId);
    } else if (deletion !== undefined) ends.push({ salesforceId, version, deletion });
    contact.stored = state;
    contact.content = undefined;
    if (row !== undefined) contact.version += 1;
  }
  await writeContacts(sql, account, rows);
  await endContacts(sql, account, ends);
  await forgetDeletions(sql, account, forgotten);
}
