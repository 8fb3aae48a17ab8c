import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { memoryProducer, type MemoryProducer } from '#libs/sources/kit/memory.fixture.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { endScans, SCAN_CONTROL } from '#libs/storage/src/scan-control.ts';
import { createScanStore, type ScanRequest } from '#libs/storage/src/scans.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { createConnector, type Connector } from './connector.ts';

const logger = createLogger({ name: 'test', level: 'silent' });

let account: string;
let database: Database;
let producer: MemoryProducer;
let connectors: Connector[];
/** Reads under way, oldest first; resolving one lets it go to its end. */
let reading: { scan: number; end: () => void }[];
let most: number;
let begun: number;

/** No other connector on this database has it. */
const SOURCE = `control-${randomUUID()}`;

const source: Source = {
  name: SOURCE,
  entity: 'contact',
  topic: 'crm.raw.ghl.v1',
  modes: ['full', 'targeted'],
  accounts: () => [account],
  accountHint: 'set GHL_LOCATION_ID',
  maxUnknownShare: () => 0.2,
  check: () => undefined,
  keeps: () => ({ known: 'vendors-and-leads', watermark: 'start' }),
  holds: () => null,
  reader: (_account, _mode, signal) => ({
    answersFor: 'all',
    open: async () => ({ accountName: null }),
    requests: () => ({ all: 0, list: 0 }),
    async *read() {
      begun += 1;
      const scan = begun;
      await new Promise<void>((end, fail) => {
        reading.push({ scan, end });
        most = Math.max(most, reading.length);
        signal.addEventListener('abort', () => fail(new Error('aborted')), { once: true });
      }).finally(() => {
        reading = reading.filter((one) => one.scan !== scan);
      });
    },
  }),
};

beforeAll(async () => {
  await deploy({ stack: testStack(), logger, service: 'test', replication: 1 });
}, 60_000);

beforeEach(() => {
  account = `control-${randomUUID()}`;
  database = createPool({ databaseUrl: testStack().databaseUrl, applicationName: 'test', max: 8 });
  producer = memoryProducer();
  [reading, most, begun] = [[], 0, 0];
  connectors = [];
});

afterEach(async () => {
  for (const connector of connectors) await connector.stop();
  await database.end();
});

/** A connector as a process of its own would have it. */
function startConnector(): Connector {
  const connector = createConnector({
    sources: [source],
    store: createScanStore(database),
    control: SCAN_CONTROL,
    database,
    producer,
    registrationsWritten: async () => undefined,
    logger,
    maxScans: 4,
    onOpen: () => undefined,
    onRecords: () => undefined,
  });
  connectors.push(connector);
  connector.start();
  return connector;
}

async function ask(more: Partial<ScanRequest> = {}): Promise<{ scanId: string; joinedTo: string | undefined }> {
  const scanId = randomUUID();
  const request = {
    scanId,
    source: SOURCE,
    account,
    mode: 'full',
    dryRun: false,
    contactId: null,
    asked: ASKED_NOTHING,
    requestedBy: 'test',
  };
  return { scanId, ...(await SCAN_CONTROL.enqueue(database, { ...request, requestedAt: Date.now(), ...more })) };
}

async function stateOf(scanId: string): Promise<string | undefined> {
  const { rows } = await database.query<{ state: string }>('select state from tributary.scans where scan_id = $1', [
    scanId,
  ]);
  return rows[0]?.state;
}

/** Turns until it is so; jest's time limit ends it otherwise. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await turn();
}

describe('two connectors and one account', () => {
  it('never read it side by side, whatever is asked', async () => {
    const scans = [await ask(), await ask({ dryRun: true }), await ask({ mode: 'targeted' })];
    startConnector();
    startConnector();
    for (const [index, { scanId }] of scans.entries()) {
      await until(() => reading.length > 0 && begun === index + 1);
      reading[0]!.end();
      await until(async () => (await stateOf(scanId)) === 'read');
      // The projector has the word: nobody begins before it has spoken.
      await endScans(database, scanId);
    }
    expect({ most, begun }).toEqual({ most: 1, begun: 3 });
  }, 30_000);

  it('leave a paused scan alone, and what waits behind it, until it is resumed', async () => {
    const { scanId } = await ask();
    startConnector();
    await until(() => reading.length === 1);
    const behind = await ask();
    expect(behind.joinedTo).toBeUndefined();
    await SCAN_CONTROL.pause(database, scanId);
    for (const connector of connectors.splice(0)) await connector.stop();
    startConnector();
    await until(async () => (await stateOf(scanId)) === 'paused');
    expect(await createScanStore(database).claim({ [SOURCE]: [account] })).toBeUndefined();
    expect({ begun, behind: await stateOf(behind.scanId) }).toEqual({ begun: 1, behind: 'queued' });
    await SCAN_CONTROL.resume(database, scanId);
    await until(() => begun === 2);
    expect(await stateOf(behind.scanId)).toBe('queued');
    expect(producer.of('crm.scan.v1.ScanPaused')).toMatchObject([{ scanId }]);
    expect(producer.of('crm.scan.v1.ScanResumed')).toMatchObject([{ scanId }]);
  }, 30_000);
});

describe('a request while another one is open', () => {
  it('joins what asks for the same and has not begun; all of them end together', async () => {
    const first = await ask();
    const [same, again, other] = [await ask(), await ask(), await ask({ dryRun: true })];
    expect([same.joinedTo, again.joinedTo, other.joinedTo]).toEqual([first.scanId, first.scanId, undefined]);
    // The same request once more changes nothing.
    expect(await ask({ scanId: same.scanId })).toMatchObject({ joinedTo: undefined });
    await SCAN_CONTROL.cancel(database, again.scanId);
    expect((await endScans(database, first.scanId)).sort()).toEqual([same.scanId]);
    await endScans(database, other.scanId);
  });

  it('ends a waiting scan and those that joined it when it is cancelled, once', async () => {
    const first = await ask();
    const joined = await ask();
    const ended = (await SCAN_CONTROL.cancel(database, first.scanId)).map(({ scanId }) => scanId);
    expect(ended.sort()).toEqual([first.scanId, joined.scanId].sort());
    expect(await SCAN_CONTROL.cancel(database, first.scanId)).toEqual([]);
    expect(await stateOf(joined.scanId)).toBe('applied');
  });

  it('does not join one that is being cancelled, nor one of another contact', async () => {
    const one = await ask({ mode: 'single', contactId: 'a' });
    const two = await ask({ mode: 'single', contactId: 'b' });
    const three = await ask({ mode: 'single', contactId: 'b' });
    expect([two.joinedTo, three.joinedTo]).toEqual([undefined, two.scanId]);
    for (const { scanId } of [one, two]) await SCAN_CONTROL.cancel(database, scanId);
    const four = await ask({ mode: 'single', contactId: 'b' });
    expect(four.joinedTo).toBeUndefined();
    await SCAN_CONTROL.cancel(database, four.scanId);
  });
});
