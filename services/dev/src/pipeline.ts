import { apiService } from '#services/api/src/component.ts';
import { ghlInstall } from '#services/api/src/oauth-routes.ts';
import { classifierComponents } from '#services/classifier/src/component.ts';
import { connectorComponents } from '#services/connector/src/component.ts';
import { projectorComponents } from '#services/projector/src/component.ts';
import type { StackAccess } from '#libs/runtime/src/access.ts';
import { startHost, together, type Component, type Host } from '#libs/runtime/src/host.ts';
import type { ApiKey } from '#libs/runtime/src/keys.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { httpEdge } from '#libs/runtime/src/service.ts';
import {
  accountsOf,
  ghlRulesByAccount,
  inactiveStatuses,
  type GhlAccount,
  type Settings,
} from '#libs/runtime/src/settings.ts';

/** What runs in this process. */
export interface PipelineOptions {
  settings: Settings;
  stack: StackAccess;
  ghl: { baseUrl: string; accounts: readonly GhlAccount[] };
  /** The Salesforce org; left out where none is set. */
  salesforce?: SalesforceAccess | undefined;
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

/** Starts projector, classifier, connector and, if asked for, the HTTP edge. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { settings, stack, ghl, salesforce, logger } = options;
  const platform = await openPlatform({
    stack,
    databasePool: settings.DATABASE_POOL,
    sessionMs: settings.KAFKA_SESSION_TIMEOUT * 1000,
    logger,
    service: 'dev',
  });
  const rulesFor = ghlRulesByAccount(settings, ghl.accounts);
  const running: { host?: Host } = {};
  try {
    const api = options.api === undefined ? undefined : await openApi(options, options.api, platform, running);
    const host = await startHost(
      [
        together('services', [
          ...projectorComponents(platform, rulesFor, logger),
          ...classifierComponents(platform, rulesFor),
          ...connectorComponents({ settings, ghl, salesforce, platform, logger }),
        ]),
        ...(api?.components ?? []),
      ],
      logger,
    );
    running.host = host;
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

async function openApi(
  { settings, stack, ghl, salesforce, logger }: PipelineOptions,
  api: NonNullable<PipelineOptions['api']>,
  platform: Platform,
  running: { host?: Host },
): Promise<{ components: Component[]; url(): string }> {
  const { databaseUrl } = stack;
  const service = await apiService({
    databaseUrl,
    platform,
    install: ghlInstall(settings, ghl.baseUrl, platform.database),
    inactiveStatuses: inactiveStatuses(settings, ghl.accounts),
    accounts: accountsOf(ghl.accounts, salesforce),
  });
  const edge = httpEdge({
    ...api,
    settings,
    metricsPublic: settings.METRICS_PUBLIC !== 'false',
    logger,
    readiness: async () => [
      ...(running.host?.readiness() ?? [{ part: 'host', ready: false, reason: 'starting' }]),
      ...(await platform.readiness()),
    ],
    routes: service.routes,
    drain: service.drain,
  });
  return { components: [...service.components, edge], url: edge.url };
}
