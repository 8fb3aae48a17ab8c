import type { MikroORM } from '@mikro-orm/postgresql';
import type { Component } from '#libs/runtime/src/host.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { Route } from '#libs/runtime/src/route.ts';
import type { Service } from '#libs/runtime/src/service.ts';
import { openOrm } from '#libs/storage/src/orm.ts';
import type { Install } from './oauth-routes.ts';
import { apiRoutes } from './routes.ts';
import { createSyncWatcher } from './sync-watcher.ts';

/** What the API is composed of. */
export interface ApiParts {
  databaseUrl: string;
  platform: Pick<Platform, 'kafka' | 'database' | 'codec' | 'producer'>;
  /** Statuses that rows of any account show while they are missing in GHL. */
  inactiveStatuses: readonly string[];
  /** Accounts by source, as this process knows them. */
  accounts(source: string): readonly string[] | undefined;
  /** Installs into locations of GoHighLevel; undefined where no app is set. */
  install: Install | undefined;
}

/** The API: its routes, and the part that frees what they read with. */
export async function apiService(parts: ApiParts): Promise<Service & { routes: readonly Route[]; drain(): void }> {
  const { databaseUrl, ...others } = parts;
  const watcher = createSyncWatcher({ database: parts.platform.database });
  const orm: MikroORM = await openOrm(databaseUrl);
  const reads: Component = {
    name: 'reads',
    start: async () => undefined,
    readiness: () => [],
    stop: () => orm.close(true),
  };
  return { components: [reads], routes: apiRoutes({ ...others, orm, watcher }), drain: () => watcher.stop() };
}
