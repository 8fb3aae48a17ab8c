import { describe, expect, it } from '@jest/globals';
import type { LeadObserved } from '#libs/contracts/src/generated/events.ts';
import type { Sight } from './life.ts';
import { evolveLead, reclassifyLead } from './lead.ts';
import { leadObserved, leadRow, rules } from './rules.fixture.ts';
import type { LeadRow } from './rows.ts';

function evolve(row: Partial<LeadRow>, observed: Partial<LeadObserved>, part: 'all' | 'contact' = 'all') {
  return evolveLead(leadRow(row), leadObserved(observed), { rules, id: 'new', part });
}

function born(observed: Partial<LeadObserved>): LeadRow {
  return evolveLead(undefined, leadObserved(observed), { rules, id: 'new', part: 'all' }).row;
}

const broward = { zip: '33301', county: 'Broward', state: 'FL' };

describe('a lead born from an observation (rules-ghl section 5)', () => {
  it('has source ghl_sync, both zips and all its fields at once', () => {
    expect(born({ ...broward, phone: '1', primaryServiceCategory: 'Docks' })).toMatchObject({
      id: 'new',
      ghlContactId: 'c1',
      source: 'ghl_sync',
      status: 'unassigned',
      customerZipCode: '33301',
      serviceZipCode: '33301',
      serviceCounty: 'Broward',
      serviceState: 'FL',
      customerPhone: '1',
      primaryServiceCategory: 'Docks',
      bornAt: 100,
      bornScan: 'scan',
    });
  });

  it('has LEAD_TAG_NEW_LEAD_STATUS with the tag', () => {
    expect(born({ hasNewLeadTag: true }).status).toBe('new lead');
  });
});

describe('fields of a lead (rules-ghl section 5)', () => {
  it('GHL values that are not empty and differ are taken', () => {
    const { row, outcome } = evolve(
      {},
      { name: 'New', email: 'n@x', phone: '2', primaryServiceCategory: 'a', specificServiceRequested: 'b' },
    );
    expect(outcome).toBe('updated');
    expect(row).toMatchObject({
      customerName: 'New',
      customerEmail: 'n@x',
      customerPhone: '2',
      primaryServiceCategory: 'a',
      specificServiceRequested: 'b',
    });
  });

  it('leads are never blanked, not even with GHL_EMPTY_OVERWRITES', () => {
    const row = leadRow({
      customerPhone: '1',
      primaryServiceCategory: 'a',
      serviceZipCode: '33301',
      serviceCounty: 'Broward',
    });
    const context = { rules: { ...rules, emptyOverwrites: true }, id: 'new', part: 'all' as const };
    expect(evolveLead(row, leadObserved({ email: null }), context).row).toBe(row);
  });

  it('a stand-in name fills only an empty name', () => {
    expect(evolve({ customerName: 'Ann' }, { name: 'a@b', nameIsStandIn: true }).row.customerName).toBe('Ann');
    expect(evolve({ customerName: null }, { name: 'a@b', nameIsStandIn: true }).row.customerName).toBe('a@b');
  });

  it.each<[string, Partial<LeadRow>, Partial<LeadObserved>, (string | null)[]]>([
    ['a first zip sets both', {}, broward, ['33301', 'Broward', 'FL']],
    [
      'a changed zip sets both',
      { serviceZipCode: '33401', serviceCounty: 'Palm Beach', serviceState: 'FL' },
      { zip: '02108', county: 'Suffolk', state: 'MA' },
      ['02108', 'Suffolk', 'MA'],
    ],
    [
      'a changed zip that does not resolve clears both',
      { serviceZipCode: '33401', serviceCounty: 'Palm Beach', serviceState: 'FL' },
      { zip: '99999' },
      ['99999', null, null],
    ],
    [
      'an unchanged zip fills them where empty',
      { serviceZipCode: '33301', serviceState: 'GA' },
      broward,
      ['33301', 'Broward', 'GA'],
    ],
    [
      'an unchanged zip keeps them',
      { serviceZipCode: '33301', serviceCounty: 'Own', serviceState: 'GA' },
      broward,
      ['33301', 'Own', 'GA'],
    ],
    [
      'an unchanged zip that no longer resolves keeps them',
      { serviceZipCode: '33301', serviceCounty: 'Own', serviceState: 'GA' },
      { zip: '33301' },
      ['33301', 'Own', 'GA'],
    ],
    ['no zip changes nothing', { serviceZipCode: '33301', serviceCounty: 'Own' }, {}, ['33301', 'Own', null]],
  ])('county and state follow the zip: %s', (_, row, observed, expected) => {
    const after = evolve(row, observed).row;
    expect([after.serviceZipCode, after.serviceCounty, after.serviceState]).toEqual(expected);
  });

  it('customer_zip_code is written on create only', () => {
    expect(evolve({ customerZipCode: '1' }, broward).row.customerZipCode).toBe('1');
  });
});

