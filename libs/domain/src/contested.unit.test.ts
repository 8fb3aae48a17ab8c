import { describe, expect, it } from '@jest/globals';
import {
  emailAtStart,
  resolveLeads,
  resolveUserIds,
  resolveVendors,
  type ContestClaim,
  type ContestRow,
} from './contested.ts';

function row(id: string, overrides: Partial<ContestRow> = {}): ContestRow {
  return {
    id,
    contactId: null,
    email: 'e',
    opportunityId: null,
    createdAt: 1,
    bornInScan: undefined,
    ownContact: 'none',
    ...overrides,
  };
}

function claim(contactId: string, overrides: Partial<ContestClaim> = {}): ContestClaim {
  return { contactId, email: 'e', opportunityIds: [], fits: true, known: true, dateUpdated: 1, ...overrides };
}

const newborn = (id: string, contactId: string, dateUpdated: number | null): ContestRow =>
  row(id, { contactId, bornInScan: { contactId, dateUpdated }, ownContact: 'seen' });

function vendors(rows: ContestRow[], claims: ContestClaim[]): Record<string, string> {
  const resolution = resolveVendors({ rows, claims });
  const text = ({ outcome }: (typeof resolution.claims)[number]): string =>
    outcome.kind === 'row'
      ? outcome.rowId
      : outcome.kind === 'new'
        ? `new${outcome.replaces ? ` for ${outcome.replaces}` : ''}`
        : 'lost';
  return {
    ...Object.fromEntries(resolution.claims.map((one) => [one.contactId, text(one)])),
    conflicts: resolution.conflicts.join(),
  };
}

describe('which vendor row (rules-ghl section 3)', () => {
  it.each<[string, ContestRow[], ContestClaim[], Record<string, string>]>([
    ['the row with its e-mail', [row('r')], [claim('a')], { a: 'r', conflicts: '' }],
    [
      'among rows with the e-mail the oldest',
      [row('r2', { createdAt: 2 }), row('r1')],
      [claim('a')],
      { a: 'r1', conflicts: '' },
    ],
    ['then the smaller row id', [row('r2'), row('r1')], [claim('a')], { a: 'r1', conflicts: '' }],
    [
      'the oldest or none: a younger row is not claimed',
      [row('r1', { contactId: 'x', ownContact: 'seen' }), row('r2', { createdAt: 2 })],
      [claim('a')],
      { a: 'lost', conflicts: 'a' },
    ],
    [
      'newer dateUpdated',
      [row('r')],
      [claim('a'), claim('b', { dateUpdated: 2 })],
      { a: 'lost', b: 'r', conflicts: 'a' },
    ],
    [
      'without a date counts as oldest',
      [row('r')],
      [claim('a', { dateUpdated: null }), claim('b', { dateUpdated: -5 })],
      { a: 'lost', b: 'r', conflicts: 'a' },
    ],
    ['then the smaller contact id', [row('r')], [claim('b'), claim('a')], { a: 'r', b: 'lost', conflicts: 'b' }],
    [
      'a row whose own contact is seen is never won',
      [row('r', { contactId: 'x', ownContact: 'seen' })],
      [claim('a', { dateUpdated: 9 })],
      { a: 'lost', conflicts: 'a' },
    ],
    [
      'nor one whose own contact is unknown',
      [row('r', { contactId: 'x', ownContact: 'unknown' })],
      [claim('a')],
      { a: 'lost', conflicts: 'a' },
    ],
    [
      'one whose own contact is gone is bound to the other',
      [row('r', { contactId: 'x', ownContact: 'gone' })],
      [claim('a')],
      { a: 'r', conflicts: '' },
    ],
    [
      'a contact matched by id wins, and only its own row',
      [row('r1'), row('r2', { contactId: 'a', ownContact: 'seen', createdAt: 2 })],
      [claim('a'), claim('b', { dateUpdated: 9 })],
      { a: 'r2', b: 'r1', conflicts: '' },
    ],
    [
      'one that fits beats one classed otherwise',
      [row('r')],
      [claim('a', { fits: 'staff', dateUpdated: 9 }), claim('b')],
      { a: 'lost', b: 'r', conflicts: 'a' },
    ],
    [
      'if none fits the best reclassifies the row',
      [row('r')],
      [claim('a', { fits: 'staff' }), claim('b', { fits: 'staff', dateUpdated: 9 })],
      { a: 'lost', b: 'r', conflicts: 'a' },
    ],
    [
      'evidence of an e-mail that no row had any more',
      [row('r', { email: 'other' })],
      [claim('a')],
      { a: 'lost', conflicts: 'a' },
    ],
    [
      'evidence without an e-mail',
      [row('r', { email: null })],
      [claim('a', { email: null })],
      { a: 'lost', conflicts: 'a' },
    ],
  ])('%s', (_, rows, claims, expected) => {
    expect(vendors(rows, claims)).toEqual(expected);
  });

  const fresh = { known: false };
  it.each<[string, ContestRow[], ContestClaim[], Record<string, string>]>([
    [
      'the better newcomer displaces the newborn row',
      [newborn('n', 'x', 1)],
      [claim('a', { ...fresh, dateUpdated: 2 })],
      { a: 'new for n', conflicts: 'x' },
    ],
    ['the worse one loses', [newborn('n', 'x', 2)], [claim('a', fresh)], { a: 'lost', conflicts: 'a' }],
    [
      'the same date: the smaller contact id',
      [newborn('n', 'x', 1)],
      [claim('a', fresh)],
      { a: 'new for n', conflicts: 'x' },
    ],
    [
      'of many the best',
      [newborn('n', 'x', 1)],
      [claim('a', fresh), claim('b', { ...fresh, dateUpdated: 3 })],
      { a: 'lost', b: 'new for n', conflicts: 'a,x' },
    ],
    [
      'without a newborn row one gets a row',
      [],
      [claim('b', fresh), claim('a', fresh)],
      { a: 'new', b: 'lost', conflicts: 'b' },
    ],
    [
      'older rows are not theirs: evidence is that of the start',
      [row('r')],
      [claim('a', fresh)],
      { a: 'new', conflicts: '' },
    ],
    ['staff makes no row', [], [claim('a', { ...fresh, fits: 'staff' })], { a: 'lost', conflicts: 'a' }],
    [
      'without an e-mail there is no rival',
      [],
      [claim('a', { ...fresh, email: null }), claim('b', { ...fresh, email: null })],
      { a: 'new', b: 'new', conflicts: '' },
    ],
    ['evidence never takes a newborn row', [newborn('n', 'x', 1)], [claim('a')], { a: 'lost', conflicts: 'a' }],
  ])('two new contacts share one e-mail: %s', (_, rows, claims, expected) => {
    expect(vendors(rows, claims)).toEqual(expected);
  });
});

