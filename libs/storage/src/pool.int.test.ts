import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { startProxy } from '#testcontainers/proxy.ts';
import { timestampText } from './copy.ts';
import { databaseError, inTransaction, type Database, type Sql } from './pool.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  await database.pool.query('create table t (id integer primary key, n integer check (n < 100))');
  await database.pool.query('create table long (text text primary key)');
}, 30_000);

afterAll(() => database.drop());

async function pidOf(sql: Sql): Promise<number> {
  return (await sql.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
}

const kill = (pid: number): Promise<unknown> => database.pool.query('select pg_terminate_backend($1, 5000)', [pid]);

describe('a transaction', () => {
  it('is all or nothing', async () => {
    await expect(
      inTransaction(database.pool, async (sql) => {
        await sql.query('insert into t values (1, 1)');
        throw new TypeError('a defect of ours');
      }),
    ).rejects.toMatchObject({ code: 'internal', message: 'unexpected TypeError' });
    await inTransaction(database.pool, (sql) => sql.query('insert into t values (2, 2)'));
    expect((await database.pool.query('select id from t')).rows).toEqual([{ id: 2 }]);
  });

  it.each(['while it waits for us', 'in the middle of a statement'])(
    'whose connection dies %s is transient, and the process lives on',
    async (when) => {
      const failed = inTransaction(database.pool, async (sql) => {
        const pid = await pidOf(sql);
        if (when === 'while it waits for us') {
          await kill(pid);
          // One turn of the event loop, in which the end of the connection arrives.
          await new Promise((resolve) => setTimeout(resolve, 20));
          await sql.query('select 1');
        } else await Promise.all([sql.query('select pg_sleep(5)'), kill(pid)]);
      });
      await expect(failed).rejects.toMatchObject({ code: 'database_unavailable', kind: 'transient' });
      expect((await database.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    },
  );

  it('over a connection that swallows everything ends in bounded time', async () => {
    const { hostname, port } = new URL(database.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    const databaseUrl = new URL(database.url);
    databaseUrl.port = String(proxy.port);
    const pool = database.open({ databaseUrl: databaseUrl.href, statementTimeoutMs: 200 });
    const failed = inTransaction(pool, async (sql) => {
      await sql.query('select 1');
      proxy.swallow();
      await sql.query('insert into t values (3, 3)');
    });
    await expect(failed).rejects.toMatchObject({ code: 'database_unavailable' });
    proxy.heal();
    expect((await pool.query('select count(*) as n from t where id = 3')).rows).toEqual([{ n: 0 }]);
    await proxy.stop();
  }, 20_000);
});

it('a session is given up by the server soon after its host is lost', async () => {
  const { rows } = await database.pool.query(
    `select name, setting from pg_settings where name like 'tcp_keepalives%' order by name`,
  );
  expect(rows).toEqual([
    { name: 'tcp_keepalives_count', setting: '3' },
    { name: 'tcp_keepalives_idle', setting: '30' },
    { name: 'tcp_keepalives_interval', setting: '10' },
  ]);
});

describe('what PostgreSQL says', () => {
  const failing = (text: string, pool: Database = database.pool): Promise<unknown> =>
    inTransaction(pool, (sql) => sql.query(text)).catch((error: unknown) => error);

  it.each([
    ['insert into t values (9, 1000)', 'constraint_violated', 'data', /23514 on t_n_check/],
    ["select 'x'::integer", 'constraint_violated', 'data', /22P02/],
    ['select 1/0', 'constraint_violated', 'data', /22012/],
    [
      `insert into long select string_agg(md5(i::text), '') from generate_series(1, 300) i`,
      'constraint_violated',
      'data',
      /54000/,
    ],
    ['insert into t values (2, 2)', 'write_conflict', 'transient', /23505 on t_pkey/],
    ['select * from nowhere', 'database_outdated', 'config', /42P01.*deploy/],
    ['select m from t', 'database_outdated', 'config', /42703/],
    ["select nothing('x')", 'database_outdated', 'config', /42883/],
    ['select * from nowhere.t', 'database_outdated', 'config', /42P01/],
    ['do $$ begin raise insufficient_privilege; end $$', 'database_outdated', 'config', /42501/],
    ['select from where', 'internal', 'transient', /42601/],
  ])('%s is %s', async (text, code, kind, message) => {
    const said = { code, kind, message: expect.stringMatching(message) };
    expect(await failing(text)).toMatchObject(said);
    // Outside of a transaction it is told in the same way.
    await expect(database.pool.query(text)).rejects.toMatchObject(said);
  });

  it('a lock that somebody holds, and a statement that is cancelled, are never the fault of the data', async () => {
    const impatient = database.open({ lockTimeoutMs: 50, statementTimeoutMs: 100 });
    await inTransaction(database.pool, async (sql) => {
      await sql.query('lock table t');
      expect(await failing('insert into t values (7, 7)', impatient)).toMatchObject({ code: 'database_unavailable' });
    });
    expect(await failing('select pg_sleep(5)', impatient)).toMatchObject({ code: 'database_unavailable' });
  });

  it('a server that is not there is told by a plain query as well', async () => {
    const pool = database.open({ databaseUrl: 'postgresql://nobody@127.0.0.1:9/nothing' });
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'database_unavailable', kind: 'transient' });
  });

  it.each(['25006', '53300', '57P01', '57P03', '58030', '08006', 'ECONNREFUSED'])(
    '%s is an outage, not a defect of ours',
    (code) => {
      const error = databaseError(Object.assign(new Error('x'), { code }));
      expect(error).toMatchObject({ code: 'database_unavailable', message: expect.stringContaining(code) });
    },
  );

  it.each(['28P01', '28000', '3D000', 'SELF_SIGNED_CERT_IN_CHAIN'])('%s is a matter of the settings', (code) => {
    const error = databaseError(Object.assign(new Error('x'), { code }));
    expect(error).toMatchObject({ code: 'access_refused', kind: 'config', message: expect.stringContaining(code) });
  });

  it('times are milliseconds, also the years that Date.parse does not like; numbers are numbers', async () => {
    const { rows } = await database.pool.query(
      `select timestamptz '2026-01-02 03:04:05.678+02' as time, timestamptz '0099-12-31 23:00:00Z' as old,
         1.50::numeric as numeric, 9007199254740991::bigint as bigint, null::timestamptz as none`,
    );
    expect(rows).toEqual([
      {
        time: Date.UTC(2026, 0, 2, 1, 4, 5, 678),
        old: Date.parse('0099-12-31T23:00:00Z'),
        numeric: 1.5,
        bigint: 9007199254740991,
        none: null,
      },
    ]);
  });

  it.each([
    '10000-01-01 04:59:59.5',
    '55840-11-15 05:46:40',
    '0001-12-31 23:00:00 BC',
    '0044-03-15 12:00:00 BC',
    'infinity',
    '-infinity',
  ])('the time %s, which another program may write, is read and written as it is', async (text) => {
    const { rows } = await database.pool.query<{ time: number }>('select $1::timestamptz as time', [text]);
    const { rows: again } = await database.pool.query('select $1::timestamptz = $2::timestamptz as same', [
      text,
      timestampText(rows[0]!.time),
    ]);
    expect(again).toEqual([{ same: true }]);
  });

  it('a time later than Date knows is read as infinite', async () => {
    const { rows } = await database.pool.query(`select timestamptz '294276-01-01' as time`);
    expect(rows).toEqual([{ time: Infinity }]);
  });
});
