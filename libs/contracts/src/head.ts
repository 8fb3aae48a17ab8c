import type { EventType, VendorObserved } from './generated/events.ts';

/**
 * Events whose readers mostly know what they say: of a record that a scan repeats, they read the head alone. The fields before
 * `contentFrom` say which scan saw the record, and how: two records with the same bytes after them say the same. The head ends
 * with `headTo`.
 */
export const HEADS: Partial<Record<EventType, { contentFrom: string; headTo: string }>> = {
  'crm.observation.v1.VendorObserved': { contentFrom: 'contactId', headTo: 'fieldErrors' },
};

/** Head of VendorObserved. */
export type VendorHead = Pick<
  VendorObserved,
  | 'account'
  | 'scanId'
  | 'scanNumber'
  | 'dryRun'
  | 'mode'
  | 'observedAt'
  | 'knownAs'
  | 'contactId'
  | 'dateUpdated'
  | 'email'
  | 'fieldErrors'
>;
