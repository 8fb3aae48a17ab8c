import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { caller, type Caller } from './caller.fixture.ts';
import { startGhlSimulator, type GhlSimulator } from './simulator.ts';
import { emptyWorld, makeWorld, type StoredContact, type World } from './world.ts';

let simulator: GhlSimulator | undefined;

afterEach(async () => {
  await simulator?.stop();
  simulator = undefined;
});

async function start(world: World): Promise<Caller> {
  simulator = await startGhlSimulator({ world, limits: { enabled: false } });
  return caller(simulator);
}

type Found = { id: string; searchAfter: unknown[] }[];

async function search(call: Caller, world: World, more: object = {}): Promise<Found> {
  const { status, body } = await call('POST', '/contacts/search', {
    body: { locationId: world.locationId, pageLimit: 500, ...more },
  });
  expect([status, body['message']]).toEqual([200, undefined]);
  return body['contacts'] as Found;
}

const ids = async (call: Caller, world: World, more: object): Promise<string[]> =>
  (await search(call, world, more)).map(({ id }) => id);

async function refusal(call: Caller, world: World, more: object): Promise<[number, unknown]> {
  const { status, body } = await call('POST', '/contacts/search', { body: { locationId: world.locationId, ...more } });
  return [status, body['message']];
}

async function pages(call: Caller, world: World, pageLimit: number, more: object = {}): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: unknown[] | undefined; ;) {
    const page = await search(call, world, {
      pageLimit,
      ...more,
      ...(cursor === undefined ? {} : { searchAfter: cursor }),
    });
    seen.push(...page.map(({ id }) => id));
    cursor = page.at(-1)?.searchAfter;
    if (page.length < pageLimit || cursor === undefined) return seen;
  }
}

describe('paging by cursor', () => {
  it.each([
    ['no order', {}],
    ['the date, oldest first', { sort: [{ field: 'dateAdded', direction: 'asc' }] }],
    ['a name that many share', { sort: [{ field: 'firstNameLowerCase', direction: 'desc' }] }],
    [
      'two fields',
      {
        sort: [
          { field: 'lastNameLowerCase', direction: 'asc' },
          { field: 'dateUpdated', direction: 'desc' },
        ],
      },
    ],
    ['a field that is always empty', { sort: [{ field: 'businessName', direction: 'asc' }] }],
  ])('to the end gives each contact exactly once: %s', async (_what, order) => {
    const world = makeWorld({ seed: 1, contacts: 230 });
    const seen = await pages(await start(world), world, 50, order);
    expect(seen).toHaveLength(230);
    expect(new Set(seen)).toEqual(new Set(world.contacts.keys()));
  });

  it('ends with an empty page where the last one was full', async () => {
    const world = makeWorld({ seed: 2, contacts: 100 });
    expect(await pages(await start(world), world, 50)).toHaveLength(100);
    expect(simulator!.requests).toHaveLength(3);
  });

  it('without an order is newest first, and the cursor is time and id', async () => {
    const world = makeWorld({ seed: 3, contacts: 120 });
    const found = await search(await start(world), world);
    const dates = found.map(({ id }) => world.contacts.get(id)!.dateAdded);
    expect(dates).toEqual([...dates].sort((a, b) => b - a));
    expect(found[0]!.searchAfter).toEqual([dates[0], found[0]!.id]);
  });

  it('goes on where it was when the contact of the cursor is deleted', async () => {
    const world = makeWorld({ seed: 4, contacts: 120 });
    const call = await start(world);
    const sort = [{ field: 'dateAdded', direction: 'asc' }];
    const before = await pages(call, world, 40, { sort });
    simulator!.faults.afterPage(before.length / 40 + 2, () => world.deleteContact(before[39]!));
    const after = await pages(call, world, 40, { sort });
    expect(after).toEqual(before);
    expect(await pages(call, world, 40, { sort })).toEqual(before.filter((id) => id !== before[39]));
  });
});

describe('paging by number', () => {
  it('reaches 10,000 contacts and no further', async () => {
    const world = makeWorld({ seed: 5, contacts: 40 });
    const call = await start(world);
    expect(await ids(call, world, { page: 2, pageLimit: 30 })).toHaveLength(10);
    expect(await ids(call, world, { page: 20, pageLimit: 500 })).toEqual([]);
    const [status, message] = await refusal(call, world, { page: 21, pageLimit: 500 });
    expect([status, message]).toEqual([400, expect.stringContaining('10000')]);
  });
});

