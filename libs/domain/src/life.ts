import type { RowLife } from './rows.ts';
import type { GhlRules } from './settings.ts';

/** Status of a row that somebody deleted here: it hides every other until it is restored or activated. */
export const DELETED_STATUS = 'deleted';

/** A row with what people say of its status; only vendors have it. */
type Layered = RowLife & { localStatus?: string | null };

/** True while nobody finds the row's contact in GHL, whatever the row shows. */
export function isMissing(row: RowLife, rules: GhlRules): boolean {
  return row.missingSince !== null || row.status === rules.inactiveStatus;
}

/** The status under what hides it (architecture section 4, rule 5); null when unknown, for example imported as inactive. */
export function baseStatus(row: Layered, rules: GhlRules): string | null {
  return isMissing(row, rules) || (row.localStatus ?? null) !== null ? row.previousStatus : row.status;
}

/** The columns of a row that shows a base status, or what people say instead: it is not missing. */
export function present(row: Layered, base: string): Pick<RowLife, 'status' | 'previousStatus' | 'missingSince'> {
  const local = row.localStatus ?? null;
  return { status: local ?? base, previousStatus: local === null ? null : base, missingSince: null };
}

/**
 * The columns of a row with a base status, whose contact was seen at a time: it is not missing, but for a scan that began later and
 * did not see it (architecture section 4, rule 5).
 */
export function sighted(
  row: Layered,
  base: string,
  at: number,
  rules: GhlRules,
): Pick<RowLife, 'status' | 'previousStatus' | 'missingSince'> {
  if ((row.missingSince ?? 0) <= at) return present(row, base);
  const status = row.localStatus === DELETED_STATUS ? DELETED_STATUS : rules.inactiveStatus;
  return { status, previousStatus: base, missingSince: row.missingSince };
}

/** What an observation says of its contact, whatever it says besides. */
export interface Sight {
  contactId: string;
  dateUpdated: number | null;
  observedAt: number;
}

/** Whether a row shows a newer version of the contact. */
export function isStale(row: RowLife, { contactId, dateUpdated }: Sight): boolean {
  if (row.ghlContactId !== contactId || row.sourceUpdatedAt === null) return false;
  return dateUpdated !== null && dateUpdated < row.sourceUpdatedAt;
}

/** A row after an older version of its contact, which says nothing of the fields, but that the contact was there. */
export function afterStale<R extends RowLife>(
  row: R,
  { observedAt }: Sight,
  fallback: string,
  rules: GhlRules,
): { row: R; outcome: Outcome; restored: boolean; changed: string[] } {
  const back = isMissing(row, rules) ? sighted(row, row.previousStatus ?? fallback, observedAt, rules) : {};
  return { ...applyPatch(row, back as Partial<R>, observedAt, rules), outcome: 'stale', changed: [] };
}

/**
 * Version of the contact that a row shows after an observation. An observation without one leaves the row's own: otherwise an
 * older one could still come and win (V20).
 */
export function sourceVersion(row: RowLife, observed: Omit<Sight, 'observedAt'>): number | null {
  return row.ghlContactId === observed.contactId ? (observed.dateUpdated ?? row.sourceUpdatedAt) : observed.dateUpdated;
}

/** Columns of the patch that differ from the row; lists are compared item by item. */
export function changedKeys<R extends object>(row: R, patch: Partial<R>): (keyof R & string)[] {
  return (Object.keys(patch) as (keyof R & string)[]).filter((key) => !sameValue(row[key], patch[key]));
}

/** Equal as values; lists item by item. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => item === b[index]);
  return a === b;
}

/** Equal as sets of trimmed items (rules-ghl section 4). */
export function sameItems(a: readonly string[], b: readonly string[]): boolean {
  if (sameValue(a, b)) return true;
  const left = new Set(a.map((item) => item.trim()));
  const right = new Set(b.map((item) => item.trim()));
  return left.size === right.size && [...left].every((item) => right.has(item));
}

/** What a row's contact says it is instead; the row keeps everything else and, if it was missing, shows its base status again. */
export function reclassify<R extends RowLife>(
  row: R,
  as: 'vendor' | 'staff',
  observed: Sight,
  fallback: string,
  rules: GhlRules,
): R {
  if (isStale(row, observed)) return afterStale(row, observed, fallback, rules).row;
  const { contactId, observedAt } = observed;
  const patch: Partial<RowLife> = {
    ...(isMissing(row, rules) ? sighted(row, baseStatus(row, rules) ?? fallback, observedAt, rules) : {}),
    ...(row.reclassifiedAs === as ? {} : { reclassifiedAs: as, reclassifiedAt: observedAt }),
    ...(row.ghlContactId === contactId ? { sourceUpdatedAt: sourceVersion(row, observed) } : {}),
  };
  return applyPatch(row, patch as Partial<R>, observedAt, rules).row;
}

const BOOKKEEPING: ReadonlySet<string> = new Set([
  'status',
  'previousStatus',
  'missingSince',
  'sourceUpdatedAt',
  'localStatus',
  'baseChangedAt',
]);

/** What became of a row. `stale`: the observation is older than what the row shows. */
export type Outcome = 'created' | 'updated' | 'unchanged' | 'stale';

/**
 * Puts a patch on a row. A row that comes back counts as restored, and as updated only if another field changed, its base status
 * included; the source's version alone is no change.
 */
export function applyPatch<R extends RowLife>(
  row: R,
  patch: Partial<R>,
  at: number,
  rules: GhlRules,
): { row: R; outcome: Outcome; restored: boolean; changed: string[] } {
  const keys = changedKeys(row, patch);
  const restored = isMissing(row, rules) && !isMissing({ ...row, ...patch }, rules);
  const changed: string[] = keys.filter((key) => !BOOKKEEPING.has(key));
  const base = patch.previousStatus ?? patch.status;
  if (base !== undefined && base !== baseStatus(row, rules) && !(restored && baseStatus(row, rules) === null))
    changed.push('status');
  if (keys.length === 0) return { row, outcome: 'unchanged', restored: false, changed: [] };
  const touched = changed.length > 0 || restored;
  const next = { ...row, ...patch, updatedAt: touched ? Math.max(row.updatedAt, at) : row.updatedAt };
  return { row: next, outcome: changed.length > 0 ? 'updated' : 'unchanged', restored, changed };
}
