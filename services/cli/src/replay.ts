import type { ReplayReport } from '#services/projector/src/replay.ts';
import { replay } from '#services/projector/src/replay.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { openPlatform } from '#libs/runtime/src/platform.ts';
import { ghlRulesByAccount, type Settings } from '#libs/runtime/src/settings.ts';
import type { TableDifference, RowDifference } from '#libs/storage/src/shadow-diff.ts';
import { REBUILT, type Rebuilt } from '#libs/storage/src/shadow.ts';
import { existingStack } from './connections.ts';
import { ghlAccess, readRunning } from './session.ts';
import { askToRun } from './sync.ts';

/** What people may say of a replay. */
export interface ReplayFlags {
  from?: string;
  swap?: boolean;
  yes?: boolean;
  json?: boolean;
  reveal?: boolean;
  examples: number;
}

/** Columns whose values say nothing of a person. */
const IMPERSONAL = new Set([
  'account_id',
  'status',
  'previous_status',
  'missing_since',
  'reclassified_as',
  'reclassified_at',
  'source_updated_at',
  'born_at',
  'born_scan',
  'created_at',
  'updated_at',
  'service_categories',
  'services_offered',
  'coverage_type',
  'coverage_states',
  'last_lead_assigned',
  'lead_close_percentage',
  'taking_new_work',
  'primary_service_category',
  'deleted_at',
  'deletion_reason',
  'last_synced_at',
  'content_hash',
  'sf_system_modstamp',
  'priority',
  'source',
]);

/** Rebuilds, reports, and swaps if it was asked for and nobody objects. */
export async function runReplay(
  settings: Settings,
  logger: Logger,
  what: string,
  flags: ReplayFlags,
  say: (line: string) => void,
): Promise<ReplayReport> {
  const from = timeOf(flags.from);
  if (from !== undefined && flags.swap === true)
    throw new AppError('config_invalid', '--from leaves out the rows of before: it cannot be combined with --swap');
  const stack = await existingStack(settings);
  const platform = await openPlatform({ stack, databasePool: 4, logger, service: 'cli' });
  try {
    const { accounts } = ghlAccess(settings, readRunning(settings.DATA_DIR));
    const report = await replay({
      platform,
      databaseUrl: stack.databaseUrl,
      rulesFor: ghlRulesByAccount(settings, accounts),
      tables: what === 'all' ? REBUILT : [what as Rebuilt],
      from,
      examples: flags.examples,
      async maySwap(found) {
        if (flags.swap !== true) return false;
        if (flags.yes === true) return true;
        say(renderReplay(masked(found)));
        return askToRun('Put the rebuilt tables in the place of the live ones?');
      },
    });
    return flags.json === true && flags.reveal === true ? report : masked(report);
  } finally {
    await platform.close();
  }
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new AppError('config_invalid', '--from takes a time such as 2026-11-24T00:00:00Z');
  return time;
}

function masked(report: ReplayReport): ReplayReport {
  const tables = Object.entries(report.tables).map(([table, difference]) => [
    table,
    { ...difference, examples: difference.examples.map(maskRow) },
  ]);
  return { ...report, tables: Object.fromEntries(tables) as Record<string, TableDifference> };
}

function maskRow(row: RowDifference): RowDifference {
  const mask = (value: string | null): string | null => (value === null ? null : `*** (${value.length})`);
  const columns = Object.entries(row.columns).map(([column, { live, rebuilt }]) => [
    column,
    IMPERSONAL.has(column) ? { live, rebuilt } : { live: mask(live), rebuilt: mask(rebuilt) },
  ]);
  return { ...row, columns: Object.fromEntries(columns) as RowDifference['columns'] };
}

/** The report for people. */
export function renderReplay(report: ReplayReport): string {
  const tables = Object.entries(report.tables).flatMap(([table, found]) => [
    `${table}: ${found.live} rows live, ${found.rebuilt} rebuilt; ${found.onlyLive} only live${
      report.from === null ? '' : ' (not explained by what was read)'
    }, ${found.onlyRebuilt} only rebuilt, ${found.different} different`,
    ...Object.entries(found.columns).map(([column, count]) => `  ${column}: ${count}`),
    ...found.examples.map(renderRow),
  ]);
  const head = report.equal
    ? 'The rebuilt tables equal the live ones.'
    : report.swapped
      ? 'The rebuilt tables differed, and have taken the place of the live ones.'
      : 'The rebuilt tables differ from the live ones.';
  const dead = report.deadLettered === 0 ? '' : `, ${report.deadLettered} of them passed over`;
  return [head, `${report.records} records in ${report.seconds} s${dead}`, ...tables].join('\n');
}

function renderRow({ id, in: place, columns }: RowDifference): string {
  if (place !== 'both') return `  ${id}: only ${place}`;
  const cells = Object.entries(columns).map(
    ([column, { live, rebuilt }]) => `${column} ${text(live)} -> ${text(rebuilt)}`,
  );
  return `  ${id}: ${cells.join('; ')}`;
}

/** Quoted, so that no value passes for a column or a line of its own. */
function text(value: string | null): string {
  return value === null ? 'empty' : JSON.stringify(value);
}
