import type { MikroORM } from '@mikro-orm/postgresql';
import type { Component } from '#libs/runtime/src/host.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { Routes, Service } from '#libs/runtime/src/service.ts';
import { openOrm } from '#libs/storage/src/orm.ts';
import { addRoutes } from './routes.ts';
import { createSyncWatcher } from './sync-watcher.ts';

/** What the API is composed of. */
export interface ApiParts {
  databaseUrl: string;
  platform: Pick<Platform, 'database' | 'producer'>;
  /** Status shown while a row is missing in GHL. */
  inactiveStatus: string;
  /** Accounts by source, as this process knows them. */
  accounts(source: string): readonly string[] | undefined;
}

/** The API: its routes, and the part that frees what they read with. */
export async function apiService(parts: ApiParts): Promise<Service & { routes: Routes; drain(): void }> {
  const { databaseUrl, platform, accounts, inactiveStatus } = parts;
  const { database, producer } = platform;
  const watcher = createSyncWatcher({ database });
  const orm: MikroORM = await openOrm(databaseUrl);
  const reads: Component = {
    name: 'reads',
    start: async () => undefined,
    readiness: () => [],
    stop: () => orm.close(true),
  };
  return {
    components: [reads],
    routes: (app, guard) => addRoutes(app, guard, { orm, database, producer, watcher, accounts, inactiveStatus }),
    drain: () => watcher.stop(),
  };
}
