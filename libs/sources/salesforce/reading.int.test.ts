import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '#libs/runtime/src/errors.ts';
import { LONGEST_NOTE } from '#testcontainers/simulators/salesforce/contact-values.ts';
import type { FaultKind } from '#testcontainers/simulators/salesforce/faults.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';
import { followLog, memoryProducer, memoryStore, evidenceOf } from '../kit/memory.fixture.ts';
import type { SourcePage, SourceRecord } from '../kit/ports.ts';
import { runScan } from '../kit/scan.ts';
import type { ContactPosition } from './contacts.ts';
import { hastyClock, LOGIN, readOrg, type Reading, type ReadingOptions } from './reading.fixture.ts';
import { salesforceSource } from './source.ts';

const CONTACTS = 300;
const idOf = (index: number): string => makeId(PREFIXES.Contact, index);

let simulator: SalesforceSimulator;

beforeEach(async () => {
  const knobs = { resultSetRows: 45, restPageRows: 80 };
  simulator = await startSalesforceSimulator({ world: makeWorld({ contacts: CONTACTS }), knobs });
});
afterEach(async () => {
  const { writes } = simulator.counters;
  await simulator.stop();
  // Whatever a test does, nothing was ever written.
  expect(writes).toBe(0);
});

const read = (options: Omit<ReadingOptions, 'baseUrl'> = {}): Promise<Reading> =>
  readOrg({ baseUrl: simulator.baseUrl, ...options });
const bulk = (options: Omit<ReadingOptions, 'baseUrl'> = {}): Promise<Reading> =>
  read({
    ...options,
    request: { api: 'bulk', ...options.request },
    bulk: { batchRows: 40, maxRecords: 90, ...options.bulk },
  });
const rest = (options: Omit<ReadingOptions, 'baseUrl'> = {}): Promise<Reading> =>
  read({ ...options, request: { api: 'rest', ...options.request } });

/** Every contact of the world, each at least once. */
function expectAll({ ids }: { ids: readonly string[] }, contacts = CONTACTS): void {
  expect(new Set(ids).size).toBe(contacts);
}

function byId({ records }: Reading): Map<string, SourceRecord> {
  return new Map(records.map((record) => [record.id, record]));
}

/** Ids of the contacts that ended, in the order of their records. */
const ended = ({ records }: Reading): string[] =>
  records.filter(({ type }) => type.endsWith('ContactDeleted')).map(({ id }) => id);

/** Ids of the contacts that are there now. */
async function visible(): Promise<string[]> {
  const { records } = await rest();
  return records.filter(({ type }) => type.endsWith('ContactRead')).map(({ id }) => id);
}

const failure = (code: string): unknown => expect.objectContaining({ code });
const asked = (text: string): number =>
  simulator.requests.filter(({ method, url }) => `${method} ${url}`.includes(text)).length;

