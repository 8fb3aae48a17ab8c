import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withAdmin } from '#libs/kafka/src/topics.ts';
import { ghlRulesByAccount } from '#libs/runtime/src/settings.ts';
import { replay, type ReplayOptions, type ReplayReport } from '#services/projector/src/replay.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld, type StoredContact } from '#testcontainers/simulators/ghl/world.ts';
import { confirm, handledAll, register, toldAll } from './projected.fixture.ts';

const TOPICS = ['crm.observation.v1', 'crm.registration.v1'] as const;
let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(909), { MISSING_MIN_ROWS: '4' });
  // What other tests left on the topics is no history of any table: they write rows by hand.
  await handledAll(test, 'ghl', [...TOPICS]);
  await handledAll(test, 'connector', ['crm.sync-request.v1']);
  await handledAll(test, 'runs', ['crm.sync-request.v1']);
  await withAdmin(test.pipeline.platform.kafka, async (admin) => {
    for (const topic of TOPICS) {
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
        partition,
        offset: high,
      }));
      await admin.deleteTopicRecords({ topic, partitions });
    }
  });
  for (const table of ['vendors', 'leads']) await query(`delete from ${table}`);
  await live();
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

async function query<T extends object>(text: string): Promise<T[]> {
  return (await test.pipeline.platform.database.query<T>(text)).rows;
}

function run(more: Partial<ReplayOptions> = {}): Promise<ReplayReport> {
  return replay({
    platform: test.pipeline.platform,
    databaseUrl: testStack().databaseUrl,
    rulesFor: ghlRulesByAccount(test.settings, []),
    tables: ['vendors', 'leads'],
    examples: 5,
    maySwap: () => Promise.resolve(false),
    ...more,
  });
}

const world = (change: () => void): void => {
  change();
  test.world.revision += 1;
};

/** A history with everything the projector does to rows. */
async function live(): Promise<void> {
  const contact = (values: Partial<StoredContact>): StoredContact =>
    test.world.addContact({ firstName: 'Ann', lastName: 'Lee', source: 'Vendor Application', ...values });
  await register(test, {
    id: 'imported',
    name: 'Old',
    ghlContactId: 'GoneGoneGoneGoneGone',
    email: 'moved@replay.test',
  });
  await register(test, { id: 'mailonly', name: 'Mail', email: 'mailonly@replay.test', status: 'active' });
  const asked = test.world.addContact({
    firstName: 'Bo',
    email: 'bo@replay.test',
    postalCode: '33301',
    tags: ['New Lead'],
  });
  await register(test, { id: 'lead-1', ghlContactId: asked.id, status: 'assigned', serviceDetails: '{"a":1}' }, 'Lead');
  await register(test, { id: 'lead-2', customerEmail: 'bo@replay.test', priority: 'high' }, 'Lead');
  contact({ email: 'moved@replay.test' });
  const leaves = contact({ email: 'leaves@replay.test', tags: ['manually approved'] });
  const turns = contact({ email: 'turns@replay.test' });
  for (const dateUpdated of [1_700_000_000_000, 1_700_000_001_000]) contact({ email: 'same@replay.test', dateUpdated });
  for (let index = 0; index < 20; index += 1) contact({ email: `v${index}@replay.test`, tags: ['reactivated'] });
  await test.sync();
  await register(test, { id: 'merged', phone: '+15550001111', companyName: 'Merged', email: 'v1@replay.test' });
  world(() => {
    test.world.contacts.delete(leaves.id);
    Object.assign(turns, { type: 'staff', dateUpdated: Date.now() });
  });
  await test.sync();
  world(() => void test.world.contacts.set(leaves.id, leaves));
  await test.sync();
  world(() => {
    for (const [id, { email }] of test.world.contacts) if (/^v\d+@/.test(String(email))) test.world.contacts.delete(id);
  });
  const held = await test.sync();
  expect(held.status).toBe('needs_confirmation');
  await confirm(test, held.syncId);
}

