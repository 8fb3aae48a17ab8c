import { describe, expect, it } from '@jest/globals';
import type { ContactLookupFailed } from '#libs/contracts/src/generated/events.ts';
import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { evidenceOf, fakeClock, memoryRows, type KnownRow } from '../kit/memory.fixture.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { ApiContact, ContactPage, GhlClient } from './client.ts';
import { readTargeted } from './targeted.ts';

const LIMIT = 10;
const LONG_EMAIL = `${'x'.repeat(70)}@example.test`;

type Instead = (call: number, query: string | undefined) => ContactPage | undefined;

interface Script {
  rows: KnownRow[];
  /** Contacts of the location, newest last. */
  location?: ApiContact[];
  /** Contacts that a search by text does not find yet. */
  unindexed?: string[];
  failIds?: Record<string, ErrorCode>;
  failEmails?: Record<string, ErrorCode>;
  failListFrom?: number;
  /** Which list page is the first one again. */
  circleAt?: number;
  /** Answers a list page, or that of a search, otherwise than the location would; `call` counts both from 1. */
  instead?: Instead;
  listCap?: number;
  position?: unknown;
}

interface Outcome {
  pages: SourcePage[];
  read: string[];
  gone: string[];
  unanswered: Partial<ContactLookupFailed>[];
  unknown: number;
  /** Different contacts read. */
  different: number;
  calls: { ids: string[]; emails: string[]; list: number };
}

function evidence(rows: readonly KnownRow[]): ReadContext['evidence'] {
  const all = <K extends keyof KnownRow>(key: K): string[] => rows.flatMap((row) => row[key] ?? []);
  return evidenceOf({
    vendorIds: all('contactId'),
    leadEmails: all('email'),
    leadOpportunityIds: all('opportunityId'),
  });
}

/** Reads in mode targeted; every call is noted. */
async function targeted(script: Script): Promise<Outcome> {
  const { rows, location = [], unindexed = [], failIds = {}, failEmails = {}, listCap = 1_000 } = script;
  const calls: Outcome['calls'] = { ids: [], emails: [], list: 0 };
  const client: GhlClient = {
    async searchPage(limit, cursor, { query } = {}) {
      const instead = script.instead?.(query === undefined ? calls.list + 1 : calls.emails.length + 1, query);
      if (query !== undefined) {
        calls.emails.push(query);
        if (calls.emails.length > 500) throw new Error('a search is read for ever');
        if (instead !== undefined) return instead;
        const code = failEmails[query];
        if (code !== undefined) throw new AppError(code, 'because');
        const contacts = location.filter(
          ({ id, email }) => String(email).includes(query) && !unindexed.includes(String(id)),
        );
        return { contacts, total: contacts.length, cursor: undefined };
      }
      calls.list += 1;
      if (calls.list > 50) throw new Error('the list is read for ever');
      if (instead !== undefined) return instead;
      const from = cursor === undefined || calls.list === script.circleAt ? 0 : (cursor[0] as number);
      if (script.failListFrom !== undefined && calls.list >= script.failListFrom)
        throw new AppError('ghl_unavailable', 'because');
      const contacts = location.slice(from, from + limit);
      return { contacts, total: location.length, cursor: [from + contacts.length] };
    },
    async getContact(id) {
      calls.ids.push(id);
      const code = failIds[id];
      if (code !== undefined) throw new AppError(code, 'because');
      const contact = location.find((one) => one['id'] === id);
      if (contact === undefined) return { found: false };
      // Opportunities are told by searches only (rules-ghl section 1).
      const { opportunities: _opportunities, ...found } = contact;
      return { found: true, contact: found };
    },
    getLocation: () => Promise.reject(new Error('nobody asked for the location')),
    getCustomFields: async () => [],
    requests: () => 0,
  };
  const known = memoryRows(rows);
  const pages: SourcePage[] = [];
  const context: ReadContext = {
    evidence: evidence(rows),
    position: script.position,
    known,
    keepKnown: async () => undefined,
    since: null,
    signal: new AbortController().signal,
  };
  const options = { locationId: 'L', pageLimit: LIMIT, workers: 3, delayMs: 0, clock: fakeClock(), listCap };
  for await (const page of readTargeted(client, context, options)) {
    pages.push(page);
    known.see(page.seen);
  }
  const of = (type: string): { id: string; value: object }[] =>
    pages.flatMap(({ records }) => records.filter((record) => record.type.endsWith(type)));
  return {
    pages,
    calls,
    read: of('ContactRead').map(({ id }) => id),
    gone: of('ContactGone').map(({ id }) => id),
    unanswered: of('ContactLookupFailed').map(({ value }) => value),
    different: pages.reduce((sum, { counts }) => sum + counts.read, 0),
    unknown: pages.reduce((sum, { counts }) => sum + counts.unknown, 0),
  };
}

