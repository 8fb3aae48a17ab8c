import { afterEach, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { ENTITIES } from './entities.ts';
import { startProxy } from '#testcontainers/proxy.ts';
import { migrate, openOrm, pendingMigrations } from './orm.ts';
import { limitsOf } from './pool.ts';
import { listLeads, listRuns, listVendors } from './reads.ts';

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

it('the tables of customers are in public, whatever the user is called', async () => {
  database = await createTestDatabase({ migrated: false });
  // Of the name of the schema that our bookkeeping is in.
  expect((await database.pool.query('select current_user as name')).rows).toEqual([{ name: 'tributary' }]);
  await migrate(database.url);
  const { rows } = await database.pool.query<{ schemaname: string; tablename: string }>(
    `select schemaname, tablename from pg_tables where tablename in ('vendors', 'leads', 'accounts', 'runs', 'checkpoints') order by 1, 2`,
  );
  expect(rows.map(({ schemaname, tablename }) => `${schemaname}.${tablename}`)).toEqual([
    'public.accounts',
    'public.leads',
    'public.runs',
    'public.vendors',
    'tributary.checkpoints',
  ]);
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

it('a read over a connection that swallows everything ends in bounded time', async () => {
  database = await createTestDatabase({ migrated: false });
  const { hostname, port } = new URL(database.url);
  const proxy = await startProxy({ host: hostname, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const orm = await openOrm(url.href, { ...limitsOf(), query_timeout: 200 });
  const read = (): Promise<unknown> => orm.em.getConnection().execute('select 1 as one');
  expect(await read()).toEqual([{ one: 1 }]);
  proxy.swallow();
  await expect(read()).rejects.toThrow('Query read timeout');
  proxy.heal();
  expect(await read()).toEqual([{ one: 1 }]);
  await orm.close();
  await proxy.stop();
}, 20_000);

it('a database that is not there is named by its setting', async () => {
  database = await createTestDatabase({ migrated: false });
  const absent = new URL(database.url);
  absent.port = '1';
  await expect(migrate(absent.href)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('DATABASE_URL'),
  });
});

it('reads of a server that is not there tell so', async () => {
  database = await createTestDatabase({ migrated: false });
  const absent = new URL(database.url);
  absent.port = '1';
  const orm = await openOrm(absent.href);
  const query = {
    accounts: undefined,
    includeMissing: true,
    inactiveStatuses: [],
    sort: 'id',
    descending: false,
    limit: 1,
    offset: 0,
  };
  const told = { code: 'database_unavailable', kind: 'transient' };
  await expect(listVendors(orm, query)).rejects.toMatchObject(told);
  await expect(listLeads(orm, query)).rejects.toMatchObject(told);
  await expect(listRuns(orm, query)).rejects.toMatchObject(told);
  await orm.close(true);
});
