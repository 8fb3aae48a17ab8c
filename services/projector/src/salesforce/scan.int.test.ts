import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { readChanges } from '#libs/storage/src/dry-run-changes.ts';
import { readRun } from '#libs/storage/src/reads.ts';
import { describeResult } from '#services/cli/src/progress.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { contactEvent, deletedEvent, ID, openProjection, ORG, type TestProjection } from './projection.fixture.ts';

const SCAN = 's1';
let database: TestDatabase;
let projection: TestProjection;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query(
    'truncate sf_contacts, runs, tributary.change_sets, tributary.changes, tributary.sf_deletions, tributary.checkpoints, tributary.scan_states, tributary.scan_partitions, tributary.outbox',
  );
  projection = await openProjection(database, 2);
});

const id = (n: number): string => `00300000000000${n}AAA`;
const inScan = (scanNumber: number, more: object = {}) => ({ scanId: SCAN, scanNumber, ...more });
const read = (n: number, scanNumber: number, more: object = {}) =>
  contactEvent({ Id: id(n), FirstName: `F${n}` }, inScan(scanNumber, more));

async function applied(): Promise<ScanApplied[]> {
  const { rows } = await database.pool.query<{ content: string }>('select content from tributary.outbox order by id');
  return rows.flatMap(({ content }) => (JSON.parse(content) as { value: ScanApplied }[]).map(({ value }) => value));
}

async function count(): Promise<number> {
  return (await database.pool.query('select from sf_contacts')).rowCount!;
}

it('a scan ends with its last marker and counts every record once', async () => {
  await projection.apply([contactEvent({ Id: id(1), FirstName: 'old', SystemModstamp: '2025-01-01T00:00:00.000Z' })]);
  await projection.apply([contactEvent({ Id: id(2) }), contactEvent({ Id: id(3), FirstName: 'F3' })]);
  await projection.apply([deletedEvent({ salesforceId: id(2) })]);
  const restored = contactEvent(
    { Id: id(2), SystemModstamp: '2026-01-03T00:00:00.000Z' },
    inScan(2, { readAt: 5_000 }),
  );
  const page = [read(1, 1), restored, read(3, 3), read(4, 4)];
  await projection.apply(page);
  // A page that is published again after a crash.
  await projection.apply([...page, deletedEvent({ salesforceId: id(4), ...inScan(5) })]);
  await projection.bury({ scanId: SCAN, scanNumber: 6 }, 'record_invalid');
  await projection.bury({ scanId: SCAN, scanNumber: 7 }, 'record_undecodable');
  await projection.apply([read(5, 1)], 1);
  await projection.close({ scanId: SCAN }, [7, 1]);
  const [result, ...others] = await applied();
  expect(others).toEqual([]);
  expect(result).toMatchObject({
    source: 'salesforce',
    status: 'incomplete',
    exitCode: 3,
    message: 'Records read were applied, but 2 records went to the dead-letter topic: look at them.',
    tableCounters: {
      retrieved: 8,
      processed: 6,
      created: 2,
      updated: 1,
      unchanged: 1,
      deleted: 1,
      restored: 1,
      quarantined: 1,
      errors: 1,
      total: 5,
    },
    counters: { unchanged: 1, restored: 1, dead_lettered: 1, errors: 1, vendors_created: 0 },
  });
});

it('a scan whose records never arrived is no success', async () => {
  await projection.apply([read(1, 1), read(2, 3)]);
  await projection.close({ scanId: SCAN }, [4, 0]);
  expect(await applied()).toMatchObject([
    { status: 'incomplete', exitCode: 3, tableCounters: { retrieved: 4, errors: 2 } },
  ]);
});

it('a scan with a dead letter is no success, also where its number was that of another record before', async () => {
  await projection.apply([read(1, 1)]);
  await projection.bury({ scanId: SCAN, scanNumber: 1 }, 'record_invalid');
  await projection.close({ scanId: SCAN }, [1, 0]);
  expect(await applied()).toMatchObject([{ status: 'incomplete', exitCode: 3 }]);
});

