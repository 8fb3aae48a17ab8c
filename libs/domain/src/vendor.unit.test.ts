import { describe, expect, it } from '@jest/globals';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { rules, vendorObserved, vendorRow } from './rules.fixture.ts';
import type { VendorRow } from './rows.ts';
import type { Sight } from './life.ts';
import { evolveVendor, reclassifyVendor, vendorStatus } from './vendor.ts';

const context = { rules, id: 'new', grantUserId: true };
const overwriting = { ...context, rules: { ...rules, emptyOverwrites: true } };

function evolve(row: Partial<VendorRow>, observed: Partial<VendorObserved>, used = context) {
  return evolveVendor(vendorRow(row), vendorObserved(observed), used);
}

const full: Partial<VendorRow> = {
  name: 'Ann Lee',
  email: 'ann@example.com',
  phone: '1',
  companyName: 'Co',
  ghlUserId: 'u1',
  serviceCategories: ['a'],
  servicesOffered: ['b'],
  serviceZipCodes: 'FL',
  coverageType: 'state',
  coverageStates: ['FL'],
  lastLeadAssigned: 5,
  leadClosePercentage: 45,
  takingNewWork: false,
  primaryServiceCategory: 'Docks',
};

describe('status of a vendor (rules-ghl section 4)', () => {
  it.each([
    ['tags win over everything', 'active', 'deactivated', 'deactivated'],
    ['no tag: active is kept (D11)', 'active', null, 'active'],
    ['no tag: deactivated is kept', 'deactivated', null, 'deactivated'],
    ['no tag: a status set by people is kept', 'on holiday', null, 'on holiday'],
    ['no tag: a status of the tag table goes to the default', 'new application', null, 'pending'],
    ['no tag: unknown base is the default', null, null, 'pending'],
    ['unknown base: tags', null, 'active', 'active'],
  ])('%s', (_, base, tags, status) => {
    expect(vendorStatus(base, tags, rules)).toBe(status);
  });

  it('VENDOR_STATUS_KEPT and DEFAULT_VENDOR_STATUS are settings', () => {
    const own = { ...rules, vendorStatusKept: ['new application'], defaultVendorStatus: 'waiting' };
    expect(vendorStatus('new application', null, own)).toBe('new application');
    expect(vendorStatus('active', null, own)).toBe('waiting');
  });

  it('a status that becomes deactivated is told', () => {
    expect(evolve({ status: 'active' }, { tagStatus: 'deactivated' })).toMatchObject({
      deactivated: true,
      outcome: 'updated',
      changed: ['status'],
    });
    expect(evolve({ status: 'deactivated' }, { tagStatus: 'deactivated' })).toMatchObject({
      deactivated: false,
      outcome: 'unchanged',
    });
  });
});

describe('a vendor row born from an observation (rules-ghl section 3)', () => {
  it('has all its fields at once, and the times of the observation', () => {
    const observed = vendorObserved({
      phone: '1',
      companyName: 'Co',
      serviceCategories: ['a'],
      ghlUserId: 'u',
      tagStatus: 'active',
    });
    const { row, outcome } = evolveVendor(undefined, observed, context);
    expect(outcome).toBe('created');
    expect(row).toMatchObject({
      id: 'new',
      account: 'loc',
      ghlContactId: 'c1',
      status: 'active',
      name: 'Ann Lee',
      phone: '1',
      companyName: 'Co',
      serviceCategories: ['a'],
      ghlUserId: 'u',
      takingNewWork: true,
      coverageType: 'county',
      createdAt: 100,
      updatedAt: 100,
      bornAt: 100,
      bornScan: 'scan',
      sourceUpdatedAt: 50,
    });
  });

  it('gets DEFAULT_VENDOR_STATUS without a level tag', () => {
    expect(evolveVendor(undefined, vendorObserved(), context).row.status).toBe('pending');
  });

  it('does not get a user id that is not granted: a field error', () => {
    const { row, fieldErrors } = evolveVendor(undefined, vendorObserved({ ghlUserId: 'u' }), {
      ...context,
      grantUserId: false,
    });
    expect(row.ghlUserId).toBeNull();
    expect(fieldErrors).toEqual([{ field: 'ghl_user_id', code: 'duplicate_user_id' }]);
  });
});