const contacts = (count: number): ApiContact[] =>
  Array.from({ length: count }, (_, index) => ({ id: `c${index}`, email: `c${index}@example.test` }));

describe('the three steps (ghl-sync-v3 section 7)', () => {
  it('ask nothing when nothing is known', async () => {
    const { calls, read } = await targeted({ rows: [], location: contacts(5) });
    expect({ calls, read }).toEqual({ calls: { ids: [], emails: [], list: 0 }, read: [] });
  });

  it('ask each id once, whatever number of rows has it, and nothing else when all are found', async () => {
    const rows = [
      ...['c0', 'c1', 'c2'].map((contactId) => ({ contactId, email: `old-${contactId}@example.test` })),
      ...['c0', 'c1', 'c3', 'c4'].map((contactId) => ({ contactId, opportunityId: `o-${contactId}` })),
    ];
    const { calls, read } = await targeted({ rows, location: contacts(5) });
    expect({ calls, read }).toEqual({
      calls: { ids: ['c0', 'c1', 'c2', 'c3', 'c4'], emails: [], list: 0 },
      read: ['c0', 'c1', 'c2', 'c3', 'c4'],
    });
  });

  it('search the e-mails of rows that are not found by id, and list nothing when all match', async () => {
    const rows = [{ contactId: 'gone', email: 'c1@example.test' }, { email: 'c2@example.test' }];
    const { calls, read, gone } = await targeted({ rows, location: contacts(5) });
    expect({ calls, read, gone }).toEqual({
      calls: { ids: ['gone'], emails: ['c1@example.test', 'c2@example.test'], list: 0 },
      read: ['c1', 'c2'],
      gone: ['gone'],
    });
  });

  it('need no search for an e-mail that a contact found by id has', async () => {
    const rows = [{ contactId: 'c1' }, { email: 'c1@example.test' }];
    expect((await targeted({ rows, location: contacts(3) })).calls.emails).toEqual([]);
  });

  it('take no contact whose e-mail only contains the one searched for (V5)', async () => {
    const location = [{ id: 'other', email: 'not-c1@example.test' }];
    const { read, calls } = await targeted({ rows: [{ email: 'c1@example.test' }], location });
    expect({ read, list: calls.list }).toEqual({ read: [], list: 1 });
  });

  it('let all exact hits of a search compete', async () => {
    const location = ['a', 'b'].map((id) => ({ id, email: 'Same@Example.TEST ' }));
    const { read } = await targeted({
      rows: [{ email: 'same@example.test' }],
      location: location.map((one) => ({ ...one, email: one.email.trim().toLowerCase() })),
    });
    expect(read).toEqual(['a', 'b']);
  });
});