describe('status of a lead (rules-ghl section 5)', () => {
  it.each([
    ['unassigned', true, 'new lead'],
    ['new', true, 'new lead'],
    ['', true, 'new lead'],
    ['new lead', true, 'new lead'],
    ['assigned', true, 'assigned'],
    ['unassigned', false, 'unassigned'],
    ['assigned', false, 'assigned'],
  ])('%j with the tag %j is %j', (status, hasNewLeadTag, after) => {
    expect(evolve({ status }, { hasNewLeadTag }).row.status).toBe(after);
  });

  const away = { status: rules.inactiveStatus, missingSince: 9 };
  it.each([
    ['its base status', 'assigned', true, 'assigned', 'unchanged'],
    ['its base status, then the tag', 'new', true, 'new lead', 'updated'],
    ['base unknown: DEFAULT_LEAD_STATUS', null, false, 'unassigned', 'unchanged'],
    ['base unknown: DEFAULT_LEAD_STATUS, then the tag', null, true, 'new lead', 'unchanged'],
  ])('back again: %s', (_, previousStatus, hasNewLeadTag, status, outcome) => {
    expect(evolve({ ...away, previousStatus }, { hasNewLeadTag })).toMatchObject({
      outcome,
      restored: true,
      row: { status, missingSince: null },
    });
  });
});

describe('rows of one contact (rules-ghl section 3)', () => {
  it('older requests take the contact fields and keep what they asked for', () => {
    const observed = {
      ...broward,
      name: 'New',
      email: 'n@x',
      phone: '2',
      primaryServiceCategory: 'a',
      hasNewLeadTag: true,
    };
    const { row } = evolve({ primaryServiceCategory: 'old' }, observed, 'contact');
    expect(row).toMatchObject({
      customerName: 'New',
      customerEmail: 'n@x',
      customerPhone: '2',
      primaryServiceCategory: 'old',
      serviceZipCode: null,
      serviceCounty: null,
      status: 'unassigned',
    });
  });

  it('an older request that was missing comes back too', () => {
    const row = { status: rules.inactiveStatus, previousStatus: 'assigned' };
    expect(evolve(row, {}, 'contact')).toMatchObject({ restored: true, row: { status: 'assigned' } });
    expect(evolve({ status: rules.inactiveStatus }, {}, 'contact').row.status).toBe('unassigned');
  });

  it('an empty ghl_contact_id is filled; one that is gone is rebound', () => {
    expect(evolve({ ghlContactId: null }, {})).toMatchObject({ rebound: false, row: { ghlContactId: 'c1' } });
    expect(evolve({ ghlContactId: 'gone' }, {})).toMatchObject({ rebound: true, row: { ghlContactId: 'c1' } });
  });

  it('an older version of its own contact changes nothing (V20)', () => {
    const row = leadRow({ sourceUpdatedAt: 60 });
    expect(evolveLead(row, leadObserved({ name: 'Old' }), { rules, id: 'new', part: 'all' }).row).toBe(row);
    expect(evolve({ sourceUpdatedAt: 60, status: rules.inactiveStatus, previousStatus: 'new' }, {})).toMatchObject({
      outcome: 'stale',
      restored: true,
      row: { status: 'new' },
    });
  });

  /** A word on c1 at a time, of a version. */
  const seen = (observedAt: number, dateUpdated = 50): Sight => ({ contactId: 'c1', dateUpdated, observedAt });

  it.each([60, 40])(
    'what was seen before the scan that missed the row, of version %d, does not bring it back',
    (dateUpdated) => {
      const row = leadRow({ status: rules.inactiveStatus, previousStatus: 'new', missingSince: 300, updatedAt: 300 });
      const old = leadObserved({ observedAt: 299, dateUpdated });
      const hidden = { status: rules.inactiveStatus, previousStatus: 'new', missingSince: 300, updatedAt: 300 };
      const lead = { rules, id: 'new', part: 'all' } as const;
      expect(evolveLead(row, old, lead)).toMatchObject({ restored: false, row: hidden });
      expect(reclassifyLead(row, 'vendor', old, rules)).toMatchObject(hidden);
      expect(evolveLead(row, { ...old, observedAt: 300 }, lead)).toMatchObject({
        restored: true,
        row: { status: 'new' },
      });
    },
  );

  it('of two words on a contact, the one of the newer version stands', () => {
    const row = reclassifyLead(leadRow(), 'vendor', seen(600, 60), rules);
    expect(evolve(row, { dateUpdated: 55 }).row.reclassifiedAs).toBe('vendor');
    const lead = leadRow({ sourceUpdatedAt: 60 });
    expect(reclassifyLead(lead, 'vendor', seen(600, 55), rules)).toBe(lead);
  });

  it.each(['vendor', 'staff'] as const)(
    'seen as %s: says so and keeps its status; cleared when it fits again',
    (as) => {
      const row = reclassifyLead(leadRow({ status: 'assigned' }), as, seen(200), rules);
      expect(row).toMatchObject({ status: 'assigned', reclassifiedAs: as, reclassifiedAt: 200 });
      expect(reclassifyLead(row, as, seen(300), rules)).toBe(row);
      expect(evolve(row, {}).row).toMatchObject({ reclassifiedAs: null, reclassifiedAt: null });
    },
  );

  it('seen as a vendor while missing: base status, or the default', () => {
    const row = leadRow({ status: rules.inactiveStatus, previousStatus: 'assigned' });
    expect(reclassifyLead(row, 'vendor', seen(200), rules)).toMatchObject({
      status: 'assigned',
      reclassifiedAs: 'vendor',
    });
    expect(reclassifyLead({ ...row, previousStatus: null }, 'vendor', seen(200), rules).status).toBe('unassigned');
  });
});
