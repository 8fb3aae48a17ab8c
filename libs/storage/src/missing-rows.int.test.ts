import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { openOrm } from './orm.ts';
import { listLeads, listVendors, type ListQuery } from './reads.ts';
import { listForAdmin, type AdminQuery } from './v3-reads.ts';

let database: TestDatabase;
let orm: MikroORM;

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await openOrm(database.url);
  const rows = `(values ('active', 'active', null), ('imported', 'gone', null), ('marked', 'gone', now()), ('other', 'own word', now()),
    ('deleted', 'deleted', now())) r (id, status, missing_since)`;
  await database.pool.query(`insert into accounts (id, company_name) values ('L', 'L')`);
  await database.pool.query(
    `insert into vendors (id, account_id, name, status, missing_since) select id, 'L', id, status, missing_since from ${rows}`,
  );
  await database.pool.query(
    `insert into leads (id, account_id, status, missing_since) select id, 'L', status, missing_since from ${rows} where id <> 'deleted'`,
  );
}, 30_000);

afterAll(async () => {
  await orm.close(true);
  await database.drop();
});

const ids = ({ items }: { items: object[] }): string[] => items.map((item) => (item as { id: string }).id).sort();
const PAGE = { accounts: undefined, inactiveStatuses: ['gone'], limit: 10, offset: 0 };

/** A row is missing when a scan marked it, whatever it shows, or when it was imported with the status of missing rows. */
describe('rows that are missing', () => {
  it.each<[string, Partial<ListQuery>, string[], string[]]>([
    ['are left out', {}, ['active'], ['active']],
    [
      'are shown to who asks for them',
      { includeMissing: true },
      ['active', 'imported', 'marked', 'other'],
      ['active', 'imported', 'marked', 'other'],
    ],
    ['are shown to who asks for their status', { status: 'gone' }, ['imported', 'marked'], ['imported', 'marked']],
    ['are shown, if people deleted them, to who asks for that', { status: 'deleted' }, ['deleted'], []],
  ])('%s in the lists', async (_, asked, vendors, leads) => {
    const query = { ...PAGE, includeMissing: false, sort: 'id', descending: false, ...asked };
    expect(ids(await listVendors(orm, query))).toEqual(vendors);
    expect(ids(await listLeads(orm, query))).toEqual(leads);
  });

  it.each<[string, Partial<AdminQuery>, string[]]>([
    ['are a list of their own', { missing: true, hidden: ['deleted'] }, ['imported', 'marked', 'other']],
    ['are left out', { missing: false, hidden: ['deleted'] }, ['active']],
    ['are among all', {}, ['active', 'deleted', 'imported', 'marked', 'other']],
    ['are shown to who asks for their status', { statuses: ['gone'] }, ['imported', 'marked']],
  ])("%s in V3's lists", async (_, asked, vendors) => {
    const query = { ...PAGE, statuses: undefined, hidden: [], missing: undefined, ...asked };
    expect(ids(await listForAdmin(database.pool, 'vendors', query))).toEqual(vendors);
    expect(ids(await listForAdmin(database.pool, 'missing', query))).toEqual(vendors);
    expect(ids(await listForAdmin(database.pool, 'leads', query))).toEqual(vendors.filter((id) => id !== 'deleted'));
  });
});
