/** Which word on a contact it is: SystemModstamp, then the time of reading, both in milliseconds (salesforce W7). */
export interface ContactVersion {
  /** Null where Salesforce did not show the record. */
  modstamp: number | null;
  readAt: number;
}

/** Why Salesforce does not show a contact (salesforce A6). */
export type DeletionReason = 'deleted' | 'merged' | 'not_visible';

/** The end of a contact. */
export interface ContactDeletion extends ContactVersion {
  reason: DeletionReason;
  /** The contact it was merged into. */
  masterRecordId: string | null;
}

/** What is known of a contact. */
export interface ContactState {
  /** Version and hash of the data its row shows; undefined without a row. */
  row: (ContactVersion & { hash: string }) | undefined;
  /** Undefined for a contact that is there. */
  deletion: ContactDeletion | undefined;
}

/** What one event did to the row of its contact. */
export type ContactOutcome = 'created' | 'updated' | 'unchanged' | 'deleted' | 'restored';

/** A state and what became of the row on the way to it. A state that did not change is the same object. */
export interface ContactStep {
  state: ContactState;
  outcome: ContactOutcome;
}

/** A contact nobody has said anything about. */
export const UNKNOWN_CONTACT: ContactState = { row: undefined, deletion: undefined };

/** Whether the first version is newer: by SystemModstamp where both have one, then by the time of reading. */
export function isNewer(a: ContactVersion, b: ContactVersion): boolean {
  if (a.modstamp !== null && b.modstamp !== null && a.modstamp !== b.modstamp) return a.modstamp > b.modstamp;
  return a.readAt > b.readAt;
}

/**
 * A contact was read. Older data never overwrites newer, equal data of a newer reading changes nothing, data of the same
 * SystemModstamp counts if it was read later (formulas), and a read that is newer than the end undoes it (salesforce W3, W7).
 */
export function contactRead(state: ContactState, read: ContactVersion & { hash: string }): ContactStep {
  const { row, deletion } = state;
  const restores = deletion !== undefined && isNewer(read, deletion);
  const left = restores ? undefined : deletion;
  if (row === undefined) return { state: { row: read, deletion: left }, outcome: 'created' };
  if (!isNewer(read, row) || (row.hash === read.hash && !restores)) return { state, outcome: 'unchanged' };
  return { state: { row: read, deletion: left }, outcome: restores ? 'restored' : 'updated' };
}

/**
 * A contact ended. An end older than the data is none. That it was deleted or merged says more than that it is not visible,
 * which is what every later reconciliation finds of it (salesforce A6).
 */
export function contactDeleted(state: ContactState, deletion: ContactDeletion): ContactStep {
  const { row, deletion: known } = state;
  const unchanged: ContactStep = { state, outcome: 'unchanged' };
  if (row !== undefined && isNewer(row, deletion)) return unchanged;
  if (known !== undefined && !saysMore(deletion, known)) return unchanged;
  const ended = { row, deletion };
  if (row === undefined) return { state: ended, outcome: 'unchanged' };
  return { state: ended, outcome: known === undefined ? 'deleted' : 'updated' };
}

function saysMore(deletion: ContactDeletion, known: ContactDeletion): boolean {
  const [isVague, wasVague] = [deletion.reason === 'not_visible', known.reason === 'not_visible'];
  if (isVague || wasVague) return wasVague && !isVague;
  return deletion.modstamp !== known.modstamp && isNewer(deletion, known);
}
