import { describe, expect, it } from '@jest/globals';
import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { evidenceOf, fakeClock, memoryRows, type FakeClock, type KnownRow } from '../kit/memory.fixture.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { ApiContact, ContactPage, GhlClient, Lookup } from './client.ts';
import { readFull } from './full.ts';

const LIMIT = 10;
const contacts = (count: number): ApiContact[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `c${String(index).padStart(3, '0')}`,
    email: `c${index}@example.test`,
    searchAfter: [index, `c${index}`],
  }));
const indexAfter = (cursor: unknown[] | undefined): number => (cursor === undefined ? 0 : Number(cursor[0]) + 1);
const cursorOf = (page: unknown[]): unknown[] | undefined =>
  (page.at(-1) as { searchAfter?: unknown[] } | undefined)?.searchAfter;

interface Script {
  /** Answers the list; `call` counts from 1. */
  list?(limit: number, cursor: unknown[] | undefined, call: number): { contacts: unknown[]; total?: number };
  lookUp?(id: string): Promise<Lookup> | Lookup;
  knownIds?: string[];
  /** Rows that have more than an id. */
  rows?: KnownRow[];
  evidence?: Parameters<typeof evidenceOf>[0];
  position?: unknown;
  workers?: number;
  delayMs?: number;
}

interface Outcome {
  pages: SourcePage[];
  ids: string[];
  listCalls: number;
  clock: FakeClock;
}

/** Reads in mode full with a scripted client; a list that never ends fails the test. */
async function full(script: Script): Promise<Outcome> {
  const clock = fakeClock();
  let listCalls = 0;
  const client: GhlClient = {
    async searchPage(limit, cursor): Promise<ContactPage> {
      listCalls += 1;
      if (listCalls > 100) throw new Error('the list is read for ever');
      const page = script.list?.(limit, cursor, listCalls) ?? { contacts: [], total: 0 };
      return { contacts: page.contacts, total: page.total, cursor: cursorOf(page.contacts) };
    },
    getContact: async (id) => (await script.lookUp?.(id)) ?? { found: false },
    getLocation: async () => ({ name: null }),
    getCustomFields: async () => [],
    requests: () => listCalls,
  };
  const known = memoryRows([...(script.knownIds ?? []).map((contactId) => ({ contactId })), ...(script.rows ?? [])]);
  const context: ReadContext = {
    evidence: evidenceOf(script.evidence),
    position: script.position,
    known,
    keepKnown: async () => undefined,
    since: null,
    signal: new AbortController().signal,
  };
  const options = {
    locationId: 'L',
    pageLimit: LIMIT,
    workers: script.workers ?? 3,
    delayMs: script.delayMs ?? 0,
    clock,
  };
  const pages: SourcePage[] = [];
  for await (const page of readFull(client, context, options)) {
    pages.push(page);
    known.see(page.seen);
  }
  return { pages, ids: pages.flatMap(({ records }) => records.map(({ id }) => id)), listCalls, clock };
}

const listing =
  (all: ApiContact[], total: (call: number) => number | undefined = () => all.length) =>
  (limit: number, cursor: unknown[] | undefined, call: number): { contacts: unknown[]; total?: number } => {
    const from = indexAfter(cursor);
    const known = total(call);
    return { contacts: all.slice(from, from + limit), ...(known === undefined ? {} : { total: known }) };
  };

describe('the end of the list', () => {
  const all = contacts(30);

  it.each([
    ['an empty location', 0, 1],
    ['less than a page', 7, 1],
    ['a page and a bit', 13, 2],
    ['exactly three pages', 30, 4],
  ])('%s', async (_what, count, calls) => {
    const { ids, listCalls } = await full({ list: listing(contacts(count)) });
    expect({ contacts: ids.length, listCalls }).toEqual({ contacts: count, listCalls: calls });
  });

  it.each<[string, (call: number) => number | undefined]>([
    ['is capped', () => 20],
    ['is zero', () => 0],
    ['is not given', () => undefined],
    ['shrinks, because contacts that were listed are deleted', (call) => (call === 1 ? 30 : 12)],
    ['grows, because contacts are added', (call) => 29 + call],
  ])('does not depend on a total that %s', async (_what, total) => {
    const { ids } = await full({ list: listing(all, total) });
    expect(ids).toHaveLength(30);
  });

  it('is not a short page while contacts are owed', async () => {
    const { ids } = await full({
      list: (limit, cursor, call) => listing(all)(call === 2 ? 4 : limit, cursor, call),
    });
    expect(ids).toHaveLength(30);
  });

  it('is not an empty page in the middle, which is asked for again', async () => {
    const { ids, listCalls, clock } = await full({
      list: (limit, cursor, call) =>
        call === 2 || call === 3 ? { contacts: [], total: 0 } : listing(all)(limit, cursor, call),
    });
    expect({ contacts: ids.length, listCalls, slept: clock.slept }).toEqual({
      contacts: 30,
      listCalls: 6,
      slept: [500, 1_000],
    });
  });

  it('is an empty page that stays, when the location itself says that it has no more', async () => {
    const { ids } = await full({
      list: (limit, cursor, call) => (call > 1 ? { contacts: [], total: 10 } : listing(all)(limit, cursor, call)),
    });
    expect(ids).toHaveLength(10);
  });

  it('fails with an empty page that stays while contacts are owed', async () => {
    const list = (
      limit: number,
      cursor: unknown[] | undefined,
      call: number,
    ): ReturnType<ReturnType<typeof listing>> =>
      call > 1 ? { contacts: [], total: 30 } : listing(all)(limit, cursor, call);
    await expect(full({ list })).rejects.toMatchObject({
      code: 'ghl_truncated',
      message: expect.stringContaining('20 contacts'),
    });
  });

  it('fails where a page gives no way to the next', async () => {
    const bare = all.map(({ searchAfter: _cursor, ...contact }) => contact);
    await expect(full({ list: listing(bare) })).rejects.toMatchObject({ code: 'ghl_truncated' });
    await expect(full({ list: listing(bare, () => undefined) })).rejects.toMatchObject({ code: 'ghl_truncated' });
    // The last page needs none.
    expect((await full({ list: listing(bare.slice(0, 10)) })).ids).toHaveLength(10);
  });
});

