import { createHash, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createPool, type Database, type PoolOptions } from '#libs/storage/src/pool.ts';
import { testStack } from './addresses.ts';

/** A database of one test file's own, so that files do not disturb each other. */
export interface TestDatabase {
  url: string;
  pool: Database;
  /** Another pool on the same database; closed with it. */
  open(options?: Partial<PoolOptions>): Database;
  drop(): Promise<void>;
}

const MIGRATIONS = resolve(import.meta.dirname, '../libs/storage/src/migrations/*.ts');

/** Creates a database beside the stack's own; migrated unless asked otherwise. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const { databaseUrl } = testStack();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = createPool({ databaseUrl, applicationName: 'test-admin', max: 1 });
  await admin.query(`create database ${name} ${migrated ? `template ${await migratedTemplate(admin)}` : ''}`);
  const url = withDatabase(databaseUrl, name);
  const pools: Database[] = [];
  const open = (options: Partial<PoolOptions> = {}): Database => {
    const pool = createPool({ databaseUrl: url, applicationName: 'test', max: 8, ...options });
    pools.push(pool);
    return pool;
  };
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

/** A database that has these migrations, made once on each stack: copying it takes neither their time nor the ORM. */
async function migratedTemplate(admin: Database): Promise<string> {
  const hash = createHash('sha256');
  for (const file of globSync(MIGRATIONS).sort()) hash.update(readFileSync(file));
  const name = `test_template_${hash.digest('hex').slice(0, 16)}`;
  // The pool has one connection, so that what is locked here is unlocked here.
  await admin.query(`select pg_advisory_lock(hashtext('test template'))`);
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      const draft = `test_draft_${randomUUID().replaceAll('-', '')}`;
      await admin.query(`create database ${draft}`);
      const { migrate } = await import('#libs/storage/src/orm.ts');
      await migrate(withDatabase(testStack().databaseUrl, draft));
      await admin.query(`alter database ${draft} rename to ${name}`);
    }
    return name;
  } finally {
    await admin.query(`select pg_advisory_unlock(hashtext('test template'))`);
  }
}

function withDatabase(databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}
