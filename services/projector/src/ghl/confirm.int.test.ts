import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ScanApplied, ScanMarker, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { evidence, vendorObserved } from '#libs/domain/src/rules.fixture.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { UNTOLD, type Writing } from '#libs/storage/src/changes.ts';
import { inTransaction } from '#libs/storage/src/pool.ts';
import { closePartition, saveProgress } from '#libs/storage/src/scan-states.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { applyScan } from './apply-scan.ts';
import { applyObservations } from './batch.ts';
import { confirmScan } from './confirm.ts';
import { wholeSight } from './sight.ts';

const ACCOUNT = 'loc';
const SCAN = 's1';
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

const writing = <T>(work: (writing: Writing) => Promise<T>): Promise<T> =>
  inTransaction(database.pool, (sql) => work({ sql, rules: DEFAULT_GHL_RULES, changes: UNTOLD }));

/** A contact is seen, in the scan or outside any. */
async function see(more: Partial<VendorObserved>, scanId: string | null = SCAN): Promise<void> {
  const seen = vendorObserved({
    account: ACCOUNT,
    scanId,
    email: `${more.contactId}@example.test`,
    knownAs: evidence(),
    ...more,
  });
  const rest = { leads: [], unclassified: [], gone: [], failed: [] };
  await writing((one) => applyObservations(one, { account: ACCOUNT, scanId, vendors: [wholeSight(seen)], ...rest }));
}

async function rows(): Promise<object[]> {
  const text =
    'select ghl_contact_id as contact, ghl_user_id as "user", status, updated_at as at from vendors order by 1';
  return (await database.pool.query<object>(text)).rows;
}

async function applied(): Promise<ScanApplied> {
  const text = 'select content from tributary.outbox order by id desc limit 1';
  const { rows: told } = await database.pool.query<{ content: string }>(text);
  return (JSON.parse(told[0]!.content) as [{ value: ScanApplied }])[0].value;
}

/** The end of the scan, of which one record went to the dead-letter topic. */
async function end(): Promise<void> {
  const partition = { scanId: SCAN, account: ACCOUNT, partition: 0 };
  await saveProgress(database.pool, { ...partition, numbers: [1], deadLettered: 1 });
  const marker = {
    ...partition,
    partitions: 1,
    lastNumber: 1,
    source: 'ghl',
    mode: 'full',
    dryRun: false,
    answersFor: 'all',
  };
  const counts = { contactsRead: 3, lookupsUnknown: 0, vendorsChecked: 1, leadsChecked: 0, failureCode: null };
  await writing(async (one) => {
    const closing = { ...marker, ...counts, startedAt: 50, completedAt: 500 } as unknown as ScanMarker;
    await applyScan(one, (await closePartition(one.sql, closing))!, 'marker');
  });
}

it('a confirmation marks what was held back and settles nothing again that went on since', async () => {
  await see({ contactId: 'gone', observedAt: 10 }, null);
  await see({ contactId: 'c1', ghlUserId: 'u', dateUpdated: 60 });
  await see({ contactId: 'c2', ghlUserId: 'u', dateUpdated: 70 });
  const gone = { account: ACCOUNT, scanId: SCAN, scanNumber: 1, dryRun: false, contactId: 'gone', at: 100 };
  await writing((one) =>
    applyObservations(one, {
      account: ACCOUNT,
      scanId: SCAN,
      vendors: [],
      leads: [],
      unclassified: [],
      gone: [gone as never],
      failed: [],
    }),
  );
  await end();
  expect(await applied()).toMatchObject({
    status: 'needs_confirmation',
    message: expect.stringContaining('1 vendors would be marked missing'),
  });
  await see({ contactId: 'c1', ghlUserId: 'w', dateUpdated: 80, observedAt: 900 }, null);
  const before = await rows();
  expect(before).toMatchObject([{ user: 'w' }, { user: 'u' }, { contact: 'gone', status: 'pending' }]);
  expect(await writing((one) => confirmScan(one, { syncId: SCAN } as never, 'confirmation'))).toBe(true);
  expect((await rows()).slice(0, 2)).toEqual(before.slice(0, 2));
  expect((await rows())[2]).toMatchObject({ status: DEFAULT_GHL_RULES.inactiveStatus });
  expect(await applied()).toMatchObject({
    status: 'completed',
    message: expect.stringMatching(/created 2 vendors .* marked 1 and 0 missing/),
    counters: { vendors_created: 2, vendors_missing_in_ghl: 1, vendors_deleted: 1, leads_deleted: 0 },
  });
});