describe('the list', () => {
  it.each([
    ['to its end for an e-mail that nobody has', 8 * LIMIT, [{ email: 'nobody@example.test' }], 8],
    ['a page that is not full ends it', 8 * LIMIT - 3, [{ email: 'nobody@example.test' }], 8],
    ['until an e-mail that the search missed is matched', 8 * LIMIT, [{ email: 'c25@example.test' }], 3],
    ['until an opportunity is matched', 8 * LIMIT, [{ opportunityId: 'o35' }], 4],
    ['not at all for a row found by id', 8 * LIMIT, [{ contactId: 'c1', opportunityId: 'nowhere' }], 0],
  ])('%s', async (_what, count, rows, pages) => {
    const location = contacts(count).map((contact, index) =>
      index === 35 ? { ...contact, customFields: [{ id: 'f', value: 'o35' }] } : contact,
    );
    const { calls } = await targeted({ rows, location, unindexed: ['c25'] });
    expect(calls.list).toBe(pages);
  });

  it('publishes only what is looked for', async () => {
    const rows = [{ email: 'c25@example.test' }, { email: 'nobody@example.test' }];
    expect((await targeted({ rows, location: contacts(40), unindexed: ['c25'] })).read).toEqual(['c25']);
  });

  it('answers for an e-mail too long to be searched', async () => {
    const location = [...contacts(25), { id: 'long', email: LONG_EMAIL }];
    const { calls, read } = await targeted({ rows: [{ email: LONG_EMAIL }], location });
    expect({ ...calls, read }).toEqual({ ids: [], emails: [], list: 3, read: ['long'] });
  });

  it.each([
    ['at its cap', { listCap: 2 * LIMIT }, 'ghl_list_capped', 2],
    ['where it fails', { failListFrom: 3 }, 'ghl_unavailable', 3],
    ['where it begins anew', { circleAt: 4 }, 'ghl_repeated_cursor', 4],
  ])('cut short %s spares what only it could find, and says so', async (_what, more, code, list) => {
    const rows = [{ email: LONG_EMAIL }, { opportunityId: 'nowhere' }, { email: 'nobody@example.test' }];
    const { calls, unanswered, unknown, pages } = await targeted({ rows, location: contacts(50), ...more });
    expect(calls.list).toBe(list);
    expect(unanswered).toMatchObject([
      { opportunityId: 'nowhere', contactId: null, email: null, code },
      { opportunityId: null, contactId: null, email: LONG_EMAIL, code },
    ]);
    expect(pages.at(-1)?.shortfall).toMatchObject({ code });
    // No look-up of these rows failed.
    expect(unknown).toBe(0);
  });

  it('counts a contact once that it shows again with an opportunity', async () => {
    const location = [...contacts(3), { id: 'known', opportunities: [{ id: 'o1' }] }];
    const rows = [{ contactId: 'known' }, { opportunityId: 'o1' }];
    const { read, different } = await targeted({ rows, location });
    expect({ read, different }).toEqual({ read: ['known', 'known'], different: 1 });
  });

  it('is whole when its last page comes before the cap', async () => {
    const { pages } = await targeted({
      rows: [{ email: 'nobody@example.test' }],
      location: contacts(15),
      listCap: 2 * LIMIT,
    });
    expect(pages.at(-1)?.shortfall).toBeUndefined();
  });
});

describe('half an answer is none (V9)', () => {
  const location = contacts(50).map((contact, index) =>
    index === 35 ? { ...contact, customFields: [{ id: 'f', value: 'o35' }] } : contact,
  );
  const stale = { contactId: 'stale', opportunityId: 'o35' };
  const nothing = (total: number): ContactPage => ({ contacts: [], total, cursor: undefined });

  it.each<[string, Instead]>([
    ['an empty page that claims more', (call) => (call === 2 ? nothing(50) : undefined)],
    ['an empty page that claims nothing', (call) => (call === 2 ? nothing(0) : undefined)],
    [
      'a page that is short of what it claims',
      (call) => (call === 2 ? { contacts: location.slice(10, 14), total: 50, cursor: [14] } : undefined),
    ],
  ])('the list goes on after %s', async (_what, instead) => {
    const { read, pages } = await targeted({ rows: [stale], location, instead });
    expect({ read, shortfall: pages.at(-1)?.shortfall }).toEqual({ read: ['c35'], shortfall: undefined });
  });

  it('the list goes on when listed contacts are deleted, so that fewer are there in all', async () => {
    const instead = (call: number): ContactPage | undefined =>
      call === 3 ? { contacts: location.slice(20, 30), total: 30, cursor: [30] } : undefined;
    expect((await targeted({ rows: [stale], location, instead })).read).toEqual(['c35']);
  });

  it.each<[string, Instead, string]>([
    ['stays empty', (call) => (call > 1 ? nothing(50) : undefined), 'ghl_truncated'],
    [
      'gives no way on',
      (call) => (call > 1 ? { contacts: location.slice(10, 14), total: 50, cursor: undefined } : undefined),
      'ghl_truncated',
    ],
  ])('a list that %s spares what only it could find', async (_what, instead, code) => {
    const { unanswered, pages } = await targeted({ rows: [stale], location, instead });
    expect(unanswered).toMatchObject([{ opportunityId: 'o35', code }]);
    expect(pages.at(-1)?.shortfall).toMatchObject({ code });
  });

  const ann = 'ann@example.test';
  const others = (turn: number): unknown[] =>
    Array.from({ length: LIMIT }, (_, index) => ({ id: `p${turn}-${index}`, email: `x${turn}.${ann}` }));

  it('a search is asked again while it lists nothing and claims more', async () => {
    const { read, unknown, calls } = await targeted({
      rows: [{ email: 'c45@example.test' }],
      location,
      listCap: 30,
      instead: (call, query) => (query !== undefined && call < 3 ? nothing(1) : undefined),
    });
    expect({ read, unknown, calls }).toEqual({
      read: ['c45'],
      unknown: 0,
      calls: { ids: [], emails: Array(3).fill('c45@example.test'), list: 0 },
    });
  });

  it.each<[string, (call: number) => ContactPage]>([
    ['lists nothing and claims more', () => nothing(1)],
    ['repeats its cursor', () => ({ contacts: others(0), total: 25, cursor: ['same'] })],
    ['gives two cursors in turn', (call) => ({ contacts: others(call), total: 2_000, cursor: [call % 2] })],
  ])('a search that %s leaves the e-mail unknown', async (_what, page) => {
    const { unknown, unanswered, calls } = await targeted({
      rows: [{ email: ann }],
      instead: (call, query) => (query === undefined ? undefined : page(call)),
    });
    expect(unknown).toBe(1);
    expect(calls.emails.length).toBeLessThanOrEqual(3);
    expect(unanswered).toMatchObject([{ email: ann }]);
  });
});

