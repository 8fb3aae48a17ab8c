import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ContactUnclassified, LeadObserved, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { evidence, leadObserved, vendorObserved } from '#libs/domain/src/rules.fixture.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { UNTOLD } from '#libs/storage/src/changes.ts';
import { inTransaction } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { applyObservations } from './batch.ts';
import type { Observations } from './scope.ts';
import { wholeSight } from './sight.ts';

const ACCOUNT = 'loc';
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('truncate vendors, leads, sightings');
});

const vendor = (more: Partial<VendorObserved> = {}): VendorObserved => vendorObserved({ account: ACCOUNT, ...more });

function staff(more: Partial<ContactUnclassified> = {}): ContactUnclassified {
  const { account, scanId, scanNumber, dryRun, contactId, mode, observedAt, dateUpdated, email, knownAs } = vendor();
  const seen = { account, scanId, scanNumber, dryRun, contactId, mode, observedAt, dateUpdated, email };
  return { ...seen, knownAs: { ...knownAs, vendorById: true }, reason: 'staff', ...more };
}

async function apply(vendors: VendorObserved[], unclassified: ContactUnclassified[]): Promise<void> {
  await inTransaction(database.pool, (sql) =>
    applyObservations(
      { sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD },
      {
        account: ACCOUNT,
        scanId: 's1',
        vendors: vendors.map(wholeSight),
        unclassified,
        leads: [],
        gone: [],
        failed: [],
      },
    ),
  );
}

async function rows(): Promise<object[]> {
  const { rows: found } = await database.pool.query<object>('select name, reclassified_as, row_version from vendors');
  return found;
}

/** A connector that dies between publishing a page and saving its position publishes the page again. */
it('a record that comes twice in one batch is applied once', async () => {
  await apply([vendor(), vendor()], []);
  await apply([], [staff(), staff()]);
  expect(await rows()).toMatchObject([{ reclassified_as: 'staff', row_version: 2 }]);
});

it.each<[string, Partial<VendorObserved>, Partial<ContactUnclassified>, string | null]>([
  ['a newer word that it is staff', { dateUpdated: 20 }, { dateUpdated: 30 }, 'staff'],
  ['a newer word that it is a vendor', { dateUpdated: 30 }, { dateUpdated: 20 }, null],
  ['of one version, that it is staff as read last', { observedAt: 20 }, { observedAt: 30 }, 'staff'],
  ['of one version, that it is a vendor as read last', { observedAt: 30 }, { observedAt: 20 }, null],
])('of two words on a contact in one batch, %s stands', async (_, asVendor, asStaff, reclassified) => {
  await apply([vendor({ dateUpdated: 10, observedAt: 10 })], []);
  await apply([vendor({ dateUpdated: 20, name: 'Changed', ...asVendor })], [staff({ dateUpdated: 20, ...asStaff })]);
  expect(await rows()).toMatchObject([{ reclassified_as: reclassified }]);
});

/**
 * The first load of an account: the connection has planned its statements on an empty table, and nobody has analyzed it since. Once
 * there are some rows, what a batch reads must not grow with them.
 */
it.each<['vendors' | 'leads', Batch]>([
  ['vendors', (ids) => ({ vendors: ids.map((contactId) => vendor({ ...newcomer(contactId), ghlUserId: contactId })) })],
  ['leads', (ids) => ({ leads: ids.map((contactId) => leadObserved({ ...newcomer(contactId), discovered: true })) })],
])('the first load of %s does not read for each batch what the batches before it wrote', async (table, batch) => {
  const sql = await database.pool.connect();
  await sql.query(`alter table ${table} set (autovacuum_enabled = false)`);
  const read: number[] = [];
  for (let number = 0; number < 50; number += 1) {
    // Of few values it is never right to read a table of two thousand rows whole.
    const ids = Array.from({ length: number < 40 ? 50 : 5 }, (_, index) => `c${number}-${index}`);
    await sql.query('begin');
    await applyObservations(
      { sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD },
      {
        account: ACCOUNT,
        scanId: 's1',
        vendors: [],
        unclassified: [],
        leads: [],
        gone: [],
        failed: [],
        ...seenAs(batch(ids)),
      },
    );
    const { rows: counted } = await sql.query<{ read: number }>(
      // Flushed, the counters begin anew with the next transaction.
      'select pg_stat_force_next_flush(), seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables where relname = $1',
      [table],
    );
    read.push(counted[0]!.read);
    await sql.query('commit');
  }
  sql.release();
  const { rows: written } = await database.pool.query(`select from ${table}`);
  expect(written).toHaveLength(2_050);
  expect(read.at(-1)).toBeLessThan(100);
});

type Batch = (contactIds: string[]) => { vendors?: VendorObserved[]; leads?: LeadObserved[] };

const newcomer = (contactId: string) => ({
  account: ACCOUNT,
  contactId,
  email: `${contactId}@example.test`,
  knownAs: evidence(),
});

function seenAs({ vendors = [], ...rest }: ReturnType<Batch>): Partial<Observations> {
  return { ...rest, vendors: vendors.map(wholeSight) };
}