it('a scan that failed is no success, whatever was read', async () => {
  await projection.apply([read(1, 1)]);
  const failure = { failureCode: 'salesforce_job_failed', failureMessage: 'the job failed', failureExitCode: 1 };
  await projection.close({ scanId: SCAN, answersFor: 'nothing', ...failure }, [1, 0]);
  expect(await applied()).toMatchObject([
    { status: 'failed', exitCode: 1, message: 'Records read were applied, but not all could be read: the job failed.' },
  ]);
});

const faulty = (n: number, scanNumber: number, cells: object) =>
  contactEvent({ Id: id(n), ...cells }, inScan(scanNumber));

it('a scan tells the fields that could not be used and the records put aside, each once, and no value', async () => {
  const page = [faulty(1, 1, { Email: 'x'.repeat(81), FirstName: 'a\u0000' }), read(2, 2)];
  await projection.apply(page);
  // A page that is published again after a crash.
  await projection.apply([...page, faulty(3, 3, { CreatedDate: '0000-12-31T00:00:00.000Z' })]);
  await projection.apply([faulty(4, 1, { MN_Tasks_Count__c: 'many' })], 1);
  await projection.bury({ scanId: SCAN, scanNumber: 4 }, 'record_invalid');
  await projection.bury({ scanId: SCAN, scanNumber: 4 }, 'record_invalid');
  await projection.bury({ scanId: SCAN, scanNumber: 5 }, 'record_undecodable');
  await projection.close({ scanId: SCAN }, [5, 1]);
  const [result] = await applied();
  expect(result!.fieldErrors).toEqual([
    { contactId: id(1), field: 'email', code: 'too_long' },
    { contactId: id(1), field: 'first_name', code: 'nul_removed' },
    { contactId: id(3), field: 'sf_created_date', code: 'date_out_of_range' },
    { contactId: id(4), field: 'mn_tasks_count', code: 'not_a_number' },
    { contactId: 'x', field: 'record', code: 'record_invalid' },
  ]);
  expect(result!.counters).toMatchObject({ field_errors: 5, dead_lettered: 1 });
  await applyRunEvent(database.pool, 'crm.scan.v1.ScanApplied', result!);
  expect(describeResult(await readRun(database.pool, SCAN))).toMatch(
    /Field errors \(first 5 of 5\):\n {2}003.*email: too_long/,
  );
});

it('counts every faulty field and keeps a hundred, over any number of batches', async () => {
  const many = Array.from({ length: 130 }, (_, index) =>
    contactEvent({ Id: `0030000000${10_000 + index}AAA`, Email: 'x'.repeat(81) }, inScan(index + 1)),
  );
  await projection.apply(many.slice(0, 70));
  await projection.apply(many.slice(70));
  await projection.apply([faulty(1, 1, { Email: 'x'.repeat(81) })], 1);
  await projection.close({ scanId: SCAN }, [130, 1]);
  const [result] = await applied();
  expect([result!.fieldErrors.length, result!.counters['field_errors']]).toEqual([100, 131]);
  const { rows } = await database.pool.query<{ kept: number }>(
    'select jsonb_array_length(field_errors) as kept from tributary.scan_partitions order by partition',
  );
  expect(rows).toEqual([{ kept: 100 }, { kept: 1 }]);
});

it('a dry run counts and writes no row', async () => {
  await projection.apply([contactEvent({ Id: id(1), FirstName: 'F1' })]);
  const dryRun = { dryRun: true };
  await projection.apply([
    read(1, 1, dryRun),
    read(2, 2, dryRun),
    deletedEvent({ salesforceId: id(1), ...inScan(3, dryRun) }),
  ]);
  await projection.close({ scanId: SCAN, dryRun: true }, [3, 0]);
  expect(await count()).toBe(1);
  expect(await applied()).toMatchObject([
    { status: 'completed', exitCode: 0, tableCounters: { created: 1, unchanged: 1, deleted: 1, total: 1 } },
  ]);
  const { rowCount } = await database.pool.query(
    'select from sf_contacts where deleted_at is null and row_version = 1',
  );
  expect(rowCount).toBe(1);
});