describe('bodies that are refused', () => {
  it.each<[string, object, number, unknown]>([
    ['no pageLimit', {}, 422, ['pageLimit must be a number conforming to the specified constraints']],
    ['a page of nothing', { pageLimit: 0 }, 422, ['pageLimit must not be less than 1']],
    ['too large a page', { pageLimit: 501 }, 422, ['pageLimit must not be greater than 500']],
    [
      'page and cursor',
      { pageLimit: 1, page: 1, searchAfter: [1, 'x'] },
      422,
      ['page and searchAfter cannot be used together'],
    ],
    [
      '76 characters',
      { pageLimit: 1, query: 'x'.repeat(76) },
      422,
      ['query must be shorter than or equal to 75 characters'],
    ],
    [
      'several faults at once',
      { limit: 5, offset: 1, query: 7 },
      422,
      [
        'property limit should not exist',
        'property offset should not exist',
        'pageLimit must be a number conforming to the specified constraints',
        'query must be a string',
      ],
    ],
    ['a third order', { pageLimit: 1, sort: Array(3).fill({ field: 'email', direction: 'asc' }) }, 422, [/2 elements/]],
    ['an unknown order', { pageLimit: 1, sort: [{ field: 'phone', direction: 'asc' }] }, 400, 'Invalid field phone'],
    [
      'an unknown filter',
      { pageLimit: 1, filters: [{ field: 'contact_name', operator: 'eq', value: 'x' }] },
      400,
      'Invalid field contact_name',
    ],
    [
      'an unknown filter inside a group',
      { pageLimit: 1, filters: [{ group: 'OR', filters: [{ field: 'nope', operator: 'exists' }] }] },
      400,
      'Invalid field nope',
    ],
    [
      'an operator of another field',
      { pageLimit: 1, filters: [{ field: 'email', operator: 'contains', value: 'x' }] },
      400,
      'Invalid operator contains for field email',
    ],
    [
      'a custom field by its name',
      { pageLimit: 1, filters: [{ field: 'customFields.zip_code', operator: 'eq', value: 'x' }] },
      400,
      'Invalid field customFields.zip_code',
    ],
  ])('%s', async (_what, body, status, message) => {
    const world = emptyWorld(6);
    const answered = await refusal(await start(world), world, body);
    const expected = Array.isArray(message)
      ? message.map((line: unknown) => (line instanceof RegExp ? expect.stringMatching(line) : line))
      : message;
    expect(answered).toEqual([status, expected]);
  });
});

describe('filters', () => {
  const D = Date.UTC(2025, 5, 1);
  const PHONE = 'SecondPhoneField0000';
  const MONEY = 'YearlyRevenueField00';
  const PEOPLE = 'EmergencyPeopleField';
  const contacts: (Partial<StoredContact> & { id: string })[] = [
    { id: 'a', firstName: 'Ann', email: 'Ann@Example.test', tags: ['vip', 'new lead'], dateUpdated: D },
    { id: 'b', firstName: 'Bo', phone: '+15550001', dateUpdated: D + 1000, customFields: [{ id: MONEY, value: 50 }] },
    {
      id: 'c',
      firstName: 'Cy',
      city: 'Miami',
      dateUpdated: D + 2000,
      customFields: [{ id: PEOPLE, value: { one: 'Al' } }],
    },
    {
      id: 'd',
      firstName: null,
      dateUpdated: undefined,
      dndSettings: { Email: { status: 'active' } },
      opportunities: [{ id: 'o', pipelineId: 'p', pipelineStageId: 's', status: 'open', monetaryValue: 1 }],
    },
  ];
  const leaf = (field: string, operator: string, value?: unknown): object => ({ field, operator, value });

  it.each<[string, object[], string]>([
    ['none', [], 'abcd'],
    ['eq without regard to case', [leaf('email', 'eq', 'ann@example.TEST')], 'a'],
    ['not_eq', [leaf('email', 'not_eq', 'ann@example.test')], 'bcd'],
    ['eq of one tag among several', [leaf('tags', 'eq', 'vip')], 'a'],
    ['contains', [leaf('tags', 'contains', 'lead')], 'a'],
    ['not_contains', [leaf('city', 'not_contains', 'iam')], 'abd'],
    ['exists', [leaf('phone', 'exists')], 'b'],
    ['not_exists', [leaf('firstNameLowerCase', 'not_exists')], 'd'],
    ['range in milliseconds', [leaf('dateUpdated', 'range', { gt: D, lte: D + 2000 })], 'bc'],
    ['range as ISO', [leaf('dateUpdated', 'range', { gte: new Date(D + 1000).toISOString() })], 'bc'],
    ['range below', [leaf('dateUpdated', 'range', { lt: String(D + 1000) })], 'a'],
    ['a custom number', [leaf(`customFields.${MONEY}`, 'range', { gte: 50 })], 'b'],
    ['a custom text that nobody has', [leaf(`customFields.${PHONE}`, 'exists')], ''],
    ['one option of a list', [leaf(`customFields.${PEOPLE}.one`, 'eq', 'al')], 'c'],
    ['nested', [leaf('opportunities', 'nested', [leaf('status', 'eq', 'open'), leaf('pipelineId', 'eq', 'p')])], 'd'],
    ['nested of different items', [leaf('opportunities', 'nested', [leaf('status', 'eq', 'won')])], ''],
    ['do not disturb', [leaf('dndSettings.Email.status', 'eq', 'active')], 'd'],
    ['two are ANDed', [leaf('firstNameLowerCase', 'exists'), leaf('city', 'exists')], 'c'],
    ['OR', [{ group: 'OR', filters: [leaf('id', 'eq', 'a'), leaf('id', 'eq', 'd')] }], 'ad'],
    [
      'AND in OR',
      [
        {
          group: 'OR',
          filters: [leaf('id', 'eq', 'a'), { group: 'AND', filters: [leaf('id', 'eq', 'b'), leaf('city', 'exists')] }],
        },
      ],
      'a',
    ],
  ])('%s', async (_what, filters, expected) => {
    const world = emptyWorld(7);
    for (const contact of contacts) world.addContact(contact);
    const found = await ids(await start(world), world, { filters, sort: [{ field: 'dateAdded', direction: 'asc' }] });
    expect(found.join('')).toBe(expected);
  });

  it('free text looks at names, e-mail, phone and company', async () => {
    const world = emptyWorld(8);
    for (const contact of contacts) world.addContact(contact);
    const call = await start(world);
    expect(await ids(call, world, { query: 'ANN@' })).toEqual(['a']);
    expect(await ids(call, world, { query: '5550001' })).toEqual(['b']);
    expect(await ids(call, world, { query: 'miami' })).toEqual([]);
  });
});

