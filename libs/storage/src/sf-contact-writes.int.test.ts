import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SalesforceContactRead } from '#libs/contracts/src/generated/events.ts';
import { contactReader } from '#libs/domain/src/salesforce/contact.ts';
import { CONTACT_FIELDS, type ContactField, type FieldKind } from '#libs/domain/src/salesforce/fields.ts';
import type { ContactDeletion } from '#libs/domain/src/salesforce/fold.ts';
import { contactContent } from '#libs/domain/src/salesforce/row.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { anyText } from '#libs/domain/src/text.fixture.ts';
import { inTransaction, type Sql } from './pool.ts';
import { writeContacts, type ContactWrite } from './sf-contact-writes.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

beforeEach(() => database.pool.query('truncate sf_contacts'));

type Cells = Record<string, unknown>;
const idOf = (index: number): string => `003${String(index).padStart(12, '0')}AAA`;

/** A write of what a source reads of these cells; fields that are not named are empty. */
function writeOf(index: number, cells: Cells, more: Partial<ContactWrite> = {}): ContactWrite {
  const row: Cells = { LastName: 'Cole', ...cells, Id: idOf(index) };
  const columns = [...new Set([...CONTACT_FIELDS.map(({ api }) => api), ...Object.keys(row)])];
  const { values } = contactReader(columns)(columns.map((column) => row[column] ?? ''))!;
  const state = { row: { hash: 'h', modstamp: 1, readAt: 2_000 }, deletion: undefined };
  const content = contactContent(values as SalesforceContactRead);
  return { salesforceId: idOf(index), version: 0, bornAt: 1_000, state, ...content, ...more };
}

const write = (...writes: ContactWrite[]): Promise<void> =>
  inTransaction(database.pool, (sql) => writeContacts(sql, 'org', writes));

async function rows(columns: string): Promise<Record<string, unknown>[]> {
  const found = await database.pool.query<Record<string, unknown>>(
    `select ${columns} from sf_contacts order by salesforce_id`,
  );
  return found.rows;
}

/** Texts of all that COPY, JSON and PostgreSQL write in a way of their own, none too long for the shortest field. */
const texts = fc
  .oneof(
    fc.constantFrom(
      '\\N',
      '\\.',
      'null',
      'NULL',
      ' ',
      '\\',
      '\t',
      '\\t',
      '\n',
      '\r\n',
      '"',
      "'",
      '😀',
      '\u0001',
      '\u007f',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }),
    anyText({ minLength: 1, maxLength: 10 }).map((text) => text.toWellFormed()),
  )
  .map((text) => [...text].slice(0, 10).join(''));
const [FIRST, LAST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];
const instants = fc
  .oneof(fc.integer({ min: FIRST, max: LAST }), fc.constantFrom(FIRST, LAST, 0, -1))
  .map((ms) => new Date(ms).toISOString());

const VALUES: Record<FieldKind, fc.Arbitrary<string>> = {
  text: texts,
  boolean: fc.constantFrom('true', 'false'),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  date: instants.map((text) => text.slice(0, 10)),
  datetime: instants,
};

const cellsOfContact = fc
  .record(Object.fromEntries(CONTACT_FIELDS.map(({ api, kind }) => [api, fc.option(VALUES[kind], { nil: '' })])))
  .map((cells): Cells => ({ ...cells, Odd__c: cells['Title'] }));

/** What a column shows of a cell, as PostgreSQL tells it in JSON. */
function shown({ api, kind }: ContactField, cells: Cells, id: string): string | number | boolean | null {
  if (api === 'Id') return id;
  const text = String(cells[api]).replaceAll('\u0000', '');
  if (text === '') return null;
  if (kind === 'boolean') return text === 'true';
  if (kind === 'number') return Number(text) + 0;
  return kind === 'datetime' ? text.replace('Z', '') : text;
}

