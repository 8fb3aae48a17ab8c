import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HistoryItem, HistoryPage } from '#libs/storage/src/history.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld, type StoredContact } from '#testcontainers/simulators/ghl/world.ts';
import { confirm, register, toldAll } from './projected.fixture.ts';

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(606));
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

beforeEach(async () => {
  test.simulator.faults.clear();
  test.world.contacts.clear();
  test.world.revision += 1;
  await told();
  const { database } = test.pipeline.platform;
  for (const table of ['vendors', 'leads', 'lifecycle']) await database.query(`delete from ${table}`);
});

const contact = (values: Partial<StoredContact>): StoredContact =>
  test.world.addContact({ firstName: 'Ann', lastName: 'Lee', source: 'Vendor Application', ...values });

/** The history of all rows, oldest first, once everything is in it. */
async function told(): Promise<{ type: string; row: string; cause: string; fields: string[] }[]> {
  await toldAll(test);
  const { rows } = await test.pipeline.platform.database.query<{
    type: string;
    row: string;
    cause: string;
    fields: string[];
  }>(
    `select type, row_id as row, cause, array(select jsonb_object_keys(changes) order by 1) as fields
     from lifecycle order by row_id, position`,
  );
  return rows;
}

async function history(path: string): Promise<HistoryPage> {
  const response = await fetch(`${test.pipeline.url}/v1/${path}`, {
    headers: { authorization: `Bearer ${test.apiKey}` },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as HistoryPage;
}

describe('what happened to a row', () => {
  it('tells a life from its birth: created, updated, missing, restored; a second sync and a dry run tell nothing', async () => {
    const seen = contact({ email: 'ann@life.test', tags: ['manual approval'] });
    const { syncId } = await test.sync();
    const id = rowIdOf('vendor', test.world.locationId, seen.id);
    const born = await told();
    expect(born).toMatchObject([{ type: 'VendorCreated', row: id, cause: 'observation' }]);
    await test.sync();
    expect(await told()).toEqual(born);
    seen.phone = '+15550001234';
    seen.tags = ['manually approved'];
    seen.dateUpdated = Date.now();
    test.world.revision += 1;
    await test.sync({ dryRun: true });
    expect(await told()).toEqual(born);
    await test.sync();
    test.world.contacts.delete(seen.id);
    test.world.revision += 1;
    await test.sync();
    test.world.contacts.set(seen.id, seen);
    test.world.revision += 1;
    const back = await test.sync();
    expect((await told()).map(({ type, cause, fields }) => [type, cause, fields])).toEqual([
      ['VendorCreated', 'observation', born[0]!.fields],
      ['VendorUpdated', 'observation', ['phone', 'status']],
      ['VendorMarkedMissing', 'missing_rule', ['missing_since', 'previous_status', 'status']],
      ['VendorRestored', 'observation', ['missing_since', 'previous_status', 'status']],
    ]);
    const first = await history(`vendors/${id}/history?limit=3`);
    expect(first.items.map(({ type, scanId }) => [type, scanId === back.syncId])).toEqual([
      ['VendorRestored', true],
      ['VendorMarkedMissing', false],
      ['VendorUpdated', false],
    ]);
    expect(first.items[2]?.changes).toEqual({
      phone: { before: null, after: '+15550001234' },
      status: { before: 'pending', after: 'active' },
    });
    const rest = await history(`vendors/${id}/history?limit=3&cursor=${first.next}`);
    expect(rest).toMatchObject({
      items: [{ type: 'VendorCreated', scanId: syncId } satisfies Partial<HistoryItem>],
      next: null,
    });
  }, 30_000);

  it('tells of imports and merges, of what was settled between contacts, and of rows that are something else now', async () => {
    const taken = contact({ email: 'moved@life.test', dateUpdated: Date.UTC(2026, 1, 1) });
    await register(test, {
      id: 'moved',
      name: 'Old',
      ghlContactId: 'GoneGoneGoneGoneGone',
      email: 'moved@life.test',
      status: 'active',
    });
    await register(test, { id: 'mailonly', name: 'Mail', email: 'second@life.test' });
    const both = contact({ email: 'both@life.test', type: 'staff' });
    await register(test, { id: 'staff', name: 'Staff', ghlContactId: both.id, email: 'both@life.test' });
    const asLead = contact({ email: 'lead@life.test' });
    const lead = {
      id: 'lead',
      ghlContactId: asLead.id,
      customerEmail: 'lead@life.test',
      status: 'assigned',
      priority: 'high',
    };
    await register(test, lead, 'Lead');
    await register(test, { ...lead, serviceCity: 'Miami' }, 'Lead');
    await test.sync();
    const events = await told();
    const of = (row: string) =>
      events.filter((event) => event.row === row).map(({ type, cause }) => `${type} ${cause}`);
    expect(of('moved')).toEqual(['VendorCreated import', 'VendorRebound contest']);
    expect(of('mailonly')).toEqual(['VendorCreated import', 'VendorMarkedMissing missing_rule']);
    expect(of('staff')).toEqual(['VendorCreated import', 'VendorReclassified observation']);
    expect(of('lead')).toEqual(['LeadCreated import', 'LeadUpdated import', 'LeadReclassified observation']);
    expect(events.find(({ type, row }) => type === 'LeadUpdated' && row === 'lead')?.fields).toEqual(['service_city']);
    expect(taken.id).not.toBe(both.id);
  }, 30_000);

  it('withdraws the newborn row that a better claim displaces, whichever came first', async () => {
    const older = contact({ email: 'same@life.test', dateUpdated: 1_700_000_000_000 });
    const newer = contact({ email: 'same@life.test', dateUpdated: 1_700_000_001_000 });
    await test.sync();
    const events = await told();
    const id = (of: StoredContact): string => rowIdOf('vendor', test.world.locationId, of.id);
    const kept = events.filter(({ row }) => row === id(newer)).map(({ type }) => type);
    const lost = events.filter(({ row }) => row === id(older)).map(({ type }) => type);
    expect(kept).toEqual(['VendorCreated']);
    // The older one was born and withdrawn if it came first, else it was never born.
    expect([[], ['VendorCreated', 'VendorWithdrawn']]).toContainEqual(lost);
  });

  it('tells of rows marked on a confirmation', async () => {
    const ids = Array.from({ length: 101 }, (_, index) => `v${index}`);
    const { database } = test.pipeline.platform;
    await database.query(
      `insert into vendors (id, account_id, name, email, status) select id, $2, id, id || '@life.test', 'active' from unnest($1::text[]) id`,
      [ids, test.world.locationId],
    );
    const run = await test.sync();
    expect(run.status).toBe('needs_confirmation');
    expect(await told()).toEqual([]);
    await confirm(test, run.syncId);
    const events = await told();
    expect(new Set(events.map(({ type, cause }) => `${type} ${cause}`))).toEqual(
      new Set(['VendorMarkedMissing confirmation']),
    );
    expect(events).toHaveLength(101);
  }, 30_000);

  it('answers 404 for a row that never was, and an empty page for one from before the events', async () => {
    const headers = { authorization: `Bearer ${test.apiKey}` };
    expect((await fetch(`${test.pipeline.url}/v1/leads/nobody/history`, { headers })).status).toBe(404);
    expect((await fetch(`${test.pipeline.url}/v1/leads/nobody/history?cursor=x`, { headers })).status).toBe(400);
    await test.pipeline.platform.database.query(`insert into leads (id, account_id) values ('old', $1)`, [
      test.world.locationId,
    ]);
    expect(await history('leads/old/history')).toEqual({ items: [], next: null });
  });
});
