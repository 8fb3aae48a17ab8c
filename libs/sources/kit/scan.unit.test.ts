import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '#libs/runtime/src/errors.ts';
import {
  evidenceOf,
  followLog,
  memoryProducer,
  memoryStore,
  type MemoryProducer,
  type MemoryStore,
  memoryRows,
} from './memory.fixture.ts';
import type { AccountReader, ReadContext, ReadRequest, Source, SourcePage, SourceRecord } from './ports.ts';
import { runScan } from './scan.ts';

const PAGES = 5;
const PER_PAGE = 7;

let store: MemoryStore;
let producer: MemoryProducer;
let stop: AbortController;

beforeEach(() => {
  store = memoryStore(evidenceOf(), 'A');
  producer = memoryProducer();
  stop = new AbortController();
});

function gone(id: string): SourceRecord {
  return { type: 'crm.raw.ghl.v1.ContactGone', id, value: { contactId: id, reason: 'not_found', at: 1 } };
}

function page(index: number, more: Partial<SourcePage> = {}): SourcePage {
  return {
    records: Array.from({ length: PER_PAGE }, (_, place) => gone(`c${index * PER_PAGE + place}`)),
    position: index + 1,
    seen: { contactIds: [], emails: [], opportunityIds: [] },
    counts: { read: PER_PAGE, unusable: 0, unknown: 0 },
    progress: { phase: 'list', recordsTotal: PAGES * PER_PAGE, lookupsDone: 0, lookupsTotal: null },
    ...more,
  };
}

async function* fivePages({ position }: ReadContext): AsyncGenerator<SourcePage> {
  for (let index = (position as number | undefined) ?? 0; index < PAGES; index += 1) yield page(index);
}

function sourceOf(reader: Partial<AccountReader> & { make?: () => void; more?: Partial<Source> } = {}): Source {
  return {
    name: 'ghl',
    entity: 'contact',
    topic: 'crm.raw.ghl.v1',
    modes: ['full'],
    accounts: () => ['A'],
    accountHint: 'set SOME_ACCOUNT',
    maxUnknownShare: () => 0.2,
    check: () => undefined,
    keeps: () => ({ known: 'vendors-and-leads', watermark: 'start' }),
    holds: () => null,
    reader() {
      reader.make?.();
      return {
        answersFor: 'all',
        open: async () => ({ accountName: 'Made-up' }),
        read: fivePages,
        requests: () => ({ all: 3, list: 2 }),
        ...reader,
      };
    },
    ...reader.more,
  };
}

const run = (source: Source = sourceOf(), more: { cancelLookMs?: number } = {}): Promise<void> =>
  runScan({ scan: store.scan(), source, store, producer, signal: stop.signal, ...more });