describe('a list that goes round in circles', () => {
  const all = contacts(30);
  const pageAt = (page: number): unknown[] => all.slice(page * LIMIT, (page + 1) * LIMIT);

  it.each<[string, (call: number) => unknown[]]>([
    ['the same page again', () => pageAt(0)],
    ['two pages in turn', (call) => pageAt(call % 2)],
    ['back to the first page after the third', (call) => pageAt((call - 1) % 3)],
    [
      'known contacts under new cursors',
      (call) => pageAt(0).map((contact) => ({ ...(contact as object), searchAfter: [call * 1_000, 'x'] })),
    ],
  ])('is noticed: %s', async (_what, page) => {
    await expect(
      full({ list: (_limit, _cursor, call) => ({ contacts: page(call), total: 1_000 }) }),
    ).rejects.toMatchObject({ code: 'ghl_repeated_cursor' });
  });

  it('is noticed by a resumed read as well', async () => {
    const position = { phase: 'list', cursor: cursorOf(pageAt(0)), listed: 10, least: 1_000 };
    await expect(full({ position, list: () => ({ contacts: pageAt(0), total: 1_000 }) })).rejects.toMatchObject({
      code: 'ghl_repeated_cursor',
    });
  });
});

describe('the records of a list', () => {
  it('hold a contact once, though it is listed twice', async () => {
    const all = contacts(15);
    const moved = { ...all[3]!, searchAfter: [14.5, 'c3'] };
    const { ids } = await full({ list: listing([...all.slice(0, 14), moved], () => 14) });
    expect(ids).toHaveLength(14);
  });

  it('say what the local tables knew', async () => {
    const { pages } = await full({ list: listing(contacts(1)), evidence: { vendorEmails: ['c0@example.test'] } });
    expect(pages[0]!.records[0]!.value).toMatchObject({
      via: 'list',
      knownAs: { vendorByEmail: true, leadById: false },
    });
  });

  it.each<[string, unknown, { contactId: string | null; email: string | null; code: string }]>([
    ['no id', { email: ' Ann@Example.TEST ' }, { contactId: null, email: 'ann@example.test', code: 'record_invalid' }],
    ['neither id nor e-mail', { phone: '1' }, { contactId: null, email: null, code: 'record_invalid' }],
    [
      'another location',
      { id: 'x', email: 'a@example.test', locationId: 'other' },
      { contactId: 'x', email: 'a@example.test', code: 'record_invalid' },
    ],
    ['null for a contact', null, { contactId: null, email: null, code: 'record_invalid' }],
    ['a text for a contact', 'x', { contactId: null, email: null, code: 'record_invalid' }],
    [
      'more than a topic takes',
      { id: 'big', email: 'a@example.test', notes: 'é'.repeat(6 * 1024 * 1024) },
      { contactId: 'big', email: 'a@example.test', code: 'record_too_large' },
    ],
  ])('report what cannot be used, so that its rows are spared: %s', async (_what, odd, expected) => {
    const { pages } = await full({ list: () => ({ contacts: [odd, ...contacts(1)], total: 2 }) });
    const { records, counts, seen } = pages[0]!;
    expect(records.map(({ type }) => type)).toEqual([
      'crm.raw.ghl.v1.ContactLookupFailed',
      'crm.raw.ghl.v1.ContactRead',
    ]);
    expect(records[0]!.value).toMatchObject(expected);
    expect(counts).toEqual({ read: 1, unusable: 1, unknown: 0 });
    expect(seen.contactIds).toEqual(['c000']);
    // Keys and headers are seen by many.
    expect(records[0]!.id).not.toContain('@');
    const { raw } = records[0]!.value as { raw: string | null };
    expect(raw === null ? expected.code : JSON.parse(raw)).toEqual(raw === null ? 'record_too_large' : odd);
  });
});

