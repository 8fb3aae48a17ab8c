import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadImport, vendorImport } from '#libs/domain/src/import.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { UNTOLD, type Writing } from '#libs/storage/src/changes.ts';
import { readImport } from '#libs/storage/src/imports.ts';
import { inTransaction, type Sql } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { registerLead, registerVendor } from './registration.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('truncate vendors, leads, imports');
});

/** Registers the lines of a file, each in a transaction of its own; the id is part of each. */
async function imported(
  table: 'vendors' | 'leads',
  account: string,
  header: string[],
  lines: string[][],
  importId: string | null = account,
): Promise<string[]> {
  for (const [index, cells] of lines.entries()) {
    const envelope = {
      id: `${account} ${index}`,
      account,
      registeredAt: 10,
      origin: 'import',
      line: index + 2,
      importId,
    };
    const given = (fields: { id: string | null }) => ({ ...envelope, id: fields.id ?? envelope.id });
    await inTransaction(database.pool, async (sql) => {
      const writing = { sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD };
      if (table === 'vendors') {
        const { fields } = vendorImport(header).read(cells);
        return registerVendor(writing, { id: 'e', timestamp: 11, value: { ...fields, ...given(fields), account } });
      }
      const { fields } = leadImport(header).read(cells);
      return registerLead(writing, { id: 'e', timestamp: 11, value: { ...fields, ...given(fields), account } });
    });
  }
  return (await readImport(database.pool, account)).map(({ line, outcome, rowId }) => `${line} ${outcome} ${rowId}`);
}

async function rows(table: 'vendors' | 'leads'): Promise<string[]> {
  const name = table === 'vendors' ? 'name' : 'customer_name';
  const { rows: found } = await database.pool.query<{ row: string }>(
    `select concat_ws(' ', account_id, id, ${name}) as row from ${table} order by 1`,
  );
  return found.map(({ row }) => row);
}

it.each(['vendors', 'leads'] as const)(
  '%s of two locations may not have one id: the later line is left out',
  async (table) => {
    const header = ['id', table === 'vendors' ? 'name' : 'customer_name'];
    expect(
      await imported(table, 'a', header, [
        ['1', 'Ann'],
        ['2', ''],
      ]),
    ).toEqual(['2 inserted 1', '3 inserted 2']);
    expect(
      await imported(table, 'b', header, [
        ['1', 'Bob'],
        ['2', 'Cee'],
        ['3', 'Dee'],
      ]),
    ).toEqual(['2 id_elsewhere 1', '3 id_elsewhere 2', '4 inserted 3']);
    expect(await rows(table)).toEqual([expect.stringContaining('a 1'), expect.stringContaining('a 2'), 'b 3 Dee']);
  },
);

it('a line is merged by its contact id before its e-mail, and left out where another row has what it would fill', async () => {
  const header = ['id', 'email', 'ghl_contact_id', 'ghl_user_id'];
  const outcomes = await imported('vendors', 'a', header, [
    ['mail', 'x@y', '', ''],
    ['contact', 'z@y', 'c', 'u'],
    ['', 'x@y', 'c', ''],
    ['mail', '', 'c', ''],
    ['', 'x@y', '', 'u'],
    ['new', 'new@y', '', 'u'],
  ]);
  expect(outcomes).toEqual([
    '2 inserted mail',
    '3 inserted contact',
    '4 merged contact',
    '5 contact_id_taken contact',
    '6 user_id_taken contact',
    '7 user_id_taken contact',
  ]);
  expect(await rows('vendors')).toHaveLength(2);
});

it('what is left out and belongs to no import is a dead letter', async () => {
  await imported('vendors', 'a', ['id'], [['1']]);
  await expect(imported('vendors', 'b', ['id'], [['1']], null)).rejects.toMatchObject({
    code: 'constraint_violated',
    kind: 'data',
  });
});

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
