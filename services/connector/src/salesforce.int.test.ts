import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import type { ScanMarker } from '#libs/contracts/src/generated/events.ts';
import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';
import { openReader } from '#libs/kafka/src/reader.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { startHost, type Host } from '#libs/runtime/src/host.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { salesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { ghlRules, readSettings } from '#libs/runtime/src/settings.ts';
import { controlRequest, syncRequest, type SyncOrder } from '#libs/sources/kit/requests.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { endScans, SCAN_CONTROL } from '#libs/storage/src/scan-control.ts';
import { followRun, isDone } from '#services/cli/src/follow.ts';
import { projectorComponents } from '#services/projector/src/component.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';
import { connectorComponents } from './component.ts';

const CONTACTS = 600;
const RAW = 'crm.raw.salesforce.v1';
const logger = createLogger({ name: 'test', level: 'silent' });

let platform: Platform;
let simulator: SalesforceSimulator;
let host: Host | undefined;
let account: string;

beforeAll(async () => {
  const stack = testStack();
  await deploy({ stack, logger, service: 'test', replication: 1 });
  platform = await openPlatform({ stack, databasePool: 12, logger, service: 'test' });
}, 60_000);

afterAll(async () => {
  await platform.close();
});

beforeEach(async () => {
  account = `org-${randomUUID()}`;
  simulator = await startSalesforceSimulator({
    world: makeWorld({ contacts: CONTACTS }),
    knobs: { resultSetRows: 100, restPageRows: 80 },
  });
  // The one contact that makes no row does from now on.
  simulator.world.changeContact(makeId(PREFIXES.Contact, 5), { LastName: 'Named' });
  // What the world began with lies behind the lag.
  simulator.world.advance(60_000);
  await start();
}, 60_000);

afterEach(async () => {
  await host?.stop();
  await simulator.stop();
  expect(simulator.counters.writes).toBe(0);
}, 30_000);

/** A connector that has Salesforce settings and no others, and the projection of runs. */
async function start(more: Record<string, string> = {}): Promise<void> {
  const settings = readSettings({
    SALESFORCE_DOMAIN: account,
    SALESFORCE_LOGIN_URL: simulator.baseUrl,
    SALESFORCE_CLIENT_ID: SIMULATED_CREDENTIALS.clientId,
    SALESFORCE_CLIENT_SECRET: SIMULATED_CREDENTIALS.clientSecret,
    SALESFORCE_MAX_RECORDS: '100',
    SALESFORCE_BATCH_ROWS: '50',
    SALESFORCE_PARALLEL: '1',
    ...more,
  });
  const ghl = { baseUrl: settings.GHL_API_BASE_URL, accounts: [] };
  const salesforce = salesforceAccess(settings);
  host = await startHost(
    [
      ...projectorComponents(platform, () => ghlRules(settings), logger),
      ...connectorComponents({ settings, ghl, salesforce, platform, logger }),
    ],
    logger,
  );
}

async function ask(more: Partial<SyncOrder> = {}): Promise<string> {
  const order = { source: 'salesforce', account, mode: 'full', dryRun: false, requestedBy: 'test', ...more };
  const event = syncRequest(order);
  await platform.producer.send([event]);
  return event.value.syncId;
}

const follow = (syncId: string, until: (run: RunView) => boolean): Promise<RunView> =>
  followRun(platform.database, syncId, () => undefined, undefined, until);

const isRead = ({ status }: RunView): boolean => !['queued', 'running', 'paused'].includes(status);

/** Everything of a scan on the raw topic, in the order of each partition. */
async function eventsOf(scanId: string): Promise<(Pick<ConsumedEvent, 'type' | 'value'> & { partition: number })[]> {
  const places = await topicOffsets(platform.kafka, [RAW]);
  const { kafka, codec } = platform;
  const reader = await openReader({
    kafka,
    codec,
    places: places.map(({ partition, low }) => ({ topic: RAW, partition, offset: low })),
    types: [`${RAW}.ContactRead`, `${RAW}.ContactDeleted`, `${RAW}.ContactUnusable`, 'crm.scan.v1.ScanMarker'],
  });
  const found: (Pick<ConsumedEvent, 'type' | 'value'> & { partition: number })[] = [];
  for (const { partition, high } of places) {
    const limit = { end: high, before: Number.POSITIVE_INFINITY };
    const next = () => reader.read(RAW, partition, limit, 1_000);
    for (let batch = await next(); batch !== undefined; batch = await next())
      found.push(
        ...batch.events
          .filter((event) => event.scanId === scanId)
          .map((event) => ({ type: event.type, value: event.value, partition })),
      );
  }
  await reader.close();
  return found;
}