describe('the whole org', () => {
  it.each([1, 5])('is read once by the Bulk API, %i sets at a time, and the job is deleted', async (parallel) => {
    const reading = await bulk({ bulk: { parallel } });
    expectAll(reading);
    expect(reading.ids).toHaveLength(CONTACTS);
    expect(asked('DELETE /services/data/v58.0/jobs/query/750')).toBe(1);
    expect(asked('/resultPages') > 0).toBe(parallel > 1);
    expect(Math.max(...reading.pages.map(({ records }) => records.length))).toBe(40);
  });

  it('is read once by REST', async () => {
    const reading = await rest();
    expectAll(reading);
    expect(reading.ids).toHaveLength(CONTACTS);
    expect(asked('/jobs/query')).toBe(0);
  });

  it('is the same from both, nasty values included', async () => {
    const [one, other] = [byId(await bulk()), byId(await rest())];
    const bare = (record: SourceRecord | undefined): unknown => ({
      ...record,
      value: { ...record?.value, via: '', readAt: 0 },
    });
    for (const [id, record] of one) expect(bare(record)).toEqual(bare(other.get(id)));
    const at = (index: number): Record<string, unknown> => one.get(idOf(index))!.value;
    expect(at(1)).toMatchObject({ mailingStreet: '1 Main Street\nSuite "B"\r\n', firstName: 'Ann, "Annie"' });
    expect(at(2)).toMatchObject({
      firstName: 'Null',
      mnProviderSummary: null,
      fieldErrors: [
        { field: 'firstName', code: 'nul_removed' },
        { field: 'mnProviderSummary', code: 'nul_removed' },
      ],
    });
    expect(at(4)['mnProviderDetailedNotes']).toBe(LONGEST_NOTE);
    expect(at(5)).toMatchObject({ lastName: null, fieldErrors: [{ field: 'lastName', code: 'required' }] });
    expect(at(6)).toMatchObject({ providerStartDate: null, providerTermDate: null, mnTasksCount: null });
    expect(JSON.parse(at(6)['extra'] as string)).toEqual({
      Provider_Start_Date__c: '2024-02-30',
      Provider_Term_Date__c: 'soon',
      MN_Tasks_Count__c: 'many',
    });
    expect(at(7)).toMatchObject({ firstName: 'null', middleName: 'NA', lastName: 'NULL' });
    expect(at(8)).toMatchObject({ lastName: '王😀', mailingCity: 'Zürich' });
    expect(at(9)).toMatchObject({ mailingLatitude: 1.25e-7, mailingLongitude: -180 });
    expect(at(10)).toMatchObject({ reason: 'deleted', masterRecordId: null });
    expect(at(11)).toMatchObject({ reason: 'merged', masterRecordId: idOf(12) });
  });

  it('is counted first: the Bulk API is for many', async () => {
    await read({ contacts: { bulkFrom: CONTACTS } });
    expect(asked('/jobs/query')).toBe(0);
    await read({ contacts: { bulkFrom: CONTACTS - 1 } });
    expect(asked('/jobs/query')).toBeGreaterThan(0);
  });

  it('ends at a limit', async () => {
    expect((await read({ request: { limit: 100 } })).ids).toHaveLength(100);
    await expect(read({ request: { limit: 100, api: 'bulk' } })).rejects.toEqual(failure('request_invalid'));
  });

  it('that is empty is read, not failed', async () => {
    const empty = await startSalesforceSimulator({ world: makeWorld({ contacts: 0 }) });
    for (const api of ['bulk', 'rest'] as const)
      expect((await readOrg({ baseUrl: empty.baseUrl, request: { api } })).ids).toEqual([]);
    for (const parallel of [1, 5])
      expect((await readOrg({ baseUrl: empty.baseUrl, request: { api: 'bulk' }, bulk: { parallel } })).ids).toEqual([]);
    await empty.stop();
  });
});

describe('a scan by the kit', () => {
  it('leaves no hole and ends with markers', async () => {
    const producer = memoryProducer();
    const store = memoryStore(evidenceOf(), 'org');
    const source = salesforceSource({
      accounts: [{ account: 'org', loginUrl: simulator.baseUrl, login: LOGIN }],
      version: 'v58.0',
      timeoutMs: 2_000,
      patienceMs: 5_000,
      contacts: {
        bulk: {
          batchRows: 40,
          maxRecords: 90,
          parallel: 1,
          pollFirstMs: 10,
          pollLongestMs: 10,
          deadlineMs: 5_000,
          checkTotal: true,
        },
        windows: { overlapMs: 0, lagMs: 0 },
        bulkFrom: 100,
        extraFields: [],
        clock: hastyClock,
      },
      holdMs: 900_000,
      vanished: { minContacts: 100, maxShare: 0.2 },
      usage: { warnShare: 0.8, ceilingShare: 0.95 },
      onRequest: () => undefined,
      onRefused: () => undefined,
    });
    const run = (): Promise<void> =>
      runScan({
        scan: store.scan({ source: 'salesforce' }),
        source,
        store,
        producer,
        signal: new AbortController().signal,
      });
    store.beforeSave = (count) => {
      if (count === 4) throw new AppError('database_unavailable', 'a crash between acknowledgement and save');
    };
    await expect(run()).rejects.toEqual(failure('database_unavailable'));
    store.beforeSave = undefined;
    await run();
    const { holes, markers } = followLog(producer);
    const { size } = new Set(
      producer.events.filter(({ type }) => type.startsWith('crm.raw.salesforce')).map(({ subject }) => subject),
    );
    expect([holes, markers.length, size, store.finished]).toEqual([0, 6, CONTACTS, 'read']);
    expect(markers[0]).toMatchObject({ answersFor: 'nothing', source: 'salesforce', entity: 'contact' });
    expect(producer.events.find(({ type }) => type === 'crm.raw.salesforce.v1.ContactRead')!.key).toMatch(
      /^org:contact:003/,
    );
  });
});

