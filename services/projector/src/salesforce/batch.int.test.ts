import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { LONGEST_NOTE } from '#testcontainers/simulators/salesforce/contact-values.ts';
import {
  contactEvent,
  deletedEvent,
  ID,
  openProjection,
  partOfContact,
  type TestProjection,
} from './projection.fixture.ts';

let database: TestDatabase;
let projection: TestProjection;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query(
    'truncate sf_contacts, tributary.sf_deletions, tributary.checkpoints, tributary.scan_states, tributary.scan_partitions, tributary.outbox',
  );
  projection = await openProjection(database, 2);
});

type Row = Record<string, unknown>;

async function rows(columns = '*'): Promise<Row[]> {
  const { rows: found } = await database.pool.query<Row>(`select ${columns} from sf_contacts t order by salesforce_id`);
  return found;
}

const second = (n: number): string => `2026-01-01T00:00:0${n}.000Z`;
const at = (n: number, cells: Row = {}) => contactEvent({ SystemModstamp: second(n), ...cells }, { readAt: n });
const endAt = (n: number, more: Parameters<typeof deletedEvent>[0] = {}) =>
  deletedEvent({ sfSystemModstamp: Date.parse(second(n)), readAt: n, ...more });

describe('a contact', () => {
  it('has its fields in columns of their types and everything that came in additional_data', async () => {
    await projection.apply([
      contactEvent({
        Email: 'c@example.test',
        Active__c: 'true',
        MailingLatitude: '44.5',
        LastActivityDate: '2026-03-04',
        CreatedDate: '2020-01-02T03:04:05.678Z',
        Region__c: 'North',
      }),
    ]);
    const [row] = await rows(
      `salesforce_id, account_id, email, active, is_physician, mailing_latitude, last_activity_date::text, sf_created_date::text,
       sf_system_modstamp::text, first_name, additional_data, deleted_at, row_version`,
    );
    expect(row).toEqual({
      salesforce_id: ID,
      account_id: 'org',
      email: 'c@example.test',
      active: true,
      is_physician: null,
      mailing_latitude: 44.5,
      last_activity_date: '2026-03-04',
      sf_created_date: '2020-01-02 03:04:05.678',
      sf_system_modstamp: '2026-01-01 00:00:00',
      first_name: null,
      additional_data: {
        Id: ID,
        LastName: 'Cole',
        Email: 'c@example.test',
        Active__c: true,
        MailingLatitude: 44.5,
        LastActivityDate: '2026-03-04',
        CreatedDate: '2020-01-02T03:04:05.678Z',
        SystemModstamp: '2026-01-01T00:00:00.000Z',
        Region__c: 'North',
      },
      deleted_at: null,
      row_version: 1,
    });
  });

  it.each<[string, Row, Row]>([
    ['quotes, commas, newlines', { FirstName: 'A "B", \\ \r\n\t' }, { first_name: 'A "B", \\ \r\n\t' }],
    [
      'NUL',
      { FirstName: 'Nu\u0000ll', MN_Provider_Summary__c: '\u0000' },
      { first_name: 'Null', mn_provider_summary: null },
    ],
    ['the longest note', { MN_Provider_Detailed_Notes__c: LONGEST_NOTE }, { mn_provider_detailed_notes: LONGEST_NOTE }],
    [
      'texts that look like nothing',
      { FirstName: 'null', LastName: 'NULL' },
      { first_name: 'null', last_name: 'NULL' },
    ],
    ['characters outside the basic plane', { LastName: '😀'.repeat(80) }, { last_name: '😀'.repeat(80) }],
    ['a date that is none', { Provider_Start_Date__c: '2024-02-30' }, { provider_start_date: null }],
    ['a year that PostgreSQL has not', { Provider_Start_Date__c: '0000-01-01' }, { provider_start_date: null }],
    ['a number that is none', { MN_Tasks_Count__c: 'many' }, { mn_tasks_count: null }],
    ['an exponent', { MailingLatitude: '1.25e-7' }, { mailing_latitude: 1.25e-7 }],
    ['a text that is too long', { Email: 'x'.repeat(81) }, { email: null }],
    ['NUL in a field nobody mapped', { Odd__c: { a: ['x\u0000', '\ud800'] } }, { odd: { a: ['x', '\ufffd'] } }],
  ])('with %s is taken', async (_, cells, columns) => {
    await projection.apply([contactEvent(cells), at(1, { Id: '003000000000002AAA' })]);
    const [row] = await rows(`*, additional_data -> 'Odd__c' as odd`);
    expect(row).toMatchObject(columns);
    expect(await rows('1')).toHaveLength(2);
  });
});

