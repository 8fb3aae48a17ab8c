import { changedKeys } from './life.ts';
import type { RowLife } from './rows.ts';

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
] satisfies (keyof RowLife)[]);

/** Properties that differ between two states of a row and that people are told of; undefined stands for a row that is not there. */
export function toldChanges<R extends RowLife>(before: R | undefined, after: R | undefined): (keyof R & string)[] {
  const present = (before ?? after) as R;
  const keys =
    before === undefined || after === undefined
      ? (Object.keys(present) as (keyof R & string)[]).filter((key) => !isEmpty(present[key]))
      : changedKeys(before, after);
  return keys.filter((key) => !NOT_TOLD.has(key));
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