describe('a replay of the topics', () => {
  it('rebuilds what the live tables hold, row by row, and tells nobody', async () => {
    await toldAll(test);
    const before = await query('select count(*) as count from lifecycle');
    const report = await run();
    expect(report).toMatchObject({ equal: true, swapped: false, deadLettered: 0 });
    expect(report.tables).toMatchObject({
      vendors: { live: 25, rebuilt: 25, examples: [] },
      leads: { live: 2, rebuilt: 2 },
    });
    await toldAll(test);
    expect(await query('select count(*) as count from lifecycle')).toEqual(before);
    expect(await query(`select from pg_namespace where nspname = 'tributary_shadow'`)).toEqual([]);
  }, 30_000);

  it('finds what was tampered with, and mends it with a swap while a reader polls and a sync runs', async () => {
    const indexes = `select indexname from pg_indexes where schemaname = 'public' and tablename in ('vendors', 'leads') order by 1`;
    const names = await query(indexes);
    const kept = `select relname, relpersistence, reloptions from pg_class where relname in ('vendors', 'leads') and relkind = 'r' order by 1`;
    const storage = await query(kept);
    const triggers = `select tgname, tgrelid::regclass::text as table from pg_trigger where tgname like 'tributary%' and tgrelid = 'public.vendors'::regclass`;
    expect(await query(triggers)).toEqual([{ tgname: 'tributary_foreign_write', table: 'vendors' }]);
    expect(storage).toMatchObject([{ relpersistence: 'p', reloptions: ['fillfactor=85'] }, { relpersistence: 'p' }]);
    await query(`update vendors set phone = 'tampered' where id = 'imported'`);
    await query(`delete from vendors where email = 'turns@replay.test'`);
    await query(`insert into leads (id, account_id) values ('stray', 'nowhere')`);
    await query('grant select on vendors to pg_monitor');
    await query('grant select (customer_email) on leads to pg_monitor');
    let polling = true;
    const reader = (async () => {
      const counts = new Set<number>();
      while (polling) counts.add((await query<{ n: number }>('select count(*) as n from vendors'))[0]!.n);
      return counts;
    })();
    test.world.addContact({ email: 'during@replay.test', source: 'Vendor Application', firstName: 'During' });
    const sync = test.sync();
    const report = await run({ maySwap: () => Promise.resolve(true) }).finally(() => (polling = false));
    expect((await sync).exitCode).toBe(0);
    expect([...(await reader)].every((count) => count >= 24)).toBe(true);
    expect(report).toMatchObject({ equal: false, swapped: true });
    expect(report.tables['vendors']).toMatchObject({
      onlyLive: 0,
      onlyRebuilt: 1,
      different: 1,
      columns: { phone: 1 },
    });
    expect(report.tables['leads']).toMatchObject({ onlyLive: 1, onlyRebuilt: 0, different: 0 });
    expect(report.tables['vendors']?.examples.find(({ id }) => id === 'imported')?.columns).toEqual({
      phone: { live: 'tampered', rebuilt: null },
    });
    expect(await query(indexes)).toEqual(names);
    expect(await query(kept)).toEqual(storage);
    expect(await query(triggers)).toEqual([{ tgname: 'tributary_foreign_write', table: 'vendors' }]);
    const rights = `select has_table_privilege('pg_monitor', 'vendors', 'select') as vendors,
      has_column_privilege('pg_monitor', 'leads', 'customer_email', 'select') as email,
      has_table_privilege('pg_monitor', 'leads', 'select') as leads`;
    expect(await query(rights)).toEqual([{ vendors: true, email: true, leads: false }]);
    expect(
      await query(`select distinct tableowner as owner from pg_tables where tablename in ('vendors', 'leads')`),
    ).toEqual([{ owner: 'tributary_migrator' }]);
    await query('revoke select on vendors, leads from pg_monitor');
    expect(await query(`select phone from vendors where email = 'during@replay.test'`)).toEqual([{ phone: null }]);
    expect((await test.sync()).stats).toMatchObject({ vendors_created: 0, vendors_updated: 0 });
    expect(await run()).toMatchObject({ equal: true });
  }, 60_000);

  it('does not swap a part, nor a table that something hangs on', async () => {
    await query(`update vendors set phone = 'tampered' where id = 'imported'`);
    const maySwap = (): Promise<boolean> => Promise.resolve(true);
    await expect(run({ maySwap, from: Date.now() })).rejects.toMatchObject({ code: 'config_invalid' });
    await query('create view names as select name from vendors');
    const refused = await run({ maySwap }).catch((error: unknown) => error);
    await query('drop view names');
    expect(refused).toMatchObject({ code: 'config_invalid' });
    expect(await run({ maySwap })).toMatchObject({ swapped: true });
    const since = await run({ from: Date.now() });
    expect(since.tables['vendors']).toMatchObject({ rebuilt: 0, onlyLive: 26 });
  }, 60_000);
});
