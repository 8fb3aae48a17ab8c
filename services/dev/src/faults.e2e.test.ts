import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { partitionOf } from '#libs/kafka/src/producer.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { migrate } from '#libs/storage/src/orm.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { startProxy, type Proxy } from '#testcontainers/proxy.ts';
import { emptyWorld, type World } from '#testcontainers/simulators/ghl/world.ts';

/** Small pages make long scans of few contacts. */
const ENV = { SEARCH_PAGE_LIMIT: '20' };
const GARBAGE = Buffer.from('garbage');
const UNKNOWN_SCHEMA = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]);

let world: World;
let registry: Proxy;
let database: Proxy;
let brokers: Proxy;
let direct: Database;
let test: TestPipeline | undefined;

function proxied(proxy: Proxy, address: string): string {
  const url = new URL(address);
  url.host = `127.0.0.1:${proxy.port}`;
  return url.href;
}

async function proxyTo(address: string, options?: { cut: boolean }): Promise<Proxy> {
  const { hostname, port } = new URL(address);
  return startProxy({ host: hostname, port: Number(port) }, options);
}

function start(): Promise<TestPipeline> {
  const { schemaRegistryUrl, databaseUrl } = testStack();
  const through = {
    // Only what asks for the way goes through it: brokers name their own addresses for the rest.
    kafkaBrokers: `127.0.0.1:${brokers.port}`,
    schemaRegistryUrl: proxied(registry, schemaRegistryUrl),
    databaseUrl: proxied(database, databaseUrl),
  };
  return startTestPipeline(world, ENV, { through });
}

beforeAll(async () => {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = testStack();
  await migrate(databaseUrl);
  world = emptyWorld(815);
  registry = await proxyTo(schemaRegistryUrl);
  database = await proxyTo(databaseUrl);
  brokers = await proxyTo(`kafka://${kafkaBrokers.split(',')[0]}`);
  direct = createPool({ databaseUrl, applicationName: 'test', max: 2 });
}, 30_000);

afterAll(async () => {
  registry.heal();
  database.heal();
  brokers.heal();
  await test?.stop();
  await Promise.all([registry.stop(), database.stop(), brokers.stop(), direct.end()]);
}, 60_000);

beforeEach(async () => {
  await clear();
  world.contacts.clear();
  world.revision += 1;
  for (let index = 0; index < 240; index += 1) {
    world.addContact({
      firstName: 'Ann',
      lastName: `Lee ${index}`,
      email: `a${index}@example.test`,
      source: 'Vendor Application',
      tags: index % 3 === 0 ? ['Manually Approved'] : [],
    });
  }
});

afterEach(() => test?.simulator.faults.clear());

async function clear(): Promise<void> {
  await direct.query('delete from vendors');
  await direct.query('delete from leads');
}

/** Runs a sync; after some pages the source stands still while `work` goes on, so that it meets a scan under way. */
async function syncDuring(work: (scanId: string) => Promise<unknown>, page = 5): Promise<RunView> {
  const { faults } = test!.simulator;
  faults.clear();
  const met = Promise.withResolvers<void>();
  faults.afterPage(page, () => {
    faults.add({ kind: '500', match: '/contacts/search' });
    met.resolve();
  });
  const run = test!.sync();
  await met.promise;
  const { rows } = await direct.query<{ scan_id: string }>(
    `select scan_id from tributary.scans where state = 'running' order by requested_at desc limit 1`,
  );
  await work(rows[0]!.scan_id);
  faults.clear();
  return run;
}

async function vendors(): Promise<Record<string, unknown>[]> {
  const { rows } = await direct.query<Record<string, unknown>>(
    `select id, name, email, status, previous_status, missing_since is not null as missing, ghl_contact_id, source_updated_at
     from vendors order by id`,
  );
  return rows;
}

async function deadLetters(): Promise<number> {
  const offsets = await topicOffsets(test!.pipeline.platform.kafka, [
    'crm.raw.ghl.v1.classifier.dlq',
    'crm.observation.v1.projector-ghl.dlq',
  ]);
  return offsets.reduce((sum, { low, high }) => sum + high - low, 0);
}

function poison(topic: TopicName, value: Buffer, headers: Record<string, string> = {}): Promise<void> {
  const key = `${world.locationId}:contact:poison`;
  const partition = partitionOf(key, 6);
  return test!.pipeline.platform.producer.sendRaw([{ topic, partition, key: Buffer.from(key), value, headers }]);
}

async function readyz(): Promise<{ status: number; answer: object }> {
  const response = await fetch(`${test!.pipeline.url}/readyz`);
  return { status: response.status, answer: (await response.json()) as object };
}

async function readinessBecomes(status: number): Promise<object> {
  let now = await readyz();
  while (now.status !== status) now = await readyz();
  return now.answer;
}

const TOPICS = ['crm.raw.ghl.v1', 'crm.observation.v1'] as const;