it('a dry run tells which contacts it would change, each once, and none that ends as it is', async () => {
  const time = (second: number) => ({ SystemModstamp: `2026-01-01T00:00:0${second}.000Z` });
  const cells = (n: number, second: number, FirstName: string) => ({ Id: id(n), FirstName, ...time(second) });
  const end = (n: number, second: number, more: object = {}) =>
    deletedEvent({ salesforceId: id(n), sfSystemModstamp: Date.parse(time(second).SystemModstamp), ...more });
  await projection.apply([1, 2, 3, 4, 5, 6].map((n) => contactEvent(cells(n, 1, 'A'))));
  await projection.apply([end(4, 2)]);
  const dry = (scanNumber: number) => inScan(scanNumber, { dryRun: true, readAt: 9_000 + scanNumber });
  await projection.apply([
    contactEvent(cells(1, 1, 'A'), dry(1)),
    contactEvent(cells(2, 3, 'B'), dry(2)),
    end(3, 3, { ...dry(3), reason: 'merged', masterRecordId: id(2) }),
    contactEvent(cells(4, 4, 'A'), dry(4)),
    contactEvent(cells(5, 1, 'B'), dry(5)),
    contactEvent(cells(7, 1, 'New'), dry(6)),
    end(8, 3, dry(7)),
  ]);
  await projection.apply([
    contactEvent(cells(2, 4, 'C'), dry(8)),
    contactEvent(cells(5, 1, 'A'), dry(9)),
    end(6, 3, dry(10)),
    contactEvent(cells(6, 4, 'A'), dry(11)),
  ]);
  await projection.close({ scanId: SCAN, dryRun: true }, [11, 0]);
  const change = (n: number, outcome: string, columns = {}) => ({ table: 'sf_contacts', id: id(n), outcome, columns });
  expect(await readChanges(database.pool, SCAN, { limit: 100, offset: 0 })).toEqual({
    total: 5,
    leftOut: 0,
    items: [
      change(2, 'updated'),
      change(3, 'deleted', { deletion_reason: { before: null, after: 'merged' } }),
      change(4, 'restored', { deletion_reason: { before: 'deleted', after: null } }),
      change(6, 'updated'),
      change(7, 'created'),
    ],
  });
  expect(await readChanges(database.pool, SCAN, { limit: 1, offset: 1 })).toMatchObject({ items: [{ id: id(3) }] });
});

it('a dry run counts a contact that comes again as the real run does, in whatever batch it comes', async () => {
  const second = (n: number) => `2026-01-01T00:00:0${n}.000Z`;
  const told = (scanId: string, dryRun: boolean): object[][] => {
    const inRun = (scanNumber: number, more: object = {}) => ({ scanId, scanNumber, dryRun, ...more });
    const page = (n: number, scanNumber: number, modstamp: number, FirstName = 'A') =>
      contactEvent(
        { Id: id(n), FirstName, SystemModstamp: second(modstamp) },
        inRun(scanNumber, { readAt: scanNumber }),
      );
    const end = (n: number, scanNumber: number) =>
      deletedEvent({ salesforceId: id(n), sfSystemModstamp: Date.parse(second(5)), ...inRun(scanNumber) });
    return [
      [page(1, 1, 1), page(2, 2, 1), page(2, 3, 1)],
      [page(1, 4, 1), page(2, 5, 2, 'B'), end(3, 6)],
      [page(3, 7, 1), end(1, 8), page(2, 9, 2, 'B')],
      [page(1, 10, 6), page(4, 11, 1)],
    ];
  };
  const stats = async (scanId: string, dryRun: boolean): Promise<object> => {
    for (const batch of told(scanId, dryRun)) await projection.apply(batch);
    await projection.close({ scanId, dryRun }, [11, 0]);
    const result = (await applied()).find((one) => one.scanId === scanId);
    return { ...result!.tableCounters, total: undefined };
  };
  const dry = await stats('dry', true);
  expect([await count(), (await database.pool.query('select from tributary.sf_trials')).rowCount]).toEqual([0, 0]);
  expect(dry).toMatchObject({ created: 4, updated: 1, unchanged: 4, deleted: 1, restored: 1 });
  expect(await stats('real', false)).toEqual(dry);
});