describe('an interrupted scan', () => {
  it.each<[string, Omit<ReadingOptions, 'baseUrl'>]>([
    ['by locators', { request: { api: 'bulk' }, bulk: { batchRows: 40, maxRecords: 90 } }],
    ['by links', { request: { api: 'bulk' }, bulk: { batchRows: 40, parallel: 5 } }],
    ['by REST', { request: { api: 'rest' } }],
  ])(
    'goes on from every page without a loss (%s)',
    async (_name, options) => {
      const { pages } = await read(options);
      expect(pages.length).toBeGreaterThan(4);
      for (let cut = 0; cut < pages.length - 1; cut += 1) {
        let position: unknown;
        const before = await read({
          ...options,
          onPage: (page, index) => ((position = structuredClone(page.position)), index < cut),
        });
        const after = await read({ ...options, position });
        expectAll({ ids: [...before.ids, ...after.ids] });
        expect(before.ids.length + after.ids.length).toBe(CONTACTS);
      }
      expect(asked('DELETE')).toBe(asked('POST /services/data'));
    },
    30_000,
  );

  it('gives the same pages again, whichever set is slow this time', async () => {
    // Its job is not deleted, so that it can be read again.
    const toTheEnd = ({ position }: SourcePage): boolean => (position as ContactPosition).bulk?.isRead !== true;
    const options = { bulk: { batchRows: 20, parallel: 5 }, onPage: toTheEnd };
    const idsOf = (pages: SourcePage[]): string[][] =>
      pages.filter(({ records }) => records.length > 0).map(({ records }) => records.map(({ id }) => id));
    const { pages } = await bulk(options);
    for (let cut = 0; cut < pages.length - 1; cut += 1) {
      simulator.faults.clear();
      simulator.faults.add({ kind: 'csv-slow', match: '/results?', after: cut % 5, times: 1, delayMs: 3 });
      const again = await bulk({ ...options, position: pages[cut]!.position });
      expect(idsOf(again.pages)).toEqual(idsOf(pages.slice(cut + 1)));
    }
  }, 15_000);

  it('makes a job anew that has vanished', async () => {
    let position: unknown;
    await bulk({ onPage: (page, index) => ((position = structuredClone(page.position)), index < 3) });
    simulator.world.advance(8 * 86_400_000);
    expectAll(await bulk({ position }));
    expect(asked('POST /services/data/v58.0/jobs/query')).toBe(2);
  });

  it('starts a REST query again whose cursor has expired', async () => {
    simulator.faults.add({ kind: 'locator-gone', match: '/query/0r8', times: 1 });
    expectAll(await rest());
  });

  it.each([
    ['are others', { lastId: idOf(299) }],
    ['are fewer', { rows: 91 }],
  ])('reads a set from its beginning when the rows that were delivered %s', async (_how, moved) => {
    let position: unknown;
    const before = await bulk({
      onPage: (page, index) => ((position = structuredClone(page.position)), index < 3),
    });
    const at = (position as ContactPosition).bulk!;
    const delivered = at.open[0]!.rows;
    expect(delivered).toBeGreaterThan(0);
    Object.assign(at.open[0]!, moved);
    at.rows += at.open[0]!.rows - delivered;
    const after = await bulk({ position });
    expectAll(after);
    expect(before.ids.length + after.ids.length).toBe(CONTACTS + delivered);
  });
});

