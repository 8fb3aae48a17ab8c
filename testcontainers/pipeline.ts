import { randomUUID } from 'node:crypto';
import { createLogger, type Logger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import type { SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { ghlRules, readSettings, type GhlAccount, type Settings } from '#libs/runtime/src/settings.ts';
import { hashKey, type ApiKey } from '#libs/runtime/src/keys.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { createPool } from '#libs/storage/src/pool.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { startPipeline, type Pipeline } from '#services/dev/src/pipeline.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { testStack } from './addresses.ts';
import { startGhlSimulator, type GhlSimulator } from './simulators/ghl/simulator.ts';
import type { World } from './simulators/ghl/world.ts';

/** Every component over one simulated location, on the stack that the environment names. */
export interface TestPipeline {
  pipeline: Pipeline;
  simulator: GhlSimulator;
  world: World;
  rules: GhlRules;
  apiKey: string;
  settings: Settings;
  /** Asks for a sync, mode full of the first location if nothing else is said, and resolves with its final word. */
  sync(options?: { dryRun?: boolean; mode?: 'full' | 'targeted' | 'incremental'; account?: string }): Promise<RunView>;
  /** Stops every component, as a deployment does, and starts it again over the same locations. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Deploys, and starts every component over a world; look-ups are not spaced and patience is short, so that tests are fast. */
export async function startTestPipeline(
  world: World,
  env: Record<string, string> = {},
  more: {
    /** Further locations. */
    others?: readonly World[];
    /** What is particular to the account of a location. */
    accountOf?(world: World, rules: GhlRules): Partial<GhlAccount>;
    /** Other addresses for the pipeline (of proxies) than those that runs are deployed to and followed at. */
    through?: Partial<ReturnType<typeof testStack>>;
    keys?: readonly ApiKey[];
    /** A Salesforce org beside the locations. */
    salesforce?: SalesforceAccess;
    logger?: Logger;
  } = {},
): Promise<TestPipeline> {
  const { others = [], accountOf, through = {} } = more;
  const direct = testStack();
  const stack = { ...direct, ...through };
  const logger = more.logger ?? createLogger({ name: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
  const settings = readSettings({
    GHL_RATE_LIMIT_DELAY: '0',
    GHL_RETRY_SECONDS: '5',
    GHL_REQUEST_TIMEOUT: '2',
    HTTP_PORT: '0',
    ...env,
  });
  await deploy({ stack: direct, logger, service: 'test', replication: 1 });
  const simulator = await startGhlSimulator({ world, others, limits: { enabled: false } });
  const rules = ghlRules(settings);
  const apiKey = `test-${randomUUID()}`;
  const database = createPool({ databaseUrl: direct.databaseUrl, applicationName: 'test', max: 2 });
  const stopWorld = async (): Promise<void> => {
    await simulator.stop();
    await database.end();
  };
  const open = (): Promise<Pipeline> =>
    startPipeline({
      settings,
      stack,
      ghl: {
        baseUrl: simulator.baseUrl,
        accounts: [world, ...others].map((one) => ({
          locationId: one.locationId,
          token: secret(one.token),
          rules,
          ...accountOf?.(one, rules),
        })),
      },
      salesforce: more.salesforce,
      logger,
      api: {
        keys: [{ id: 'test', hash: hashKey(apiKey), scope: 'admin' }, ...(more.keys ?? [])],
        port: 0,
        nextFree: false,
      },
    });
  const pipeline = await open().catch(async (error: unknown) => {
    await stopWorld();
    throw error;
  });
  const test: TestPipeline = {
    pipeline,
    simulator,
    world,
    rules,
    apiKey,
    settings,
    async sync({ dryRun = false, mode = 'full', account = world.locationId } = {}) {
      const syncId = randomUUID();
      const value = {
        syncId,
        source: 'ghl',
        account,
        mode,
        dryRun,
        requestedBy: 'test',
        requestedAt: Date.now(),
      };
      await test.pipeline.platform.producer.send([
        { topic: 'crm.sync-request.v1', key: `ghl:${account}`, type: 'crm.sync.v1.SyncRequested', id: syncId, value },
      ]);
      return followRun(database, syncId, () => undefined);
    },
    async restart() {
      await test.pipeline.stop();
      test.pipeline = await open();
    },
    async stop() {
      await test.pipeline.stop();
      await stopWorld();
    },
  };
  return test;
}
