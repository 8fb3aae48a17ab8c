import type { Component } from '#libs/runtime/src/host.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { GhlAccount, Settings } from '#libs/runtime/src/settings.ts';
import { ghlSource } from '#libs/sources/ghl/source.ts';
import { SCAN_CONTROL } from '#libs/storage/src/scan-control.ts';
import { createScanStore } from '#libs/storage/src/scans.ts';
import { createConnector } from './connector.ts';
import { tokenSources } from './tokens.ts';

/** What the connector is composed of. */
export interface ConnectorParts {
  settings: Settings;
  ghl: { baseUrl: string; accounts: readonly GhlAccount[] };
  platform: Pick<Platform, 'database' | 'producer' | 'consumer'>;
  logger: Logger;
}

/** Every scan holds a connection while it runs: these stay for the work itself. */
const CONNECTIONS_LEFT = 3;

/**
 * The connector as parts of a host. The scans come first: those that were interrupted go on at once, while the consumer of
 * requests waits until its group has given up a member that was killed (up to the session timeout).
 */
export function connectorComponents({ settings, ghl, platform, logger }: ConnectorParts): Component[] {
  const { database, producer } = platform;
  const source = ghlSource({
    ...ghl,
    tokensOf: tokenSources({ settings, ghl, database: () => database }),
    pageLimit: settings.SEARCH_PAGE_LIMIT,
    workers: settings.FETCH_BY_ID_WORKERS,
    delayMs: settings.GHL_RATE_LIMIT_DELAY * 1000,
    listCap: settings.LIST_SCAN_CAP,
    overlapMs: settings.GHL_INCREMENTAL_OVERLAP * 1000,
    timeoutMs: settings.GHL_REQUEST_TIMEOUT * 1000,
    patienceMs: settings.GHL_RETRY_SECONDS * 1000,
    onRequest: (status) => instrument.sourceRequest('ghl', status),
  });
  const connector = createConnector({
    sources: [source],
    store: createScanStore(database),
    control: SCAN_CONTROL,
    database,
    producer,
    logger,
    maxScans: Math.max(1, Math.min(settings.MAX_PARALLEL_SCANS, settings.DATABASE_POOL - CONNECTIONS_LEFT)),
    onOpen: instrument.scanOpen,
    onRecords: instrument.scanRecords,
  });
  return [
    { name: 'scans', start: async () => connector.start(), readiness: () => [], stop: () => connector.stop() },
    platform.consumer(connector.processor),
  ];
}
