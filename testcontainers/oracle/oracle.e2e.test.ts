import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import type { TestPipeline } from '#testcontainers/pipeline.ts';
import type { OracleStack } from './check.ts';
import { corners } from './corners.ts';
import { oracleSeeds, startOraclePipeline, trySeed, tryWorld, VARIANTS } from './oracle.ts';

const SEEDS: Record<keyof typeof VARIANTS, number[]> = {
  'the defaults': [1, 2, 3, 5, 7],
  'other settings': [1001, 1002, 1003],
};
const CORNERS = corners(DEFAULT_GHL_RULES).map(([what]) => what);

describe.each(Object.keys(VARIANTS) as (keyof typeof VARIANTS)[])('the product and the model under %s', (variant) => {
  let pipeline: TestPipeline;
  let stack: OracleStack;

  beforeAll(async () => {
    ({ pipeline, stack } = await startOraclePipeline(variant));
  }, 60_000);

  afterAll(async () => {
    await pipeline.stop();
  }, 60_000);

  it.each(CORNERS)(
    'agree: %s',
    async (what) => {
      const world = new Map(corners(stack.rules)).get(what)!;
      expect(await tryWorld(stack, world)).toBeUndefined();
    },
    60_000,
  );

  it.each(oracleSeeds(SEEDS[variant]))(
    'agree on the world of seed %i',
    async (seed) => {
      expect(await trySeed(stack, seed)).toBeUndefined();
    },
    120_000,
  );
});
