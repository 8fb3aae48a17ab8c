import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CONTACT_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import type { ContactDeletion } from '#libs/domain/src/salesforce/fold.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import type { Sql } from './pool.ts';
import { SfContact } from './sf-contact-entity.ts';
import { endContacts, readContacts } from './sf-contacts.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

interface Column {
  name: string;
  type: string;
  nullable: boolean;
}

async function columns(): Promise<Column[]> {
  const { rows } = await database.pool.query<Column>(
    `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable from pg_attribute
     where attrelid = 'sf_contacts'::regclass and attnum > 0 order by attnum`,
  );
  return rows;
}

const TYPES: [RegExp, string][] = [
  [/^VARCHAR\((\d+)\)$/, 'character varying($1)'],
  [/^TIMESTAMP$/, 'timestamp without time zone'],
];

it('the table has every field of the map in its order, in its type, and no more rules than Salesforce', async () => {
  const fields = new Set(CONTACT_FIELDS.map(({ column }) => column));
  const typeOf = (type: string): string =>
    TYPES.reduce((text, [pattern, name]) => text.replace(pattern, name), type).toLowerCase();
  expect((await columns()).filter(({ name }) => fields.has(name))).toEqual(
    CONTACT_FIELDS.map(({ column, columnType }) => ({
      name: column,
      type: typeOf(columnType),
      nullable: !['salesforce_id', 'last_name'].includes(column),
    })),
  );
});

it('the entity names columns that are there', async () => {
  const names = (await columns()).map(({ name }) => name);
  const properties = Object.keys(SfContact.meta.properties);
  const snake = properties.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  expect(snake.filter((name) => !names.includes(name))).toEqual([]);
  expect(CONTACT_FIELDS.filter(({ column }) => !snake.includes(column))).toEqual([]);
});

/** Runs statements as they are and keeps the plan of each. */
function explaining(plans: string[]): Sql {
  return {
    query: async (text: string, values: unknown[]) => {
      const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return { rows: [], rowCount: values.length === 3 ? 1 : null };
    },
  } as unknown as Sql;
}

it.each([0, 300, 5_000])('with %i rows and no statistics contacts are looked up one by one', async (count) => {
  await database.pool.query('truncate sf_contacts');
  await database.pool.query('alter table sf_contacts set (autovacuum_enabled = false)');
  await database.pool.query(
    `insert into sf_contacts (id, account_id, salesforce_id, last_name, additional_data, created_at, last_synced_at, content_hash)
     select gen_random_uuid(), 'org', 'c' || n, 'Cole', '{}', now(), now(), '' from generate_series(1, $1) n`,
    [count],
  );
  const plans: string[] = [];
  const ids = Array.from({ length: 1_000 }, (_, index) => `c${index}`);
  await readContacts(explaining(plans), 'org', ids);
  const deletion: ContactDeletion = { reason: 'deleted', masterRecordId: null, modstamp: 1, readAt: 1 };
  await endContacts(explaining(plans), 'org', [{ salesforceId: 'c1', version: 1, deletion }]);
  expect(plans).toHaveLength(2);
  for (const plan of plans) {
    expect(plan).toMatch(/sf_contacts_salesforce_id[^]*Index Cond: \(\(?\(?\(?salesforce_id/);
    expect(plan).not.toMatch(/Seq Scan on sf_contacts/);
  }
});
