import type { ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { baseStatus, DELETED_STATUS, isMissing, present } from './life.ts';
import type { RowLife } from './rows.ts';
import type { GhlRules } from './settings.ts';

/**
 * Marks a row missing: an overlay that keeps the base status (architecture section 4, rule 5). It is missing since the scan began, so
 * that whatever saw it in that scan or later takes the overlay off, and nothing older does.
 */
export function markMissing<R extends RowLife>(row: R, since: number, rules: GhlRules, at = since): R {
  if (isMissing(row, rules)) return row;
  const status = row.status === DELETED_STATUS ? row.status : rules.inactiveStatus;
  return {
    ...row,
    status,
    previousStatus: baseStatus(row, rules),
    missingSince: since,
    updatedAt: Math.max(row.updatedAt, at),
  };
}

/** A missing row that was seen, though nobody wrote it, shows its base status again; an unknown one is the table's default. */
export function restoreSighted<R extends RowLife>(row: R, table: 'vendors' | 'leads', at: number, rules: GhlRules): R {
  if (!isMissing(row, rules)) return row;
  const fallback = table === 'vendors' ? rules.defaultVendorStatus : rules.defaultLeadStatus;
  return { ...row, ...present(row, row.previousStatus ?? fallback), updatedAt: Math.max(row.updatedAt, at) };
}

/** Whether so many rows may be marked at once (MISSING_MAX_SHARE of at least MISSING_MIN_ROWS rows in scope that are not missing already). */
export function safetyValve(
  { inScopeNotMissing, wouldFlag }: { inScopeNotMissing: number; wouldFlag: number },
  rules: GhlRules,
): 'apply' | 'hold' {
  if (inScopeNotMissing < rules.missingMinRows) return 'apply';
  return wouldFlag > inScopeNotMissing * rules.missingMaxShare ? 'hold' : 'apply';
}

/** Look-ups from which the share of unknown ones says that the source is down (rules-ghl section 6). */
const LEAST_LOOKUPS = 20;

/** Whether so many look-ups stayed without an answer that the source counts as down. */
export function sourceIsDown(
  { lookups, unknown }: { lookups: number; unknown: number },
  rules: Pick<GhlRules, 'missingMaxUnknownShare'>,
): boolean {
  return lookups >= LEAST_LOOKUPS && unknown > lookups * rules.missingMaxUnknownShare;
}

/** How long what a scan held back can be confirmed: what it saw of the source is too old then. */
const CONFIRMABLE_MS = 30 * 24 * 60 * 60 * 1000;

/** What a scan says of itself that decides whether it takes the place of an older one. */
export type Settling = Pick<ScanMarker, 'mode' | 'dryRun' | 'answersFor' | 'failureCode' | 'startedAt'>;

/**
 * Whether a scan takes the place of an older one of its account that waits to be confirmed: it judged the rows itself or, where the older one judged
 * none, has read what that one read. What only looks, fails, lacks records or reads a part leaves the older one waiting.
 */
export function settles(
  newer: Settling,
  missingNumbers: number,
  older: Pick<Settling, 'answersFor' | 'startedAt'>,
): boolean {
  if (newer.startedAt - older.startedAt > CONFIRMABLE_MS) return true;
  if (newer.dryRun || missingNumbers > 0) return false;
  if (newer.answersFor !== 'nothing') return true;
  return older.answersFor === 'nothing' && newer.mode !== 'single' && newer.failureCode === null;
}