describe('the life of a scan', () => {
  it('starts, publishes, closes every partition after its data, completes', async () => {
    await run();
    const types = producer.events.map(({ type }) => type.split('.').at(-1));
    expect(types[0]).toBe('ScanStarted');
    expect(types.at(-1)).toBe('ScanCompleted');
    expect(types.lastIndexOf('ContactGone')).toBeLessThan(types.indexOf('ScanMarker'));
    const { holes, markers, gone: contacts } = followLog(producer);
    expect(holes).toBe(0);
    expect(contacts.size).toBe(PAGES * PER_PAGE);
    expect(markers.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(markers.reduce((sum, { lastNumber }) => sum + lastNumber, 0)).toBe(35);
    expect(markers[0]).toMatchObject({ answersFor: 'all', totalRecords: 35, contactsRead: 35, failureExitCode: 0 });
    expect(producer.of('crm.scan.v1.ScanCompleted')).toMatchObject([{ requests: 3, listRequests: 2, recordsRead: 35 }]);
    expect(store.finished).toBe('read');
  });

  it('addresses records so that one contact stays on one partition, and says whose they are', async () => {
    await run();
    const record = producer.events.find(({ subject }) => subject === 'c3')!;
    expect(record).toMatchObject({
      key: 'A:contact:c3',
      scanId: store.scan().scanId,
      correlationId: store.scan().scanId,
      value: { account: 'A', scanId: store.scan().scanId, mode: 'full', dryRun: false, scanNumber: record.scanNumber },
    });
    expect(new Set(producer.events.map(({ id }) => id)).size).toBe(producer.events.length);
  });

  it('closes an account without any contact as well', async () => {
    await run(sourceOf({ read: async function* () {} }));
    expect(followLog(producer).markers).toHaveLength(6);
    expect(
      followLog(producer).markers.every(({ lastNumber, answersFor }) => lastNumber === 0 && answersFor === 'all'),
    ).toBe(true);
  });

  it('tells progress when the phase changes, not for every page', async () => {
    await run(
      sourceOf({
        read: async function* (context) {
          yield* fivePages(context);
          yield page(PAGES, { progress: { phase: 'confirm', recordsTotal: null, lookupsDone: 7, lookupsTotal: 9 } });
        },
      }),
    );
    expect(producer.of('crm.scan.v1.ScanProgressed')).toMatchObject([
      { phase: 'list', recordsRead: 7, requests: 3 },
      { phase: 'confirm', recordsRead: 42, lookupsDone: 7, lookupsTotal: 9 },
    ]);
  });
});

describe('a scan that is interrupted', () => {
  it.each([0, 1, 2, 3, 4])(
    'between the acknowledgement and the position of page %i repeats numbers and leaves no hole',
    async (crashAt) => {
      store.beforeSave = (count) => {
        if (count === crashAt) throw new AppError('database_unavailable', 'down');
      };
      await expect(run()).rejects.toMatchObject({ code: 'database_unavailable' });
      expect(store.finished).toBeUndefined();
      expect(followLog(producer).markers).toEqual([]);
      store.beforeSave = undefined;
      await run();
      const { holes, gone: contacts, markers } = followLog(producer);
      expect({ holes, contacts: contacts.size, total: markers[0]?.totalRecords }).toEqual({
        holes: 0,
        contacts: 35,
        total: 35,
      });
      // A repeated record is the same event again.
      const ids = new Map(producer.events.map(({ id, subject, type }) => [`${type} ${subject ?? ''}`, id]));
      for (const { id, subject, type } of producer.events)
        if (type === 'crm.raw.ghl.v1.ContactGone') expect(ids.get(`${type} ${subject ?? ''}`)).toBe(id);
    },
  );

  it('and reads a page anew that has changed meanwhile gives no event id to two records', async () => {
    let contacts = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const source = sourceOf({
      read: async function* () {
        yield page(0, { records: contacts.map(gone) });
      },
    });
    store.beforeSave = () => {
      throw new AppError('database_unavailable', 'down');
    };
    await expect(run(source)).rejects.toMatchObject({ code: 'database_unavailable' });
    store.beforeSave = undefined;
    contacts = contacts.slice(3);
    await run(source);
    const subjects = new Map<string, Set<string | undefined>>();
    for (const { id, subject } of producer.events) subjects.set(id, (subjects.get(id) ?? new Set()).add(subject));
    expect([...subjects.values()].filter(({ size }) => size > 1)).toEqual([]);
  });

  it('by a broker that does not acknowledge saves no position and stays open', async () => {
    producer.fail = (events) => {
      if (events.some(({ subject }) => subject === 'c14')) throw new AppError('kafka_unavailable', 'down');
    };
    await expect(run()).rejects.toMatchObject({ code: 'kafka_unavailable' });
    expect(store.position).toMatchObject({ source: 2, contactsRead: 14 });
    expect(producer.of('crm.scan.v1.ScanFailed')).toEqual([]);
  });

  it('while it tells its end tells the same end again, whatever the source would say now', async () => {
    const refused = new AppError('ghl_unauthorized', 'refused: set GHL_PRIVATE_TOKEN');
    producer.fail = (events) => {
      if (events[0]?.type === 'crm.scan.v1.ScanMarker') throw new AppError('kafka_unavailable', 'down');
    };
    await expect(run(sourceOf({ open: () => Promise.reject(refused) }))).rejects.toMatchObject({
      code: 'kafka_unavailable',
    });
    producer.fail = undefined;
    await run();
    const { markers } = followLog(producer);
    expect(markers).toHaveLength(6);
    expect(markers[0]).toMatchObject({ answersFor: 'nothing', failureCode: 'ghl_unauthorized', failureExitCode: 2 });
    expect(producer.of('crm.scan.v1.ScanCompleted')).toEqual([]);
    const failed = producer.events.filter(({ type }) => type === 'crm.scan.v1.ScanFailed');
    expect(failed).toHaveLength(2);
    expect(failed[0]).toEqual(failed[1]);
  });

  it('by somebody who took it over writes no marker', async () => {
    const source = sourceOf({
      read: async function* (context) {
        yield* fivePages(context);
        store.epoch += 1;
      },
    });
    await expect(run(source)).rejects.toMatchObject({ code: 'checkpoint_fenced' });
    expect(followLog(producer).markers).toEqual([]);
  });

  it('by the end of this process writes nothing that would end it', async () => {
    const source = sourceOf({
      read: async function* () {
        yield page(0);
        stop.abort();
        throw new Error('the request was aborted');
      },
    });
    await expect(run(source)).rejects.toMatchObject({ code: 'scan_interrupted' });
    expect(producer.events.map(({ type }) => type)).not.toContain('crm.scan.v1.ScanFailed');
    expect(store.finished).toBeUndefined();
  });

  it('by a store that breaks is no failure of the source', async () => {
    store.knownRows = () => ({ ...memoryRows([]), unseenIds: () => Promise.reject(new Error('connection reset')) });
    const source = sourceOf({
      read: async function* (context) {
        await context.known.unseenIds(1, '');
        yield page(0);
      },
    });
    await expect(run(source)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(producer.of('crm.scan.v1.ScanFailed')).toEqual([]);
  });

  it('takes up a position of an earlier release', async () => {
    store.position = { source: 3, numbers: [9, 9, 9, 9, 9, 9], contactsRead: 21, unusable: 0, lookups: 0, unknown: 0 };
    await run();
    expect(followLog(producer).markers[0]).toMatchObject({ contactsRead: 35, totalRecords: 54 + 14 });
  });
});

describe('a scan that fails', () => {
  const failing = (error: Error, after = 0): Source =>
    sourceOf({
      read: async function* () {
        for (let index = 0; index < after; index += 1) yield page(index);
        throw error;
      },
    });

  it.each([
    ['refused credentials before anything was read', 'ghl_unauthorized', 0, 2],
    ['refused credentials later', 'ghl_unauthorized', 2, 3],
    ['a list that broke', 'ghl_truncated', 2, 3],
    ['a list that goes in circles', 'ghl_repeated_cursor', 1, 3],
    ['a defect of ours', undefined, 1, 3],
  ] as const)('answers for nothing: %s', async (_what, code, after, exitCode) => {
    const error = code === undefined ? new TypeError('x is undefined') : new AppError(code, 'because');
    const told: AppError[] = [];
    await runScan({
      scan: store.scan(),
      source: failing(error, after),
      store,
      producer,
      signal: stop.signal,
      onFailed: (failure) => told.push(failure),
    });
    const { markers, holes } = followLog(producer);
    expect(holes).toBe(0);
    expect(markers).toHaveLength(6);
    for (const marker of markers) {
      expect(marker).toMatchObject({
        answersFor: 'nothing',
        failureCode: code ?? 'internal',
        failureExitCode: exitCode,
        contactsRead: after * PER_PAGE,
      });
    }
    expect(producer.of('crm.scan.v1.ScanFailed')).toMatchObject([
      { code: code ?? 'internal', recordsRead: after * PER_PAGE },
    ]);
    expect(producer.of('crm.scan.v1.ScanCompleted')).toEqual([]);
    expect(store.finished).toBe('read');
    expect(told[0]?.code === 'internal' ? told[0].cause : told[0]).toBe(error);
  });

  it('ends when the account is not configured any more', async () => {
    const source = sourceOf({
      make: () => {
        throw new AppError('unknown_source', 'no token is set for A');
      },
    });
    await run(source);
    expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'unknown_source', failureExitCode: 2 });
    expect(store.finished).toBe('read');
  });

  it('whose record no topic takes keeps the numbers of what was sent', async () => {
    producer.fail = (events) => {
      if (events.some(({ subject }) => subject === 'c7')) throw new AppError('record_too_large', 'too large');
    };
    await run();
    const { markers, holes } = followLog(producer);
    expect(holes).toBe(0);
    expect(markers[0]).toMatchObject({ failureCode: 'record_too_large', totalRecords: 7 });
  });
});