describe('trouble on the way', () => {
  it.each<[FaultKind, string, { after?: number; rows?: number; times?: number }]>([
    ['csv-cut', '/results', { after: 1, rows: 33 }],
    ['csv-short', '/results', { rows: 100 }],
    ['wrong-count', '/results', {}],
    ['duplicate-row', '/results', {}],
    ['results-412', '/results', {}],
    ['results-204', '/results', {}],
    ['empty-body', '/results', { after: 1 }],
    ['no-headers', 'locator=Mjcw', {}],
    ['503', '/jobs/query', {}],
    ['503', 'GET /services/data/v58.0/jobs/query/750', { times: 8 }],
    ['503-html', 'POST /services/data', {}],
    ['420', '/describe', {}],
    ['429', '/results', { after: 2 }],
    ['406-empty', '/jobs/query', {}],
    ['truncated', 'GET /services/data/v58.0/jobs', {}],
    ['hang', '/results', { after: 1 }],
    ['401', '/results', { after: 1 }],
    ['session-expired', '/jobs/query', { after: 2 }],
    ['nul-bytes', '/results', {}],
    ['csv-slow', '/results', {}],
  ])('%s at %s costs no contact', async (kind, match, more) => {
    simulator.faults.add({ kind, match, times: 1, delayMs: 1, ...more });
    const reading = await bulk({ bulk: { checkTotal: kind !== 'duplicate-row' } });
    const usable = reading.records.filter(({ type }) => !type.endsWith('Unusable'));
    if (kind === 'nul-bytes') expect(usable.length).toBeLessThan(CONTACTS);
    else expectAll({ ids: usable.map(({ id }) => id) });
    expect(reading.ids.length).toBeGreaterThanOrEqual(CONTACTS);
  });

  it('sessions that end every few calls are renewed, once for all who wait', async () => {
    simulator.knobs.tokenCalls = 4;
    expectAll(await bulk({ bulk: { parallel: 5 } }));
    expectAll(await rest());
    expect(asked('POST /services/oauth2/token')).toBeLessThan(asked('GET /services/data') / 3);
  });

  it.each<[FaultKind, string, string]>([
    ['job-failed-silently', 'POST /services/data', 'salesforce_job_failed'],
    ['job-stuck', 'POST /services/data', 'salesforce_job_failed'],
    ['job-aborted', 'POST /services/data', 'salesforce_gone'],
    ['request-limit', '/results', 'salesforce_request_limit'],
    ['forbidden', '/describe', 'salesforce_forbidden'],
    ['csv-short', '/results', 'salesforce_truncated'],
    ['version-409', '/results', 'salesforce_bad_request'],
    ['forbidden', '/oauth2/token', 'salesforce_unauthorized'],
  ])('%s at %s that stays is an error, never an empty success', async (kind, match, code) => {
    simulator.faults.add({ kind, match });
    await expect(bulk({ bulk: { deadlineMs: 200 } })).rejects.toEqual(failure(code));
  });

  it('a job that does not end is aborted', async () => {
    simulator.faults.add({ kind: 'job-stuck', match: 'POST /services/data' });
    await expect(bulk({ bulk: { deadlineMs: 100 } })).rejects.toEqual(failure('salesforce_job_failed'));
    expect(asked('PATCH')).toBe(1);
  });

  it.each(['bulk', 'rest'] as const)('a query that runs too long is split (%s)', async (api) => {
    if (api === 'bulk') simulator.faults.add({ kind: 'job-failed', match: 'POST /services/data', times: 2 });
    else simulator.faults.add({ kind: 'query-timeout', match: 'queryAll?q=SELECT%20Id', times: 2 });
    const reading = await read({ request: { api } });
    expectAll(reading);
    expect(reading.ids).toHaveLength(CONTACTS);
  });
});

describe('a limit', () => {
  /** The newest part is split again and again: contacts are a few years old. */
  const SPLITS = 5;
  const newest = async (limit: number): Promise<string[]> => {
    const whole = await rest();
    const changedAt = ({ value }: SourceRecord): number => (value as { sfSystemModstamp: number }).sfSystemModstamp;
    return whole.records
      .toSorted((a, b) => changedAt(b) - changedAt(a))
      .slice(0, limit)
      .map(({ id }) => id);
  };

  it.each([
    ['is reached in the newest part', 20, 1],
    ['takes several parts', 250, 3],
    ['is more than there is', CONTACTS + 5, 6],
  ])(
    'holds for all parts of a query that is split, and takes those that changed last (%s)',
    async (_how, limit, parts) => {
      const expected = await newest(limit);
      simulator.faults.add({ kind: 'query-timeout', match: 'queryAll?q=SELECT%20Id', times: SPLITS });
      simulator.requests.length = 0;
      const { ids } = await rest({ request: { limit } });
      expect(ids.toSorted()).toEqual(expected.toSorted());
      expect(asked('queryAll?q=SELECT%20Id') - SPLITS).toBe(parts);
    },
  );

  it('holds for a scan that goes on from any page of a query that was split', async () => {
    const expected = (await newest(170)).toSorted();
    const split = (): void =>
      simulator.faults.add({ kind: 'query-timeout', match: 'queryAll?q=SELECT%20Id', times: SPLITS });
    split();
    const { pages } = await rest({ request: { limit: 170 } });
    for (let cut = 0; cut < pages.length - 1; cut += 1) {
      let position: unknown;
      split();
      const before = await rest({
        request: { limit: 170 },
        onPage: (page, index) => ((position = structuredClone(page.position)), index < cut),
      });
      const after = await rest({ request: { limit: 170 }, position });
      expect([...before.ids, ...after.ids].toSorted()).toEqual(expected);
    }
  });
});