describe('which lead rows (rules-ghl section 3)', () => {
  it('a contact wins many rows; the newest gets the request fields', () => {
    const rows = [row('r3', { createdAt: 3 }), row('r1'), row('r2', { createdAt: 3, email: null, opportunityId: 'o' })];
    expect(resolveLeads({ rows, claims: [claim('a', { opportunityIds: ['o'] })] })).toEqual({
      claims: [
        { contactId: 'a', rows: ['r1', 'r2', 'r3'], requestRow: 'r3', lost: false, isNew: false, replaces: undefined },
      ],
      conflicts: [],
    });
  });

  it('rows it owns by id count among them', () => {
    const rows = [row('r1', { contactId: 'a', ownContact: 'seen', email: null }), row('r2', { createdAt: 2 })];
    expect(resolveLeads({ rows, claims: [claim('a')] }).claims[0]).toMatchObject({
      rows: ['r1', 'r2'],
      requestRow: 'r2',
    });
  });

  it('row by row: by id, else the better claim; who loses a row is a conflict', () => {
    const rows = [row('own', { contactId: 'a', ownContact: 'seen' }), row('free', { createdAt: 2 })];
    const { claims, conflicts } = resolveLeads({ rows, claims: [claim('a'), claim('b', { dateUpdated: 9 })] });
    expect(claims).toMatchObject([
      { contactId: 'a', rows: ['own'], requestRow: 'own' },
      { contactId: 'b', rows: ['free'], requestRow: 'free' },
    ]);
    expect(conflicts).toEqual(['a', 'b']);
  });

  it('a contact matched by id decides even if another one would fit', () => {
    const rows = [row('r', { contactId: 'a', ownContact: 'seen' })];
    const { claims } = resolveLeads({ rows, claims: [claim('a', { fits: 'vendor' }), claim('b', { dateUpdated: 9 })] });
    expect(claims).toMatchObject([
      { contactId: 'a', rows: ['r'] },
      { contactId: 'b', lost: true },
    ]);
  });

  it.each(['seen', 'unknown'] as const)('a row whose own contact is %s is never won', (ownContact) => {
    const { claims, conflicts } = resolveLeads({
      rows: [row('r', { contactId: 'x', ownContact })],
      claims: [claim('a')],
    });
    expect(claims[0]).toMatchObject({ rows: [], requestRow: undefined, lost: true });
    expect(conflicts).toEqual(['a']);
  });

  it('a row whose own contact is gone is bound to the other', () => {
    expect(
      resolveLeads({ rows: [row('r', { contactId: 'x', ownContact: 'gone' })], claims: [claim('a')] }).claims[0],
    ).toMatchObject({ rows: ['r'] });
  });

  it('a claim that fits beats one classed otherwise; alone that one reclassifies', () => {
    const other = claim('a', { fits: 'vendor', dateUpdated: 9 });
    expect(resolveLeads({ rows: [row('r')], claims: [other, claim('b')] }).claims).toMatchObject([
      { lost: true },
      { rows: ['r'] },
    ]);
    expect(resolveLeads({ rows: [row('r')], claims: [other] }).claims).toMatchObject([{ rows: ['r'] }]);
  });

  it('two discovered leads with one e-mail: one lead', () => {
    const claims = [claim('a', { known: false, dateUpdated: 2 }), claim('b', { known: false })];
    const resolved = resolveLeads({ rows: [newborn('n', 'x', 1)], claims });
    expect(resolved.claims).toMatchObject([
      { contactId: 'a', isNew: true, replaces: 'n', lost: false, rows: [] },
      { contactId: 'b', isNew: false, lost: true },
    ]);
    expect(resolved.conflicts).toEqual(['b', 'x']);
  });

  it('is fast for a table without contact ids', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => row(`r${i}`, { email: `e${i}` }));
    const claims = rows.map(({ email }, i) => claim(`c${i}`, { email }));
    const started = performance.now();
    expect(resolveLeads({ rows, claims }).conflicts).toEqual([]);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('ghl_user_id is unique (rules-ghl section 1)', () => {
  const wish = (rowId: string, wanted: string, dateUpdated: number | null = 1, before: string | null = null) => ({
    rowId,
    contactId: `c-${rowId}`,
    dateUpdated,
    wanted,
    before,
  });

  it.each<[string, ReturnType<typeof wish>[], Record<string, string>, Record<string, string | null>, string[]]>([
    ['a free one is given', [wish('r', 'u')], {}, { r: 'u' }, []],
    ['one that another row held before is refused', [wish('r', 'u', 1, 'mine')], { u: 'x' }, { r: 'mine' }, ['r']],
    ['its own of the start may come back', [wish('r', 'u')], { u: 'r' }, { r: 'u' }, []],
    ['two rows: newer dateUpdated', [wish('r1', 'u'), wish('r2', 'u', 2)], {}, { r1: null, r2: 'u' }, ['r1']],
    ['two rows: then the smaller contact id', [wish('r2', 'u'), wish('r1', 'u')], {}, { r1: 'u', r2: null }, ['r2']],
    [
      'no swapping',
      [wish('r1', 'b', 1, 'a'), wish('r2', 'a', 1, 'b')],
      { a: 'r1', b: 'r2' },
      { r1: 'a', r2: 'b' },
      ['r1', 'r2'],
    ],
  ])('%s', (_, wishes, held, final, refused) => {
    const result = resolveUserIds(wishes, (id) => held[id]);
    expect(Object.fromEntries(result.final)).toEqual(final);
    expect(result.refused.map(({ rowId }) => rowId).sort()).toEqual(refused);
  });
});

describe('evidence is that of the start of the scan (rules-ghl section 3)', () => {
  it.each<[string, [string, string | null][], string | null, string | null]>([
    ['the e-mail it has, when it did not change', [], 'now', 'now'],
    ['no e-mail, when it has none and did not change', [], null, null],
    ['the e-mail it gave up', [['r', 'before']], 'now', 'before'],
    ['no e-mail, when it got its first one in this scan', [['r', null]], 'now', null],
    ['its own, whatever another row gave up', [['other', 'before']], 'now', 'now'],
  ])('a row is known by %s', (_, changed, email, expected) => {
    expect(emailAtStart(new Map(changed), { id: 'r', email })).toBe(expected);
  });
});
