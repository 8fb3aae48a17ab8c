import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { LeadRow, RowLife, VendorRow } from '#libs/domain/src/rows.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { NO_WORD } from '#libs/domain/src/vendor-word.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { LEADS, VENDORS, type TableMap } from './columns.ts';
import { inTransaction, type Sql } from './pool.ts';
import { UNTOLD, type Cause, type Writing } from './changes.ts';
import { deleteRows, ensureAccount, lockKeys, readRows, writeRows, type RowWrite } from './rows.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await ensureAccount(database.pool, 'L');
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('truncate vendors, leads');
});

const life = {
  account: 'L',
  ghlContactId: null,
  status: 'active',
  previousStatus: 'on hold',
  missingSince: 1_700_000_000_123,
  reclassifiedAs: 'staff',
  reclassifiedAt: 1,
  sourceUpdatedAt: -62_000_000_000_000,
  bornAt: 1_700_000_000_001,
  bornScan: 's',
  createdAt: 0,
  updatedAt: 1_700_000_000_999,
};

const vendor = (id: string, more: Partial<VendorRow> = {}): VendorRow => ({
  ...life,
  ...NO_WORD,
  id,
  name: `Ann "O'Hara" \\ \t\n ${'é'}漢😀`,
  companyName: '',
  email: null,
  phone: '+1 (305) 555-0100',
  ghlUserId: null,
  serviceCategories: ['a', 'with, comma', 'with "quote"'],
  servicesOffered: [],
  serviceZipCodes: '33301, 33131',
  coverageType: null,
  coverageStates: ['FL'],
  coverageCounties: ['Miami-Dade, FL'],
  lastLeadAssigned: 1_700_000_000_000,
  leadClosePercentage: 12.3456,
  takingNewWork: false,
  primaryServiceCategory: null,
  ...more,
});

const lead = (id: string): LeadRow => ({
  ...life,
  id,
  ghlOpportunityId: 'o',
  customerName: 'Bo',
  customerEmail: 'bo@example.test',
  customerPhone: null,
  primaryServiceCategory: 'p',
  specificServiceRequested: 's',
  customerZipCode: '01234',
  serviceZipCode: null,
  serviceCounty: 'c',
  serviceState: 'FL',
  source: 'elementor',
});

const writing = (sql: Sql): Writing => ({ sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD });
const cause: Cause = { kind: 'observation', eventId: 'e', scanId: null, at: 1 };
const fresh = <Row>(rows: Row[]): RowWrite<Row>[] => rows.map((row) => ({ row, version: 0, before: undefined, cause }));
const again = <Row>(row: Row, version: number): RowWrite<Row>[] => [{ row, version, before: row, cause }];
const write = <Row extends RowLife>(map: TableMap<Row>, writes: RowWrite<Row>[]): Promise<void> =>
  inTransaction(database.pool, (sql) => writeRows(writing(sql), map, writes));
const all = () => readRows(database.pool, VENDORS, 'true order by t.id', []);

