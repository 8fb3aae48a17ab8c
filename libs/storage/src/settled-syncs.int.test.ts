import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { migrate, openOrm } from './orm.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
}, 30_000);

afterAll(() => database.drop());

it('a sync that was settled without a word ends incomplete with those that joined it; one that waits goes on waiting', async () => {
  const orm = await openOrm(database.url);
  await orm.migrator.up({ to: '20261201-foreign-writes' });
  await orm.close();
  await database.pool.query(
    `insert into runs (sync_id, source, account, status, joined_to) values ('settled', 'ghl', 'L', 'needs_confirmation', null),
       ('joined', 'ghl', 'L', 'needs_confirmation', 'settled'), ('waits', 'ghl', 'L', 'needs_confirmation', null), ('done', 'ghl', 'L', 'completed', null)`,
  );
  await database.pool.query(
    `insert into tributary.scan_states (scan_id, account, state) values ('settled', 'L', 'applied'), ('waits', 'L', 'needs_confirmation'), ('done', 'L', 'applied')`,
  );
  await migrate(database.url);
  const { rows } = await database.pool.query('select sync_id, status from runs order by sync_id');
  expect(rows).toEqual([
    { sync_id: 'done', status: 'completed' },
    { sync_id: 'joined', status: 'incomplete' },
    { sync_id: 'settled', status: 'incomplete' },
    { sync_id: 'waits', status: 'needs_confirmation' },
  ]);
}, 30_000);