it('a registry that is not there at the start is named by its setting; when it appears everything works', async () => {
  registry.cut();
  await expect(start()).rejects.toMatchObject({
    code: 'registry_unavailable',
    kind: 'transient',
    message: expect.stringContaining('SCHEMA_REGISTRY_URL'),
  });
  registry.heal();
  test = await start();
  await readinessBecomes(200);
  expect(await test.sync()).toMatchObject({ exitCode: 0, stats: { vendors_created: 240 } });
}, 30_000);

it.each([
  ['database', 'cut', 'DATABASE_URL', () => database],
  ['database', 'swallow', 'no answer within', () => database],
  ['kafka', 'cut', 'KAFKA_BROKERS', () => brokers],
  ['kafka', 'swallow', 'no answer within', () => brokers],
] as const)(
  '/readyz says that %s (%s) does not answer and why, and that it does again',
  async (part, fault, why, proxy) => {
    const isReady = { status: 200, answer: { status: 'ready' } };
    const isNot = expect.objectContaining({ part, ready: false, reason: expect.stringContaining(why) });
    expect(await readyz()).toMatchObject(isReady);
    proxy()[fault]();
    expect(await readinessBecomes(503)).toMatchObject({ status: 'not ready', parts: expect.arrayContaining([isNot]) });
    proxy().heal();
    expect(await readinessBecomes(200)).toMatchObject(isReady.answer);
  },
  30_000,
);

describe('poison on the topics while a scan runs', () => {
  it('that belongs to no scan is dead-lettered, and the scan does not notice', async () => {
    const before = await deadLetters();
    const run = await syncDuring(async () => {
      for (const topic of TOPICS) for (const bytes of [GARBAGE, UNKNOWN_SCHEMA]) await poison(topic, bytes);
    });
    expect(run).toMatchObject({
      status: 'completed',
      exitCode: 0,
      stats: { vendors_created: 240, dead_lettered: 0 },
    });
    expect(await deadLetters()).toBe(before + 4);
  }, 30_000);

  it.each(TOPICS)(
    'that belongs to the scan on %s lets it end, marks nothing missing and says why',
    async (topic) => {
      await direct.query(
        `insert into vendors (id, account_id, name, email, status) values ('gone', $1, 'n', 'gone@example.test', 'active')`,
        [world.locationId],
      );
      const run = await syncDuring(async (scanId) => {
        for (const bytes of [GARBAGE, UNKNOWN_SCHEMA])
          await poison(topic, bytes, { ce_scanid: scanId, ce_scannumber: '1' });
      });
      expect(run).toMatchObject({
        status: 'needs_confirmation',
        exitCode: 3,
        success: false,
        message: expect.stringContaining('2 records went to the dead-letter topic'),
        stats: { vendors_created: 240, dead_lettered: 2, vendors_missing_in_ghl: 0 },
      });
      expect((await vendors()).find(({ id }) => id === 'gone')).toMatchObject({ status: 'active', missing: false });
    },
    30_000,
  );

  it.each(TOPICS)(
    'in the place of a marker on %s fails the scan and says where to look, and the next one goes through',
    async (topic) => {
      const run = await syncDuring((scanId) =>
        poison(topic, GARBAGE, { ce_scanid: scanId, ce_type: 'crm.scan.v1.ScanMarker' }),
      );
      expect(run).toMatchObject({ status: 'failed', exitCode: 1, success: false, stats: { dead_lettered: 1 } });
      expect(run.message).toMatch(/record_undecodable.*dead-letters list --scan/);
      expect(await test!.sync()).toMatchObject({ status: 'completed', exitCode: 0 });
    },
    30_000,
  );
});

describe('the database', () => {
  /** The tables as a sync without trouble leaves them. */
  async function undisturbed(): Promise<Record<string, unknown>[]> {
    expect(await test!.sync()).toMatchObject({ exitCode: 0 });
    const rows = await vendors();
    expect(rows).toHaveLength(240);
    await clear();
    return rows;
  }

  it('whose connections are cut again and again during a scan ends in the same tables', async () => {
    const expected = await undisturbed();
    let cut = 0;
    const run = await syncDuring(async () => {
      for (let round = 0; round < 5; round += 1) {
        const { rows } = await direct.query<{ ended: boolean }>(
          `select pg_terminate_backend(pid, 2000) as ended from pg_stat_activity where application_name = 'tributary-dev'`,
        );
        cut += rows.length;
      }
    }, 3);
    expect(cut).toBeGreaterThan(0);
    expect(run).toMatchObject({ status: 'completed', exitCode: 0, stats: { vendors_created: 240 } });
    expect(await vendors()).toEqual(expected);
  }, 40_000);

  it('that is away for a while during a scan ends in the same tables', async () => {
    const expected = await undisturbed();
    const run = await syncDuring(async () => {
      database.cut();
      for (let attempt = 0; attempt < 6; attempt += 1) await database.refused();
      database.heal();
    }, 3);
    expect(run).toMatchObject({ status: 'completed', exitCode: 0, stats: { vendors_created: 240 } });
    expect(await vendors()).toEqual(expected);
  }, 40_000);
});