describe('rows', () => {
  it('every column comes back as it was written, in both tables, full and empty', async () => {
    const empty = Object.fromEntries(
      Object.entries(vendor('empty')).map(([key, value]) => [key, typeof value === 'number' ? null : value]),
    ) as unknown as VendorRow;
    const times = { bornAt: 0, createdAt: 0, updatedAt: 0 };
    const written = [{ ...empty, ...times }, vendor('full')];
    await write(VENDORS, fresh(written));
    expect(await all()).toEqual(written.map((row) => ({ row, version: 1 })));
    await write(LEADS, fresh([lead('l')]));
    expect(await readRows(database.pool, LEADS, 't.id = $1', ['l'])).toEqual([{ row: lead('l'), version: 1 }]);
  });

  it('updates what was read and counts the version up', async () => {
    await write(VENDORS, fresh([vendor('a'), vendor('b')]));
    await write(VENDORS, again(vendor('a', { name: 'New' }), 1));
    expect((await all()).map(({ row, version }) => [row.id, row.name === 'New', version])).toEqual([
      ['a', true, 2],
      ['b', false, 1],
    ]);
  });

  it.each([
    ['a row that changed since', 'a', 1],
    ['a new row whose id is taken', 'a', 0],
    ['a row from the future', 'a', 7],
  ])('refuses %s, and everything of its batch with it', async (_what, id, version) => {
    await write(VENDORS, fresh([vendor('a')]));
    await write(VENDORS, again(vendor('a', { name: 'Second' }), 1));
    const before = await all();
    await expect(
      inTransaction(database.pool, (sql) =>
        writeRows(writing(sql), VENDORS, [...fresh([vendor('z')]), ...again(vendor(id, { name: 'Third' }), version)]),
      ),
    ).rejects.toMatchObject({ code: 'write_conflict', kind: 'transient' });
    expect(await all()).toEqual(before);
  });

  it('one row twice in a batch is refused and not half written', async () => {
    await expect(
      inTransaction(database.pool, (sql) => writeRows(writing(sql), VENDORS, fresh([vendor('a'), vendor('a')]))),
    ).rejects.toMatchObject({ code: 'write_conflict' });
    expect(await all()).toEqual([]);
    await write(VENDORS, fresh([vendor('a')]));
    const twice = [...again(vendor('a', { name: 'B' }), 1), ...again(vendor('a', { name: 'C' }), 1)];
    await expect(write(VENDORS, twice)).rejects.toMatchObject({ code: 'write_conflict' });
    expect((await all()).map(({ version }) => version)).toEqual([1]);
  });

  it.each([
    ['a NUL in a text', { name: 'a\0b' }],
    ['a NUL in a list', { coverageStates: ['a\0b'] }],
    ['half a surrogate pair', { name: '\ud800' }],
    ['no account', { account: null as unknown as string }],
    ['no name', { name: null as unknown as string }],
  ])('%s is the fault of the data', async (_what, more) => {
    await expect(
      inTransaction(database.pool, (sql) => writeRows(writing(sql), VENDORS, fresh([vendor('a', more)]))),
    ).rejects.toMatchObject({ code: 'constraint_violated', kind: 'data' });
  });

  it('takes 5000 rows at once, and none at all without asking', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => vendor(`v${index}`));
    await write(VENDORS, fresh(rows));
    await write(VENDORS, []);
    expect(await all()).toHaveLength(5_000);
  });

  it('reading writes no log worth the name: what is unchanged is decided before the write', async () => {
    await write(VENDORS, fresh(Array.from({ length: 1_000 }, (_, index) => vendor(`v${index}`))));
    await database.pool.query('vacuum (analyze) vendors');
    await all();
    const before = await wal();
    await inTransaction(database.pool, async (sql) => {
      await readRows(sql, VENDORS, 't.account_id = $1', ['L']);
      await writeRows(writing(sql), VENDORS, []);
      await ensureAccount(sql, 'L');
    });
    expect((await wal()) - before).toBeLessThan(16_384);
  });

  async function wal(): Promise<number> {
    const { rows } = await database.pool.query<{ at: number }>(
      `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as at`,
    );
    return rows[0]!.at;
  }

  it('deletes the given rows only', async () => {
    await write(VENDORS, fresh([vendor('a'), vendor('b')]));
    await deleteRows(writing(database.pool), VENDORS, [], cause);
    await deleteRows(writing(database.pool), VENDORS, [{ row: vendor('a'), version: 1 }], cause);
    expect((await all()).map(({ row }) => row.id)).toEqual(['b']);
  });

  it('locks keys in one order, so that two writers of the same keys wait instead of deadlocking', async () => {
    const order: string[] = [];
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const first = inTransaction(database.pool, async (sql) => {
      await lockKeys(sql, ['x', 'y', 'x']);
      inside.resolve();
      await gate.promise;
      order.push('first');
    });
    await inside.promise;
    const second = inTransaction(database.pool, async (sql) => {
      await lockKeys(sql, ['y', 'x']);
      order.push('second');
    });
    gate.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });
});