describe('look-ups without an answer', () => {
  const lookups = (total: number, unknownPerPage: number): Source =>
    sourceOf({
      read: async function* () {
        for (let done = 10; done <= total; done += 10) {
          yield page(0, {
            counts: { read: 0, unusable: 0, unknown: unknownPerPage },
            progress: { phase: 'confirm', recordsTotal: null, lookupsDone: done, lookupsTotal: total },
          });
        }
      },
    });

  it.each([
    [100, 2, 'all'],
    [100, 3, 'nothing'],
    [20, 3, 'nothing'],
    [10, 10, 'all'],
  ])('%i look-ups, %i of ten unknown: the scan answers for %s', async (total, unknown, answersFor) => {
    await run(lookups(total, unknown));
    expect(followLog(producer).markers[0]).toMatchObject({
      answersFor,
      failureCode: answersFor === 'nothing' ? 'source_down' : null,
    });
  });

  it('end the scan as soon as the rest cannot change the outcome', async () => {
    await run(lookups(1_000, 10));
    expect(followLog(producer).markers[0]).toMatchObject({ lookupsUnknown: 210, failureExitCode: 3 });
  });
});

it('tells which fields are read as often as the source says so, and goes on', async () => {
  const fields = { read: ['Id'], missing: ['Fax'], changed: [], unmapped: ['New__c'], unreadable: [] };
  const source = sourceOf({
    read: async function* () {
      yield page(0, { fields });
      yield page(1);
      yield page(2, { fields: { ...fields, missing: [] } });
    },
  });
  await run(source);
  expect(producer.of('crm.scan.v1.ScanFieldsSelected')).toMatchObject([
    { account: 'A', ...fields },
    { ...fields, missing: [] },
  ]);
  expect(followLog(producer).markers[0]).toMatchObject({ totalRecords: 21 });
});