describe('fields', () => {
  it('that are hidden are not asked for, and told', async () => {
    simulator.schema.hide('NPI__c');
    simulator.schema.add('Region__c', 255);
    const reading = await bulk();
    expectAll(reading);
    const drift = { missing: ['NPI__c'], changed: [], unmapped: ['Region__c'], unreadable: [] };
    expect(reading.fields).toEqual([{ ...drift, read: expect.not.arrayContaining(['NPI__c', 'Region__c']) }]);
    expect(byId(reading).get(idOf(20))!.value).toMatchObject({ unreadFields: ['npi'], npi: null });
  });

  it.each(['bulk', 'rest'] as const)('that vanish between describing and asking are left out (%s)', async (api) => {
    simulator.faults.before(api === 'bulk' ? 'POST /services/data' : 'queryAll?q=SELECT%20Id', 1, () =>
      simulator.schema.hide('NPI__c'),
    );
    const reading = await read({ request: { api } });
    expectAll(reading);
    expect(reading.fields.map(({ missing }) => missing)).toEqual([[], ['NPI__c']]);
  });

  it('that are new come in extra when asked for', async () => {
    simulator.schema.add('Region__c', 255);
    simulator.world.changeContact(idOf(20), { Region__c: 'North' });
    simulator.world.advance(1000);
    const reading = await bulk({ contacts: { extraFields: 'custom' } });
    expect(byId(reading).get(idOf(20))!.value).toMatchObject({ extra: '{"Region__c":"North"}' });
  });
});

it('of more fields than an address takes goes by the Bulk API', async () => {
  for (let index = 0; index < 300; index += 1)
    simulator.schema.add(`Very_long_name_of_a_custom_field_${index}__c`, 255);
  expectAll(await read({ contacts: { extraFields: 'custom' } }));
  expect(asked('POST /services/data/v58.0/jobs/query')).toBe(1);
});

describe('an incremental scan', () => {
  const since = (): {
    request: { mode: 'incremental' };
    watermark: number;
    contacts: { windows: { overlapMs: number; lagMs: number } };
  } => ({
    request: { mode: 'incremental' },
    watermark: simulator.world.now(),
    contacts: { windows: { overlapMs: 0, lagMs: 0 } },
  });

  it.each(['bulk', 'rest'] as const)('reads what changed, was deleted, merged and came back (%s)', async (api) => {
    const { world } = simulator;
    const from = since();
    const added = world.addContact({ LastName: 'New' });
    world.changeContact(idOf(30), { LastName: 'Changed' });
    world.recalculate(idOf(31), { Days_Since_Last_Visit__c: 1 });
    world.deleteContact(idOf(32));
    world.mergeContacts(idOf(33), idOf(34));
    world.undeleteContact(idOf(100));
    world.advance(1000);
    const reading = await read({ ...from, request: { ...from.request, api } });
    const found = byId(reading);
    expect([...found.keys()].sort()).toEqual([added, idOf(30), idOf(32), idOf(33), idOf(34), idOf(100)].sort());
    expect(found.get(idOf(30))!.value).toMatchObject({ lastName: 'Changed' });
    expect(found.get(idOf(32))!.value).toMatchObject({ reason: 'deleted', sfSystemModstamp: expect.any(Number) });
    expect(found.get(idOf(34))!.value).toMatchObject({ reason: 'merged', masterRecordId: idOf(33) });
    expect(found.get(idOf(100))!.type).toBe('crm.raw.salesforce.v1.ContactRead');
  });

  it('follows on the last one without a gap and without an end in the future', async () => {
    const { world } = simulator;
    const first = await rest();
    let { watermark } = first.pages.at(-1)!.position as ContactPosition;
    expect(watermark).toBe(world.now());
    const seen: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      world.changeContact(idOf(40 + round), { LastName: 'Changed' });
      const next = await rest({
        request: { mode: 'incremental' },
        watermark,
        contacts: { windows: { overlapMs: 0, lagMs: 500 } },
      });
      ({ watermark } = next.pages.at(-1)!.position as ContactPosition);
      expect(watermark).toBeLessThanOrEqual(world.now());
      seen.push(...next.ids);
    }
    // What changed within the lag is left to a later round.
    expect(seen).toEqual([40, 41, 42].map(idOf));
  });

  it('reads the overlap again', async () => {
    simulator.world.changeContact(idOf(50), { LastName: 'Late' });
    simulator.world.advance(60_000);
    const reading = await rest({ request: { mode: 'incremental' }, watermark: simulator.world.now() });
    expect(reading.ids).toContain(idOf(50));
  });

  it('of an org that nobody has read reads all of it', async () => {
    expectAll(await rest({ request: { mode: 'incremental' } }));
  });

  it('from a time that people ask for reads exactly from there, and moves no watermark over the gap', async () => {
    const { world } = simulator;
    world.changeContact(idOf(60), { LastName: 'Before' });
    world.advance(1000);
    const since = world.now();
    world.changeContact(idOf(61), { LastName: 'Within' });
    world.advance(1000);
    const until = world.now();
    world.changeContact(idOf(62), { LastName: 'Behind' });
    world.advance(1000);
    const { ids, pages } = await rest({ request: { mode: 'incremental', since, until } });
    expect([ids, pages.at(-1)!.watermark]).toEqual([[idOf(61)], null]);
  });
});

