import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FieldError, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { resolveLeads, resolveUserIds, resolveVendors, type ContestClaim, type ContestRow } from './contested.ts';
import { evolveLead } from './lead.ts';
import { markMissing, restoreSighted } from './missing.ts';
import { leadObserved, leadRow, rules, vendorObserved, vendorRow } from './rules.fixture.ts';
import { evolveVendor } from './vendor.ts';

const text = fc.constantFrom('', ' ', 'a', 'b');
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const given = maybe(fc.constantFrom('a', 'b'));
const list = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'));
const status = fc.constantFrom(
  'active',
  'deactivated',
  'pending',
  'new application',
  'unassigned',
  'new',
  'assigned',
  'by people',
);
const version = maybe(fc.integer({ min: 0, max: 3 }));
type Covered = Pick<VendorObserved, 'serviceZipCodes' | 'coverageType' | 'coverageStates' | 'coverageCounties'>;
const coverage = fc.constantFrom<Covered[]>(
  { serviceZipCodes: null, coverageType: null, coverageStates: [], coverageCounties: [] },
  { serviceZipCodes: 'x', coverageType: null, coverageStates: [], coverageCounties: [] },
  { serviceZipCodes: 'FL', coverageType: 'state', coverageStates: ['FL'], coverageCounties: [] },
  { serviceZipCodes: 'B, FL', coverageType: 'county', coverageStates: ['FL'], coverageCounties: ['B, FL'] },
);
const life = {
  ghlContactId: maybe(fc.constantFrom('c1', 'c2')),
  status,
  sourceUpdatedAt: version,
  reclassifiedAs: maybe(fc.constant('staff')),
};

const anyVendorRow = fc
  .tuple(
    fc.record({
      ...life,
      name: text,
      phone: given,
      ghlUserId: given,
      serviceCategories: list,
      leadClosePercentage: maybe(fc.constantFrom(0, 45)),
      takingNewWork: fc.boolean(),
    }),
    coverage,
  )
  .map(([row, covered]) => vendorRow({ ...row, ...covered, reclassifiedAt: row.reclassifiedAs === null ? null : 5 }));

const anyVendorObserved = fc
  .tuple(
    fc.record({
      dateUpdated: version,
      email: given,
      name: fc.constantFrom('a', 'b'),
      nameIsStandIn: fc.boolean(),
      phone: given,
      ghlUserId: given,
      serviceCategories: list,
      leadClosePercentage: maybe(fc.constantFrom(0, 45)),
      takingNewWork: maybe(fc.boolean()),
      tagStatus: maybe(fc.constantFrom('active', 'deactivated', 'pending')),
      fieldErrors: fc.constantFrom<FieldError[][]>([], [{ field: 'phone', code: 'unexpected_type' }]),
    }),
    coverage,
  )
  .map(([observed, covered]) => vendorObserved({ ...observed, ...covered }));

const anyVendorContext = fc
  .record({ emptyOverwrites: fc.boolean(), grantUserId: fc.boolean() })
  .map(({ emptyOverwrites, grantUserId }) => ({ rules: { ...rules, emptyOverwrites }, id: 'new', grantUserId }));

const zip = fc.constantFrom(
  { zip: null, county: null, state: null },
  { zip: '1', county: null, state: null },
  { zip: '2', county: 'B', state: 'FL' },
);
const anyLeadRow = fc
  .record({
    ...life,
    customerName: maybe(text),
    customerPhone: given,
    serviceZipCode: maybe(fc.constantFrom('1', '2')),
    serviceCounty: maybe(text),
    serviceState: maybe(text),
  })
  .map((row) => leadRow({ ...row, reclassifiedAt: row.reclassifiedAs === null ? null : 5 }));
const anyLeadObserved = fc
  .tuple(
    fc.record({
      dateUpdated: version,
      email: given,
      name: fc.constantFrom('a', 'b'),
      nameIsStandIn: fc.boolean(),
      phone: given,
      primaryServiceCategory: given,
      hasNewLeadTag: fc.boolean(),
    }),
    zip,
  )
  .map(([observed, place]) => leadObserved({ ...observed, ...place }));
const anyPart = fc.constantFrom('all' as const, 'contact' as const);

const anyContest = fc.record({
  rows: fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
      contactId: maybe(fc.constantFrom('a', 'x', 'y')),
      email: maybe(fc.constantFrom('e', 'f')),
      opportunityId: maybe(fc.constantFrom('o', 'p')),
      createdAt: fc.integer({ min: 0, max: 2 }),
      isNewborn: fc.boolean(),
      dateUpdated: version,
      own: fc.constantFrom('seen' as const, 'gone' as const, 'unknown' as const),
    }),
    { selector: ({ id }) => id },
  ),
  claims: fc.uniqueArray(
    fc.record({
      contactId: fc.constantFrom('a', 'b', 'c', 'd'),
      email: maybe(fc.constantFrom('e', 'f')),
      opportunityIds: fc.uniqueArray(fc.constantFrom('o', 'p')),
      fits: fc.constantFrom(true as const, 'staff' as const, 'vendor' as const),
      known: fc.boolean(),
      dateUpdated: version,
    }),
    { selector: ({ contactId }) => contactId },
  ),
});

function contest({ rows, claims }: typeof anyContest extends fc.Arbitrary<infer T> ? T : never): {
  rows: ContestRow[];
  claims: ContestClaim[];
} {
  return {
    claims,
    rows: rows.map(({ isNewborn, dateUpdated, own, ...row }) => ({
      ...row,
      bornInScan: isNewborn && row.contactId !== null ? { contactId: row.contactId, dateUpdated } : undefined,
      ownContact: row.contactId === null ? 'none' : isNewborn ? 'seen' : own,
    })),
  };
}