describe('a cancelled scan', () => {
  it('reads nothing when it was cancelled before it began', async () => {
    store.wanted = 'cancel';
    await run(
      sourceOf({
        make: () => {
          throw new Error('the source was asked');
        },
      }),
    );
    expect(followLog(producer).markers[0]).toMatchObject({ answersFor: 'nothing', failureCode: 'scan_cancelled' });
  });

  it('ends after the page under way', async () => {
    const source = sourceOf({
      read: async function* (context) {
        for await (const next of fivePages(context)) {
          if (next.position === 2) store.wanted = 'cancel';
          yield next;
        }
      },
    });
    await run(source);
    expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'scan_cancelled', totalRecords: 14 });
    expect(store.finished).toBe('read');
  });

  it.each([
    ['is running', false],
    ['is paused', true],
  ])(
    'lets go of what the source keeps for it when it %s, and ends although the source fails',
    async (_when, isPaused) => {
      const dropped: unknown[] = [];
      const source = sourceOf({
        read: async function* (context) {
          for await (const next of fivePages(context)) {
            if (next.position === 2) store.wanted = isPaused ? 'pause' : 'cancel';
            yield next;
          }
        },
        async drop(position) {
          dropped.push(position);
          throw new Error('the source does not answer');
        },
      });
      await run(source);
      if (isPaused) {
        expect([dropped, store.paused]).toEqual([[], 1]);
        store.wanted = 'cancel';
        await run(source);
      }
      expect(dropped).toEqual([2]);
      expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'scan_cancelled', totalRecords: 14 });
    },
  );

  it('ends while the source is waited for', async () => {
    const source = sourceOf({
      read: async function* ({ signal }) {
        yield page(0);
        store.wanted = 'cancel';
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        });
      },
    });
    await run(source, { cancelLookMs: 5 });
    expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'scan_cancelled', totalRecords: 7 });
    expect(producer.of('crm.scan.v1.ScanFailed')).toMatchObject([{ message: 'the scan was cancelled' }]);
  });
});