describe('a scan that goes on from a watermark of more than 15 days ago', () => {
  const DAY = 86_400_000;
  const known = [20, 21, 22, 23].map(idOf);

  it.each<[string, Omit<ReadingOptions, 'baseUrl'>]>([
    ['incremental, by the Bulk API', { request: { mode: 'incremental', api: 'bulk' }, contacts: { bulkFrom: 1 } }],
    ['incremental, by REST', { request: { mode: 'incremental', api: 'rest' } }],
    ['full', { request: { mode: 'full', api: 'rest' } }],
    ['from a time before it', { request: { mode: 'incremental', api: 'rest', since: 1 } }],
  ])('also compares keys, and says so (%s)', async (_name, options) => {
    const { world } = simulator;
    const watermark = world.now();
    world.changeContact(idOf(20), { LastName: 'Changed' });
    world.hideContact(idOf(22));
    world.advance(16 * DAY);
    const reading = await read({ known, watermark, ...options });
    const found = byId(reading);
    expect(found.get(idOf(20))!.value).toMatchObject({ lastName: 'Changed' });
    expect(reading.records.filter(({ type }) => type.endsWith('ContactDeleted')).at(-1)!.value).toMatchObject({
      salesforceId: idOf(22),
      reason: 'not_visible',
    });
    expect([reading.behind, reading.kept]).toEqual([[watermark], 1]);
    expect(reading.pages.reduce((sum, { counts }) => sum + (counts.keys ?? 0), 0)).toBeGreaterThan(CONTACTS - 20);
    expect(new Set(reading.pages.map(({ progress }) => progress.phase))).toContain('fate');
  });

  it('reads no contact again that a full scan has shown', async () => {
    const watermark = simulator.world.now();
    simulator.world.advance(16 * DAY);
    const { ids, kept } = await read({ known, watermark, request: { mode: 'full', api: 'rest' } });
    expect([ids.length, kept]).toEqual([CONTACTS, 1]);
  });

  it('tells a deletion once, though nobody has applied it when keys are compared', async () => {
    const watermark = simulator.world.now();
    simulator.world.deleteContact(idOf(21));
    simulator.world.advance(16 * DAY);
    const reading = await read({ known, watermark, request: { mode: 'incremental', api: 'rest' } });
    expect([ended(reading), reading.behind.length]).toEqual([[idOf(21)], 1]);
  });

  it('keeps what it read and its watermark where keys say that far too many are gone', async () => {
    const { world } = simulator;
    const watermark = world.now();
    world.changeContact(idOf(20), { LastName: 'Changed' });
    world.advance(16 * DAY);
    const gone = Array.from({ length: 1000 }, (_item, index) => idOf(CONTACTS + index));
    const reading = await read({ known: gone, watermark, request: { mode: 'incremental', api: 'rest' } });
    const { pages } = reading;
    expect([ended(reading), pages.at(-1)!.shortfall?.code]).toEqual([[], 'salesforce_rows_vanished']);
    expect(byId(reading).get(idOf(20))!.value).toMatchObject({ lastName: 'Changed' });
    expect(pages.findLast((page) => page.watermark !== undefined)!.watermark).toBe(world.now());
  });

  it('goes on from every page without a loss', async () => {
    const { world } = simulator;
    const watermark = world.now();
    for (const index of [21, 30, 31]) world.changeContact(idOf(index), { LastName: 'Changed' });
    const options = { known: await visible(), watermark, request: { mode: 'incremental', api: 'rest' } } as const;
    world.hideContact(idOf(22));
    world.advance(16 * DAY);
    const { pages, ids } = await read(options);
    expect(new Set(ids)).toContain(idOf(22));
    for (let cut = 0; cut < pages.length - 1; cut += 1) {
      let position: unknown;
      const before = await read({
        ...options,
        onPage: (page, index) => ((position = structuredClone(page.position)), index < cut),
      });
      const after = await read({ ...options, position, shown: before.pages });
      expect([...new Set([...before.ids, ...after.ids])].sort()).toEqual([...new Set(ids)].sort());
    }
  });

  it.each<[string, Omit<ReadingOptions, 'baseUrl'>, number]>([
    ['15 days are not over', { request: { mode: 'incremental' } }, 14],
    ['it is cut by a limit', { request: { mode: 'incremental', limit: 5 } }, 16],
    ['its range leaves a gap', { request: { mode: 'incremental', since: Date.UTC(2026, 0, 10) } }, 16],
  ])('leaves the keys alone where %s', async (_name, options, days) => {
    const watermark = simulator.world.now();
    simulator.world.advance(days * DAY);
    const reading = await rest({ known, watermark, ...options, request: { api: 'rest', ...options.request } });
    expect([reading.behind, reading.kept]).toEqual([[], 0]);
  });
});