describe('look-ups by id', () => {
  const unknown = (code: ErrorCode) => (): Promise<never> => Promise.reject(new AppError(code, 'no answer'));

  it('ask for the known ids that did not appear, and for no other', async () => {
    const asked: string[] = [];
    const { pages } = await full({
      list: listing(contacts(3)),
      knownIds: ['c001', 'gone', 'late'],
      lookUp(id) {
        asked.push(id);
        return id === 'late' ? { found: true, contact: { id: 'late' } } : { found: false };
      },
    });
    expect(asked).toEqual(['gone', 'late']);
    const { records, counts, seen, progress } = pages.at(-1)!;
    expect(records).toMatchObject([
      { type: 'crm.raw.ghl.v1.ContactGone', id: 'gone', value: { reason: 'not_found' } },
      { type: 'crm.raw.ghl.v1.ContactRead', id: 'late', value: { via: 'id' } },
    ]);
    expect(counts).toEqual({ read: 1, unusable: 0, unknown: 0 });
    expect(seen.contactIds).toEqual(['late']);
    expect(progress).toMatchObject({ phase: 'confirm', lookupsDone: 2, lookupsTotal: 2 });
  });

  it.each<ErrorCode>([
    'ghl_timeout',
    'ghl_unavailable',
    'ghl_truncated',
    'ghl_rate_limited',
    'ghl_bad_request',
    'response_too_large',
  ])('without an answer (%s) leave the contact unknown', async (code) => {
    const { pages } = await full({ knownIds: ['a'], lookUp: unknown(code) });
    expect(pages.at(-1)).toMatchObject({
      records: [
        { type: 'crm.raw.ghl.v1.ContactLookupFailed', value: { contactId: 'a', email: null, code, raw: null } },
      ],
      counts: { read: 0, unusable: 0, unknown: 1 },
      seen: { contactIds: [] },
    });
  });

  it('without an answer are no unknown ones when the list shows their row by its e-mail (rules-ghl section 6)', async () => {
    const { pages } = await full({
      list: listing(contacts(3)),
      rows: [{ contactId: 'a', email: 'c1@example.test' }, { contactId: 'b' }],
      evidence: { leadEmails: ['c1@example.test'] },
      lookUp: unknown('ghl_timeout'),
    });
    const { records, counts } = pages.at(-1)!;
    expect(records.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(counts.unknown).toBe(1);
  });

  it.each<[string, ApiContact]>([
    ['another contact', { id: 'b', email: 'b@example.test' }],
    ['no id', { email: 'b@example.test' }],
    ['another location', { id: 'a', locationId: 'other' }],
  ])('answered with %s leave the contact unknown', async (_what, contact) => {
    const { pages } = await full({ knownIds: ['a'], lookUp: () => ({ found: true, contact }) });
    expect(pages.at(-1)).toMatchObject({
      records: [
        { type: 'crm.raw.ghl.v1.ContactLookupFailed', value: { contactId: 'a', raw: JSON.stringify(contact) } },
      ],
      counts: { read: 0, unusable: 1, unknown: 1 },
    });
  });

  it.each<ErrorCode>(['ghl_unauthorized', 'ghl_forbidden', 'ghl_bad_version', 'redirect_refused', 'ghl_daily_limit'])(
    'end with %s, and no worker asks on',
    async (code) => {
      let asked = 0;
      const knownIds = Array.from({ length: 50 }, (_, index) => `id${index}`);
      const lookUp = (): Promise<never> => {
        asked += 1;
        return Promise.reject(new AppError(code, 'refused'));
      };
      await expect(full({ knownIds, lookUp })).rejects.toMatchObject({ code });
      expect(asked).toBeLessThanOrEqual(3);
    },
  );

  it('start so far apart, from page to page too, and so many at a time', async () => {
    let open = 0;
    let most = 0;
    const knownIds = Array.from({ length: 130 }, (_, index) => `id${String(index).padStart(3, '0')}`);
    const { clock, pages } = await full({
      knownIds,
      delayMs: 120,
      workers: 3,
      async lookUp() {
        open += 1;
        most = Math.max(most, open);
        await Promise.resolve();
        open -= 1;
        return { found: false };
      },
    });
    expect(most).toBeLessThanOrEqual(3);
    expect(clock.now() - 1_700_000_000_000).toBeGreaterThanOrEqual(129 * 120);
    expect(pages.map(({ records }) => records.length)).toEqual([0, 60, 60, 10]);
  });

  it('go on after the id they were interrupted at', async () => {
    const asked: string[] = [];
    const { pages, listCalls } = await full({
      position: { phase: 'confirm', afterId: 'b', done: 2, total: 4 },
      knownIds: ['a', 'b', 'c', 'd'],
      lookUp: (id) => (asked.push(id), { found: false }),
    });
    expect({ asked, listCalls }).toEqual({ asked: ['c', 'd'], listCalls: 0 });
    expect(pages.at(-1)!.progress).toMatchObject({ lookupsDone: 4, lookupsTotal: 4 });
  });
});
