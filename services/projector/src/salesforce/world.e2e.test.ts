import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import { CONTACT_FIELDS, type ContactField } from '#libs/domain/src/salesforce/fields.ts';
import { readOrg } from '#libs/sources/salesforce/reading.fixture.ts';
import type { SourceRecord } from '#libs/sources/kit/ports.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { openLoop, readTopic, type LoopStack, type LoopTopic } from '#testcontainers/loop.ts';
import type { Value } from '#testcontainers/simulators/salesforce/contact-values.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { makeWorld, type World } from '#testcontainers/simulators/salesforce/world.ts';
import { salesforceProjection } from './processor.ts';
import { finalWord, publishScan } from './topic.fixture.ts';

const CONTACTS = 400;
const idOf = (index: number): string => makeId(PREFIXES.Contact, index);
/** Contact of every world that lacks a last name. */
const NAMELESS = 5;

let database: TestDatabase;
let stack: LoopStack;
let topic: LoopTopic;
let world: World;
let simulator: SalesforceSimulator;
/** Contacts in the recycle bin before anybody read them. */
let binned: Set<number>;

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await openLoop(database.pool);
  await stack.codec.ready([
    'crm.raw.salesforce.v1.ContactRead',
    'crm.raw.salesforce.v1.ContactDeleted',
    'crm.raw.salesforce.v1.ContactUnusable',
    'crm.scan.v1.ScanMarker',
  ]);
  topic = await stack.topic(6);
  world = makeWorld({ contacts: CONTACTS, seed: 77 });
  const view = world.view();
  const indices = Array.from({ length: CONTACTS }, (_, index) => index);
  binned = new Set(indices.filter((index) => view.contactValue(index, 'IsDeleted') === true));
  simulator = await startSalesforceSimulator({ world });
  const processor = salesforceProjection({ database: database.pool, onOutbox: () => undefined });
  await stack.consume({ ...processor, topics: [topic.name], groupId: topic.group }, { maxBatch: 50 });
}, 60_000);

afterAll(async () => {
  await stack.stop();
  await simulator.stop();
  await database.drop();
}, 60_000);

async function read(): Promise<SourceRecord[]> {
  // A window ends before the second that runs.
  world.advance(60_000);
  return (await readOrg({ baseUrl: simulator.baseUrl, request: { api: 'bulk' } })).records;
}

async function scan(records: readonly SourceRecord[]): Promise<ScanApplied> {
  const scanId = await publishScan(stack.producer, topic.name, records);
  for (;;) {
    const applied = await finalWord(database.pool, scanId);
    if (applied !== undefined) return applied;
    await new Promise(setImmediate);
  }
}

type Row = Record<string, unknown>;

/** Every column of B4 as JSON has it, by Salesforce id. */
async function table(): Promise<Map<string, Row>> {
  const { rows } = await database.pool.query<{ row: Row }>('select to_jsonb(t) as row from sf_contacts t');
  return new Map(rows.map(({ row }) => [row['salesforce_id'] as string, row]));
}

/** What a column shows of a value of the world, by a reading of B5 of its own. */
function shown({ kind }: ContactField, value: Value): unknown {
  if (value === null || value === '') return null;
  if (kind === 'text') return String(value).replaceAll('\u0000', '') || null;
  if (kind === 'number') return typeof value === 'number' ? value : null;
  if (kind === 'datetime') return new Date(value as number).toISOString().replace(/\.?0*Z$/, '');
  return kind === 'date' && ['2024-02-30', 'soon'].includes(value as string) ? null : value;
}

async function expectWorld(): Promise<void> {
  const rows = await table();
  const view = world.view();
  let visible = 0;
  for (let index = 0; index < view.contacts; index += 1) {
    const row = rows.get(idOf(index));
    if (index === NAMELESS || binned.has(index)) {
      expect(row).toBeUndefined();
      continue;
    }
    visible += 1;
    const isDeleted = view.contactValue(index, 'IsDeleted') === true;
    expect([index, row!['deleted_at'] !== null]).toEqual([index, isDeleted]);
    // A contact that was deleted keeps the data it had.
    if (isDeleted) continue;
    const expected = CONTACT_FIELDS.map((field) => [field.column, shown(field, view.contactValue(index, field.api))]);
    expect([index, Object.fromEntries(CONTACT_FIELDS.map(({ column }) => [column, row![column]]))]).toEqual([
      index,
      Object.fromEntries(expected),
    ]);
  }
  expect(rows.size).toBe(visible);
}

async function versions(): Promise<unknown[]> {
  return (await database.pool.query<Row>('select salesforce_id, xmin, ctid from sf_contacts order by 1')).rows;
}

it('the table shows the org, again without a write, and what happened to it since', async () => {
  const first = await scan(await read());
  expect(first.tableCounters).toEqual({
    retrieved: CONTACTS,
    processed: CONTACTS - 1,
    created: CONTACTS - 1 - binned.size,
    updated: 0,
    unchanged: binned.size,
    deleted: 0,
    restored: 0,
    quarantined: 1,
    errors: 0,
    total: CONTACTS - 1 - binned.size,
  });
  expect([first.status, first.exitCode]).toEqual(['incomplete', 3]);
  await expectWorld();
  const [letter] = await readTopic(stack.kafka, topic.deadLetters, 1);
  expect(letter!.headers).toMatchObject({ '__connect.errors.exception.class.name': 'record_invalid' });
  expect(letter!.key).toBe(`org:contact:${idOf(NAMELESS)}`);

  const nameless = { contactId: idOf(NAMELESS), field: 'last_name', code: 'required' };
  expect(first.fieldErrors).toContainEqual(nameless);

  const before = await versions();
  const second = await scan(await read());
  expect(second.tableCounters).toMatchObject({
    processed: CONTACTS - 1,
    unchanged: CONTACTS - 1,
    created: 0,
    updated: 0,
  });
  expect(await versions()).toEqual(before);

  const older = await read();
  world.changeContact(idOf(20), { FirstName: 'Changed', MN_Provider_Detailed_Notes__c: null });
  world.recalculate(idOf(21), { Days_Since_Last_Visit__c: 99 });
  world.deleteContact(idOf(22));
  world.mergeContacts(idOf(23), idOf(24));
  world.undeleteContact(idOf(10));
  world.deleteContact(idOf(25));
  world.undeleteContact(idOf(25));
  world.addContact({ LastName: 'New' });
  binned.delete(10);
  const third = await scan(await read());
  expect(third.tableCounters).toMatchObject({
    created: 2,
    updated: 4,
    deleted: 2,
    restored: 0,
    quarantined: 1,
    errors: 0,
  });
  await expectWorld();
  const merged = (await table()).get(idOf(24))!;
  expect([merged['deletion_reason'], merged['master_record_id']]).toEqual(['merged', idOf(23)]);

  world.undeleteContact(idOf(22));
  expect((await scan(await read())).tableCounters).toMatchObject({ restored: 1, updated: 0 });
  await expectWorld();

  // A page of long ago that is read as if it were new is none: its SystemModstamp tells.
  const stale = older.filter(({ id }) => [20, 22, 25].map(idOf).includes(id));
  const late = stale.map((record) => ({ ...record, value: { ...record.value, readAt: Date.now() } }));
  expect((await scan(late as SourceRecord[])).tableCounters).toMatchObject({ unchanged: 3, updated: 0 });
  await expectWorld();
}, 60_000);