describe('look-ups without an answer', () => {
  it('by id count as answered when the row is found otherwise', async () => {
    const rows = [{ contactId: 'c1', email: 'c1@example.test' }, { contactId: 'c2' }];
    const { unknown, unanswered, read } = await targeted({
      rows,
      location: contacts(5),
      failIds: { c1: 'ghl_unavailable', c2: 'ghl_timeout' },
    });
    expect({ unknown, read }).toEqual({ unknown: 1, read: ['c1'] });
    expect(unanswered.map(({ contactId }) => contactId)).toEqual(['c1', 'c2']);
  });

  it('by e-mail stay unknown although a whole list lacks it (rules-ghl section 6)', async () => {
    const { unknown, unanswered, calls } = await targeted({
      rows: [{ email: 'nobody@example.test' }],
      location: contacts(5),
      failEmails: { 'nobody@example.test': 'ghl_unavailable' },
    });
    expect({ unknown, list: calls.list }).toEqual({ unknown: 1, list: 1 });
    expect(unanswered).toMatchObject([{ email: 'nobody@example.test', contactId: null }]);
  });

  it('have keys that tell nothing of a person', async () => {
    const { pages } = await targeted({
      rows: [{ email: 'nobody@example.test' }],
      failEmails: { 'nobody@example.test': 'ghl_unavailable' },
    });
    expect(pages.flatMap(({ records }) => records.map(({ id }) => id)).join()).not.toContain('nobody');
  });

  it('with refused credentials end the scan', async () => {
    const reading = targeted({ rows: [{ contactId: 'c1' }], failIds: { c1: 'ghl_unauthorized' } });
    await expect(reading).rejects.toMatchObject({ code: 'ghl_unauthorized' });
  });
});

it('goes on wherever it stopped, asking nothing twice', async () => {
  const rows = [
    ...Array.from({ length: 130 }, (_, index) => ({ contactId: `gone${String(index).padStart(3, '0')}` })),
    ...Array.from({ length: 70 }, (_, index) => ({ email: `nobody${index}@example.test` })),
    { contactId: 'zz', email: 'zz@example.test' },
  ];
  const script: Script = { rows, location: contacts(35), failIds: { zz: 'ghl_timeout' } };
  const whole = await targeted(script);
  expect(whole.pages.length).toBeGreaterThan(6);
  for (const [index, { position }] of whole.pages.entries()) {
    const rest = await targeted({ ...script, position: JSON.parse(JSON.stringify(position)) as unknown });
    const told = (pages: SourcePage[]): string[] => pages.flatMap(({ records }) => records.map(({ id }) => id));
    expect(told(rest.pages)).toEqual(told(whole.pages.slice(index + 1)));
    const unknown = (pages: SourcePage[]): number => pages.reduce((sum, { counts }) => sum + counts.unknown, 0);
    expect(unknown(rest.pages)).toBe(unknown(whole.pages.slice(index + 1)));
    expect(rest.calls.list).toBeLessThanOrEqual(whole.pages.slice(index + 1).length);
  }
});