describe('fields of a vendor (rules-ghl section 4)', () => {
  it('GHL values that differ are taken', () => {
    const observed = {
      name: 'New',
      email: 'new@x',
      phone: '2',
      companyName: 'New Co',
      serviceCategories: ['x'],
      takingNewWork: true,
      leadClosePercentage: 50,
    };
    const { row, outcome } = evolve(full, observed);
    expect(row).toMatchObject({ ...observed, updatedAt: 100 });
    expect(outcome).toBe('updated');
  });

  it('empty values never blank a filled column (V2)', () => {
    const { row, outcome } = evolve(full, { email: null });
    expect(outcome).toBe('unchanged');
    expect(row).toMatchObject(full);
  });

  it('GHL_EMPTY_OVERWRITES blanks the listed columns, never a name or an e-mail', () => {
    const { row } = evolve(full, { email: null }, overwriting);
    expect(row).toMatchObject({
      name: 'Ann Lee',
      email: 'ann@example.com',
      takingNewWork: false,
      phone: null,
      companyName: null,
      ghlUserId: null,
      serviceCategories: [],
      servicesOffered: [],
      serviceZipCodes: null,
      coverageType: 'county',
      coverageStates: [],
      coverageCounties: [],
      lastLeadAssigned: null,
      leadClosePercentage: 0,
      primaryServiceCategory: null,
    });
  });

  it.each(['phone', 'company_name', 'service_categories', 'service_zip_codes', 'lead_close_percentage', 'ghl_user_id'])(
    'GHL_EMPTY_OVERWRITES never blanks %s when its value could not be used',
    (field) => {
      const property = field.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof VendorRow;
      const { row } = evolve(full, { fieldErrors: [{ field, code: 'unexpected_type' }] }, overwriting);
      expect(row[property]).toEqual(full[property]);
    },
  );

  it('lists are compared as sets of trimmed items', () => {
    const row = vendorRow({ serviceCategories: ['a', ' b'] });
    expect(evolveVendor(row, vendorObserved({ serviceCategories: ['b', 'a'] }), context).row).toBe(row);
    expect(evolve({ serviceCategories: ['a'] }, { serviceCategories: ['b', 'a'] }).row.serviceCategories).toEqual([
      'b',
      'a',
    ]);
  });

  it('a stand-in name fills only an empty name', () => {
    expect(evolve({ name: 'Ann' }, { name: 'Co', nameIsStandIn: true }).row.name).toBe('Ann');
    expect(evolve({ name: ' ' }, { name: 'Co', nameIsStandIn: true }).row.name).toBe('Co');
  });

  it('the three coverage fields are replaced together (V16)', () => {
    const before = {
      serviceZipCodes: 'Broward, FL',
      coverageType: 'county',
      coverageStates: ['FL'],
      coverageCounties: ['Broward, FL'],
    };
    const after = { serviceZipCodes: 'global', coverageType: 'global', coverageStates: [], coverageCounties: [] };
    expect(evolve(before, after).row).toMatchObject(after);
  });

  it('unknown coverage text leaves them as they are; the text itself is stored', () => {
    const errors = [{ field: 'service_zip_codes', code: 'unknown_coverage' }];
    const { row, fieldErrors } = evolve(full, { serviceZipCodes: 'the coast', fieldErrors: errors }, overwriting);
    expect(row).toMatchObject({ serviceZipCodes: 'the coast', coverageType: 'state', coverageStates: ['FL'] });
    expect(fieldErrors).toEqual(errors);
  });

  it('a user id that is not granted leaves the row its own', () => {
    const { row, fieldErrors } = evolve(
      { ghlUserId: 'mine' },
      { ghlUserId: 'taken' },
      { ...context, grantUserId: false },
    );
    expect(row.ghlUserId).toBe('mine');
    expect(fieldErrors).toEqual([{ field: 'ghl_user_id', code: 'duplicate_user_id' }]);
    expect(
      evolve({ ghlUserId: 'mine' }, { ghlUserId: 'mine' }, { ...context, grantUserId: false }).fieldErrors,
    ).toEqual([]);
  });
});

