import { describe, expect, it } from '@jest/globals';
import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadImport, vendorImport } from './import.ts';
import {
  leadFromRegistration,
  mergeLead,
  mergeVendor,
  registeredLead,
  registeredVendor,
  vendorFromRegistration,
} from './registration.ts';
import { leadRow, vendorRow } from './rules.fixture.ts';

const envelope = { account: 'loc', registeredAt: 10, origin: 'import', line: 2, importId: 'i' };

function vendor(overrides: Partial<VendorRegistered> = {}): VendorRegistered {
  return { ...vendorImport([]).read([]).fields, ...envelope, id: 'v1', ...overrides };
}

function lead(overrides: Partial<LeadRegistered> = {}): LeadRegistered {
  return { ...leadImport([]).read([]).fields, ...envelope, id: 'l1', ...overrides };
}

describe('rows that begin locally (rules-ghl section 7)', () => {
  it("defaults are V3's columns", () => {
    expect(vendorFromRegistration(vendor(), 11)).toMatchObject({
      id: 'v1',
      account: 'loc',
      status: 'pending',
      coverageType: 'county',
      coverageStates: [],
      coverageCounties: [],
      serviceCategories: [],
      servicesOffered: [],
      takingNewWork: true,
      bornAt: 11,
      bornScan: null,
      createdAt: 10,
      updatedAt: 10,
      sourceUpdatedAt: null,
    });
    expect(leadFromRegistration(lead(), 11)).toMatchObject({
      id: 'l1',
      status: 'new',
      source: 'elementor',
      createdAt: 10,
      bornAt: 11,
    });
  });

  it('what is given is kept; a row imported as inactive has an unknown base status', () => {
    const given = vendor({
      status: 'inactive_ghl_deleted',
      takingNewWork: false,
      createdAt: 5,
      updatedAt: 6,
      name: 'Ann',
      coverageType: 'state',
    });
    expect(vendorFromRegistration(given, 11)).toMatchObject({
      status: 'inactive_ghl_deleted',
      previousStatus: null,
      takingNewWork: false,
      createdAt: 5,
      updatedAt: 6,
      bornAt: 11,
      coverageType: 'state',
    });
    expect(leadFromRegistration(lead({ origSource: 'web', ghlOpportunityId: 'o' }), 11)).toMatchObject({
      source: 'web',
      ghlOpportunityId: 'o',
    });
  });

  it('a merge fills empty fields only: a default is not empty', () => {
    const row = vendorFromRegistration(vendor({ name: 'Ann', phone: '1' }), 11);
    const more = vendor({
      name: 'Other',
      phone: '2',
      email: 'a@b',
      serviceCategories: ['x'],
      status: 'active',
      takingNewWork: false,
      coverageType: 'state',
    });
    expect(mergeVendor(row, { ...more, registeredAt: 20 })).toEqual({
      ...row,
      email: 'a@b',
      serviceCategories: ['x'],
      updatedAt: 20,
    });
  });

  it('a merge fills in no default, and nothing to fill is the same row', () => {
    const row = {
      ...vendorFromRegistration(vendor({ name: 'Ann' }), 11),
      coverageType: null,
      leadClosePercentage: null,
    };
    expect(mergeVendor(row, vendor())).toBe(row);
    const own = leadFromRegistration(lead({ customerName: 'Ann' }), 11);
    expect(mergeLead(own, lead({ customerName: 'Other', status: 'assigned', origSource: 'web' }))).toBe(own);
    expect(mergeLead(own, lead({ ghlContactId: 'c' })).ghlContactId).toBe('c');
  });

  const EMPTY = { account: 'loc', email: null, ghlContactId: null, ghlUserId: null };
  const [byId, byContact, byEmail] = [
    vendorRow({ ...EMPTY, id: 'v1' }),
    vendorRow({ ...EMPTY, id: 'contact', ghlContactId: 'c' }),
    vendorRow({ ...EMPTY, id: 'email', email: 'a@b' }),
  ];
  const user = vendorRow({ ...EMPTY, id: 'user', ghlUserId: 'u' });
  const elsewhere = vendorRow({ ...EMPTY, id: 'v1', account: 'other' });

  it.each([
    ['its id, before all', vendor({ email: 'a@b' }), [byEmail, byId], 'v1'],
    ['its contact id, before its e-mail', vendor({ ghlContactId: 'c', email: 'a@b' }), [byEmail, byContact], 'contact'],
    ['its e-mail', vendor({ ghlContactId: 'c', email: 'a@b' }), [byEmail], 'email'],
    ['its e-mail, the oldest', vendor({ email: 'a@b' }), [byEmail, { ...byEmail, id: 'later' }], 'email'],
    ['its e-mail, though its id is elsewhere', vendor({ email: 'a@b' }), [elsewhere, byEmail], 'email'],
    ['nothing', vendor(), [], undefined],
  ])('a vendor is merged into the row with %s', (_, event, rows, known) => {
    const decision = registeredVendor(event, rows, 11);
    expect('known' in decision && decision.known?.id).toBe(known);
  });

  it.each([
    ['its id is a row of another location', vendor(), [elsewhere], 'id_elsewhere'],
    ['another row has the user id', vendor({ ghlUserId: 'u' }), [user], 'user_id_taken'],
    ['another row has the user id that a merge fills', vendor({ ghlUserId: 'u' }), [byId, user], 'user_id_taken'],
    [
      'another row has the contact id that a merge fills',
      vendor({ ghlContactId: 'c' }),
      [byId, byContact],
      'contact_id_taken',
    ],
  ])('a vendor is left out where %s', (_, event, rows, refused) => {
    expect(registeredVendor(event, rows, 11)).toEqual({ refused, holder: rows.at(-1) });
  });

  it('a merge that has no use for what another row holds goes in', () => {
    const own = { ...byId, ghlUserId: 'own' };
    expect(registeredVendor(vendor({ ghlUserId: 'u' }), [own, user], 11)).toEqual({ row: own, known: own });
  });

  it('a lead is merged into the row with its id, and left out where that is of another location', () => {
    const row = leadRow({ id: 'l1', account: 'loc' });
    expect(registeredLead(lead(), undefined, 11)).toMatchObject({ row: { id: 'l1' }, known: undefined });
    expect(registeredLead(lead(), row, 11)).toEqual({ row, known: row });
    const foreign = { ...row, account: 'other' };
    expect(registeredLead(lead(), foreign, 11)).toEqual({ refused: 'id_elsewhere', holder: foreign });
  });
});