async function expectShown(all: readonly Cells[]): Promise<void> {
  const times = CONTACT_FIELDS.filter(({ kind }) => kind === 'datetime').map(
    ({ column }) => `'${column}', to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS')`,
  );
  const found = await rows(`to_jsonb(sf_contacts) || jsonb_build_object(${times.join(', ')}) as row, additional_data`);
  expect(found).toHaveLength(all.length);
  for (const [index, cells] of all.entries()) {
    const { row, additional_data: raw } = found[index] as { row: Cells; additional_data: Cells };
    const named = { LastName: 'Cole', ...cells };
    const fields = CONTACT_FIELDS.map((field) => ({ field, value: shown(field, named, idOf(index)) }));
    for (const { field, value } of fields) expect([field.column, row[field.column]]).toEqual([field.column, value]);
    const came = fields.flatMap(({ field: { api, kind }, value }) =>
      value === null ? [] : [[api, kind === 'datetime' ? `${value}Z` : value]],
    );
    const odd = String(cells['Odd__c']).replaceAll('\u0000', '');
    const extra = cells['Odd__c'] === '' ? {} : { Odd__c: odd };
    expect(raw).toEqual({ ...Object.fromEntries(came), ...extra });
  }
}

const usable = ({ LastName }: Cells): boolean => String(LastName).replaceAll('\u0000', '') !== '';

it('columns and additional_data hold what came, in new rows and in changed ones', async () => {
  const contacts = fc.array(cellsOfContact.filter(usable), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(contacts, contacts, async (before, after) => {
      await database.pool.query('truncate sf_contacts');
      await write(...before.map((cells, index) => writeOf(index, cells)));
      await expectShown(before);
      await write(...after.map((cells, index) => writeOf(index, cells, { version: 1 })));
      await expectShown(after);
    }),
    { numRuns: 40 },
  );
}, 60_000);

it('a refusal early in a long COPY ends it, and the connection goes on', async () => {
  const wide = (index: number): ContactWrite => writeOf(index, { Odd__c: 'd'.repeat(1_000) });
  const many = Array.from({ length: 1_500 }, (_, index) => wide(index));
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await writeContacts(client, 'org', [wide(0)]);
    await client.query('savepoint one');
    await expect(writeContacts(client, 'org', many)).rejects.toThrow(/duplicate key/);
    await client.query('rollback to savepoint one');
    await writeContacts(client, 'org', many.slice(1));
    await client.query('commit');
  } finally {
    client.release();
  }
  const { rows: found } = await database.pool.query(
    `select count(*) as count, sum(length(additional_data->>'Odd__c')) as length from sf_contacts`,
  );
  expect(found).toEqual([{ count: 1_500, length: 1_500_000 }]);
});

describe('one transaction', () => {
  const faulty = { Email: 'x'.repeat(81), Active__c: 'perhaps' };

  it('writes new rows, changed ones and those that keep some of their columns', async () => {
    await write(writeOf(1, { Email: 'a@example.test', Phone: '1' }), writeOf(2, { Phone: '2' }));
    await database.pool.query(`update sf_contacts set analysis_results = '{"score": 1}'`);
    await write(
      writeOf(1, { ...faulty, Phone: '3' }, { version: 1, bornAt: 9 }),
      writeOf(2, { Phone: '4' }, { version: 1 }),
      writeOf(3, { ...faulty, Phone: '5' }),
    );
    expect(
      await rows(
        `phone, email, active, row_version, created_at, analysis_results, additional_data ->> 'Active__c' as raw`,
      ),
    ).toEqual([
      {
        phone: '3',
        email: 'a@example.test',
        active: null,
        row_version: 2,
        created_at: 1_000,
        analysis_results: { score: 1 },
        raw: 'perhaps',
      },
      {
        phone: '4',
        email: null,
        active: null,
        row_version: 2,
        created_at: 1_000,
        analysis_results: { score: 1 },
        raw: null,
      },
      {
        phone: '5',
        email: null,
        active: null,
        row_version: 1,
        created_at: 1_000,
        analysis_results: null,
        raw: 'perhaps',
      },
    ]);
  });

  it('notes an end with the read that is older than it, and takes it back', async () => {
    const row = { hash: 'h', modstamp: 1, readAt: 2_000 };
    const master = idOf(9);
    const deletion: ContactDeletion = { reason: 'merged', masterRecordId: master, modstamp: 5, readAt: 6 };
    await write(writeOf(1, {}, { state: { row, deletion } }));
    const columns = 'deletion_reason, deleted_at, master_record_id, deletion_modstamp, deletion_read_at';
    const [merged, alive] = [
      { deletion_reason: 'merged', deleted_at: 5, master_record_id: master, deletion_modstamp: 5, deletion_read_at: 6 },
      {
        deletion_reason: null,
        deleted_at: null,
        master_record_id: null,
        deletion_modstamp: null,
        deletion_read_at: null,
      },
    ];
    expect(await rows(columns)).toEqual([merged]);
    await write(writeOf(1, {}, { version: 1 }));
    expect(await rows(columns)).toEqual([alive]);
    const undated = { reason: 'not_visible', masterRecordId: null, modstamp: null, readAt: 7 } as const;
    await write(writeOf(1, {}, { version: 2, state: { row, deletion: undated } }));
    expect(await rows('deletion_reason, deleted_at, deletion_modstamp')).toEqual([
      { deletion_reason: 'not_visible', deleted_at: 7, deletion_modstamp: null },
    ]);
  });
});

