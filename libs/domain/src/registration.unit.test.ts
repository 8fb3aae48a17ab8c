import { describe, expect, it } from '@jest/globals';
import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadImport, vendorImport } from './import.ts';
import { leadFromRegistration, mergeLead, mergeVendor, vendorFromRegistration } from './registration.ts';

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
});
