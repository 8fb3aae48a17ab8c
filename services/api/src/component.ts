import type { MikroORM } from '@mikro-orm/postgresql';
import type { Server } from 'node:http';
import type { Component, Readiness } from '#libs/runtime/src/host.ts';
import { closeServer, createApp, listen } from '#libs/runtime/src/http.ts';
import type { ApiKey } from '#libs/runtime/src/keys.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { openOrm } from '#libs/storage/src/orm.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { addRoutes } from './routes.ts';

/** What the HTTP edge needs. */
export interface ApiOptions {
  host: string;
  port: number;
  nextFree: boolean;
  bodyLimit: number;
  keys: readonly ApiKey[];
  databaseUrl: string;
  database: Database;
  producer: Producer;
  logger: Logger;
  accounts(source: string): readonly string[] | undefined;
  /** Readiness of the whole process. */
  readiness(): Readiness[];
}

/** The HTTP edge as a component; `url()` tells where it listens once started. */
export function apiComponent(options: ApiOptions): Component & { url(): string } {
  let orm: MikroORM | undefined;
  let server: Server | undefined;
  let url = '';
  return {
    name: 'api',
    async start() {
      const opened = await openOrm(options.databaseUrl);
      orm = opened;
      const { keys, bodyLimit, logger, readiness, database, producer, accounts } = options;
      const app = createApp({
        keys,
        bodyLimit,
        logger,
        readiness,
        routes: (target, guard) => addRoutes(target, guard, { orm: opened, database, producer, accounts }),
      });
      const listening = await listen(app, options);
      server = listening.server;
      url = `http://${options.host === '0.0.0.0' ? '127.0.0.1' : options.host}:${listening.port}`;
    },
    url: () => url,
    readiness: () => [{ part: 'api', ready: server !== undefined }],
    async stop() {
      if (server !== undefined) await closeServer(server);
      await orm?.close(true);
    },
  };
}
