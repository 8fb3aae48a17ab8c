import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { stackAccess, type StackAccess } from './access.ts';
import { AppError, toAppError } from './errors.ts';
import { onStopSignal, startHost, type Component, type Readiness } from './host.ts';
import { closeServer, createApp, listen } from './http.ts';
import { readKeys, type ApiKey } from './keys.ts';
import { createLogger, type Logger } from './logger.ts';
import { openPlatform, type Platform } from './platform.ts';
import type { Route } from './route.ts';
import { readSettings, type Settings } from './settings.ts';

/** The HTTP side of a process: health and metrics, and whatever routes it adds. */
export interface EdgeOptions {
  settings: Settings;
  keys: readonly ApiKey[];
  /** Port to listen on; with `nextFree` the next one when it is taken. */
  port: number;
  nextFree: boolean;
  logger: Logger;
  /** Whether /metrics answers without a key. */
  metricsPublic: boolean;
  /** Readiness of the whole process. */
  readiness(): Promise<Readiness[]>;
  routes?: readonly Route[];
  /** Ends answers that would not end by themselves, before the server closes. */
  drain?(): void;
}

/** /healthz, /readyz, /metrics and the routes of a process as a component; `url()` tells where it listens once started. */
export function httpEdge(options: EdgeOptions): Component & { url(): string } {
  const { settings, keys, port, nextFree, metricsPublic, logger, readiness, routes = [], drain } = options;
  let server: Server | undefined;
  let url = '';
  return {
    name: 'http',
    async start() {
      const app = createApp({
        keys,
        bodyLimit: settings.HTTP_BODY_LIMIT,
        rates: { perAddress: settings.HTTP_RATE_PER_ADDRESS, perKey: settings.HTTP_RATE_PER_KEY },
        trustedProxies: settings.HTTP_TRUSTED_PROXIES,
        metricsPublic,
        logger,
        readiness,
        routes,
      });
      const host = settings.HTTP_HOST;
      const listening = await listen(app, { host, port, nextFree });
      server = listening.server;
      url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${listening.port}`;
    },
    url: () => url,
    readiness: () => [{ part: 'http', ready: server !== undefined }],
    async stop() {
      drain?.();
      if (server !== undefined) await closeServer(server);
    },
  };
}

/** What a service is composed from. */
export interface ServiceContext {
  settings: Settings;
  stack: StackAccess;
  platform: Platform;
  logger: Logger;
}

/** A service: its parts, and the routes it adds to health and metrics. */
export interface Service {
  components: Component[];
  routes?: readonly Route[];
  /** Ends answers of these routes that would not end by themselves. */
  drain?(): void;
}

/** How long the shared connections may take to close, and how long the process lives on after that. */
const CLOSE_WITHIN_MS = 12_000;
const LINGER_MS = 2_000;

/**
 * Runs one service as a process until it is told to stop or a part dies: settings, connections, its parts, and an HTTP edge
 * with health and metrics. Returns the exit code: 0 after a stop signal, 2 for wrong settings, else 1. The process ends then, even
 * when something still holds it: at most 30 s after the signal.
 */
export async function runService(
  name: string,
  env: NodeJS.ProcessEnv,
  compose: (context: ServiceContext) => Service | Promise<Service>,
): Promise<number> {
  const logger = createLogger({ name, level: 'info' });
  const code = await serve(name, env, compose).catch((error: unknown) => {
    const failure = toAppError(error);
    logger.fatal({ err: error }, failure.message);
    return failure.kind === 'config' ? 2 : 1;
  });
  setTimeout(() => {
    logger.warn({ held: process.getActiveResourcesInfo() }, 'something still holds the process: it ends all the same');
    process.exit(code);
  }, LINGER_MS).unref();
  return code;
}

async function serve(
  name: string,
  env: NodeJS.ProcessEnv,
  compose: (context: ServiceContext) => Service | Promise<Service>,
): Promise<number> {
  const settings = readSettings(env);
  const logger = createLogger({ name, level: settings.LOG_LEVEL });
  const stack = stackAccess(settings);
  if ('missing' in stack) throw new AppError('config_invalid', `set ${stack.missing.join(' and ')}`);
  const platform = await openPlatform({
    stack,
    databasePool: settings.DATABASE_POOL,
    sessionMs: settings.KAFKA_SESSION_TIMEOUT * 1000,
    logger,
    service: name,
  });
  try {
    const { components, routes, drain } = await compose({ settings, stack, platform, logger });
    const running: { readiness?: () => Readiness[] } = {};
    const edge = httpEdge({
      settings,
      keys: settings.API_KEYS_FILE === undefined ? [] : readKeys(settings.API_KEYS_FILE),
      port: settings.HTTP_PORT,
      nextFree: false,
      metricsPublic: settings.METRICS_PUBLIC === 'true',
      logger,
      readiness: async () => [
        ...(running.readiness?.() ?? [{ part: name, ready: false, reason: 'starting' }]),
        ...(await platform.readiness()),
      ],
      ...(routes === undefined ? {} : { routes }),
      ...(drain === undefined ? {} : { drain }),
    });
    const host = await startHost([edge, ...components], logger);
    running.readiness = host.readiness;
    const restore = onStopSignal(() => void host.stop());
    const code = await host.done;
    restore();
    return code;
  } finally {
    await Promise.race([platform.close(), wait(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }
}