describe('of several words', () => {
  it.each([
    ['in one batch', true],
    ['in batches of their own', false],
  ])('%s the newest SystemModstamp stands, then what was read last', async (_, together) => {
    const events = [
      at(3, { FirstName: 'third' }),
      at(2, { FirstName: 'second' }),
      contactEvent({ SystemModstamp: second(3), FirstName: 'formula' }, { readAt: 9 }),
      contactEvent({ SystemModstamp: second(3), FirstName: 'late' }, { readAt: 5 }),
    ];
    if (together) await projection.apply(events);
    else for (const event of events) await projection.apply([event]);
    expect(await rows('first_name')).toEqual([{ first_name: 'formula' }]);
  });

  it('one that changes nothing writes nothing, whenever it was read', async () => {
    await projection.apply([at(1), at(2, { Id: '003000000000002AAA' })]);
    const before = await rows('xmin, ctid, t.*');
    await projection.apply([contactEvent({ SystemModstamp: second(1), LastViewedDate: second(5) }, { readAt: 99 })]);
    await projection.apply([at(2, { Id: '003000000000002AAA' })]);
    expect(await rows('xmin, ctid, t.*')).toEqual(before);
  });

  it('none touches local columns', async () => {
    await projection.apply([at(1)]);
    await database.pool.query(
      `update sf_contacts set analysis_results = '{"score": 1}', last_analyzed_at = '2026-01-01'`,
    );
    await projection.apply([at(2, { FirstName: 'new' })]);
    await projection.apply([endAt(3)]);
    await projection.apply([at(4)]);
    const [row] = await rows('analysis_results, last_analyzed_at::text, first_name, deleted_at, created_at');
    expect(row).toEqual({
      analysis_results: { score: 1 },
      last_analyzed_at: '2026-01-01 00:00:00',
      first_name: null,
      deleted_at: null,
      created_at: 1,
    });
  });
});

describe('a field', () => {
  it('that is not read any more keeps its value, one that is read and empty loses it', async () => {
    await projection.apply([at(1, { Email: 'a@example.test', Phone: '1', FirstName: 'A' })]);
    await projection.apply([partOfContact({ SystemModstamp: second(2), FirstName: 'B', Phone: '' }, { readAt: 2 })]);
    expect(await rows('email, phone, first_name')).toEqual([{ email: 'a@example.test', phone: null, first_name: 'B' }]);
  });

  it('that is faulty keeps its value, also when the value came in the same batch', async () => {
    await projection.apply([at(1, { Email: 'a@example.test' })]);
    const faulty = { Email: 'x'.repeat(81), LastName: 'y'.repeat(81), FirstName: 'B' };
    await projection.apply([at(2, { Email: 'b@example.test' }), at(3, faulty)]);
    const [row] = await rows(`email, last_name, first_name, length(additional_data ->> 'Email') as refused`);
    expect(row).toEqual({ email: 'b@example.test', last_name: 'Cole', first_name: 'B', refused: 81 });
  });

  it('that is read again and empty is no repeat of the reading without it', async () => {
    await projection.apply([at(1, { Email: 'a@example.test' })]);
    await projection.apply([partOfContact({ SystemModstamp: second(2) }, { readAt: 2 })]);
    await projection.apply([at(2, {})]);
    await projection.apply([contactEvent({ SystemModstamp: second(2) }, { readAt: 3 })]);
    expect(await rows('email')).toEqual([{ email: null }]);
  });
});

describe('the end of a contact', () => {
  it('is kept with its reason and undone by a newer read only', async () => {
    const master = '003000000000009AAA';
    await projection.apply([at(2, { FirstName: 'A' })]);
    await projection.apply([endAt(1)]);
    expect(await rows('deleted_at')).toEqual([{ deleted_at: null }]);
    await projection.apply([endAt(4, { reason: 'merged', masterRecordId: master })]);
    const ended = { deleted_at: Date.parse(second(4)), deletion_reason: 'merged', master_record_id: master };
    expect(await rows('deleted_at, deletion_reason, master_record_id')).toEqual([ended]);
    await projection.apply([at(3, { FirstName: 'B' })]);
    expect(await rows('first_name, deleted_at, deletion_reason, master_record_id')).toEqual([
      { ...ended, first_name: 'B' },
    ]);
    await projection.apply([at(5)]);
    expect(await rows('deleted_at, deletion_reason, master_record_id')).toEqual([
      { deleted_at: null, deletion_reason: null, master_record_id: null },
    ]);
  });

  it('that comes again writes nothing', async () => {
    await projection.apply([at(1)]);
    await projection.apply([endAt(2)]);
    const before = await rows('xmin, ctid, t.*');
    await projection.apply([endAt(2, { readAt: 9 }), endAt(9, { reason: 'not_visible', sfSystemModstamp: null })]);
    expect(await rows('xmin, ctid, t.*')).toEqual(before);
  });

  it('that nobody can date is undone by what was read later', async () => {
    await projection.apply([at(5)]);
    await projection.apply([endAt(7, { reason: 'not_visible', sfSystemModstamp: null, readAt: 7 })]);
    expect(await rows('deleted_at, deletion_reason')).toEqual([{ deleted_at: 7, deletion_reason: 'not_visible' }]);
    await projection.apply([contactEvent({ SystemModstamp: second(5) }, { readAt: 8 })]);
    expect(await rows('deleted_at')).toEqual([{ deleted_at: null }]);
  });

  it('before its beginning holds against an older read', async () => {
    await projection.apply([endAt(3)]);
    expect(await rows()).toEqual([]);
    await projection.apply([at(2)]);
    expect(await rows('deletion_reason')).toEqual([{ deletion_reason: 'deleted' }]);
    const { rowCount } = await database.pool.query('select from tributary.sf_deletions');
    expect(rowCount).toBe(0);
  });
});