interface Told {
  contacts: Set<string>;
  markers: ScanMarker[];
  /** Last record number of each partition, as the records have it. */
  numbers: number[];
}

async function told(scanId: string): Promise<Told> {
  const events = await eventsOf(scanId);
  const markers = events
    .filter(({ type }) => type === 'crm.scan.v1.ScanMarker')
    .map(({ value }) => value as ScanMarker);
  const numbers = Array.from({ length: 6 }, () => 0);
  const contacts = new Set<string>();
  for (const { type, value, partition } of events) {
    if (type === 'crm.scan.v1.ScanMarker') continue;
    const { salesforceId, scanNumber } = value as { salesforceId: string; scanNumber: number };
    contacts.add(salesforceId);
    // A page that was sent twice repeats its numbers; none is skipped.
    expect(scanNumber).toBeLessThanOrEqual(numbers[partition]! + 1);
    numbers[partition] = Math.max(numbers[partition]!, scanNumber);
  }
  return { contacts, markers: markers.sort((a, b) => a.partition - b.partition), numbers };
}

function expectWhole({ contacts, markers, numbers }: Told): void {
  expect(contacts.size).toBe(CONTACTS);
  expect(markers.map(({ lastNumber }) => lastNumber)).toEqual(numbers);
  expect(markers).toMatchObject(
    numbers.map(() => ({ account, source: 'salesforce', answersFor: 'nothing', failureCode: null })),
  );
}

const asked = (text: string): number =>
  simulator.requests.filter(({ method, url }) => `${method} ${url}`.includes(text)).length;

it.each(['bulk', 'rest'])(
  'a request leads to records and markers on the raw topic (%s)',
  async (api) => {
    const syncId = await ask({ api });
    expect(await follow(syncId, isRead)).toMatchObject({ source: 'salesforce', error: null });
    expectWhole(await told(syncId));
    expect(asked('POST /services/data/v58.0/jobs/query')).toBe(api === 'bulk' ? 1 : 0);
    await endScans(platform.database, syncId);
  },
  60_000,
);

it('reads what it is asked for, no more', async () => {
  const syncId = await ask({ api: 'rest', limit: 120 });
  await follow(syncId, isRead);
  expect((await told(syncId)).contacts.size).toBe(120);
  await endScans(platform.database, syncId);
}, 60_000);

it('goes on where it was when the process is replaced', async () => {
  const reached = Promise.withResolvers<void>();
  simulator.faults.before('/results', 4, () => reached.resolve());
  simulator.faults.add({ kind: 'hang', match: '/results', after: 3 });
  const syncId = await ask({ api: 'bulk' });
  await reached.promise;
  await host!.stop();
  expect((await told(syncId)).markers).toEqual([]);
  simulator.faults.clear();
  await start();
  await follow(syncId, isRead);
  expectWhole(await told(syncId));
  expect(asked('POST /services/data/v58.0/jobs/query')).toBe(1);
  await endScans(platform.database, syncId);
}, 90_000);

it('is paused at the API ceiling, says what to set, and goes on when it is resumed', async () => {
  simulator.knobs.apiRequestsMax = 1000;
  simulator.counters.apiRequests = 942;
  const syncId = await ask({ api: 'bulk' });
  const held = await follow(syncId, ({ status, error }) => status === 'paused' && error !== null);
  expect(held).toMatchObject({ success: null, exitCode: null, error: { code: 'salesforce_api_ceiling' } });
  expect(held.error!.message).toMatch(/SALESFORCE_API_CEILING/);
  expect(held.pausedAt).toEqual(expect.any(Number));
  expect((await told(syncId)).markers).toEqual([]);
  simulator.counters.apiRequests = 10;
  await platform.producer.send([controlRequest('resume', held, 'test')]);
  expect(await follow(syncId, isRead)).toMatchObject({ error: null, pausedAt: null });
  expectWhole(await told(syncId));
  await endScans(platform.database, syncId);
}, 90_000);

