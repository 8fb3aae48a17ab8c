import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ghlRulesByAccount } from '#libs/runtime/src/settings.ts';
import { readOrg } from '#libs/sources/salesforce/reading.fixture.ts';
import { replay, type ReplayOptions, type ReplayReport } from '#services/projector/src/replay.ts';
import { publishScan } from '#services/projector/src/salesforce/topic.fixture.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { makeWorld, type World } from '#testcontainers/simulators/salesforce/world.ts';
import { handledAll } from './projected.fixture.ts';

const TOPIC = 'crm.raw.salesforce.v1';
const ACCOUNT = `replay-${randomUUID()}`;
const idOf = (index: number): string => makeId(PREFIXES.Contact, index);

let test: TestPipeline;
let world: World;
let simulator: SalesforceSimulator;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(911));
  await test.pipeline.platform.codec.ready([
    'crm.raw.salesforce.v1.ContactRead',
    'crm.raw.salesforce.v1.ContactDeleted',
    'crm.raw.salesforce.v1.ContactUnusable',
    'crm.scan.v1.ScanMarker',
  ]);
  world = makeWorld({ contacts: 60, seed: 3 });
  simulator = await startSalesforceSimulator({ world });
  await scan();
  world.changeContact(idOf(20), { FirstName: 'Changed' });
  world.recalculate(idOf(21), { Days_Since_Last_Visit__c: 99 });
  world.deleteContact(idOf(22));
  world.mergeContacts(idOf(23), idOf(24));
  world.undeleteContact(idOf(10));
  await scan();
  world.undeleteContact(idOf(22));
  await scan();
}, 60_000);

afterAll(async () => {
  await simulator.stop();
  await test.stop();
}, 60_000);

async function scan(): Promise<void> {
  world.advance(60_000);
  const { records } = await readOrg({ baseUrl: simulator.baseUrl, request: { api: 'bulk' } });
  await publishScan(test.pipeline.platform.producer, TOPIC, records, { account: ACCOUNT });
  await handledAll(test, 'salesforce', [TOPIC]);
}

async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await test.pipeline.platform.database.query<T>(text, values)).rows;
}

function run(more: Partial<ReplayOptions> = {}): Promise<ReplayReport> {
  return replay({
    platform: test.pipeline.platform,
    databaseUrl: testStack().databaseUrl,
    rulesFor: ghlRulesByAccount(test.settings, []),
    tables: ['sf_contacts'],
    examples: 5,
    maySwap: () => Promise.resolve(false),
    ...more,
  });
}

it('a replay into an empty table gives the table, the quarantined passed over again', async () => {
  const report = await run();
  expect(report).toMatchObject({ equal: true, swapped: false });
  expect(report.tables['sf_contacts']!.live).toBeGreaterThan(50);
  expect(report.tables['sf_contacts']).toMatchObject({ onlyLive: 0, onlyRebuilt: 0, different: 0 });
  expect(report.deadLettered).toBeGreaterThan(2);
}, 30_000);

/** How rows are stored: what a migration set on the table, and on its columns. */
const STORED = `select reloptions, attname, attstorage from pg_class c join pg_attribute on attrelid = c.oid
  where c.oid = 'sf_contacts'::regclass and attnum > 0 order by attnum`;

it('a swap mends what was tampered with and keeps what no topic knows', async () => {
  const where = `where account_id = $1 and salesforce_id = $2`;
  await query(`update sf_contacts set analysis_results = '{"score": 7}', first_name = 'tampered' ${where}`, [
    ACCOUNT,
    idOf(20),
  ]);
  await query(`delete from sf_contacts ${where}`, [ACCOUNT, idOf(30)]);
  const stored = await query(STORED);
  const report = await run({ maySwap: () => Promise.resolve(true) });
  expect(report).toMatchObject({ equal: false, swapped: true });
  expect(await query(STORED)).toEqual(stored);
  expect(report.tables['sf_contacts']).toMatchObject({ onlyRebuilt: 1, different: 1, columns: { first_name: 1 } });
  const rows = await query(`select first_name, analysis_results from sf_contacts ${where}`, [ACCOUNT, idOf(20)]);
  expect(rows).toEqual([{ first_name: 'Changed', analysis_results: { score: 7 } }]);
  world.changeContact(idOf(30), { FirstName: 'After' });
  await scan();
  expect(await query(`select first_name from sf_contacts ${where}`, [ACCOUNT, idOf(30)])).toEqual([
    { first_name: 'After' },
  ]);
}, 30_000);
