import { sameValue } from './life.ts';
import type { RowLife, VendorRow } from './rows.ts';

/** What happened to a row, in one word: the end of the name of its lifecycle event. */
export type ChangeName =
  'Created' | 'Updated' | 'MarkedMissing' | 'Restored' | 'Reclassified' | 'Rebound' | 'Withdrawn';

/** Properties that identify a row or date it: a change of them alone is told to nobody. */
const NOT_TOLD: ReadonlySet<string> = new Set([
  'id',
  'account',
  'sourceUpdatedAt',
  'bornAt',
  'bornScan',
  'createdAt',
  'updatedAt',
  'baseChangedAt',
  'localStatusAt',
] satisfies (keyof VendorRow)[]);

/** Whether people are told of a change of this property. */
export function isTold(property: string): boolean {
  return !NOT_TOLD.has(property);
}

/** Whether a value changed for people: nothing and an empty list are the same to them. */
export function hasChanged(before: unknown, after: unknown): boolean {
  return !sameValue(before, after) && !(isEmpty(before) && isEmpty(after));
}

/**
 * The one name of a change that may be several things at once. The first that holds: created, withdrawn, marked missing, restored,
 * rebound, reclassified (or no longer so), updated; the changed fields say the rest.
 */
export function changeName(
  before: RowLife | undefined,
  after: RowLife | undefined,
  rules: { inactiveStatus: string },
): ChangeName {
  if (before === undefined) return 'Created';
  if (after === undefined) return 'Withdrawn';
  const [was, is] = [before.status === rules.inactiveStatus, after.status === rules.inactiveStatus];
  if (was !== is) return is ? 'MarkedMissing' : 'Restored';
  if (before.ghlContactId !== null && before.ghlContactId !== after.ghlContactId) return 'Rebound';
  return before.reclassifiedAs === after.reclassifiedAs ? 'Updated' : 'Reclassified';
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
