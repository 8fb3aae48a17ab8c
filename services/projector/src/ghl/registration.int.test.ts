import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadImport, vendorImport } from '#libs/domain/src/import.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { UNTOLD, type Writing } from '#libs/storage/src/changes.ts';
import { inTransaction, type Sql } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { registerLead, registerVendor } from './registration.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

const event = { account: 'loc', registeredAt: 10, origin: 'import', line: null, importId: null };
const vendor = (more: Partial<VendorRegistered>) => ({
  id: `event ${more.id}`,
  timestamp: 11,
  value: { ...vendorImport([]).read([]).fields, ...event, id: 'v', ...more },
});
const lead = {
  id: 'e',
  timestamp: 11,
  value: { ...leadImport([]).read([]).fields, ...event, id: 'l', customerEmail: 'l@example.test' },
};
const writing = (sql: Sql): Writing => ({ sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD });

it('a registration takes one lock at most, for which the server is sized', async () => {
  await inTransaction(database.pool, async (sql) => {
    for (const id of ['a', 'b'])
      await registerVendor(writing(sql), vendor({ id, ghlContactId: `c-${id}`, email: `${id}@example.test` }));
    await registerVendor(writing(sql), vendor({ id: 'c', ghlContactId: 'c-c' }));
    await registerLead(writing(sql), lead);
    const { rows } = await sql.query(`select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`);
    expect(rows).toHaveLength(2);
  });
});

it('of two that are written at once for one contact, the second is decided again and merged', async () => {
  const [first, second] = [
    vendor({ id: 'x', ghlContactId: 'c-x' }),
    vendor({ id: 'y', ghlContactId: 'c-x', phone: '2' }),
  ];
  const register = (): Promise<void> => inTransaction(database.pool, (sql) => registerVendor(writing(sql), second));
  let beside: Promise<unknown> = Promise.resolve();
  await inTransaction(database.pool, async (sql) => {
    await registerVendor(writing(sql), first);
    beside = register().catch((error: unknown) => error);
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await database.pool.query(waiting)).rowCount === 0) await new Promise(setImmediate);
  });
  expect(await beside).toMatchObject({ code: 'write_conflict' });
  await register();
  const { rows } = await database.pool.query(`select id, phone from vendors where ghl_contact_id = 'c-x'`);
  expect(rows).toEqual([{ id: 'x', phone: '2' }]);
});
