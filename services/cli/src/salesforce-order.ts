import { ASKED_NOTHING, type Asked } from '#libs/contracts/src/asked.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { contactRequest, MAX_BATCH_SIZE } from '#libs/sources/salesforce/request.ts';

/** The flags of `tributary sync salesforce`, as they were given. */
export interface SalesforceFlags {
  mode?: 'auto' | 'bulk' | 'rest';
  full?: boolean;
  incremental?: boolean;
  days?: string;
  startDate?: string;
  endDate?: string;
  limit?: string;
  batchSize?: string;
  reconcile?: boolean;
  daily?: boolean;
  weekly?: boolean;
  continuous?: boolean;
  every?: string;
  test?: boolean;
  dryRun?: boolean;
}

/** What the flags ask for. */
export interface SalesforceOrder {
  request: Asked & { mode: string; dryRun: boolean };
  /** What is read, for people. */
  what: string;
  /** Milliseconds from the end of a sync to the next one; null for a single sync. */
  everyMs: number | null;
}

const DAY_MS = 24 * 3_600_000;
/** What is read when nobody says (salesforce B2). */
const DEFAULT_DAYS = 7;
const EVERY_S = 300;
const LEAST_EVERY_S = 10;

const NAMES: Record<keyof SalesforceFlags, string> = {
  mode: '--mode',
  full: '--full',
  incremental: '--incremental',
  days: '--days',
  startDate: '--start-date',
  endDate: '--end-date',
  limit: '--limit',
  batchSize: '--batch-size',
  reconcile: '--reconcile',
  daily: '--daily',
  weekly: '--weekly',
  continuous: '--continuous',
  every: '--every',
  test: '--test',
  dryRun: '--dry-run',
};

/** Each says by itself what is read. */
const RANGES = ['full', 'incremental', 'days', 'startDate', 'reconcile', 'daily', 'weekly', 'continuous'] as const;

/** Flags that have no meaning beside another one. */
const USELESS: readonly [flag: keyof SalesforceFlags, beside: readonly (keyof SalesforceFlags)[], why: string][] = [
  ['reconcile', ['mode', 'limit', 'batchSize'], 'a reconciliation lists the id of every contact'],
  ['continuous', ['limit', 'dryRun'], 'every round has to bring the table up to date'],
  ['limit', ['batchSize'], 'a limit is read by REST, whose pages have the size that Salesforce gives them'],
];

/** The flags of `--test` and of everything else; undefined where only the connection is to be tested. Throws request_invalid. */
export function salesforceOrder(flags: SalesforceFlags, nowMs: number): SalesforceOrder | undefined {
  const faults = faultsOf(flags, nowMs);
  if (faults.length > 0) throw new AppError('request_invalid', faults.join('\n'));
  if (flags.test === true) return undefined;
  const { mode, since, until, what } = rangeOf(flags, nowMs);
  const isPreset = flags.daily === true || flags.weekly === true;
  const request = {
    ...ASKED_NOTHING,
    mode,
    dryRun: flags.dryRun === true,
    since,
    until,
    // The presets are those of the old service, which took the Bulk API.
    api: flags.mode ?? (isPreset && flags.limit === undefined ? 'bulk' : null),
    limit: flags.limit === undefined ? null : Number(flags.limit),
    batchSize: flags.batchSize === undefined ? null : Number(flags.batchSize),
  };
  contactRequest(request);
  return { request, what, everyMs: flags.continuous === true ? Number(flags.every ?? EVERY_S) * 1000 : null };
}

function faultsOf(flags: SalesforceFlags, nowMs: number): string[] {
  const given = (Object.keys(NAMES) as (keyof SalesforceFlags)[]).filter(
    (flag) => flags[flag] !== undefined && flags[flag] !== false,
  );
  const has = (flag: keyof SalesforceFlags): boolean => given.includes(flag);
  if (has('test')) {
    const others = given.filter((flag) => flag !== 'test').map((flag) => NAMES[flag]);
    return others.length === 0 ? [] : [`--test only tests the connection: leave ${others.join(', ')} out`];
  }
  const ranges = RANGES.filter(has).map((flag) => NAMES[flag]);
  return [
    ...(ranges.length > 1 ? [`say only one of ${ranges.join(', ')}: each says what is read`] : []),
    ...USELESS.flatMap(([flag, beside, why]) =>
      has(flag) ? beside.filter(has).map((other) => `${NAMES[other]} has no meaning with ${NAMES[flag]}: ${why}`) : [],
    ),
    ...(has('limit') && flags.mode === 'bulk' ? ['--limit needs --mode rest: the Bulk API reads what there is'] : []),
    ...(has('batchSize') && flags.mode === 'rest'
      ? ['--batch-size needs --mode bulk: the pages of REST have the size that Salesforce gives them']
      : []),
    ...(has('every') && !has('continuous') ? ['--every needs --continuous'] : []),
    ...countFaults(flags),
    ...dateFaults(flags, nowMs),
  ];
}

