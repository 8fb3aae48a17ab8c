import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventType, Events, SyncRequested } from '#libs/contracts/src/generated/events.ts';
import type { EventBatch } from '#libs/kafka/src/processor.ts';
import type { OutgoingEvent, Producer } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { memoryRows } from '#libs/sources/kit/memory.fixture.ts';
import { syncRequest } from '#libs/sources/kit/requests.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { ScanControl } from '#libs/storage/src/scan-control.ts';
import type { ClaimedScan, ReadableAccounts, ScanRequest, ScanStore } from '#libs/storage/src/scans.ts';
import { createConnector, type Connector } from './connector.ts';

let events: OutgoingEvent[];
let producer: Producer;
let store: ScanStore & { queue: ScanRequest[]; cancelled: string[]; released: string[]; finished: string[] };
let connector: Connector;
/** Accounts that the connector said it can read, and that it asked for scans of. */
let announced: ReadableAccounts[];
let asked: ReadableAccounts[];
/** Accounts that other connectors can read. */
let elsewhere: string[];
/** What the source says of every request. */
let refusing: AppError | undefined;
/** Waits for what was registered. */
let registered: (isOver: () => Promise<boolean>) => Promise<void>;
/** Scans that read now, by account; resolving one ends it. */
let reading: Map<string, (error?: Error) => void>;

/** A transaction that always succeeds: the statements themselves are tested with the database. */
const database = {
  connect: async () => ({ query: async () => ({ rowCount: 1, rows: [] }), release: () => undefined }),
} as unknown as Database;

const control: ScanControl = {
  async enqueue(_sql, request) {
    if (!store.queue.some(({ scanId }) => scanId === request.scanId)) store.queue.push(request);
    return { joinedTo: undefined };
  },
  async cancel(_sql, scanId) {
    store.cancelled.push(scanId);
    return [];
  },
  pause: async () => undefined,
  resume: async () => undefined,
};

function memoryQueue(): typeof store {
  const taken = new Set<string>();
  const queue: ScanRequest[] = [];
  const cancelled: string[] = [];
  const released: string[] = [];
  const finished: string[] = [];
  return {
    queue,
    cancelled,
    released,
    finished,
    unreadable: async () => [],
    async announce(accounts) {
      announced.push(accounts);
    },
    async claim(accounts): Promise<ClaimedScan | undefined> {
      asked.push(accounts);
      const next = queue.find(({ scanId, account }) => !finished.includes(scanId) && !taken.has(account));
      if (next === undefined) return undefined;
      taken.add(next.account);
      return { ...next, epoch: 1, startedAt: null, position: null };
    },
    begin: async () => ({ startedAt: 1, vendorsInScope: 0, leadsInScope: 0, since: null }),
    evidence: async () => ({
      vendorIds: new Set<string>(),
      vendorEmails: new Set<string>(),
      leadIds: new Set<string>(),
      leadEmails: new Set<string>(),
      leadOpportunityIds: new Set<string>(),
    }),
    savePosition: async () => undefined,
    knownRows: () => memoryRows([]),
    keepKnown: async () => undefined,
    async finish(scan) {
      finished.push(scan.scanId);
      taken.delete(scan.account);
    },
    async release(scan) {
      released.push(scan.scanId);
      taken.delete(scan.account);
    },
    isReadable: async (_source, account) => elsewhere.includes(account),
    asked: async (scanId) => (cancelled.includes(scanId) ? 'cancel' : undefined),
    async pause() {},
  };
}

