import type { Component } from '#libs/runtime/src/host.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { requireSalesforce, type SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import {
  requireGhlAccounts,
  runsSource,
  SOURCE_NAMES,
  type GhlAccount,
  type Settings,
  type SourceName,
} from '#libs/runtime/src/settings.ts';
import { ghlSource } from '#libs/sources/ghl/source.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { SCAN_CONTROL } from '#libs/storage/src/scan-control.ts';
import { createScanStore } from '#libs/storage/src/scans.ts';
import { createConnector } from './connector.ts';
import { registrationsWritten } from './registrations.ts';
import { salesforceOf } from './salesforce.ts';
import { tokenSources } from './tokens.ts';

/** The orgs and locations that a connector may read. */
export interface Access {
  ghl: { baseUrl: string; accounts: readonly GhlAccount[] };
  /** Undefined where no org is set. */
  salesforce?: SalesforceAccess | undefined;
}

/** What the connector is composed of. */
export interface ConnectorParts extends Access {
  settings: Settings;
  platform: Pick<Platform, 'database' | 'kafka' | 'producer' | 'consumer'>;
  logger: Logger;
}

/** Every scan holds a connection while it runs: these stay for the work itself. */
const CONNECTIONS_LEFT = 3;

/** Throws config_invalid where a source that SOURCES names is not set, or none is set at all. */
export function requireSource(settings: Settings, { ghl, salesforce }: Access): void {
  const isSet: Record<SourceName, boolean> = { ghl: ghl.accounts.length > 0, salesforce: salesforce !== undefined };
  const wanted = SOURCE_NAMES.filter((name) => runsSource(settings, name));
  const lacking = settings.SOURCES.length > 0 ? wanted.filter((name) => !isSet[name]) : [];
  const hints: Record<SourceName, () => unknown> = {
    ghl: () => requireGhlAccounts(settings),
    salesforce: () => requireSalesforce(settings),
  };
  for (const name of lacking) hints[name]();
  if (wanted.some((name) => isSet[name])) return;
  throw new AppError(
    'config_invalid',
    'no source is set: set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN (or GHL_ACCOUNTS_FILE), or SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET',
  );
}

/**
 * The connector as parts of a host. The scans come first: those that were interrupted go on at once, while the consumer of
 * requests waits until its group has given up a member that was killed (up to the session timeout).
 */
export function connectorComponents(parts: ConnectorParts): Component[] {
  const { settings, platform, logger } = parts;
  const { database, producer } = platform;
  const connector = createConnector({
    sources: sourcesOf(parts),
    store: createScanStore(database),
    control: SCAN_CONTROL,
    database,
    producer,
    logger,
    maxScans: Math.max(1, Math.min(settings.MAX_PARALLEL_SCANS, settings.DATABASE_POOL - CONNECTIONS_LEFT)),
    registrationsWritten: (isOver, signal) => registrationsWritten(platform, isOver, signal),
    onOpen: instrument.scanOpen,
    onRecords: instrument.scanRecords,
  });
  return [
    { name: 'scans', start: async () => connector.start(), readiness: () => [], stop: () => connector.stop() },
    platform.consumer(connector.processor),
  ];
}

/** The sources that run here. GoHighLevel stays without a location too where nothing else runs: it answers what to set. */
function sourcesOf(parts: ConnectorParts): Source[] {
  const { settings, ghl, salesforce, logger } = parts;
  const org = runsSource(settings, 'salesforce') ? salesforce : undefined;
  const runsGhl = runsSource(settings, 'ghl') && (ghl.accounts.length > 0 || org === undefined);
  return [...(runsGhl ? [ghlOf(parts)] : []), ...(org === undefined ? [] : [salesforceOf(settings, org, logger)])];
}

function ghlOf({ settings, ghl, platform: { database } }: ConnectorParts): Source {
  return ghlSource({
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
}
