import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ContactUnclassified, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { vendorObserved } from '#libs/domain/src/rules.fixture.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { UNTOLD } from '#libs/storage/src/changes.ts';
import { inTransaction } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { applyObservations } from './batch.ts';
import { wholeSight } from './sight.ts';

const ACCOUNT = 'loc';
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('truncate vendors, sightings');
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