describe('a reconciliation', () => {
  it.each([1, 100_000])('tells what became of known contacts that no list shows (bulk from %i)', async (bulkFrom) => {
    const { world } = simulator;
    const known = [20, 21, 22, 23, 24].map(idOf);
    world.deleteContact(idOf(21));
    world.mergeContacts(idOf(20), idOf(22));
    world.hideContact(idOf(23));
    const reading = await read({ request: { mode: 'reconcile' }, known, contacts: { bulkFrom } });
    const found = byId(reading);
    expect(ended(reading).map((id) => [id, (found.get(id)!.value as { reason?: string }).reason])).toEqual([
      [idOf(21), 'deleted'],
      [idOf(22), 'merged'],
      [idOf(23), 'not_visible'],
    ]);
  });

  it('tells apart any number of contacts that are deleted and that are not visible', async () => {
    const known = Array.from({ length: 90 }, (_item, index) => idOf(101 + index));
    for (const id of known) simulator.world.deleteContact(id);
    const reading = await read({ request: { mode: 'reconcile' }, known });
    const reasons = reading.records.map(({ value }) => (value as { reason?: string }).reason);
    expect(reasons.filter((reason) => reason !== undefined)).toEqual(known.map(() => 'deleted'));
  });

  it.each([1, 100_000])(
    'reads contacts that are listed and not known, or known as gone (bulk from %i)',
    async (bulkFrom) => {
      const everyone = await visible();
      const whole = byId(await rest());
      const known = everyone.filter((_id, index) => index % 3 > 0);
      const reading = await read({ request: { mode: 'reconcile' }, known, contacts: { bulkFrom } });
      const unknown = byId(reading);
      expect([...unknown.keys()].sort()).toEqual(everyone.filter((_id, index) => index % 3 === 0).sort());
      for (const [id, { type, value }] of unknown)
        expect({ type, ...value, readAt: 0 }).toEqual({
          type: whole.get(id)!.type,
          ...whole.get(id)!.value,
          readAt: 0,
        });
      expect(reading.pages.reduce((sum, { counts }) => sum + counts.read, 0)).toBe(everyone.length);
    },
  );

  it('reads them where their fields are more than an address takes, and where one vanishes meanwhile', async () => {
    const everyone = await visible();
    for (let index = 0; index < 300; index += 1)
      simulator.schema.add(`Very_long_name_of_a_custom_field_${index}__c`, 255);
    for (const index of [0, 150, 299])
      simulator.world.changeContact(idOf(20), { [`Very_long_name_of_a_custom_field_${index}__c`]: `value ${index}` });
    simulator.faults.before('IN%20(', 1, () => simulator.schema.hide('NPI__c'));
    const reading = await read({
      request: { mode: 'reconcile' },
      known: everyone.filter((id) => id !== idOf(20)),
      contacts: { extraFields: 'custom' },
    });
    expect(reading.ids).toEqual([idOf(20)]);
    const value = reading.records[0]!.value as { extra: string; lastName: string; unreadFields: string[] };
    expect(Object.values(JSON.parse(value.extra) as object)).toEqual(['value 0', 'value 150', 'value 299']);
    expect([value.lastName === null, value.unreadFields]).toEqual([false, ['npi']]);
    expect(reading.fields.map(({ missing }) => missing)).toEqual([['NPI__c']]);
  });

  it.each([1, 100_000])(
    'goes on from every page without a loss (bulk from %i)',
    async (bulkFrom) => {
      const known = (await visible()).slice(0, 200);
      for (const id of known.slice(0, 3)) simulator.world.hideContact(id);
      const options = {
        request: { mode: 'reconcile' },
        known,
        contacts: { bulkFrom },
        bulk: { batchRows: 40 },
      } as const;
      const { pages, ids } = await read(options);
      for (let cut = 0; cut < pages.length - 1; cut += 1) {
        let position: unknown;
        const before = await read({
          ...options,
          onPage: (page, index) => ((position = structuredClone(page.position)), index < cut),
        });
        const after = await read({ ...options, position, shown: before.pages });
        expect([...new Set([...before.ids, ...after.ids])].sort()).toEqual([...new Set(ids)].sort());
      }
    },
    30_000,
  );

  it.each<[string, number, FaultKind, string, number]>([
    ['counting', 100_000, 'query-timeout', 'COUNT()', 1],
    ['listing by the Bulk API', 1, 'job-failed', 'POST /services/data', 3],
    ['listing by REST', 100_000, 'query-timeout', 'queryAll?q=SELECT%20Id', 3],
  ])('outlives a query that runs too long: %s', async (_what, bulkFrom, kind, match, times) => {
    const options = { request: { mode: 'reconcile' }, known: [20, 21, 22].map(idOf), contacts: { bulkFrom } } as const;
    const keys = ({ pages }: Reading): number => pages.reduce((sum, { counts }) => sum + (counts.keys ?? 0), 0);
    simulator.world.hideContact(idOf(21));
    const quick = await read(options);
    simulator.faults.add({ kind, match, times });
    simulator.requests.length = 0;
    const slow = await read(options);
    expect([ended(slow), keys(slow)]).toEqual([[idOf(21)], keys(quick)]);
    expect(asked('jobs/query') > 0).toBe(kind === 'job-failed' || match === 'COUNT()');
  });

  it('misses no contact that is changed while windows are listed', async () => {
    const { world } = simulator;
    const known = Array.from({ length: 99 }, (_item, index) => idOf(101 + index));
    const options = { request: { mode: 'reconcile' }, known, contacts: { bulkFrom: 100_000 } } as const;
    simulator.faults.add({ kind: 'query-timeout', match: 'queryAll?q=SELECT%20Id', times: 3 });
    const { pages } = await read({
      ...options,
      onPage: (_page, index) => {
        if (index === 0) for (const id of known) world.changeContact(id, { LastName: 'Changed' });
      },
    });
    expect(pages.at(-1)!.shortfall).toBeUndefined();
    expect(pages.map(({ progress }) => progress.phase)).not.toContain('fate');
  });

  it('believes no mass loss', async () => {
    const known = Array.from({ length: 1000 }, (_item, index) => idOf(CONTACTS + index));
    const reading = await read({ request: { mode: 'reconcile' }, known });
    const { pages } = reading;
    expect(ended(reading)).toEqual([]);
    const { code, message } = pages.at(-1)!.shortfall!;
    expect(code).toBe('salesforce_rows_vanished');
    expect(message).toMatch(/^1000 known .*--full.* SALESFORCE_VANISHED_SHARE=0.78 .*--reconcile/);
    // A scan that goes on from any page finds the same.
    const after = await read({ request: { mode: 'reconcile' }, known, position: pages.at(-1)!.position });
    expect(after.pages.at(-1)!.shortfall).toEqual(pages.at(-1)!.shortfall);
  });
});