describe('the search index', () => {
  it('shows a change only after its lag, each change by itself; a look-up by id shows it at once', async () => {
    const world = emptyWorld(9);
    const [, changed, deleted] = ['kept', 'changed', 'deleted'].map((city) => world.addContact({ city }));
    world.changes.length = 0;
    const call = await start(world);
    simulator!.knobs.indexLagMs = 30_000;
    const added = world.addContact({ city: 'added' });
    world.changeContact(changed!.id, { city: 'moved' });
    world.changeContact(changed!.id, { city: 'moved again' });
    world.deleteContact(deleted!.id);
    const cities = async (): Promise<unknown[]> =>
      (await search(call, world)).map((contact) => (contact as unknown as { city: string }).city).sort();
    expect(await cities()).toEqual(['changed', 'deleted', 'kept']);
    const { body } = await call('GET', `/contacts/${added.id}`);
    expect(body['contact']).toMatchObject({ city: 'added' });
    // The first two changes are older than the lag now.
    for (const change of world.changes.slice(0, 2)) change.at -= 40_000;
    expect(await cities()).toEqual(['added', 'deleted', 'kept', 'moved']);
    for (const change of world.changes) change.at -= 40_000;
    expect(await cities()).toEqual(['added', 'kept', 'moved again']);
  });
});

describe('the deprecated list', () => {
  it('pages by time and id, twenty at a time, and gives each contact once', async () => {
    const world = makeWorld({ seed: 10, contacts: 130 });
    const call = await start(world);
    const seen: string[] = [];
    for (let meta: { startAfter?: number; startAfterId?: string } = {}; ;) {
      const { body } = await call('GET', '/contacts/', {
        query: {
          locationId: world.locationId,
          ...(meta.startAfter === undefined
            ? {}
            : { startAfter: String(meta.startAfter), startAfterId: meta.startAfterId! }),
        },
      });
      const contacts = body['contacts'] as { id: string }[];
      expect(contacts.length).toBeLessThanOrEqual(20);
      seen.push(...contacts.map(({ id }) => id));
      meta = body['meta'] as typeof meta;
      if (meta.startAfter === undefined) break;
    }
    expect(seen).toHaveLength(130);
    expect(new Set(seen).size).toBe(130);
  });
});

describe('a large location', () => {
  it('is paged by cursor far beyond what numbered pages reach', async () => {
    const world = makeWorld({ seed: 11, contacts: 15_000 });
    expect(new Set(await pages(await start(world), world, 500)).size).toBe(15_000);
  });

  it('of 100,000 contacts fits into 300 MB, its index included', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const world = makeWorld({ seed: 12, contacts: 100_000 });
    expect(await search(await start(world), world)).toHaveLength(500);
    collect();
    expect((process.memoryUsage().heapUsed - before) / 1024 / 1024).toBeLessThan(300);
    expect(world.contacts.size).toBe(100_000);
  }, 30_000);
});
