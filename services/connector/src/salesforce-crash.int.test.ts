import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { LOGIN } from '#libs/sources/salesforce/reading.fixture.ts';
import { salesforceSource } from '#libs/sources/salesforce/source.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { systemClock } from '#libs/sources/kit/rate-limit.ts';
import { inTransaction } from '#libs/storage/src/pool.ts';
import { SCAN_CONTROL } from '#libs/storage/src/scan-control.ts';
import { createScanStore, type ScanStore } from '#libs/storage/src/scans.ts';
import { salesforceProjection } from '#services/projector/src/salesforce/processor.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { openLoop, type LoopStack, type LoopTopic } from '#testcontainers/loop.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';
import { createConnector, type Connector } from './connector.ts';

const RAW = 'crm.raw.salesforce.v1';
const ORG = 'org';
const CONTACTS = 90;
const idOf = (index: number): string => makeId(PREFIXES.Contact, index);

let database: TestDatabase;
let stack: LoopStack;
let topic: LoopTopic;
let simulator: SalesforceSimulator;

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await openLoop(database.pool);
  await stack.codec.ready([
    `${RAW}.ContactRead`,
    `${RAW}.ContactDeleted`,
    `${RAW}.ContactUnusable`,
    'crm.scan.v1.ScanMarker',
  ]);
  topic = await stack.topic(6);
  simulator = await startSalesforceSimulator({
    world: makeWorld({ contacts: CONTACTS, seed: 31 }),
    knobs: { resultSetRows: 40, restPageRows: 40 },
  });
  const processor = salesforceProjection({ database: database.pool, onOutbox: () => undefined });
  await stack.consume({ ...processor, topics: [topic.name], groupId: topic.group }, { maxBatch: 50 });
  simulator.world.advance(60_000);
  await scan({ api: 'rest' });
  await database.pool.query(
    'create table contacts_before as table sf_contacts; create table deletions_before as table tributary.sf_deletions',
  );
  changeWorld();
}, 60_000);

afterAll(async () => {
  await stack.stop();
  await simulator.stop();
  await database.drop();
}, 60_000);

/** Everything that may become of a contact, spread over the pages. */
function changeWorld(): void {
  const { world } = simulator;
  for (const index of [20, 45, 70, 85]) world.changeContact(idOf(index), { FirstName: `Changed ${index}` });
  for (const index of [21, 46, 86]) world.deleteContact(idOf(index));
  world.mergeContacts(idOf(22), idOf(71));
  world.addContact({ LastName: 'New' });
  world.advance(60_000);
}

/** How contacts are read. */
interface Way {
  api: 'bulk' | 'rest';
  parallel?: number;
}

/** Where the connector dies: at the n-th step that is kept, before or after it is. */
interface Crash {
  step: number;
  isKept: boolean;
}

function sourceOf({ parallel = 1 }: Way): Source {
  const bulk = { batchRows: 20, maxRecords: 40, parallel, pollFirstMs: 5, pollLongestMs: 5, deadlineMs: 20_000 };
  return salesforceSource({
    accounts: [{ account: ORG, loginUrl: simulator.baseUrl, login: LOGIN }],
    version: 'v58.0',
    timeoutMs: 5_000,
    patienceMs: 5_000,
    contacts: {
      bulk: { ...bulk, checkTotal: true },
      windows: { overlapMs: 0, lagMs: 0 },
      bulkFrom: 10_000,
      extraFields: [],
      clock: systemClock,
    },
    holdMs: 900_000,
    vanished: { minContacts: 100, maxShare: 0.2 },
    usage: { warnShare: 0.8, ceilingShare: 0.95 },
    onRequest: () => undefined,
    onRefused: () => undefined,
  });
}

/** A connector that sends to the topic of this file only, and nothing at all once it is dead. */
function connectorOf(way: Way, store: ScanStore, isDead = () => false): Connector {
  const producer: Producer = {
    ...stack.producer,
    send(events) {
      if (isDead()) throw death();
      const raw = events.filter((event) => event.topic === RAW);
      return stack.producer.send(raw.map((event) => ({ ...event, topic: topic.name })));
    },
  };
  return createConnector({
    sources: [sourceOf(way)],
    store,
    control: SCAN_CONTROL,
    database: database.pool,
    producer,
    registrationsWritten: async () => undefined,
    logger: createLogger({ name: 'test', level: 'silent' }),
    maxScans: 1,
    onOpen: () => undefined,
    onRecords: () => undefined,
  });
}

const death = (): AppError => new AppError('database_unavailable', 'the process is dead');