describe('a scan that its source holds', () => {
  const ceiling = new AppError('salesforce_api_ceiling', '95 of 100 are used (SALESFORCE_API_CEILING)');
  const more: Partial<Source> = { holds: ({ code }) => (code === 'salesforce_api_ceiling' ? 5_000 : null) };

  it('keeps its place, says why, writes no marker, and goes on from there', async () => {
    let isSpent = true;
    const source = sourceOf({
      more,
      read: async function* (context) {
        for await (const next of fivePages(context)) {
          if (isSpent && next.position === 3) throw ceiling;
          yield next;
        }
      },
    });
    await run(source);
    expect(store).toMatchObject({ paused: 1, held: 1, finished: undefined, position: { source: 2, contactsRead: 14 } });
    expect(producer.of('crm.scan.v1.ScanPaused')).toMatchObject([
      { recordsRead: 14, code: ceiling.code, message: ceiling.message },
    ]);
    expect(producer.of('crm.scan.v1.ScanFailed')).toEqual([]);
    expect(followLog(producer).markers).toEqual([]);
    isSpent = false;
    await run(source);
    const { holes, gone: contacts, markers } = followLog(producer);
    expect([holes, contacts.size, markers.length]).toEqual([0, 35, 6]);
  });

  it('is held again at once, and says so each time', async () => {
    const source = sourceOf({ more, open: () => Promise.reject(ceiling) });
    await run(source);
    await run(source);
    const told = producer.events.map(({ type }) => type.split('.').at(-1));
    expect(told).toEqual(['ScanPaused', 'ScanResumed', 'ScanPaused']);
  });

  it('says whether anything was read: a scan may be worth waiting for only then', async () => {
    const asked: boolean[] = [];
    const holds: Source['holds'] = (_failure, hasRead) => (asked.push(hasRead), hasRead ? 5_000 : null);
    const failing = async function* (context: ReadContext): AsyncGenerator<SourcePage> {
      yield (await fivePages(context).next()).value as SourcePage;
      throw ceiling;
    };
    await run(sourceOf({ more: { holds }, read: failing }));
    await run(sourceOf({ more: { holds }, open: () => Promise.reject(ceiling) }));
    expect([asked, store.held, store.finished]).toEqual([[true, true], 2, undefined]);
    store.position = null;
    await run(sourceOf({ more: { holds }, open: () => Promise.reject(ceiling) }));
    expect([asked.at(-1), store.finished]).toEqual([false, 'read']);
  });

  it('can be cancelled all the same', async () => {
    await run(sourceOf({ more, open: () => Promise.reject(ceiling) }));
    store.wanted = 'cancel';
    await run();
    expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'scan_cancelled' });
  });
});

describe('what a scan is asked for', () => {
  it('reaches the reader whole, and the reader of a resumed scan', async () => {
    const told: ReadRequest[] = [];
    const source = sourceOf();
    const asking: Source = { ...source, reader: (...args) => (told.push(args[1]), source.reader(...args)) };
    const asked = { api: 'rest', since: 5, until: 9, limit: 3, batchSize: null };
    const scan = store.scan({ asked, mode: 'incremental', dryRun: true });
    await runScan({ scan, source: asking, store, producer, signal: stop.signal });
    expect(told).toEqual([{ ...asked, mode: 'incremental', dryRun: true, contactId: null }]);
  });

  it('asks for no evidence and keeps no sightings where nothing is held against the scan', async () => {
    store.evidence = () => Promise.reject(new Error('the evidence was asked for'));
    const seen: unknown[] = [];
    const { savePosition } = store;
    store.savePosition = async (scan, position, shown, watermark) => {
      seen.push(shown);
      await savePosition(scan, position, shown, watermark);
    };
    await run(sourceOf({ more: { keeps: () => ({ known: null, watermark: 'told' }) } }));
    expect(seen.every((shown) => shown === undefined)).toBe(true);
  });
});

