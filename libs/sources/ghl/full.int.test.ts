import { afterEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { startGhlSimulator, type GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { emptyWorld, makeWorld, type World } from '#testcontainers/simulators/ghl/world.ts';
import {
  evidenceOf,
  followLog,
  memoryProducer,
  memoryStore,
  type MemoryProducer,
  type MemoryStore,
} from '../kit/memory.fixture.ts';
import type { Source } from '../kit/ports.ts';
import { runScan } from '../kit/scan.ts';
import { fixedToken } from './tokens.ts';
import { ghlSource, type GhlSourceOptions } from './source.ts';

let simulator: GhlSimulator | undefined;

afterEach(async () => {
  await simulator?.stop();
  simulator = undefined;
});

interface Scene {
  simulator: GhlSimulator;
  world: World;
  store: MemoryStore;
  producer: MemoryProducer;
  source: Source;
  /** Requests by METHOD and the first part of the path. */
  count(method: string, path: string): number;
  scan(signal?: AbortSignal): Promise<ReturnType<typeof followLog>>;
}

async function scene(
  world: World,
  options: {
    known?: Parameters<typeof evidenceOf>[0];
    limits?: Partial<GhlSimulator['limits']>;
    source?: Partial<GhlSourceOptions>;
    token?: string;
    locationId?: string;
    asked?: Parameters<MemoryStore['scan']>[0];
  } = {},
): Promise<Scene> {
  // Unless a test is about them, the limits are too high to be met.
  const limits = options.limits ?? { enabled: false, max: 100_000, intervalMs: 1_000 };
  const started = await startGhlSimulator({ world, limits });
  simulator = started;
  const account = options.locationId ?? world.locationId;
  const store = memoryStore(evidenceOf(options.known), account);
  const producer = memoryProducer();
  const source = ghlSource({
    baseUrl: started.baseUrl,
    accounts: [{ locationId: account, token: secret(options.token ?? world.token), rules: DEFAULT_GHL_RULES }],
    tokensOf: ({ token }) => fixedToken(token!),
    pageLimit: 500,
    workers: 3,
    delayMs: 0,
    listCap: 15_000,
    overlapMs: 0,
    timeoutMs: 2_000,
    patienceMs: 4_000,
    onRequest: () => undefined,
    ...options.source,
  });
  return {
    simulator: started,
    world,
    store,
    producer,
    source,
    count: (method, path) =>
      started.requests.filter((request) => request.method === method && request.path.startsWith(path)).length,
    async scan(signal = new AbortController().signal) {
      await runScan({ scan: store.scan(options.asked), source, store, producer, signal });
      return followLog(producer);
    },
  };
}

const idsOf = (world: World): Set<string> => new Set(world.contacts.keys());

describe('a location without trouble', () => {
  it('of 2,000 contacts is read in five list calls', async () => {
    const { scan, count, world, producer } = await scene(makeWorld({ seed: 1, contacts: 2_000 }));
    const { read, holes, markers } = await scan();
    expect(read).toEqual(idsOf(world));
    expect(count('POST', '/contacts/search')).toBe(5);
    expect(holes).toBe(0);
    expect(markers).toHaveLength(6);
    expect(markers[0]).toMatchObject({
      answersFor: 'all',
      contactsRead: 2_000,
      totalRecords: 2_000,
      lookupsUnknown: 0,
    });
    expect(producer.of('crm.scan.v1.ScanStarted')).toMatchObject([{ accountName: 'Made-up Services' }]);
    expect(producer.of('crm.scan.v1.ScanCompleted')).toMatchObject([{ requests: 6, listRequests: 5 }]);
  });

  it('counts no search for an e-mail among its list calls', async () => {
    const world = emptyWorld(1);
    world.addContact({ email: 'ann@example.test' });
    const known = { leadEmails: ['ann@example.test'] };
    const { scan, producer } = await scene(world, { known, asked: { mode: 'targeted' } });
    await scan();
    expect(producer.of('crm.scan.v1.ScanCompleted')).toMatchObject([{ requests: 1, listRequests: 0 }]);
  });

  it('that is empty is read, and closed', async () => {
    const { read, markers } = await (await scene(emptyWorld(2))).scan();
    expect(read.size).toBe(0);
    expect(markers.map(({ answersFor }) => answersFor)).toEqual(Array(6).fill('all'));
  });

  it('is asked by id for the known contacts that the list does not show, and for nobody else', async () => {
    const world = makeWorld({ seed: 3, contacts: 120 });
    const [listed = '', hidden = ''] = world.contacts.keys();
    const known = { vendorIds: [listed, hidden, 'GoneGoneGoneGoneGone'], leadIds: ['DarkDarkDarkDarkDark', hidden] };
    const { scan, count, simulator: api, producer } = await scene(world, { known, source: { patienceMs: 300 } });
    // The index lost one contact, which is there when it is asked for by id.
    const lost = world.contacts.get(hidden)!;
    world.deleteContact(hidden);
    api.faults.afterPage(1, () => world.contacts.set(hidden, lost));
    api.faults.add({ kind: '500', match: 'DarkDark' });
    const { read, gone, unknown, markers } = await scan();
    expect(read).toEqual(idsOf(world));
    expect([...gone]).toEqual(['GoneGoneGoneGoneGone']);
    expect([...unknown]).toEqual(['DarkDarkDarkDarkDark']);
    expect(count('GET', `/contacts/${listed}`)).toBe(0);
    expect(producer.of('crm.raw.ghl.v1.ContactRead').find(({ contactId }) => contactId === hidden)).toMatchObject({
      via: 'id',
      knownAs: { vendorById: true, leadById: true },
    });
    expect(markers[0]).toMatchObject({ answersFor: 'all', lookupsUnknown: 1 });
  });
});

describe('faults of the API', () => {
  it.each([
    [{ kind: '429', times: 3 }],
    [{ kind: '429', times: 1, retryAfter: 1 }],
    [{ kind: '500', times: 3 }],
    [{ kind: '502-html', times: 3 }],
    [{ kind: 'truncated', times: 3 }],
    [{ kind: 'hang', times: 1 }],
    [{ kind: 'empty', times: 2, match: '/contacts/search' }],
    [{ kind: 'empty', times: 2, match: '/contacts/search', after: 2 }],
  ] as const)('are got over, and everything is read once: %j', async (fault) => {
    const {
      scan,
      simulator: api,
      world,
      producer,
    } = await scene(makeWorld({ seed: 4, contacts: 90 }), {
      source: { pageLimit: 20, timeoutMs: 300 },
    });
    api.faults.add(fault);
    const { read, holes, markers } = await scan();
    expect(read).toEqual(idsOf(world));
    expect({ holes, answersFor: markers[0]?.answersFor }).toEqual({ holes: 0, answersFor: 'all' });
    expect(producer.of('crm.raw.ghl.v1.ContactRead')).toHaveLength(90);
  });

  it.each([
    ['500', 'ghl_unavailable'],
    ['truncated', 'ghl_truncated'],
    ['hang', 'ghl_timeout'],
    ['empty', 'ghl_truncated'],
    ['repeat-cursor', 'ghl_repeated_cursor'],
  ] as const)('that stay in the list end the scan, which answers for nothing: %s', async (kind, failureCode) => {
    const {
      scan,
      simulator: api,
      store,
    } = await scene(makeWorld({ seed: 5, contacts: 90 }), {
      source: { pageLimit: 20, timeoutMs: 200, patienceMs: 300 },
      known: { vendorIds: ['GoneGoneGoneGoneGone'] },
    });
    api.faults.add({ kind, match: '/contacts/search', after: 2 });
    const { markers, holes, gone } = await scan();
    expect(markers).toHaveLength(6);
    for (const marker of markers)
      expect(marker).toMatchObject({ answersFor: 'nothing', failureCode, failureExitCode: 3 });
    expect(holes).toBe(0);
    expect(gone.size).toBe(0);
    expect(store.finished).toBe('read');
  });

  it.each([
    [{ kind: 'token-expired' }, 'ghl_unauthorized', 2, 'GHL_PRIVATE_TOKEN'],
    [{ kind: 'forbidden-scope' }, 'ghl_forbidden', 2, 'contacts.readonly'],
    [{ kind: 'token-expired', match: '/contacts/search', after: 2 }, 'ghl_unauthorized', 3, 'GHL_PRIVATE_TOKEN'],
  ] as const)('that refuse the credentials are told at once: %j', async (fault, failureCode, failureExitCode, text) => {
    const {
      scan,
      simulator: api,
      world,
      producer,
    } = await scene(makeWorld({ seed: 6, contacts: 90 }), {
      source: { pageLimit: 20 },
    });
    api.faults.add(fault);
    const { markers } = await scan();
    expect(markers[0]).toMatchObject({
      answersFor: 'nothing',
      failureCode,
      failureExitCode,
      failureMessage: expect.stringContaining(text),
    });
    expect(JSON.stringify(producer.of('crm.scan.v1.ScanFailed'))).not.toContain(world.token);
  });

  it.each(['full', 'targeted', 'single'])('with a token without scope say so, whatever is read (%s)', async (mode) => {
    const {
      scan,
      simulator: api,
      count,
    } = await scene(emptyWorld(6), {
      known: { vendorIds: Array.from({ length: 30 }, (_, index) => `Known${String(index).padStart(15, '0')}`) },
      asked: { mode, contactId: 'Known000000000000000' },
    });
    api.faults.add({ kind: 'forbidden-scope' });
    const { markers } = await scan();
    expect(markers[0]).toMatchObject({
      failureCode: 'ghl_forbidden',
      failureExitCode: 2,
      failureMessage: expect.stringContaining('contacts.readonly'),
    });
    expect(count('GET', '/contacts/')).toBeLessThanOrEqual(3);
  });

  it.each(['full', 'targeted', 'single'])('with a token of another location name the setting (%s)', async (mode) => {
    const known = 'Known000000000000000';
    const { markers, gone } = await (
      await scene(emptyWorld(7), {
        locationId: 'SomeOtherLocation123',
        known: { vendorIds: [known] },
        asked: { mode, contactId: known },
      })
    ).scan();
    expect(gone.size).toBe(0);
    expect(markers[0]).toMatchObject({
      failureCode: 'ghl_forbidden',
      failureExitCode: 2,
      failureMessage: expect.stringContaining('GHL_LOCATION_ID'),
    });
  });

  it('that leave most look-ups without an answer count the source as down', async () => {
    const known = {
      vendorIds: Array.from(
        { length: 60 },
        (_, index) => `${index < 13 ? 'Dark' : 'Gone'}${String(index).padStart(16, '0')}`,
      ),
    };
    const { scan, simulator: api } = await scene(makeWorld({ seed: 8, contacts: 20 }), {
      known,
      source: { patienceMs: 0 },
    });
    api.faults.add({ kind: '500', match: 'GET /contacts/Dark' });
    const { markers, gone, unknown } = await scan();
    expect(markers[0]).toMatchObject({ answersFor: 'nothing', failureCode: 'source_down', failureExitCode: 3 });
    expect({ gone: gone.size, unknown: unknown.size }).toEqual({ gone: 47, unknown: 13 });
  });
});

describe('contacts that change while they are read', () => {
  it('added ones are read too, at the end', async () => {
    const world = makeWorld({ seed: 9, contacts: 100 });
    const { scan, simulator: api } = await scene(world, { source: { pageLimit: 20 } });
    api.faults.afterPage(2, () => void world.addContact({ id: 'Added000000000000000' }));
    api.faults.afterPage(5, () => void world.addContact({ id: 'Added000000000000001' }));
    const { read, markers } = await scan();
    expect(read).toEqual(idsOf(world));
    expect(markers[0]).toMatchObject({ answersFor: 'all', contactsRead: 102 });
  });

  it.each([
    ['that were listed already', (ids: string[]) => ids.slice(0, 35)],
    ['that are still to come', (ids: string[]) => ids.slice(60, 95)],
    ['at the cursor', (ids: string[]) => ids.slice(39, 40)],
  ])('deleted ones %s hide nobody else', async (_what, pick) => {
    const world = makeWorld({ seed: 10, contacts: 100 });
    const ids = [...world.contacts.values()].sort((a, b) => a.dateAdded - b.dateAdded).map(({ id }) => id);
    const deleted = pick(ids);
    const { scan, simulator: api } = await scene(world, {
      source: { pageLimit: 20 },
      known: { vendorIds: deleted.slice(0, 1) },
    });
    api.faults.afterPage(2, () => deleted.forEach((id) => world.deleteContact(id)));
    const { read, markers } = await scan();
    for (const id of world.contacts.keys()) expect(read).toContain(id);
    expect(markers[0]).toMatchObject({ answersFor: 'all' });
  });

  it('changed ones stay in their place', async () => {
    const world = makeWorld({ seed: 11, contacts: 100 });
    const { scan, simulator: api, producer } = await scene(world, { source: { pageLimit: 20 } });
    api.faults.afterPage(1, () => {
      for (const id of [...world.contacts.keys()]) world.changeContact(id, { firstName: 'Changed' });
    });
    const { read } = await scan();
    expect(read).toEqual(idsOf(world));
    expect(producer.of('crm.raw.ghl.v1.ContactRead')).toHaveLength(100);
  });
});

describe('the request budget', () => {
  it('keeps a busy scan below the limit of the location: nobody is refused', async () => {
    const world = makeWorld({ seed: 12, contacts: 10 });
    const known = { vendorIds: Array.from({ length: 60 }, (_, index) => `Gone${String(index).padStart(16, '0')}`) };
    const { scan, simulator: api } = await scene(world, {
      known,
      limits: { enabled: true, max: 20, intervalMs: 400, daily: 1_000 },
    });
    const { gone } = await scan();
    expect(gone.size).toBe(60);
    expect(api.requests.filter(({ status }) => status === 429)).toHaveLength(0);
  });

  it('ends the scan when the day is used up, and says so', async () => {
    const { scan, simulator: api } = await scene(makeWorld({ seed: 13, contacts: 100 }), {
      source: { pageLimit: 20 },
      limits: { enabled: true, max: 100, intervalMs: 400, daily: 3 },
    });
    const { markers, read } = await scan();
    expect(markers[0]).toMatchObject({
      answersFor: 'nothing',
      failureCode: 'ghl_daily_limit',
      failureExitCode: 3,
      failureMessage: expect.stringContaining('minutes'),
    });
    expect(read.size).toBe(40);
    expect(api.requests).toHaveLength(3);
  });
});

describe('a scan that is interrupted at any page', () => {
  const PAGES = 9;
  const known = { leadIds: Array.from({ length: 130 }, (_, index) => `Gone${String(index).padStart(16, '0')}`) };

  it.each(Array.from({ length: PAGES + 1 }, (_, page) => page))(
    'goes on without a hole and reads the same contacts (page %i)',
    async (page) => {
      const { scan, store, world } = await scene(makeWorld({ seed: 14, contacts: 100 }), {
        known,
        source: { pageLimit: 20 },
      });
      store.beforeSave = (saves) => {
        if (saves === page) throw new AppError('database_unavailable', 'killed');
      };
      await expect(scan()).rejects.toMatchObject({ code: 'database_unavailable' });
      store.beforeSave = undefined;
      const { read, gone, holes, markers } = await scan();
      expect(read).toEqual(idsOf(world));
      expect(gone).toEqual(new Set(known.leadIds));
      expect(holes).toBe(0);
      expect(markers[0]).toMatchObject({ answersFor: 'all', contactsRead: 100, totalRecords: 230 });
    },
  );

  it('asks for no page twice that was saved', async () => {
    const { scan, store, count } = await scene(makeWorld({ seed: 15, contacts: 100 }), { source: { pageLimit: 20 } });
    store.beforeSave = (saves) => {
      if (saves === 3) throw new AppError('database_unavailable', 'killed');
    };
    await expect(scan()).rejects.toMatchObject({ code: 'database_unavailable' });
    const before = count('POST', '/contacts/search');
    store.beforeSave = undefined;
    await scan();
    expect({ before, after: count('POST', '/contacts/search') - before }).toEqual({ before: 4, after: 3 });
  });

  it('by the end of the process stops in the middle of a request', async () => {
    const {
      scan,
      simulator: api,
      store,
      producer,
    } = await scene(makeWorld({ seed: 16, contacts: 100 }), {
      source: { pageLimit: 20, timeoutMs: 60_000 },
    });
    const stop = new AbortController();
    api.faults.add({ kind: 'hang', match: '/contacts/search', after: 2 });
    api.faults.afterPage(2, () => setImmediate(() => stop.abort()));
    await expect(scan(stop.signal)).rejects.toMatchObject({ code: 'scan_interrupted' });
    expect(store.finished).toBeUndefined();
    expect(producer.of('crm.scan.v1.ScanMarker')).toEqual([]);
  });
});