function countFaults({ days, limit, batchSize, every }: SalesforceFlags): string[] {
  const fault = (name: string, value: string | undefined, least: number, most: number): string[] => {
    if (value === undefined) return [];
    const isCount = /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most;
    return isCount ? [] : [`${name}: give a whole number from ${least} to ${most}`];
  };
  return [
    ...fault('--days', days, 1, 36_500),
    ...fault('--limit', limit, 1, Number.MAX_SAFE_INTEGER),
    ...fault('--batch-size', batchSize, 1, MAX_BATCH_SIZE),
    ...fault('--every', every, LEAST_EVERY_S, 86_400),
  ];
}

function dateFaults({ startDate, endDate }: SalesforceFlags, nowMs: number): string[] {
  const start = startDate === undefined ? undefined : readDate(startDate);
  const end = endDate === undefined ? undefined : readDate(endDate);
  const isDate = (text: string | undefined, time: number | undefined): boolean =>
    text === undefined || time !== undefined;
  return [
    ...(isDate(startDate, start)
      ? []
      : ['--start-date: give a date such as 2024-01-31, or a time such as 2024-01-31T08:00:00Z']),
    ...(isDate(endDate, end)
      ? []
      : ['--end-date: give a date such as 2024-01-31, or a time such as 2024-01-31T08:00:00Z']),
    ...(endDate !== undefined && startDate === undefined ? ['--end-date needs --start-date'] : []),
    ...(start !== undefined && start >= nowMs ? ['--start-date lies in the future'] : []),
    ...(start !== undefined && end !== undefined && endOf(endDate!, end) <= start
      ? ['--end-date lies before --start-date']
      : []),
  ];
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;

/** A date or a time in milliseconds, in UTC where it says no zone; undefined when it is none, such as the 30th of February. */
function readDate(text: string): number | undefined {
  if (!DATE.test(text) && !TIME.test(text)) return undefined;
  const hasZone = /(Z|[+-]\d{2}:\d{2})$/.test(text);
  const day = Date.parse(text.slice(0, 10));
  const isDay = !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10));
  const time = Date.parse(DATE.test(text) || hasZone ? text : `${text}Z`);
  return isDay && !Number.isNaN(time) ? time : undefined;
}

/** A day that ends a range belongs to it. */
function endOf(text: string, time: number): number {
  return DATE.test(text) ? time + DAY_MS : time;
}

type Range = Pick<Asked, 'since' | 'until'> & { mode: string; what: string };

function rangeOf(flags: SalesforceFlags, nowMs: number): Range {
  const days = (count: number, more = ''): Range => ({
    mode: 'incremental',
    since: nowMs - count * DAY_MS,
    until: null,
    what: `contacts changed in the last ${count === 1 ? '24 hours' : `${count} days`}${more}`,
  });
  const whole = { since: null, until: null };
  if (flags.full === true) return { ...whole, mode: 'full', what: 'all contacts' };
  if (flags.reconcile === true)
    return { ...whole, mode: 'reconcile', what: 'the ids of all contacts against what is known' };
  if (flags.incremental === true || flags.continuous === true)
    return { ...whole, mode: 'incremental', what: 'what changed since the last sync' };
  if (flags.startDate !== undefined) return between(flags.startDate, flags.endDate);
  if (flags.daily === true) return days(1);
  if (flags.weekly === true) return days(7);
  if (flags.days !== undefined) return days(Number(flags.days));
  return days(DEFAULT_DAYS, ', as nothing else was said');
}

function between(startDate: string, endDate: string | undefined): Range {
  const since = readDate(startDate)!;
  const until = endDate === undefined ? null : endOf(endDate, readDate(endDate)!);
  const end = endDate === undefined ? '' : ` to ${endDate}`;
  return { mode: 'incremental', since, until, what: `contacts changed from ${startDate}${end}` };
}
