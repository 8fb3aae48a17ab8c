import type { MikroORM } from '@mikro-orm/postgresql';
import type { z } from 'zod';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { SyncWatcher } from './sync-watcher.ts';

/** What the routes work with. */
export interface RouteOptions {
  orm: MikroORM;
  database: Database;
  producer: Producer;
  watcher: SyncWatcher;
  /** Status shown while a row is missing in GHL. */
  inactiveStatus: string;
  /** Accounts by source, as this process knows them; a request without an account takes the only one. */
  accounts(source: string): readonly string[] | undefined;
}

/** The account a request is about: the one it names, else the only one there is. */
export function accountOf({ accounts }: RouteOptions, source: string, named: string | undefined): string {
  const known = accounts(source);
  if (known === undefined) throw new AppError('unknown_source', `there is no source ${source} here`);
  if (named !== undefined && !known.includes(named))
    throw new AppError(
      'unknown_source',
      `${source} has no account ${named} here: set its token first (GHL_ACCOUNTS_FILE)`,
    );
  const [only, ...others] = known;
  if (named !== undefined) return named;
  if (only !== undefined && others.length === 0) return only;
  throw new AppError('request_invalid', `say which account of ${source}: there are ${known.length}`);
}

/** A value as its schema reads it; request_invalid lists every fault. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new AppError('request_invalid', faults.join('; '));
}
