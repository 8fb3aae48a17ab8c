import { TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { grantRoles } from '#libs/storage/src/roles.ts';
import { scanStarts } from '#libs/storage/src/runs.ts';
import type { TableDifference } from '#libs/storage/src/shadow-diff.ts';
import { openShadow, SHADOW, type Rebuilt } from '#libs/storage/src/shadow.ts';
import { ghlProjection } from './ghl/processor.ts';
import { openRebuild } from './rebuild.ts';
import { salesforceProjection } from './salesforce/processor.ts';

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

/** A projection that can be rebuilt: its tables come from one processor. */
interface Rebuildable {
  tables: readonly Rebuilt[];
  /** The processor over the shadow; it tells nobody, since all was told when it happened. */
  processor(pool: Database, options: ReplayOptions): Processor;
  /** When what was written before must have been handled, in order. */
  starts(database: Database): Promise<number[]>;
}

const REBUILDABLE: readonly Rebuildable[] = [
  {
    tables: ['vendors', 'leads'],
    processor: (database, { rulesFor }) =>
      ghlProjection({ database, rulesFor, onOutbox: () => undefined, tells: false }),
    starts: scanStarts,
  },
  {
    tables: ['sf_contacts'],
    processor: (database) => salesforceProjection({ database, onOutbox: () => undefined }),
    starts: () => Promise.resolve([]),
  },
];

/**
 * Rebuilds projections from their topics beside the live ones, with the very code that projects them, and says how the two differ
 * at one position of the topics. Tables of different processors are rebuilt one after the other, and each swap is asked for by
 * itself. Columns that no topic knows are left out of the comparison and taken over by a swap.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const reports: ReplayReport[] = [];
  for (const projection of REBUILDABLE) {
    const tables = projection.tables.filter((table) => options.tables.includes(table));
    if (tables.length > 0) reports.push(await replayOne(projection, { ...options, tables }));
  }
  return reports.reduce(mergeReports);
}

function mergeReports(a: ReplayReport, b: ReplayReport): ReplayReport {
  return {
    equal: a.equal && b.equal,
    swapped: a.swapped || b.swapped,
    from: a.from,
    records: a.records + b.records,
    deadLettered: a.deadLettered + b.deadLettered,
    seconds: Math.round((a.seconds + b.seconds) * 10) / 10,
    tables: { ...a.tables, ...b.tables },
  };
}

async function replayOne(projection: Rebuildable, options: ReplayOptions): Promise<ReplayReport> {
  const { platform, databaseUrl, tables, from, examples, maySwap } = options;
  const started = performance.now();
  const pool = createPool({
    databaseUrl,
    applicationName: 'tributary-replay',
    max: 4,
    parameters: SESSION,
  });
  const processor = projection.processor(pool, options);
  const shadow = await openShadow(platform.database, processor.name);
  try {
    const starts = (await projection.starts(platform.database)).filter((start) => from === undefined || start > from);
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
      refusePart(from !== undefined, isKept(processor) || rebuild.isWhole(), tables);
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

/** Whether all its topics are kept for ever, so that all rows can come from them. */
function isKept({ topics }: Processor): boolean {
  return topics.every((topic) => topic in TOPICS && TOPICS[topic as TopicName].retentionMs === -1);
}

function refusePart(isPart: boolean, isWhole: boolean, tables: readonly Rebuilt[]): void {
  if (isPart)
    throw new AppError('config_invalid', 'a replay of a part (--from) cannot be swapped: it lacks the rows of before');
  if (!isWhole)
    throw new AppError(
      'config_invalid',
      `the topic of ${tables.join(', ')} has outlived its first records: a swap would lose rows; run a full sync instead`,
    );
}

function isEqual({ different, onlyLive, onlyRebuilt }: TableDifference): boolean {
  return different + onlyLive + onlyRebuilt === 0;
}