describe('a scan that is held against what is known from its middle on', () => {
  it('keeps sightings from then on, and counts the keys in its markers', async () => {
    const rows = memoryRows([{ contactId: 'c1' }, { contactId: 'c2' }]);
    store = memoryStore(evidenceOf(), 'A');
    const seen: unknown[] = [];
    const kept: string[] = [];
    const { savePosition } = store;
    store.savePosition = async (scan, position, shown, watermark) => {
      seen.push(shown?.contactIds);
      await savePosition(scan, position, shown, watermark);
    };
    store.keepKnown = async (_scan, what) => void kept.push(what);
    store.knownRows = () => rows;
    async function* read({ keepKnown }: ReadContext): AsyncGenerator<SourcePage> {
      const showing = (id: string) => ({ seen: { contactIds: [id], emails: [], opportunityIds: [] } });
      yield page(0, showing('c1'));
      await keepKnown('salesforce-contacts');
      yield page(1, { ...showing('c2'), counts: { read: 3, unusable: 0, unknown: 0, keys: 3 } });
      yield page(2, { ...showing('c3'), counts: { read: 2, unusable: 0, unknown: 0, keys: 2 } });
    }
    await run(sourceOf({ read, more: { keeps: () => ({ known: null, watermark: 'told' }) } }));
    expect([kept, seen]).toEqual([['salesforce-contacts'], [undefined, ['c2'], ['c3'], undefined]]);
    expect(followLog(producer).markers.map(({ keysListed }) => keysListed)).toEqual([5, 5, 5, 5, 5, 5]);
  });

  it('lists none where nobody asks for them', async () => {
    await run();
    expect(followLog(producer).markers[0]!.keysListed).toBeNull();
  });
});

describe('the watermark of a scan', () => {
  const telling = (error?: Error): Source =>
    sourceOf({
      read: async function* () {
        yield page(0, { watermark: 77 });
        yield page(1);
        if (error !== undefined) throw error;
      },
    });

  it('is what its pages told last, saved with the outcome', async () => {
    await run(telling());
    expect(store.watermark).toBe(77);
  });

  it('is nothing when the scan fails', async () => {
    await run(telling(new AppError('ghl_truncated', 'no')));
    expect(store.watermark).toBeNull();
  });
});

describe('a scan that is paused', () => {
  const pausing = (at: number): Source =>
    sourceOf({
      read: async function* (context) {
        for await (const next of fivePages(context)) {
          if (next.position === at) store.wanted = 'pause';
          yield next;
        }
      },
    });

  it('stops after the page under way, keeps its place, and writes no marker', async () => {
    await run(pausing(2));
    expect(store).toMatchObject({ paused: 1, finished: undefined, position: { source: 2, contactsRead: 14 } });
    expect(followLog(producer).markers).toEqual([]);
    expect(producer.of('crm.scan.v1.ScanPaused')).toMatchObject([{ recordsRead: 14 }]);
    expect(producer.of('crm.scan.v1.ScanProgressed').at(-1)).toMatchObject({ recordsRead: 14 });
  });

  it('goes on from there when it is resumed, and reads no page twice', async () => {
    await run(pausing(2));
    store.wanted = undefined;
    await run();
    const { holes, gone: contacts, markers } = followLog(producer);
    expect({ holes, contacts: contacts.size, total: markers[0]?.totalRecords }).toEqual({
      holes: 0,
      contacts: 35,
      total: 35,
    });
    expect(producer.of('crm.raw.ghl.v1.ContactGone')).toHaveLength(35);
    expect(producer.of('crm.scan.v1.ScanResumed')).toMatchObject([{ recordsRead: 14 }]);
    expect(store.finished).toBe('read');
  });

  it('stays paused when a process takes it up that is still wanted to pause', async () => {
    await run(pausing(2));
    await run(
      sourceOf({
        make: () => {
          throw new Error('the source was asked');
        },
      }),
    );
    expect(store.paused).toBe(2);
    expect(followLog(producer).markers).toEqual([]);
  });

  it('can be cancelled, and then answers for nothing', async () => {
    await run(pausing(2));
    store.wanted = 'cancel';
    await run();
    expect(followLog(producer).markers[0]).toMatchObject({ failureCode: 'scan_cancelled', totalRecords: 14 });
  });
});
