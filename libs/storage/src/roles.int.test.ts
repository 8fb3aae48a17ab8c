import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { createLogin, type Login } from '#testcontainers/logins.ts';
import { migrate } from './orm.ts';
import type { Database } from './pool.ts';
import { DATABASE_ROLES, grantRoles, PUBLIC_TABLES } from './roles.ts';

let database: TestDatabase;
const logins = new Map<string, Login>();
const pools = new Map<string, Database>();

beforeAll(async () => {
  database = await createTestDatabase();
  expect(await grantRoles(database.url)).toEqual([]);
  for (const { name } of DATABASE_ROLES)
    logins.set(name, await createLogin(database.pool, database.url, { roles: [name] }));
  // As a deploy after the logins were made: it gives them the limits.
  expect(await grantRoles(database.url)).toEqual([]);
  for (const [name, { url }] of logins) pools.set(name, database.open({ databaseUrl: url, max: 1 }));
}, 60_000);

afterAll(async () => {
  await Promise.all([...logins.values()].map((login) => login.drop()));
  await database.drop();
});

const as = (role: string, text: string): Promise<unknown> => pools.get(`tributary_${role}`)!.query(text);
const REFUSED = { message: expect.stringContaining('42501') };

describe('what a role may', () => {
  it.each([
    ['reader', 'select * from vendors, leads, accounts, runs, lifecycle'],
    ['api', 'select * from vendors, leads, accounts, runs, lifecycle'],
    [
      'api',
      `insert into runs (sync_id, source, account, status) values ('r', 'ghl', 'L', 'queued') on conflict (sync_id) do update set status = 'queued'`,
    ],
    ['api', 'insert into tributary.oauth_tokens select null where false'],
    ['api', 'select * from tributary.change_sets, tributary.changes'],
    ['api', `update tributary.dead_letters set state = 'discarded'`],
    ['classifier', `insert into tributary.checkpoints (processor, topic, partition) values ('c', 't', 0)`],
    ['connector', 'select id, account_id, ghl_contact_id, email from vendors'],
    ['connector', 'select id, account_id, ghl_contact_id, customer_email, ghl_opportunity_id from leads'],
    ['connector', 'delete from tributary.scan_rows'],
    ['connector', 'select * from tributary.oauth_tokens for update'],
    ['projector', `insert into accounts (id, company_name) values ('L', 'l')`],
    ['projector', 'delete from vendors'],
    ['projector', 'delete from lifecycle'],
    ['projector', 'delete from tributary.dead_letters'],
    ['projector', 'delete from tributary.outbox'],
    ['projector', 'create temporary table seen (value text)'],
    ['migrator', 'alter table vendors add column later text'],
    ['migrator', 'create table tributary.later (id text)'],
    ['migrator', 'create index on leads (status)'],
  ])('%s: %s', async (role, text) => {
    await as(role, text);
  });
});

describe('what a role may not', () => {
  it.each([
    ['reader', `update vendors set name = ''`],
    ['reader', 'select * from tributary.checkpoints'],
    ['reader', 'select * from tributary.oauth_tokens'],
    ['reader', 'select * from tributary.dead_letters'],
    ['reader', 'select * from tributary_migrations'],
    ['api', 'delete from vendors'],
    ['api', `update leads set status = ''`],
    ['api', 'delete from runs'],
    ['api', `update lifecycle set cause = ''`],
    ['api', 'delete from tributary.dead_letters'],
    ['api', 'select * from tributary.outbox'],
    ['classifier', 'select * from vendors'],
    ['classifier', 'delete from tributary.checkpoints'],
    ['connector', 'select name from vendors'],
    ['connector', 'select customer_phone from leads'],
    ['connector', `update vendors set email = ''`],
    ['connector', 'select * from tributary.outbox'],
    ['projector', 'select * from tributary.oauth_tokens'],
    ['projector', 'create table tributary.mine (id text)'],
    ['projector', 'create table mine (id text)'],
    ['projector', 'alter table vendors add column mine text'],
    ['projector', 'drop table leads'],
    ['projector', 'truncate vendors'],
    ['migrator', 'create role tributary_more'],
  ])('%s: %s', async (role, text) => {
    await expect(as(role, text)).rejects.toMatchObject(REFUSED);
  });
});

