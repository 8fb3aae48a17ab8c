import { apiComponent } from '#services/api/src/component.ts';
import { classifier } from '#services/classifier/src/classifier.ts';
import { lookupZip } from '#services/classifier/src/zip-codes.ts';
import { createConnector } from '#services/connector/src/connector.ts';
import { ghlProjection } from '#services/projector/src/ghl/processor.ts';
import { startRelay, type Relay } from '#services/projector/src/relay.ts';
import { runsProjection } from '#services/projector/src/runs.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { startHost, type Component, type Host } from '#libs/runtime/src/host.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { ApiKey } from '#libs/runtime/src/keys.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import { openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { ghlRules, type GhlAccount, type Settings } from '#libs/runtime/src/settings.ts';
import { ghlSource } from '#libs/sources/ghl/source.ts';
import { createScanStore } from '#libs/storage/src/scans.ts';

/** What runs in this process. */
export interface PipelineOptions {
  settings: Settings;
  stack: { kafkaBrokers: string; schemaRegistryUrl: string; databaseUrl: string };
  ghl: { baseUrl: string; accounts: readonly GhlAccount[] };
  logger: Logger;
  /** The HTTP edge; left out where a command runs the pipeline for itself. */
  api?: { keys: readonly ApiKey[]; port: number; nextFree: boolean };
}

/** Every component in one process: what `npm start` and a command without a running pipeline use. */
export interface Pipeline {
  platform: Platform;
  host: Host;
  /** Address of the HTTP edge; empty without one. */
  url: string;
  /** Stops everything that was started here; returns the exit code. */
  stop(): Promise<number>;
}

/** Starts connector, classifier, projector and, if asked for, the HTTP edge. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { settings, stack, logger } = options;
  const platform = await openPlatform({ ...stack, databasePool: settings.DATABASE_POOL, logger, service: 'dev' });
  const edge: { host?: Host } = {};
  const api = options.api === undefined ? undefined : apiOf(options, options.api, platform, edge);
  try {
    const host = await startHost([...components(options, platform), ...(api === undefined ? [] : [api])], logger);
    edge.host = host;
    return {
      platform,
      host,
      url: api?.url() ?? '',
      async stop() {
        const code = await host.stop();
        await platform.close();
        return code;
      },
    };
  } catch (error) {
    await platform.close();
    throw error;
  }
}

function components({ settings, ghl, logger }: PipelineOptions, platform: Platform): Component[] {
  const { database, producer } = platform;
  const rulesFor = rulesByAccount(ghl.accounts, ghlRules(settings));
  let relay: Relay | undefined;
  const source = ghlSource({
    baseUrl: ghl.baseUrl,
    accounts: ghl.accounts,
    pageLimit: settings.SEARCH_PAGE_LIMIT,
    workers: settings.FETCH_BY_ID_WORKERS,
    delayMs: settings.GHL_RATE_LIMIT_DELAY * 1000,
    timeoutMs: settings.GHL_REQUEST_TIMEOUT * 1000,
    patienceMs: settings.GHL_RETRY_SECONDS * 1000,
    onRequest: (status) => instrument.sourceRequest('ghl', status),
  });
  const connector = createConnector({
    sources: [source],
    store: createScanStore(database),
    database,
    producer,
    logger,
    onOpen: instrument.scanOpen,
    onRecords: instrument.scanRecords,
  });
  return [
    {
      name: 'outbox relay',
      async start() {
        relay = startRelay({ database, producer, logger, onPending: instrument.outboxPending });
      },
      readiness: () => [],
      stop: async () => relay?.stop(),
    },
    platform.consumer(ghlProjection({ database, rulesFor, onOutbox: () => relay?.wake() })),
    platform.consumer(runsProjection(database)),
    platform.consumer(
      classifier({ producer, rulesFor, lookupZip, onObservation: (type) => instrument.observation(type, 'ghl') }),
    ),
    platform.consumer(connector.processor),
    { name: 'scans', start: async () => connector.start(), readiness: () => [], stop: () => connector.stop() },
  ];
}

/** Rules of an account; the settings' own for accounts nobody configured (any more). */
export function rulesByAccount(accounts: readonly GhlAccount[], fallback: GhlRules): (account: string) => GhlRules {
  const rules = new Map(accounts.map(({ locationId, rules: own }) => [locationId, own]));
  return (account) => rules.get(account) ?? fallback;
}

function apiOf(
  { settings, stack, ghl, logger }: PipelineOptions,
  api: NonNullable<PipelineOptions['api']>,
  platform: Platform,
  edge: { host?: Host },
) {
  return apiComponent({
    ...api,
    host: settings.HTTP_HOST,
    bodyLimit: settings.HTTP_BODY_LIMIT,
    databaseUrl: stack.databaseUrl,
    database: platform.database,
    producer: platform.producer,
    logger,
    accounts: (name) => (name === 'ghl' ? ghl.accounts.map(({ locationId }) => locationId) : undefined),
    readiness: () => edge.host?.readiness() ?? [{ part: 'host', ready: false, reason: 'starting' }],
  });
}