it('what comes of a closed scan is a repeat; what is redriven is applied when it comes', async () => {
  await projection.apply([read(1, 1)]);
  await projection.close({ scanId: SCAN }, [1, 0]);
  await projection.apply([read(2, 1), contactEvent({ Id: id(3) }, { scanId: null })]);
  const { rows } = await database.pool.query('select salesforce_id from sf_contacts order by 1');
  expect(rows).toEqual([{ salesforce_id: id(1) }, { salesforce_id: id(3) }]);
});

it('a contact without a last name, or a row without a contact, is refused and nothing of its batch is written', async () => {
  const unusable = {
    ...inScan(1),
    account: 'org',
    dryRun: false,
    code: 'record_invalid',
    raw: '{}',
    salesforceId: null,
  };
  const nameless = contactEvent({ Id: ID, LastName: '' });
  for (const bad of [unusable, nameless]) {
    projection = await openProjection(database, 1);
    await expect(projection.apply([contactEvent({ Id: id(1) }), bad])).rejects.toMatchObject({
      code: 'record_invalid',
    });
  }
  expect(await count()).toBe(0);
});

it('the run keeps the counters, and reads return them', async () => {
  await projection.apply([read(1, 1)]);
  await projection.close({ scanId: SCAN }, [1, 0]);
  await applyRunEvent(database.pool, 'crm.scan.v1.ScanApplied', (await applied())[0]!);
  const run = await readRun(database.pool, SCAN);
  expect(run).toMatchObject({ status: 'completed', success: true, tableStats: { retrieved: 1, created: 1, total: 1 } });
  expect(run.fields).toBeNull();
});

it('the run keeps which fields are read and how they differ, as it was told last, and people are told', async () => {
  await projection.apply([read(1, 1)]);
  await projection.close({ scanId: SCAN }, [1, 0]);
  await applyRunEvent(database.pool, 'crm.scan.v1.ScanApplied', (await applied())[0]!);
  const fields = { read: ['Id'], missing: [], changed: [], unmapped: [], unreadable: [] };
  const tell = (more: object): Promise<void> => {
    const event = { scanId: SCAN, source: 'salesforce', account: 'org', at: 1, ...fields, ...more };
    return applyRunEvent(database.pool, 'crm.scan.v1.ScanFieldsSelected', event);
  };
  await tell({});
  expect(describeResult(await readRun(database.pool, SCAN))).not.toMatch(/visible|Custom/);
  const drift = {
    missing: Array.from({ length: 12 }, (_, index) => `F${index}__c`),
    changed: [{ field: 'Title', was: 'string(128)', is: 'string(255)' }],
    unmapped: ['Region__c'],
    unreadable: ['Nope__c'],
  };
  await tell(drift);
  const run = await readRun(database.pool, SCAN);
  expect(run).toMatchObject({ status: 'completed', fields: { read: ['Id'], ...drift } });
  expect(describeResult(run).split('\n').slice(-4)).toEqual([
    'Not visible, so left as they are: F0__c, F1__c, F2__c, F3__c, F4__c, F5__c, F6__c, F7__c, F8__c, F9__c and 2 more',
    'Changed, so that values may not fit: Title is string(255), not string(128)',
    'Not there or not visible (SALESFORCE_EXTRA_FIELDS): Nope__c',
    'Custom fields that are not read (SALESFORCE_EXTRA_FIELDS): Region__c',
  ]);
});

it('a scan whose marker cannot be applied ends as failed, once, and the next one may begin', async () => {
  await projection.apply([read(1, 1)]);
  const marker = { scanId: SCAN, type: 'crm.scan.v1.ScanMarker', key: `${ORG}:marker:${SCAN}`, timestamp: 7 };
  await projection.bury(marker, 'constraint_violated');
  await projection.bury({ ...marker, partition: 1 }, 'constraint_violated');
  const results = await applied();
  expect(results).toMatchObject([
    {
      account: ORG,
      status: 'failed',
      exitCode: 1,
      appliedAt: 7,
      message: expect.stringContaining('constraint_violated'),
    },
  ]);
});