const source: Source = {
  name: 'ghl',
  entity: 'contact',
  topic: 'crm.raw.ghl.v1',
  modes: ['full'],
  accounts: () => ['A', 'B', 'C'],
  accountHint: 'set GHL_LOCATION_ID',
  maxUnknownShare: () => 0.2,
  check() {
    if (refusing !== undefined) throw refusing;
  },
  keeps: () => ({ known: 'vendors-and-leads', watermark: 'start' }),
  holds: () => null,
  reader: (account, _mode, signal) => ({
    answersFor: 'all',
    open: async () => ({ accountName: account }),
    requests: () => ({ all: 0, list: 0 }),
    async *read() {
      await new Promise<void>((resolve, reject) => {
        reading.set(account, (error) => (error === undefined ? resolve() : reject(error)));
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
    },
  }),
};

beforeEach(() => {
  events = [];
  refusing = undefined;
  registered = async () => undefined;
  elsewhere = [];
  reading = new Map();
  [announced, asked] = [[], []];
  store = memoryQueue();
  producer = {
    send: async (batch) => {
      events.push(...batch);
      return [];
    },
    sendRaw: async () => undefined,
    stop: async () => undefined,
  };
  connector = createConnector({
    sources: [source],
    store,
    control,
    database,
    producer,
    registrationsWritten: (isOver) => registered(isOver),
    logger: createLogger({ name: 'test', level: 'silent' }),
    maxScans: 2,
    onOpen: () => undefined,
    onRecords: () => undefined,
  });
});

afterEach(async () => {
  await connector.stop();
});

const request = (account: string, more: Partial<SyncRequested> = {}): SyncRequested => ({
  ...syncRequest({ source: 'ghl', account, mode: 'full', dryRun: false, requestedBy: 'test' }).value,
  ...more,
});

async function receive(...batch: [type: EventType, value: Events[EventType]][]): Promise<void> {
  await connector.processor.handle({
    topic: 'crm.sync-request.v1',
    partition: 0,
    events: batch.map(([type, value], offset) => ({ type, value, offset: String(offset) })),
    checkpoint: {
      processor: 'connector',
      topic: 'crm.sync-request.v1',
      partition: 0,
      epoch: 1,
      expected: null,
      next: '1',
    },
  } as EventBatch);
}

/** Ends the scan that reads an account now. */
function end(account: string): void {
  const done = reading.get(account);
  reading.delete(account);
  done?.();
}

/** Turns the event loop until it is so; jest's time limit ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

const sent = <T extends EventType>(type: T): Events[T][] =>
  events.filter((event) => event.type === type).map(({ value }) => value as Events[T]);

describe('requests that cannot be run', () => {
  it.each<[string, Partial<SyncRequested>, string, RegExp]>([
    ['an unknown source', { source: 'hubspot' }, 'unknown_source', /no source hubspot.*SOURCES has ghl/],
    ['an unknown location', { account: 'nowhere' }, 'unknown_source', /nowhere: set GHL_LOCATION_ID/],
    ['a mode that comes later', { mode: 'targeted' }, 'request_invalid', /no mode targeted: it has full/],
  ])('are answered at once with exit code 2: %s', async (_what, more, code, message) => {
    const refused = request('A', more);
    await receive(['crm.sync.v1.SyncRequested', refused]);
    expect(store.queue).toEqual([]);
    expect(sent('crm.scan.v1.ScanFailed')).toMatchObject([
      { scanId: refused.syncId, code, kind: 'config', message: expect.stringMatching(message) },
    ]);
    expect(sent('crm.scan.v1.ScanApplied')).toMatchObject([{ scanId: refused.syncId, status: 'failed', exitCode: 2 }]);
  });

  it('are left to another connector when it is one of ours that does not run here', async () => {
    const other = request('acme', { source: 'salesforce' });
    await receive(['crm.sync.v1.SyncRequested', other]);
    expect(store.queue).toMatchObject([{ scanId: other.syncId, source: 'salesforce' }]);
    expect(events).toEqual([]);
  });

  it('are left to another connector when it can read the account', async () => {
    elsewhere = ['nowhere'];
    const other = request('nowhere');
    await receive(['crm.sync.v1.SyncRequested', other]);
    expect(store.queue).toMatchObject([{ scanId: other.syncId, account: 'nowhere' }]);
    expect(sent('crm.scan.v1.ScanFailed')).toEqual([]);
  });

  it('are answered with what contradicts itself in them', async () => {
    refusing = new AppError('request_invalid', 'a limit needs the REST API');
    await receive(['crm.sync.v1.SyncRequested', request('A', { api: 'bulk', limit: 5 })]);
    expect(sent('crm.scan.v1.ScanFailed')).toMatchObject([
      { code: 'request_invalid', message: 'a limit needs the REST API' },
    ]);
    expect(sent('crm.scan.v1.ScanApplied')).toMatchObject([{ exitCode: 2 }]);
  });

  it('are answered with the same events when the batch is repeated', async () => {
    const refused = request('nowhere');
    await receive(['crm.sync.v1.SyncRequested', refused]);
    const first = events.splice(0);
    await receive(['crm.sync.v1.SyncRequested', refused]);
    expect(events).toEqual(first);
  });
});

describe('requests that can be run', () => {
  it('are taken of the accounts that are set here, which the connector announces before', async () => {
    await receive(['crm.sync.v1.SyncRequested', request('A')]);
    await until(() => reading.size === 1);
    await receive(['crm.sync.v1.SyncRequested', request('B')]);
    await until(() => reading.size === 2);
    const accounts = { ghl: ['A', 'B', 'C'] };
    expect(announced).toEqual([accounts]);
    expect(new Set(asked.map((one) => JSON.stringify(one)))).toEqual(new Set([JSON.stringify(accounts)]));
  });

  it('run side by side for two accounts, one after the other for one', async () => {
    const [first, second, other] = [request('A'), request('A'), request('B')];
    await receive(
      ['crm.sync.v1.SyncRequested', first],
      ['crm.sync.v1.SyncRequested', second],
      ['crm.sync.v1.SyncRequested', other],
    );
    await until(() => reading.size === 2);
    expect(
      sent('crm.scan.v1.ScanStarted')
        .map(({ scanId }) => scanId)
        .sort(),
    ).toEqual([first.syncId, other.syncId].sort());
    end('A');
    await until(() => reading.has('A'));
    expect(store.finished).toEqual([first.syncId]);
    expect(sent('crm.scan.v1.ScanStarted').map(({ scanId }) => scanId)).toContain(second.syncId);
  });

  it('run no more at a time than they may; the next begins when one ends', async () => {
    const [first, second, third] = [request('A'), request('B'), request('C')];
    await receive(
      ['crm.sync.v1.SyncRequested', first],
      ['crm.sync.v1.SyncRequested', second],
      ['crm.sync.v1.SyncRequested', third],
    );
    await until(() => reading.size === 2);
    expect(sent('crm.scan.v1.ScanStarted')).toHaveLength(2);
    end('B');
    await until(() => reading.has('C'));
    expect(store.finished).toEqual([second.syncId]);
    expect(sent('crm.scan.v1.ScanStarted').map(({ scanId }) => scanId)).toContain(third.syncId);
  });

  it('begin when what was registered before is in the tables', async () => {
    const written = Promise.withResolvers<void>();
    const begun: string[] = [];
    const { begin } = store;
    store.begin = async (scan, keeps) => {
      begun.push(scan.scanId);
      return begin(scan, keeps);
    };
    const waiting = new Promise<void>((isWaiting) => {
      registered = () => {
        isWaiting();
        return written.promise;
      };
    });
    const first = request('A');
    await receive(['crm.sync.v1.SyncRequested', first]);
    await waiting;
    expect(begun).toEqual([]);
    written.resolve();
    await until(() => reading.size === 1);
    expect(begun).toEqual([first.syncId]);
  });

  it('do not wait for that when they are cancelled', async () => {
    registered = async (isOver) => {
      while (!(await isOver())) await turn();
    };
    const first = request('A');
    await receive(['crm.sync.v1.SyncRequested', first]);
    await receive(['crm.sync.v1.SyncCancelled', { syncId: first.syncId } as Events['crm.sync.v1.SyncCancelled']]);
    await until(() => store.finished.includes(first.syncId));
    expect(sent('crm.scan.v1.ScanMarker')[0]).toMatchObject({ answersFor: 'nothing' });
  });

  it('are queued once when they come twice', async () => {
    const twice = request('A');
    await receive(['crm.sync.v1.SyncRequested', twice]);
    await receive(['crm.sync.v1.SyncRequested', twice]);
    expect(store.queue).toHaveLength(1);
  });

  it('can be cancelled, and then answer for nothing', async () => {
    const cancelled = request('A');
    await receive(
      ['crm.sync.v1.SyncRequested', cancelled],
      ['crm.sync.v1.SyncCancelled', { syncId: cancelled.syncId } as Events['crm.sync.v1.SyncCancelled']],
    );
    await until(() => store.finished.includes(cancelled.syncId));
    expect(sent('crm.scan.v1.ScanMarker')).toHaveLength(6);
    expect(sent('crm.scan.v1.ScanMarker')[0]).toMatchObject({ answersFor: 'nothing', failureCode: 'scan_cancelled' });
  });

  it('are let go, not ended, when this process stops', async () => {
    const running = request('A');
    await receive(['crm.sync.v1.SyncRequested', running]);
    await until(() => reading.has('A'));
    await connector.stop();
    expect(store.released).toEqual([running.syncId]);
    expect(sent('crm.scan.v1.ScanMarker')).toEqual([]);
    await receive(['crm.sync.v1.SyncRequested', request('B')]);
    expect(reading.has('B')).toBe(false);
  });

  it('are taken up again after trouble of our own', async () => {
    const running = request('A');
    await receive(['crm.sync.v1.SyncRequested', running]);
    await until(() => reading.has('A'));
    const end = reading.get('A');
    reading.clear();
    end?.(new AppError('kafka_unavailable', 'the brokers do not take records'));
    await until(() => store.released.length === 1);
    connector.start();
    await until(() => reading.has('A'));
    expect(sent('crm.scan.v1.ScanFailed')).toEqual([]);
  });
});
