import { setTimeout as wait } from 'node:timers/promises';
import type { Pipeline } from '#services/dev/src/pipeline.ts';
import { groupAlive } from '#libs/kafka/src/topics.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import { deploy, kafkaOf, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import type { SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import { createScanStore } from '#libs/storage/src/scans.ts';
import { CONNECTOR_GROUP } from '#services/connector/src/connector.ts';
import { startStack } from '#testcontainers/stack/stack.ts';
import { ghlAccess, orgAccess, readRunning, type GhlAccess } from './session.ts';

/** What a command that changes something works with. */
export interface Work {
  platform: Platform;
  ghl: GhlAccess;
  /** The Salesforce org; undefined where none is set. */
  salesforce: SalesforceAccess | undefined;
  /** Sources that the pipeline reads, as far as it tells. */
  sources: readonly string[] | undefined;
  /** Whether the pipeline runs in this process, and ends with it. */
  readonly isOwn: boolean;
  /** Frees everything that this command started. */
  close(): Promise<void>;
}

/** How often it is looked whether the pipeline that runs is still there. */
const LOOK_EVERY_MS = 10_000;

/**
 * Finds a running pipeline, or starts one in this process for the time of the command, the stack included, and says so
 * (architecture section 9). One that ends under way is replaced: a broker takes up to the session timeout to notice that the members
 * of a group were killed, and the command would wait for them for ever.
 */
export async function openWork(settings: Settings, logger: Logger, say: (line: string) => void): Promise<Work> {
  const running = readRunning(settings.DATA_DIR);
  const ghl = ghlAccess(settings, running);
  const salesforce = orgAccess(settings, running);
  const stack = await startStack({ dataDir: settings.DATA_DIR, env: process.env, log: say });
  const start = async (): Promise<Pipeline> => {
    // Most commands need no pipeline of their own, and loading it takes a third of their start.
    const { startPipeline } = await import('#services/dev/src/pipeline.ts');
    return startPipeline({ settings, stack: stack.info, ghl, salesforce, logger });
  };
  const common = { ghl, salesforce };
  try {
    await deploy({ stack: stack.info, logger, service: 'cli', replication: settings.TOPIC_REPLICATION });
    const kafka = kafkaOf(stack.info, 'tributary-cli', logger);
    // Whoever is in the group of a broker that this process has just started is a member that was killed.
    if (!stack.owned && (await groupAlive(kafka, CONNECTOR_GROUP))) {
      const platform = await openPlatform({ stack: stack.info, databasePool: 4, logger, service: 'cli' });
      const standIn = createStandIn({ isThere: () => groupAlive(kafka, CONNECTOR_GROUP), start, say });
      return {
        ...common,
        platform,
        sources: running?.sources,
        get isOwn() {
          return standIn.works();
        },
        async close() {
          await standIn.stop();
          await platform.close();
          await stack.stop();
        },
      };
    }
    say('No pipeline runs: starting one in this process for this command');
    const pipeline = await start();
    return {
      ...common,
      platform: pipeline.platform,
      sources: undefined,
      isOwn: true,
      async close() {
        await pipeline.stop();
        await stack.stop();
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Takes the place of a pipeline that ends. */
export interface StandIn {
  /** Whether it had to. */
  works(): boolean;
  stop(): Promise<void>;
}

interface Stoppable {
  stop(): Promise<unknown>;
}

/** Looks every now and then whether the pipeline is there, and starts one in this process when it is gone at two looks. */
export function createStandIn(options: {
  isThere(): Promise<boolean>;
  start(): Promise<Stoppable>;
  say(line: string): void;
  lookEveryMs?: number;
}): StandIn {
  const { isThere, start, say, lookEveryMs = LOOK_EVERY_MS } = options;
  const stopping = new AbortController();
  let own: Stoppable | undefined;

  async function watch(): Promise<void> {
    for (let misses = 0; misses < 2;) {
      await wait(lookEveryMs, undefined, { signal: stopping.signal });
      // A broker that does not answer says nothing of the pipeline.
      misses = (await isThere().catch(() => true)) ? 0 : misses + 1;
    }
    say('The pipeline that ran has ended: going on in this process');
    own = await start();
  }

  const watching = watch().catch((error: unknown) => {
    if (!stopping.signal.aborted)
      say(`The pipeline that ran has ended, and none can be started here: ${toAppError(error).message}`);
  });
  return {
    works: () => own !== undefined,
    async stop() {
      stopping.abort();
      await watching;
      await own?.stop();
    },
  };
}

/** Throws config_invalid when the pipeline that runs says that it does not read a source. */
export function requireReads({ sources }: Pick<Work, 'sources'>, source: string): void {
  if (sources === undefined || sources.includes(source)) return;
  throw new AppError(
    'config_invalid',
    `the pipeline that runs reads ${sources.join(', ')} only: start it again with the settings of ${source}`,
  );
}

/** The account a command is about: the one it names, else the only one there is. */
export function chooseAccount(ghl: GhlAccess, named: string | undefined): string {
  return chooseAccounts(ghl, named === undefined ? {} : { location: [named] })[0]!;
}

/** The same; config_invalid for one that is set nowhere and that no connector can read: a mistyped name would make rows of its own. */
export async function requireAccount({ ghl, platform }: Work, named: string | undefined): Promise<string> {
  const account = chooseAccount(ghl, named);
  if (ghl.accounts.some(({ locationId }) => locationId === account)) return account;
  if (await createScanStore(platform.database).isReadable('ghl', account)) return account;
  throw new AppError(
    'config_invalid',
    `no GoHighLevel location ${account} is known: check --location, or set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or add it to GHL_ACCOUNTS_FILE`,
  );
}

/** The accounts a command is about: those it names, all if it says so, else the only one there is. */
export function chooseAccounts(
  ghl: GhlAccess,
  { location = [], allLocations = false }: { location?: readonly string[]; allLocations?: boolean },
): string[] {
  if (location.length > 0 && allLocations)
    throw new AppError('config_invalid', 'say either --location or --all-locations, not both');
  if (location.length > 0) return [...new Set(location)];
  const known = ghl.accounts.map(({ locationId }) => locationId);
  if (known.length === 0)
    throw new AppError(
      'config_invalid',
      'no GoHighLevel location is set: set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN (or run `npm start` to try the simulator)',
    );
  if (known.length > 1 && !allLocations)
    throw new AppError(
      'config_invalid',
      `${known.length} locations are set: say which with --location ID (${known.join(', ')}), or --all-locations where a command takes it`,
    );
  return known;
}
