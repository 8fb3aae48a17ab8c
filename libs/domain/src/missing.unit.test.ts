import { describe, expect, it } from '@jest/globals';
import { markMissing, restoreSighted, safetyValve, sourceIsDown } from './missing.ts';
import { leadRow, rules, vendorRow } from './rules.fixture.ts';

describe('missing and back (rules-ghl section 6)', () => {
  it('missing is an overlay over the base status', () => {
    const row = markMissing(vendorRow({ status: 'active' }), 200, rules);
    expect(row).toMatchObject({ status: 'inactive_ghl_deleted', previousStatus: 'active', missingSince: 200 });
    expect(markMissing(row, 300, rules)).toBe(row);
  });

  it('a sighted row shows its base status again', () => {
    const row = markMissing(leadRow({ status: 'assigned' }), 200, rules);
    expect(restoreSighted(row, 'leads', 300, rules)).toMatchObject({
      status: 'assigned',
      previousStatus: null,
      missingSince: null,
    });
  });

  it('base unknown: a vendor gets the default, a lead DEFAULT_LEAD_STATUS', () => {
    const status = rules.inactiveStatus;
    expect(restoreSighted(vendorRow({ status }), 'vendors', 300, rules).status).toBe('pending');
    expect(restoreSighted(leadRow({ status }), 'leads', 300, rules).status).toBe('unassigned');
  });

  it('a row that is not missing stays the same object', () => {
    const row = vendorRow();
    expect(restoreSighted(row, 'vendors', 300, rules)).toBe(row);
  });

  it.each([
    [100, 50, 'apply'],
    [100, 51, 'hold'],
    [99, 99, 'apply'],
    [200, 101, 'hold'],
    [0, 0, 'apply'],
  ])('safety valve: of %d rows in scope %d would be flagged: %s', (inScopeNotMissing, wouldFlag, verdict) => {
    expect(safetyValve({ inScopeNotMissing, wouldFlag }, rules)).toBe(verdict);
  });

  it.each([
    [20, 4, false],
    [20, 5, true],
    [19, 19, false],
    [100, 21, true],
  ])('source is down: of %d look-ups %d stay unknown: %s', (lookups, unknown, down) => {
    expect(sourceIsDown({ lookups, unknown }, rules)).toBe(down);
  });
});