it('is tried again by itself when it was held long enough', async () => {
  await host!.stop();
  await start({ SALESFORCE_HOLD: '1' });
  simulator.faults.add({ kind: 'request-limit', match: '/results', times: 1 });
  const syncId = await ask({ api: 'bulk' });
  const held = await follow(syncId, ({ status, error }) => status === 'paused' && error !== null);
  expect(held.error).toMatchObject({ code: 'salesforce_request_limit' });
  await follow(syncId, isRead);
  expectWhole(await told(syncId));
  expect(asked('POST /services/data/v58.0/jobs/query')).toBe(1);
  await endScans(platform.database, syncId);
}, 90_000);

it('waits at its position while Salesforce is away, and goes on with the same job', async () => {
  await host!.stop();
  await start({ SALESFORCE_HOLD: '1', SALESFORCE_RETRY_SECONDS: '0' });
  simulator.faults.add({ kind: '503', match: 'GET /services/data/v58.0/jobs/query/750', times: 1 });
  simulator.faults.before('GET /services/data/v58.0/jobs/query/750', 1, () =>
    simulator.faults.add({ kind: '503', match: '/limits', times: 1 }),
  );
  const syncId = await ask({ api: 'bulk' });
  const held = await follow(syncId, ({ status, error }) => status === 'paused' && error !== null);
  expect(held).toMatchObject({ exitCode: null, error: { code: 'salesforce_unavailable' } });
  expect(await follow(syncId, isRead)).toMatchObject({ error: null });
  expectWhole(await told(syncId));
  expect([asked('POST /services/data/v58.0/jobs/query'), asked('/limits')]).toEqual([1, 3]);
  await endScans(platform.database, syncId);
}, 90_000);

it('aborts its job when it is cancelled, and answers for nothing', async () => {
  const reached = Promise.withResolvers<void>();
  simulator.faults.before('/results', 2, () => reached.resolve());
  simulator.faults.add({ kind: 'hang', match: '/results', after: 1 });
  const syncId = await ask({ api: 'bulk' });
  await reached.promise;
  await platform.producer.send([controlRequest('cancel', await readRun(platform.database, syncId), 'test')]);
  expect(await follow(syncId, isRead)).toMatchObject({ error: { code: 'scan_cancelled' } });
  const { markers } = await told(syncId);
  expect(markers).toHaveLength(6);
  expect(markers[0]).toMatchObject({ failureCode: 'scan_cancelled', answersFor: 'nothing' });
  expect(asked('PATCH /services/data/v58.0/jobs/query/750')).toBe(1);
  await endScans(platform.database, syncId);
}, 60_000);

it.each<[string, Partial<SyncOrder>]>([
  ['of contacts', { api: 'bulk' }],
  ['of keys', { mode: 'reconcile' }],
])(
  'aborts the job %s of a sync that is held when it is cancelled',
  async (_what, order) => {
    await host!.stop();
    await start({ SALESFORCE_BULK_THRESHOLD: '1' });
    simulator.faults.add({ kind: 'request-limit', match: '/results', times: 1 });
    const syncId = await ask(order);
    const held = await follow(syncId, ({ status, error }) => status === 'paused' && error !== null);
    expect(asked('PATCH')).toBe(0);
    await platform.producer.send([controlRequest('cancel', held, 'test')]);
    expect(await follow(syncId, isRead)).toMatchObject({ error: { code: 'scan_cancelled' } });
    expect(asked('PATCH /services/data/v58.0/jobs/query/750')).toBe(1);
    await endScans(platform.database, syncId);
  },
  60_000,
);