describe('nothing is written', () => {
  it.each<[string, string, ContactWrite]>([
    ['of a row that changed since it was read', 'write_conflict', writeOf(1, {}, { version: 2 })],
    ['of a row that somebody else has made', 'write_conflict', writeOf(1, {})],
    ['of a row that is gone', 'write_conflict', writeOf(2, {}, { version: 1 })],
    ['of a new row without a last name', 'record_invalid', writeOf(2, { LastName: 'y'.repeat(81) })],
    ['of a text with half a character', 'constraint_violated', writeOf(2, { Title: '\ud800' })],
    [
      'of a text that the column does not take',
      'constraint_violated',
      { ...writeOf(2, {}), values: { ...writeOf(2, {}).values, email: 'x'.repeat(81) } },
    ],
  ])('%s', async (_, code, refused) => {
    await write(writeOf(1, { FirstName: 'first' }));
    await expect(write(writeOf(3, {}), refused)).rejects.toMatchObject({ code });
    expect(await rows('first_name, row_version')).toEqual([{ first_name: 'first', row_version: 1 }]);
  });
});

it.each([300, 5_000, 40_000])('of %i rows without statistics each is found by itself', async (count) => {
  await database.pool.query('alter table sf_contacts set (autovacuum_enabled = false)');
  await database.pool.query(
    `insert into sf_contacts (id, account_id, salesforce_id, last_name, additional_data, created_at, last_synced_at, content_hash)
     select gen_random_uuid(), 'org', '003' || lpad(n::text, 12, '0') || 'AAA', 'Cole', '{}', now(), now(), ''
     from generate_series(1, $1) n`,
    [count],
  );
  const writes = Array.from({ length: 250 }, (_, index) => writeOf(index + 1, { FirstName: 'A' }, { version: 1 }));
  const plans: string[] = [];
  await inTransaction(database.pool, (sql) => writeContacts(explaining(sql, plans), 'org', writes));
  expect(plans).toHaveLength(1);
  expect(plans[0]).toMatch(/Index Scan using sf_contacts_salesforce_id[^]*Tid Scan on sf_contacts t/);
  expect(plans[0]).not.toMatch(/Seq Scan on sf_contacts/);
});

/** Runs statements as they are, and keeps the plan of each update. */
function explaining(sql: Sql, plans: string[]): Sql {
  return new Proxy(sql, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name) as unknown;
      return (text: string | object, values?: unknown[]) => {
        if (typeof text !== 'string' || !text.startsWith('update')) return target.query(text as string, values);
        return target.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values).then(({ rows: lines }) => {
          plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
          return target.query(text, values);
        });
      };
    },
  });
}