/** A store whose process dies at a step; whatever it would still keep is lost. */
function mortal(store: ScanStore, { step, isKept }: Crash, died: () => void): ScanStore {
  let steps = 0;
  async function pass(keep: () => Promise<void>): Promise<void> {
    steps += 1;
    if (steps < step) return keep();
    if (steps === step && isKept) await keep();
    died();
    throw death();
  }
  return {
    ...store,
    savePosition: (...args) => pass(() => store.savePosition(...args)),
    finish: (...args) => pass(() => store.finish(...args)),
  };
}

/** How a scan ended. */
interface Ended {
  isDead: boolean;
  result: Pick<ScanApplied, 'status' | 'tableCounters' | 'fieldErrors'>;
}

/** Scans the org to the end, whoever dies on the way. */
async function scan(way: Way, crash?: Crash): Promise<Ended> {
  const scanId = randomUUID();
  const asked = { ...ASKED_NOTHING, api: way.api };
  const request = { scanId, source: 'salesforce', account: ORG, mode: 'full', dryRun: false, contactId: null, asked };
  await inTransaction(database.pool, (sql) =>
    SCAN_CONTROL.enqueue(sql, { ...request, requestedBy: 'test', requestedAt: Date.now() }),
  );
  let isDead = false;
  if (crash !== undefined) isDead = await dieAt(way, crash, scanId);
  const connector = connectorOf(way, createScanStore(database.pool));
  connector.start();
  await applied(scanId);
  await connector.stop();
  return { isDead, result: await resultOf(scanId) };
}

async function resultOf(scanId: string): Promise<Ended['result']> {
  const { rows } = await database.pool.query<{ content: string }>('select content from tributary.outbox order by id');
  const values = rows.flatMap(({ content }) => JSON.parse(content) as { value: ScanApplied }[]);
  const { status, tableCounters, fieldErrors } = values.find(({ value }) => value.scanId === scanId)!.value;
  return { status, tableCounters, fieldErrors };
}

/** Runs a connector until it is dead, or the scan has come to its end before that. */
async function dieAt(way: Way, crash: Crash, scanId: string): Promise<boolean> {
  const dead = Promise.withResolvers<true>();
  let isDead = false;
  const store = mortal(createScanStore(database.pool), crash, () => {
    isDead = true;
    dead.resolve(true);
  });
  const connector = connectorOf(way, store, () => isDead);
  connector.start();
  await Promise.race([dead.promise, applied(scanId)]);
  await connector.stop();
  return isDead;
}

async function applied(scanId: string): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query<{ state: string }>(
      'select state from tributary.scan_states where scan_id = $1',
      [scanId],
    );
    if (rows[0]?.state === 'applied') return;
    await turn();
  }
}

/** When things were read, which differs from scan to scan. */
const READING = ['created_at', 'last_synced_at', 'deletion_read_at', 'read_at'];

/** The table as a scan leaves it that finds what the first one left, and how the scan ended. */
async function tableAfter(way: Way, crash?: Crash): Promise<Ended & { rows: unknown[] }> {
  await database.pool.query(`truncate sf_contacts, tributary.sf_deletions;
    insert into sf_contacts table contacts_before; insert into tributary.sf_deletions table deletions_before`);
  const ended = await scan(way, crash);
  const { rows } = await database.pool.query<{ row: object }>(
    `select to_jsonb(t) - $1::text[] as row from sf_contacts t
     union all select to_jsonb(d) - $1::text[] from tributary.sf_deletions d order by 1`,
    [READING],
  );
  return { rows: rows.map(({ row }) => row), ...ended };
}

it.each<[string, Way, number]>([
  ['each locator and each batch of a bulk job', { api: 'bulk' }, 8],
  ['each batch of result sets side by side', { api: 'bulk', parallel: 3 }, 8],
  ['each nextRecordsUrl', { api: 'rest' }, 5],
])(
  'a connector that dies at %s, before or after its position is kept, leaves table and counters of an undisturbed scan',
  async (_where, way, steps) => {
    const undisturbed = await tableAfter(way);
    expect(undisturbed.rows.length).toBeGreaterThan(CONTACTS - 10);
    expect(undisturbed.result).toMatchObject({ status: 'incomplete', tableCounters: { updated: 5, quarantined: 1 } });
    const deaths = { true: 0, false: 0 };
    for (const isKept of [false, true]) {
      for (let step = 1; ; step += 1) {
        const { rows, isDead, result } = await tableAfter(way, { step, isKept });
        expect([step, isKept, rows, result]).toEqual([step, isKept, undisturbed.rows, undisturbed.result]);
        if (!isDead) break;
        deaths[`${isKept}`] += 1;
      }
    }
    expect(Math.min(deaths.true, deaths.false)).toBeGreaterThanOrEqual(steps);
  },
  120_000,
);
