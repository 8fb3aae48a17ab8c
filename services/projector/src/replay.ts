import type { GhlRules } from '#libs/domain/src/settings.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { createPool } from '#libs/storage/src/pool.ts';
import { grantRoles } from '#libs/storage/src/roles.ts';
import { scanStarts } from '#libs/storage/src/runs.ts';
import type { TableDifference } from '#libs/storage/src/shadow-diff.ts';
import { openShadow, SHADOW, type Rebuilt } from '#libs/storage/src/shadow.ts';
import { ghlProjection } from './ghl/processor.ts';
import { openRebuild } from './rebuild.ts';

/** What a replay is asked for. */
export interface ReplayOptions {
  platform: Platform;
  databaseUrl: string;
  rulesFor(account: string): GhlRules;
  tables: readonly Rebuilt[];
  /** Reads only what was written since, in milliseconds. The rows of before are then not explained, and nothing can be swapped. */
  from?: number | undefined;
  /** How many rows that differ are shown of each table. */
  examples: number;
  /** Asked once the differences are known: true puts the rebuilt tables in the place of the live ones. */
  maySwap(report: ReplayReport): Promise<boolean>;
}

/** What a replay found. */
export interface ReplayReport {
  equal: boolean;
  swapped: boolean;
  from: string | null;
  /** Records of all its topics, up to the live projector's position. */
  records: number;
  deadLettered: number;
  seconds: number;
  tables: Record<string, TableDifference>;
}

/**
 * Where a rebuild writes. Its commits need not wait for the disk, since it begins anew after a crash; its plans are made while the
 * tables are empty and must suit them when they are full.
 */
const SESSION = { search_path: SHADOW, synchronous_commit: 'off', enable_seqscan: 'off' };

/**
 * Rebuilds the projections vendors and leads from the topics beside the live ones, with the very code that projects them, and
 * says how the two differ at one position of the topics. Nobody is told of changes: they were told when they happened.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { platform, databaseUrl, rulesFor, tables, from, examples, maySwap } = options;
  const started = performance.now();
  const pool = createPool({
    databaseUrl,
    applicationName: 'tributary-replay',
    max: 4,
    parameters: SESSION,
  });
  const processor = ghlProjection({ database: pool, rulesFor, onOutbox: () => undefined, tells: false });
  const shadow = await openShadow(platform.database, processor.name);
  try {
    const starts = (await scanStarts(platform.database)).filter((start) => from === undefined || start > from);
    const rebuild = await openRebuild({
      platform,
      processor,
      checkpoints: createCheckpointStore(pool),
      starts,
      from,
    });
    try {
      await rebuild.catchUp(await shadow.positions());
      const differences = await shadow.compare(tables, examples, (ends) => rebuild.catchUp(ends));
      const report: ReplayReport = {
        equal: Object.values(differences).every(isEqual),
        swapped: false,
        from: from === undefined ? null : new Date(from).toISOString(),
        records: rebuild.records(),
        deadLettered: rebuild.deadLettered(),
        seconds: Math.round((performance.now() - started) / 100) / 10,
        tables: differences,
      };
      if (report.equal || !(await maySwap(report))) return report;
      if (from !== undefined)
        throw new AppError(
          'config_invalid',
          'a replay of a part (--from) cannot be swapped: it lacks the rows of before',
        );
      await shadow.swap(tables, (ends) => rebuild.catchUp(ends));
      // The new tables are ours still. What this user may not do about it, every deploy says.
      await grantRoles(databaseUrl);
      return { ...report, swapped: true };
    } finally {
      await rebuild.close();
    }
  } finally {
    await pool.end();
    await shadow.close();
  }
}

function isEqual({ different, onlyLive, onlyRebuilt }: TableDifference): boolean {
  return different + onlyLive + onlyRebuilt === 0;
}
