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

/** Faulty fields, each once per contact whatever all is wrong with it: the unit of field_errors (rules-ghl section 7). */
export function countFaultyFields(errors: readonly { contactId: string; field: string }[]): number {
  return new Set(errors.map(({ contactId, field }) => JSON.stringify([contactId, field]))).size;
}

/** The errors of what was written in the end: a row that a better claim displaced leaves none, whoever came first (rules-ghl section 3). */
export function errorsThatStay<E extends { rowId: string }>(errors: readonly E[], displaced: ReadonlySet<string>): E[] {
  return errors.filter(({ rowId }) => !displaced.has(rowId));
}

/** Modes that set out to answer for nothing but what they show: that no row is judged is no lack. */
const JUDGING_NO_ROW: ReadonlySet<string> = new Set(['incremental', 'single']);

/** Setting of the safety valve. */
const SHARE = 'MISSING_MAX_SHARE';

/** What decides how a sync ended. */
export interface Conclusion {
  mode: string;
  answersFor: AnswersFor;
  failure: { code: string; message: string; exitCode: number } | undefined;
  /** Tables whose missing rule was held back. */
  heldTables: readonly string[];
  /** Rows that would be marked missing in held tables. */
  wouldFlag: { vendors: number; leads: number };
  /** Whether they are more than the safety valve lets through in one of these tables. */
  overShare: boolean;
  /** Records that never arrived. */
  missingNumbers: number;
  deadLettered: number;
  lookupsUnknown: number;
  dryRun: boolean;
  scanId: string;
  counters: Counters;
}

/** How a sync ended. */
export interface Verdict {
  status: AppliedStatus;
  /** 0 done, 1 failed, 2 credentials or settings refused, 3 incomplete or awaiting confirmation. */
  exitCode: number;
  /** True if and only if the exit code is 0 (rules-ghl section 7). */
  success: boolean;
  /** One sentence: what was done, or what was left alone and what to do. */
  message: string;
}

/** Says how a sync ended (rules-ghl section 7): nothing that was left alone, and no failure, passes as success. */
export function conclude(facts: Conclusion): Verdict {
  const { failure, missingNumbers, deadLettered, lookupsUnknown, heldTables } = facts;
  const done = facts.dryRun ? 'Dry run: nothing was written' : 'Contacts read were applied';
  if (facts.answersFor === 'nothing' && (failure !== undefined || !JUDGING_NO_ROW.has(facts.mode)))
    return failed(facts, `${done}, nothing was marked missing: ${reasonOf(facts)}.`);
  if (missingNumbers > 0) {
    return incomplete(
      `${done}, nothing was marked missing: ${missingNumbers} records of the scan never arrived; run the sync again.`,
    );
  }
  if (deadLettered > 0) {
    const held = heldTables.length === 0 ? '' : ` and ${heldRows(facts)} would be marked missing`;
    const limit = facts.overShare ? `, more than ${SHARE} allows` : '';
    const what = `${done}, nothing was marked missing: ${deadLettered} records went to the dead-letter topic${held}${limit}; look at them, then`;
    return waiting(facts, `${what} ${facts.dryRun ? 'sync' : `run ${confirmCommand(facts)} or sync`} again.`);
  }
  if (heldTables.length > 0) {
    const what = `${done}, but ${heldRows(facts)} would be marked missing, more than ${SHARE} allows:`;
    return waiting(
      facts,
      `${what} ${facts.dryRun ? 'look at the account before you sync' : `run ${confirmCommand(facts)} if that is right`}.`,
    );
  }
  if (failure !== undefined) return failed(facts, `${done}, but not all could be read: ${reasonOf(facts)}.`);
  if (lookupsUnknown > 0) {
    return incomplete(
      `${done}, but ${lookupsUnknown} look-ups stayed without an answer and their rows were left alone: run the sync again later.`,
    );
  }
  return { status: 'completed', exitCode: 0, success: true, message: completed(facts) };
}

function incomplete(message: string): Verdict {
  return { status: 'incomplete', exitCode: 3, success: false, message };
}

/** Something waits for a person; a dry run has nothing that could be confirmed. */
function waiting({ dryRun }: Conclusion, message: string): Verdict {
  return { ...incomplete(message), status: dryRun ? 'incomplete' : 'needs_confirmation' };
}

function failed({ failure }: Conclusion, message: string): Verdict {
  // A failure that names no exit code is still no success.
  const exitCode = failure === undefined || failure.exitCode === 0 ? 3 : failure.exitCode;
  return { status: exitCode === 1 || exitCode === 2 ? 'failed' : 'incomplete', exitCode, success: false, message };
}

function reasonOf({ failure }: Conclusion): string {
  return (
    failure?.message.replace(/[.\s]+$/, '') || failure?.code || 'the list of contacts could not be read to its end'
  );
}

function confirmCommand({ scanId }: Conclusion): string {
  return `\`tributary sync confirm ${scanId}\``;
}

function heldRows({ heldTables, wouldFlag }: Conclusion): string {
  return heldTables.map((table) => `${wouldFlag[table as 'vendors' | 'leads']} ${table}`).join(' and ');
}

function completed({ counters: c, dryRun, mode }: Conclusion): string {
  const verb = dryRun ? 'Dry run: would have' : 'Sync completed:';
  return (
    `${verb} created ${c.vendors_created} vendors and ${c.leads_created} leads, updated ${c.vendors_updated} and ${c.leads_updated}, ` +
    `${JUDGING_NO_ROW.has(mode) ? 'looked for no missing ones' : `marked ${c.vendors_missing_in_ghl} and ${c.leads_deleted} missing`}, ` +
    `restored ${c.restored}, left ${c.unchanged} unchanged.`
  );
}
