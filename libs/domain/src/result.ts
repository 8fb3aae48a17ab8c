import type { AppliedStatus, AnswersFor } from '#libs/contracts/src/generated/events.ts';

/** Every counter of a result, in the order people read them (ghl-sync-v3 section 4, rules-ghl section 7). Always all of them. */
export const COUNTERS = [
  'vendors_checked',
  'vendors_created',
  'vendors_updated',
  'vendors_deleted',
  'vendors_missing_in_ghl',
  'vendors_deactivated',
  'leads_checked',
  'leads_created',
  'leads_updated',
  'leads_deleted',
  'ghl_contacts_fetched',
  'unchanged',
  'conflicts',
  'reclassified',
  'restored',
  'rebound',
  'field_errors',
  'lookups_unknown',
  'dead_lettered',
  'errors',
] as const;

/** Name of a counter. */
export type CounterName = (typeof COUNTERS)[number];

/** All counters. */
export type Counters = Record<CounterName, number>;

/** All counters at zero. */
export function emptyCounters(): Counters {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Counters;
}

/** What decides how a sync ended. */
export interface Conclusion {
  answersFor: AnswersFor;
  failure: { code: string; message: string; exitCode: number } | undefined;
  /** Tables whose missing rule was held back. */
  heldTables: readonly string[];
  /** Rows that would be marked missing in held tables. */
  wouldFlag: { vendors: number; leads: number };
  /** Records that never arrived. */
  missingNumbers: number;
  deadLettered: number;
  lookupsUnknown: number;
  dryRun: boolean;
  scanId: string;
  counters: Counters;
}

/** How a sync ended: `success` is true if and only if the exit code is 0 (rules-ghl section 7). */
export interface Verdict {
  status: AppliedStatus;
  exitCode: number;
  message: string;
}

/** Says in one sentence how a sync ended: what was done, or what was left alone and what to do. */
export function conclude(facts: Conclusion): Verdict {
  const { failure, missingNumbers, deadLettered, heldTables, wouldFlag, lookupsUnknown, scanId } = facts;
  const done = facts.dryRun ? 'Dry run: nothing was written' : 'Contacts read were applied';
  if (facts.answersFor === 'nothing') {
    const reason = failure?.message ?? 'the list of contacts could not be read to its end';
    const exitCode = failure === undefined || failure.exitCode === 0 ? 3 : failure.exitCode;
    return { status: exitCode === 2 ? 'failed' : 'incomplete', exitCode, message: `${done}, nothing was marked missing: ${reason}.` };
  }
  if (missingNumbers > 0) {
    return {
      status: 'incomplete',
      exitCode: 3,
      message: `${done}, nothing was marked missing: ${missingNumbers} records of the scan never arrived; run the sync again.`,
    };
  }
  if (deadLettered > 0) {
    return {
      status: 'needs_confirmation',
      exitCode: 3,
      message: `${done}, nothing was marked missing: ${deadLettered} records went to the dead-letter topic; look at them, then run \`tributary sync confirm ${scanId}\` or sync again.`,
    };
  }
  if (heldTables.length > 0) {
    const what = heldTables.map((table) => `${wouldFlag[table as 'vendors' | 'leads']} ${table}`).join(' and ');
    return {
      status: 'needs_confirmation',
      exitCode: 3,
      message: `${done}, but ${what} would be marked missing, more than MISSING_MAX_SHARE allows: run \`tributary sync confirm ${scanId}\` if that is right.`,
    };
  }
  if (lookupsUnknown > 0) {
    return {
      status: 'incomplete',
      exitCode: 3,
      message: `${done}, but ${lookupsUnknown} look-ups stayed without an answer and their rows were left alone: run the sync again later.`,
    };
  }
  return { status: 'completed', exitCode: 0, message: completed(facts) };
}

function completed({ counters: c, dryRun }: Conclusion): string {
  const verb = dryRun ? 'Dry run: would have' : 'Sync completed:';
  return (
    `${verb} created ${c.vendors_created} vendors and ${c.leads_created} leads, updated ${c.vendors_updated} and ${c.leads_updated}, ` +
    `marked ${c.vendors_missing_in_ghl} and ${c.leads_deleted} missing, restored ${c.restored}, left ${c.unchanged} unchanged.`
  );
}
