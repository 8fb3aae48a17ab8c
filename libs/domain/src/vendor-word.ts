import type { VendorAction } from '#libs/contracts/src/generated/events.ts';
import { baseStatus, DELETED_STATUS, isMissing, present } from './life.ts';
import type { VendorRow } from './rows.ts';
import type { GhlRules } from './settings.ts';

/** A row that nobody said anything of. */
export const NO_WORD = { localStatus: null, localStatusAt: null, baseChangedAt: null };

const STATUS: Record<VendorAction, string | null> = {
  delete: DELETED_STATUS,
  activate: 'active',
  deactivate: 'deactivated',
  restore: null,
};

/** What remains of the word of people when the base status changes: only a deletion, and what was said later. */
export function wordAfter(row: VendorRow, changedAt: number): string | null {
  const stays = row.localStatus === DELETED_STATUS || (row.localStatusAt ?? 0) > changedAt;
  return stays ? row.localStatus : null;
}

/**
 * A vendor row after somebody said what its status is. The newest word counts; a sighting does not undo it. `delete` stays until it is
 * taken back; `activate` and `deactivate` give way to a later change of the tags; all but `delete` also take the row for found, until
 * the next scan. What observations say of the row goes on underneath, so either may come first, in a replay as
 * well; only a row that was taken for found and is missed again may then show its base status until the next scan.
 */
export function sayStatus(
  row: VendorRow,
  { action, requestedAt: at }: { action: VendorAction; requestedAt: number },
  rules: GhlRules,
): VendorRow {
  if ((row.localStatusAt ?? 0) >= at) return row;
  const word = STATUS[action];
  const base = baseStatus(row, rules) ?? rules.defaultVendorStatus;
  const said = { ...row, localStatus: word, localStatusAt: at, updatedAt: Math.max(row.updatedAt, at) };
  const localStatus = word !== null && (row.baseChangedAt ?? 0) >= at ? wordAfter(said, row.baseChangedAt ?? 0) : word;
  const next = { ...said, localStatus };
  const isStillMissing = isMissing(row, rules) && (action === 'delete' || (row.missingSince ?? 0) > at);
  if (!isStillMissing) return { ...next, ...present(next, base) };
  const status = localStatus === DELETED_STATUS ? localStatus : rules.inactiveStatus;
  return { ...next, status, previousStatus: row.previousStatus, missingSince: row.missingSince };
}
