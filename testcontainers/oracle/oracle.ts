import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';
import { checkWorld, type OracleStack } from './check.ts';
import type { Difference } from './differences.ts';
import { shrinkWorld } from './shrink.ts';
import { makeOracleWorld, type OracleWorld } from './worlds.ts';

/** Settings under which worlds are run: V3's values, and every choice the rules leave open taken the other way. */
export const VARIANTS = {
  'the defaults': {},
  'other settings': {
    GHL_EMPTY_OVERWRITES: 'true',
    LEAD_DISCOVERY_TAGS: 'Wants Quote',
    VENDOR_STATUS_KEPT: 'deactivated',
    INACTIVE_GHL_DELETED_STATUS: 'gone',
    DEFAULT_LEAD_STATUS: 'fresh',
    LEAD_TAG_NEW_LEAD_STATUS: 'new',
  },
} as const satisfies Record<string, Record<string, string>>;

const LOCATION_SEED = 1518;

/** Every component in this process, under settings that let small worlds meet the safety valve and failed look-ups end at once. */
export async function startOraclePipeline(
  variant: keyof typeof VARIANTS,
): Promise<{ pipeline: TestPipeline; stack: OracleStack }> {
  const env = { MISSING_MIN_ROWS: '8', GHL_RETRY_SECONDS: '0', ...VARIANTS[variant] };
  const pipeline = await startTestPipeline(emptyWorld(LOCATION_SEED), env);
  const { simulator, rules, sync } = pipeline;
  return { pipeline, stack: { simulator, rules, database: pipeline.pipeline.platform.database, sync } };
}

/** The seeds to run: ORACLE_SEED (one, or `first-last`) replays worlds of one's own choice instead of the given ones. */
export function oracleSeeds(given: readonly number[]): number[] {
  const [first, last = first] = (process.env['ORACLE_SEED'] ?? '').split('-').filter(Boolean).map(Number);
  if (first === undefined || last === undefined) return [...given];
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Runs a world and tells what differs, with the smallest part of the world that still differs; `undefined` when nothing does. */
export async function tryWorld(stack: OracleStack, world: OracleWorld): Promise<string | undefined> {
  const found = await checkWorld(stack, world);
  if (found.length === 0) return undefined;
  const smallest = await shrinkWorld(world, async (smaller) => (await checkWorld(stack, smaller)).length > 0);
  const rest = await checkWorld(stack, smallest);
  return [
    `world of seed ${world.seed} differs from the model (ORACLE_SEED=${world.seed} runs it again):`,
    ...found.map(line),
    'the smallest part of it that was found to differ:',
    ...rest.map(line),
    JSON.stringify(smallest),
  ].join('\n');
}

/** The random world of a seed, by tryWorld. */
export function trySeed(stack: OracleStack, seed: number): Promise<string | undefined> {
  return tryWorld(stack, makeOracleWorld(seed, stack.rules));
}

function line({ scan, where, rule, expected, actual }: Difference): string {
  const show = (value: unknown): string => JSON.stringify(value) ?? 'no row';
  return `  scan ${scan}, ${where}: the model says ${show(expected)} (${rule}), the product ${show(actual)}`;
}