describe('the API budget', () => {
  it('is watched while a job is waited for, though answers of the Bulk API tell nothing of it', async () => {
    let passed = 0;
    const clock = { ...hastyClock, now: () => Date.now() + passed };
    Object.assign(simulator.knobs, { limitInfoOnBulk: false, apiRequestsMax: 1000 });
    simulator.faults.add({ kind: 'job-stuck', match: 'POST /services/data' });
    const scan = bulk({
      contacts: { clock },
      bulk: { deadlineMs: 3_600_000 },
      onPage(_page, index) {
        if (index === 1) simulator.counters.apiRequests = 960;
        if (index === 2) passed = 300_000;
        return index < 20;
      },
    });
    await expect(scan).rejects.toEqual(failure('salesforce_api_ceiling'));
    expect(asked('/limits')).toBe(2);
  });

  it.each([
    ['jobs', { bulkJobs: 9_600 }, /9600 of 10000 bulk query jobs/],
    ['results', { bulkBytes: 950_000e6 }, /MB of bulk results/],
  ])('of bulk %s makes no job at the ceiling, and leaves REST alone', async (_what, used, message) => {
    Object.assign(simulator.counters, used);
    await expect(bulk()).rejects.toThrow(message);
    expect(asked('POST /services/data')).toBe(0);
    expectAll(await rest());
  });

  it('warns at 80 %, stops at the ceiling, and the position goes on from there', async () => {
    simulator.knobs.apiRequestsMax = 1000;
    simulator.counters.apiRequests = 945;
    const pages: unknown[] = [];
    const warnings: unknown[] = [];
    const scan = bulk({
      bulk: { maxRecords: 30 },
      onPage: ({ position }) => void pages.push(structuredClone(position)),
    });
    await expect(scan.then(({ warnings: told }) => warnings.push(...told))).rejects.toEqual(
      failure('salesforce_api_ceiling'),
    );
    simulator.counters.apiRequests = 850;
    const after = await bulk({ bulk: { maxRecords: 30 }, position: pages.at(-1) });
    expect(after.warnings).toHaveLength(1);
    expect(asked('POST /services/data')).toBeLessThanOrEqual(1);
    expect(simulator.counters.apiRequests).toBeLessThan(950);
  });
});