it('tables that come later are covered: by the default privileges, and by the next deploy', async () => {
  await database.pool.query('create table tributary.bookkeeping (id text)');
  await as('projector', 'select * from tributary.bookkeeping');
  await expect(as('api', 'select * from tributary.bookkeeping')).rejects.toMatchObject(REFUSED);
  await database.pool.query('create table somebody_elses (id text)');
  await grantRoles(database.url);
  await as('migrator', 'alter table tributary.bookkeeping add column more text');
  await expect(as('reader', 'select * from somebody_elses')).rejects.toMatchObject(REFUSED);
});

it('a deploy does not wait for services that are at work', async () => {
  const service = await database.pool.connect();
  try {
    await service.query('begin');
    for (const { schemaname, tablename } of await ourTables())
      await service.query(`select from ${schemaname}.${tablename} limit 1`);
    await service.query('lock table vendors in row exclusive mode');
    expect(await grantRoles(database.url)).toEqual([]);
  } finally {
    await service.query('rollback');
    service.release();
  }
});

async function ourTables(): Promise<{ schemaname: string; tablename: string }[]> {
  const { rows } = await database.pool.query<{ schemaname: string; tablename: string }>(
    `select schemaname, tablename from pg_tables where schemaname = 'tributary' or schemaname = 'public' and tablename = any($1)`,
    [PUBLIC_TABLES],
  );
  return rows;
}

it('every table that a migration puts beside those of others is named here', async () => {
  const fresh = await createTestDatabase();
  const { rows } = await fresh.pool.query<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public' and tablename <> 'tributary_migrations' order by 1`,
  );
  await fresh.drop();
  expect(rows.map(({ tablename }) => tablename)).toEqual(PUBLIC_TABLES);
});

it.each(DATABASE_ROLES.map(({ name, limits }) => [name, limits] as const))(
  '%s has its limits',
  async (name, limits) => {
    // Our own pools set theirs, so a connection of somebody else is looked at.
    const { rows } = await database.pool.query<{ config: string[] }>(
      `select setconfig as config from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
     where d.datname = current_database() and setrole = $1::regrole`,
      [logins.get(name)!.name],
    );
    expect(rows[0]!.config.sort()).toEqual(
      Object.entries(limits)
        .map(([limit, value]) => `${limit}=${value}`)
        .sort(),
    );
  },
);

describe('a user who is no superuser', () => {
  let own: TestDatabase;
  const made: Login[] = [];
  const login = async (roles: string[], attributes = ''): Promise<Login> => {
    const one = await createLogin(own.pool, own.url, { roles, attributes });
    made.unshift(one);
    return one;
  };

  beforeAll(async () => {
    own = await createTestDatabase({ migrated: false });
  });
  afterAll(async () => {
    await own.pool.query(`alter database ${new URL(own.url).pathname.slice(1)} owner to current_user`);
    for (const one of made) await one.drop();
    await own.drop();
  });

  it.each(['nocreaterole', 'createrole'])(
    'but %s: what an administrator has to run is said; once that is done, the deploy does the rest',
    async (attributes) => {
      const owner = await login([], attributes);
      await own.pool.query(`alter database ${new URL(own.url).pathname.slice(1)} owner to ${owner.name}`);
      await own.pool.query('drop schema if exists tributary cascade');
      for (const table of [...PUBLIC_TABLES, 'tributary_migrations'])
        await own.pool.query(`drop table if exists ${table}`);
      await migrate(owner.url);
      const advice = await grantRoles(owner.url);
      expect(advice).toEqual([`grant tributary_migrator to ${owner.name}`]);
      for (const statement of advice) await own.pool.query(statement);
      await grantRoles(owner.url);
      const reader = await login(['tributary_reader']);
      await own.open({ databaseUrl: reader.url, max: 1 }).query('select * from vendors');
      expect(await grantRoles(owner.url)).toContainEqual(
        expect.stringMatching(`^alter role ${reader.name} in database .* set statement_timeout = '30s'$`),
      );
    },
  );

  it('and finds tables that belong to somebody else: they are named', async () => {
    const migrator = await login(['tributary_migrator']);
    await own.pool.query('alter table leads owner to current_user');
    expect(await grantRoles(migrator.url)).toEqual(['alter table leads owner to tributary_migrator']);
  });
});

it('several databases of one server, and several deploys of one, may run it at the same time', async () => {
  const others = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const urls = [database, ...others, ...others].map(({ url }) => url);
  expect(await Promise.all(urls.map((url) => grantRoles(url)))).toEqual(urls.map(() => []));
  await Promise.all(others.map((other) => other.drop()));
}, 30_000);
