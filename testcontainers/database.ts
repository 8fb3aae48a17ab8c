import { randomUUID } from 'node:crypto';
import { migrate } from '#libs/storage/src/orm.ts';
import { createPool, type Database, type PoolOptions } from '#libs/storage/src/pool.ts';
import { testStack } from './pipeline.ts';

/** A database of one test file's own, so that files do not disturb each other. */
export interface TestDatabase {
  url: string;
  pool: Database;
  /** Another pool on the same database; closed with it. */
  open(options?: Partial<PoolOptions>): Database;
  drop(): Promise<void>;
}

/** Creates a database beside the stack's own; migrated unless asked otherwise. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const { databaseUrl } = testStack();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = createPool({ databaseUrl, applicationName: 'test-admin', max: 1 });
  await admin.query(`create database ${name}`);
  const url = withDatabase(databaseUrl, name);
  const pools: Database[] = [];
  const open = (options: Partial<PoolOptions> = {}): Database => {
    const pool = createPool({ databaseUrl: url, applicationName: 'test', max: 8, ...options });
    pools.push(pool);
    return pool;
  };
  if (migrated) await migrate(url);
  return {
    url,
    pool: open(),
    open,
    async drop() {
      await Promise.all(pools.map((pool) => pool.end()));
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

function withDatabase(databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}
