import { afterEach, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { ENTITIES } from './entities.ts';
import { migrate, openOrm, pendingMigrations } from './orm.ts';

let database: TestDatabase;

afterEach(() => database.drop());

it('an empty database gets every migration, and running again changes nothing', async () => {
  database = await createTestDatabase({ migrated: false });
  const first = await migrate(database.url);
  expect(first).toContain('20261124-foundation');
  await database.pool.query(`insert into accounts (id, company_name) values ('kept', 'k')`);
  expect(await migrate(database.url)).toEqual([]);
  expect((await database.pool.query('select id from accounts')).rows).toEqual([{ id: 'kept' }]);
  const orm = await openOrm(database.url);
  expect(await pendingMigrations(orm)).toEqual([]);
  await orm.close();
});

it('the tables of customers are in the schema public, also those that an earlier version put beside ours', async () => {
  database = await createTestDatabase();
  const schemas = async (): Promise<unknown> => {
    const { rows } = await database.pool.query<{ schemaname: string }>(
      `select distinct schemaname from pg_tables where tablename in ('vendors', 'runs', 'tributary_migrations')`,
    );
    return rows;
  };
  expect(await schemas()).toEqual([{ schemaname: 'public' }]);
  await database.pool.query(`insert into accounts (id, company_name) values ('kept', 'k')`);
  for (const table of ['accounts', 'vendors', 'leads', 'runs', 'tributary_migrations'])
    await database.pool.query(`alter table ${table} set schema tributary`);
  expect(await migrate(database.url)).toEqual([]);
  expect(await schemas()).toEqual([{ schemaname: 'public' }]);
  expect((await database.pool.query('select id from accounts')).rows).toEqual([{ id: 'kept' }]);
});

it('several processes at once migrate once', async () => {
  database = await createTestDatabase({ migrated: false });
  const applied = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  expect(applied.map((names) => names.length).sort()).toEqual([0, 0, applied.flat().length]);
});

it('every entity can be read from the tables that the migrations make', async () => {
  database = await createTestDatabase();
  const orm = await openOrm(database.url);
  for (const entity of ENTITIES) expect(await orm.em.fork().find(entity as never, {})).toEqual([]);
  await orm.close();
});

it('a database that is not there is named by its setting', async () => {
  database = await createTestDatabase({ migrated: false });
  const absent = new URL(database.url);
  absent.port = '1';
  await expect(migrate(absent.href)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('DATABASE_URL'),
  });
});