it('ends what nobody can read any more, and names what to set', async () => {
  const scanId = randomUUID();
  const request = { source: 'salesforce', account: `left-${account}`, mode: 'full', dryRun: false, contactId: null };
  const longAgo = { requestedBy: 'test', requestedAt: Date.now() - 2 * 3_600_000 };
  await SCAN_CONTROL.enqueue(platform.database, { ...request, ...longAgo, scanId, asked: ASKED_NOTHING });
  expect(await follow(scanId, isDone)).toMatchObject({
    status: 'failed',
    exitCode: 2,
    error: { code: 'unknown_source', message: expect.stringMatching(/left-org-.*SALESFORCE_DOMAIN/) },
  });
}, 30_000);

it('ends what waits for a source that nobody reads, and what joined it', async () => {
  await host!.stop();
  const request = { source: 'phorest', account, mode: 'full', dryRun: false, contactId: null, asked: ASKED_NOTHING };
  const longAgo = { requestedBy: 'test', requestedAt: Date.now() - 2 * 3_600_000 };
  const scans = [randomUUID(), randomUUID()];
  for (const scanId of scans) await SCAN_CONTROL.enqueue(platform.database, { ...request, ...longAgo, scanId });
  await start();
  for (const scanId of scans) {
    expect(await follow(scanId, isDone)).toMatchObject({
      status: 'failed',
      exitCode: 2,
      error: { code: 'unknown_source', message: expect.stringMatching(/no connector reads phorest.*SOURCES/) },
    });
  }
}, 30_000);

it('finds what the recycle bin has forgotten when the last sync is too long ago, and tells people so', async () => {
  await follow(await ask({ api: 'rest' }), isDone);
  const { rows } = await platform.database.query<{ salesforce_id: string }>(
    'select salesforce_id from sf_contacts where account_id = $1 order by 1 limit 1',
    [account],
  );
  simulator.world.hideContact(rows[0]!.salesforce_id);
  simulator.world.advance(16 * 86_400_000);
  const behind = await follow(await ask({ mode: 'incremental' }), isDone);
  expect(behind.message).toMatch(
    /marked 1 deleted.*\(15 days\): the ids of all contacts \(5\d\d\) were compared as well/,
  );
  const next = await follow(await ask({ mode: 'incremental' }), isDone);
  expect(next.message).not.toMatch(/compared/);
  const reconciled = await follow(await ask({ mode: 'reconcile' }), isDone);
  expect(reconciled.message).not.toMatch(/compared/);
  // The keys that the org listed, not what became of them.
  expect(reconciled.tableStats).toMatchObject({
    processed: 0,
    retrieved: Number(/\((\d+)\)/.exec(behind.message!)![1]),
  });
}, 60_000);

it('does not begin again and again where far too many are gone, marks them when people say so, and has them back when they come', async () => {
  await follow(await ask({ api: 'rest' }), isDone);
  const { rows } = await platform.database.query<{ salesforce_id: string }>(
    'select salesforce_id from sf_contacts where account_id = $1 and deleted_at is null order by 1 limit 150',
    [account],
  );
  for (const { salesforce_id: id } of rows) simulator.world.hideContact(id);
  simulator.world.advance(16 * 86_400_000);
  const behind = await follow(await ask({ mode: 'incremental' }), isDone);
  expect(behind).toMatchObject({
    exitCode: 3,
    tableStats: { deleted: 0 },
  });
  expect(behind.message).toMatch(/^Records read were applied, but .* 150 known .* SALESFORCE_VANISHED_SHARE=0.26 /);
  expect(await follow(await ask({ mode: 'incremental' }), isDone)).toMatchObject({ exitCode: 0 });
  await host!.stop();
  await start({ SALESFORCE_VANISHED_SHARE: '0.26' });
  const reconciled = await follow(await ask({ mode: 'reconcile' }), isDone);
  expect(reconciled).toMatchObject({ exitCode: 0, tableStats: { deleted: 150 } });
  for (const { salesforce_id: id } of rows) simulator.world.showContact(id);
  expect(await follow(await ask({ mode: 'incremental' }), isDone)).toMatchObject({ tableStats: { restored: 0 } });
  const back = await follow(await ask({ mode: 'reconcile' }), isDone);
  expect(back).toMatchObject({ exitCode: 0, tableStats: { restored: 150, created: 0, updated: 0, deleted: 0 } });
}, 90_000);
