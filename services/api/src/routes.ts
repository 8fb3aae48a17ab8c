import type { MikroORM } from '@mikro-orm/postgresql';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { Route } from '#libs/runtime/src/route.ts';
import { deadLetterRoutes } from './dead-letter-routes.ts';
import { oauthRoutes, type Install } from './oauth-routes.ts';
import { rowRoutes } from './row-routes.ts';
import { syncControlRoutes } from './sync-control-routes.ts';
import { syncRoutes } from './sync-routes.ts';
import type { SyncWatcher } from './sync-watcher.ts';
import { v3Routes } from './v3-routes.ts';

/** What the routes work with. */
export interface RouteOptions {
  orm: MikroORM;
  platform: Pick<Platform, 'kafka' | 'database' | 'codec' | 'producer'>;
  watcher: SyncWatcher;
  /** Statuses that rows of any account show while they are missing in GHL. */
  inactiveStatuses: readonly string[];
  /** Accounts by source, as this process knows them; a request without an account takes the only one. */
  accounts(source: string): readonly string[] | undefined;
  /** Installs into locations of GoHighLevel; undefined where no app is set. */
  install: Install | undefined;
}

/** The routes of the product: requests become events, reads come from the projections. */
export function apiRoutes(options: RouteOptions): readonly Route[] {
  return [
    ...syncRoutes(options),
    ...syncControlRoutes(options),
    ...rowRoutes(options),
    ...deadLetterRoutes(options),
    ...oauthRoutes(options),
    ...v3Routes(options),
  ];
}
