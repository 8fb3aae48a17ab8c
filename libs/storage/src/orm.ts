import { MikroORM } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';
import { ENTITIES } from './entities.ts';
import { Migration20261124Foundation } from './migrations/20261124-foundation.ts';
import { databaseAddress } from './address.ts';
import { databaseError } from './pool.ts';

/** Every migration in order; a new one is added at the end and never changed after it landed. */
const MIGRATIONS = [{ name: '20261124-foundation', class: Migration20261124Foundation }];

/** Opens the ORM for reads and migrations; projections write their own SQL (engineering 1.4: the ORM costs a factor of four). */
export async function openOrm(databaseUrl: string): Promise<MikroORM> {
  const { connectionString, ssl } = databaseAddress(databaseUrl);
  return MikroORM.init({
    clientUrl: connectionString,
    // Not the schema that has the user's name, which is what a user called tributary would get.
    driverOptions: { ssl, options: '-c search_path=public' },
    entities: ENTITIES,
    extensions: [Migrator],
    discovery: { warnWhenNoEntities: false },
    pool: { min: 0, max: 4 },
    timezone: 'UTC',
    migrations: {
      tableName: 'tributary_migrations',
      migrationsList: MIGRATIONS,
      snapshot: false,
      transactional: true,
      silent: true,
    },
  });
}

/** Brings the database to the newest migration and returns the names it applied; safe to run by several processes at once. */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const orm = await openOrm(databaseUrl);
  try {
    await moveToPublic(orm);
    const applied = await orm.em.getConnection().transactional(async (transaction) => {
      await orm.em
        .getConnection()
        .execute(`select pg_advisory_xact_lock(hashtext('tributary migrations'))`, [], 'all', transaction);
      return orm.migrator.up();
    });
    return applied.map(({ name }) => name);
  } catch (error) {
    throw databaseError(error);
  } finally {
    await orm.close(true);
  }
}

/** Earlier versions let PostgreSQL choose the schema: for a user called tributary, as the embedded one is, it chose ours. */
async function moveToPublic(orm: MikroORM): Promise<void> {
  const tables = [...ENTITIES.map(({ meta }) => meta.tableName), 'tributary_migrations'];
  await orm.em.getConnection().execute(
    `do $$ declare t text; begin
       perform pg_advisory_xact_lock(hashtext('tributary migrations'));
       foreach t in array string_to_array('${tables.join(' ')}', ' ') loop
         if to_regclass('tributary.' || t) is not null then execute format('alter table tributary.%I set schema public', t); end if;
       end loop;
     end $$`,
  );
}

/** Names of migrations the database still lacks. */
export async function pendingMigrations(orm: MikroORM): Promise<string[]> {
  return (await orm.migrator.getPending()).map(({ name }) => name);
}