describe('a vendor row and its contact (rules-ghl sections 2, 3 and 6)', () => {
  it('nothing changed: the same row object', () => {
    const row = vendorRow();
    expect(evolveVendor(row, vendorObserved(), context)).toMatchObject({ outcome: 'unchanged', changed: [] });
    expect(evolveVendor(row, vendorObserved(), context).row).toBe(row);
  });

  it('only the version moved on: written, but neither updated nor a new updated_at', () => {
    const { row, outcome, changed } = evolve({}, { dateUpdated: 60 });
    expect([outcome, changed, row.sourceUpdatedAt, row.updatedAt]).toEqual(['unchanged', [], 60, 1]);
  });

  it('an empty ghl_contact_id is filled', () => {
    expect(evolve({ ghlContactId: null, sourceUpdatedAt: null }, {})).toMatchObject({
      row: { ghlContactId: 'c1' },
      outcome: 'updated',
      rebound: false,
    });
  });

  it('a row that leaves another contact is rebound, whatever the versions', () => {
    expect(evolve({ ghlContactId: 'gone', sourceUpdatedAt: 999 }, {})).toMatchObject({
      row: { ghlContactId: 'c1', sourceUpdatedAt: 50 },
      outcome: 'updated',
      rebound: true,
    });
  });

  it('an older version of its own contact changes nothing (V20)', () => {
    const row = vendorRow({ sourceUpdatedAt: 60 });
    const evolution = evolveVendor(row, vendorObserved({ name: 'Old' }), context);
    expect(evolution).toMatchObject({ outcome: 'stale', restored: false });
    expect(evolution.row).toBe(row);
  });

  it('an older version still restores a missing row', () => {
    const row = { status: rules.inactiveStatus, previousStatus: 'active', missingSince: 9, sourceUpdatedAt: 60 };
    expect(evolve(row, { name: 'Old' })).toMatchObject({
      outcome: 'stale',
      restored: true,
      row: { status: 'active', previousStatus: null, missingSince: null, name: 'Ann Lee' },
    });
  });

  it('an observation without a version is applied, and the version stays', () => {
    expect(evolve({}, { name: 'New', dateUpdated: null }).row).toMatchObject({ name: 'New', sourceUpdatedAt: 50 });
  });

  const away = { status: rules.inactiveStatus, missingSince: 9 };
  it.each([
    ['evaluated from its base status', 'active', null, 'active', 'unchanged'],
    ['set back by the default like any other', 'new application', null, 'pending', 'updated'],
    ['base unknown: its tags', null, 'active', 'active', 'unchanged'],
    ['base unknown: the default', null, null, 'pending', 'unchanged'],
    ['tags', 'pending', 'active', 'active', 'updated'],
  ])('back again: %s', (_, previousStatus, tagStatus, status, outcome) => {
    expect(evolve({ ...away, previousStatus }, { tagStatus })).toMatchObject({
      outcome,
      restored: true,
      row: { status, previousStatus: null, missingSince: null },
    });
  });

  /** A word on c1 at a time, of a version. */
  const seen = (observedAt: number, dateUpdated = 50): Sight => ({ contactId: 'c1', dateUpdated, observedAt });

  it.each([
    ['a newer version', 60, { name: 'New' }, { name: 'New', previousStatus: 'deactivated', sourceUpdatedAt: 60 }],
    ['an older version', 40, { name: 'New' }, { name: 'Ann Lee', previousStatus: 'active', sourceUpdatedAt: 50 }],
  ])('%s that was seen before the scan that missed the row does not bring it back', (_, dateUpdated, more, shown) => {
    const row = vendorRow({ ...away, previousStatus: 'active', missingSince: 300, updatedAt: 300 });
    const observed = vendorObserved({ ...more, observedAt: 299, dateUpdated, tagStatus: 'deactivated' });
    const evolution = evolveVendor(row, observed, context);
    expect(evolution.restored).toBe(false);
    expect(evolution.row).toMatchObject({ ...shown, status: rules.inactiveStatus, missingSince: 300, updatedAt: 300 });
    expect(evolveVendor(row, { ...observed, observedAt: 300 }, context)).toMatchObject({
      restored: true,
      row: { missingSince: null },
    });
  });

  it('an old word that it is staff neither marks a newer row nor brings it back', () => {
    const row = vendorRow({ ...away, previousStatus: 'active', missingSince: 300, sourceUpdatedAt: 60 });
    expect(reclassifyVendor(row, 'staff', seen(299), rules)).toBe(row);
    expect(reclassifyVendor(row, 'staff', seen(300), rules)).toMatchObject({ status: 'active', reclassifiedAs: null });
  });

  it('an older word that it is a vendor does not clear that it is staff', () => {
    const row = reclassifyVendor(vendorRow({ reclassifiedAs: 'staff' }), 'staff', seen(600, 60), rules);
    expect(row).toMatchObject({ sourceUpdatedAt: 60, updatedAt: 1 });
    expect(evolveVendor(row, vendorObserved({ dateUpdated: 55 }), context).row).toBe(row);
  });

  it('that another contact is staff leaves the version of its own', () => {
    const row = vendorRow({ ghlContactId: 'gone', sourceUpdatedAt: 50 });
    expect(reclassifyVendor(row, 'staff', seen(200, 60), rules)).toMatchObject({
      reclassifiedAs: 'staff',
      sourceUpdatedAt: 50,
    });
  });

  it('staff: says so, keeps its status, and nothing else is written', () => {
    const row = vendorRow({ status: 'active' });
    const after = reclassifyVendor(row, 'staff', seen(200), rules);
    expect(after).toMatchObject({ status: 'active', reclassifiedAs: 'staff', reclassifiedAt: 200, name: 'Ann Lee' });
    expect(reclassifyVendor(after, 'staff', seen(300), rules)).toBe(after);
  });

  it('staff: a missing row shows its base status again', () => {
    expect(reclassifyVendor(vendorRow({ ...away, previousStatus: 'active' }), 'staff', seen(200), rules)).toMatchObject(
      {
        status: 'active',
        missingSince: null,
        reclassifiedAs: 'staff',
      },
    );
    expect(reclassifyVendor(vendorRow(away), 'staff', seen(200), rules).status).toBe('pending');
  });

  it('reclassified is cleared when it fits again', () => {
    const { row, outcome } = evolve({ reclassifiedAs: 'staff', reclassifiedAt: 9 }, {});
    expect(row).toMatchObject({ reclassifiedAs: null, reclassifiedAt: null });
    expect(outcome).toBe('updated');
  });

  it('mutates nothing', () => {
    const row = Object.freeze(vendorRow({ serviceCategories: Object.freeze(['a']) as string[] }));
    expect(() =>
      evolveVendor(row, Object.freeze(vendorObserved({ name: 'New', serviceCategories: ['b'] })), context),
    ).not.toThrow();
  });
});