/** ghl_contact_id is unique among vendors. */
const distinctContacts = (rows: ContestRow[]): ContestRow[] =>
  rows.filter(({ contactId }, i) => contactId === null || rows.findIndex((row) => row.contactId === contactId) === i);

const shuffled = <T>(items: readonly T[], seed: readonly number[]): T[] =>
  items
    .map((item, i) => ({ item, key: seed[i % seed.length]! }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
const seed = fc.array(fc.integer(), { minLength: 5, maxLength: 5 });

describe('properties of the rules', () => {
  it('the same vendor observation twice changes nothing the second time', () => {
    fc.assert(
      fc.property(
        fc.option(anyVendorRow, { nil: undefined }),
        fc.boolean(),
        anyVendorObserved,
        anyVendorContext,
        (row, away, observed, context) => {
          const before = row !== undefined && away ? markMissing(row, 50, rules) : row;
          const first = evolveVendor(before, observed, context);
          const second = evolveVendor(first.row, observed, context);
          expect(second.row).toBe(first.row);
          expect(second).toMatchObject({ restored: false, rebound: false, changed: [] });
        },
      ),
    );
  });

  it('the same lead observation twice changes nothing the second time', () => {
    fc.assert(
      fc.property(
        fc.option(anyLeadRow, { nil: undefined }),
        fc.boolean(),
        anyLeadObserved,
        anyPart,
        (row, away, observed, part) => {
          const before = row !== undefined && away ? markMissing(row, 50, rules) : row;
          const first = evolveLead(before, observed, { rules, id: 'new', part });
          const second = evolveLead(first.row, observed, { rules, id: 'new', part });
          expect(second.row).toBe(first.row);
          expect(second).toMatchObject({ restored: false, rebound: false, changed: [] });
        },
      ),
    );
  });

  it('flag-then-return ends as never-flagged, but for updated_at', () => {
    fc.assert(
      fc.property(
        anyVendorRow,
        anyVendorObserved,
        anyVendorContext,
        anyLeadRow,
        anyLeadObserved,
        (vendor, seen, context, lead, leadSeen) => {
          const returned = evolveVendor(markMissing(vendor, 50, rules), seen, context);
          const stayed = evolveVendor(vendor, seen, context);
          expect({ ...returned.row, updatedAt: 0 }).toEqual({ ...stayed.row, updatedAt: 0 });
          expect([returned.outcome, returned.deactivated]).toEqual([stayed.outcome, stayed.deactivated]);
          const leadContext = { rules, id: 'new', part: 'all' as const };
          const leadReturned = evolveLead(markMissing(lead, 50, rules), leadSeen, leadContext);
          expect({ ...leadReturned.row, updatedAt: 0 }).toEqual({
            ...evolveLead(lead, leadSeen, leadContext).row,
            updatedAt: 0,
          });
          expect({ ...restoreSighted(markMissing(lead, 50, rules), 'leads', 60, rules), updatedAt: 0 }).toEqual({
            ...lead,
            updatedAt: 0,
          });
        },
      ),
    );
  });

  it('who wins which row does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(anyContest, seed, (generated, order) => {
        const input = contest(generated);
        const other = { rows: shuffled(input.rows, order), claims: shuffled(input.claims, order) };
        expect(resolveVendors(other)).toEqual(resolveVendors(input));
        expect(resolveLeads(other)).toEqual(resolveLeads(input));
      }),
    );
  });

  it('no row is won twice, and every claim has one outcome', () => {
    fc.assert(
      fc.property(anyContest, (generated) => {
        const input = contest(generated);
        const leads = resolveLeads(input).claims;
        const rows = leads.flatMap((outcome) => outcome.rows);
        expect(new Set(rows).size).toBe(rows.length);
        expect(leads.map(({ contactId }) => contactId)).toEqual(input.claims.map(({ contactId }) => contactId).sort());
        const vendors = resolveVendors({ ...input, rows: distinctContacts(input.rows) }).claims;
        const vendorRows = vendors.flatMap(({ outcome }) => (outcome.kind === 'row' ? [outcome.rowId] : []));
        expect(new Set(vendorRows).size).toBe(vendorRows.length);
        expect(vendors).toHaveLength(input.claims.length);
        for (const { rows: won, isNew, lost } of leads)
          expect(Number(won.length > 0) + Number(isNew) + Number(lost)).toBe(1);
      }),
    );
  });

  it('user ids: no two rows end with one id that both wished for, in any order', () => {
    const wishes = fc.uniqueArray(
      fc.record({
        rowId: fc.constantFrom('r1', 'r2', 'r3'),
        dateUpdated: version,
        wanted: fc.constantFrom('u', 'v', 'w'),
      }),
      {
        selector: ({ rowId }) => rowId,
      },
    );
    fc.assert(
      fc.property(
        wishes,
        fc.dictionary(fc.constantFrom('u', 'v', 'w'), fc.constantFrom('r1', 'r2', 'x')),
        seed,
        (list, held, order) => {
          const all = list.map((wish) => ({ ...wish, contactId: wish.rowId, before: null }));
          const result = resolveUserIds(all, (id) => held[id]);
          const ids = [...result.final.values()].filter((id) => id !== null);
          expect(new Set(ids).size).toBe(ids.length);
          expect(new Map([...resolveUserIds(shuffled(all, order), (id) => held[id]).final].sort())).toEqual(
            new Map([...result.final].sort()),
          );
        },
      ),
    );
  });
});
