import { afterAll, describe, expect, it } from '@jest/globals';
import { testStack } from '#testcontainers/pipeline.ts';
import { createPool, inTransaction, type Sql } from './pool.ts';

const database = createPool({ databaseUrl: testStack().databaseUrl, applicationName: 'pool-test', max: 2 });

afterAll(async () => {
  await database.end();
});

async function pidOf(sql: Sql): Promise<number> {
  return (await sql.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
}

describe('a connection that PostgreSQL ends', () => {
  it('in the middle of a transaction fails that transaction only, and the process lives', async () => {
    const outcome = inTransaction(database, async (sql) => {
      const pid = await pidOf(sql);
      const { rows } = await database.query<{ ended: boolean }>('select pg_terminate_backend($1, 5000) as ended', [
        pid,
      ]);
      expect(rows).toEqual([{ ended: true }]);
      await sql.query('select 1');
    });
    await expect(outcome).rejects.toMatchObject({ code: 'database_unavailable', kind: 'transient' });
    expect(await inTransaction(database, pidOf)).toBeGreaterThan(0);
  });
});
