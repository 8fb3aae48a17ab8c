import { describe, expect, it } from '@jest/globals';
import { markMissing, restoreSighted, safetyValve, settles, sourceIsDown, type Settling } from './missing.ts';
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

  const FULL: Settling = { mode: 'full', dryRun: false, answersFor: 'all', failureCode: null, startedAt: 1_000 };
  const INCREMENTAL: Settling = { ...FULL, mode: 'incremental', answersFor: 'nothing' };
  const LATER = 1_000 + 30 * 86_400_000;

  it.each<[string, Settling, number, Settling, boolean]>([
    ['a full sync', FULL, 0, FULL, true],
    ['a targeted sync', { ...FULL, mode: 'targeted', answersFor: 'known' }, 0, FULL, true],
    ['a full sync that lacks records', FULL, 1, FULL, false],
    ['a dry run', { ...FULL, dryRun: true }, 0, FULL, false],
    ['an incremental sync', INCREMENTAL, 0, FULL, false],
    ['a sync of one contact', { ...INCREMENTAL, mode: 'single' }, 0, FULL, false],
    ['a full sync that failed', { ...FULL, answersFor: 'nothing', failureCode: 'scan_cancelled' }, 0, FULL, false],
    ['any sync after 30 days', { ...INCREMENTAL, startedAt: LATER + 1 }, 0, FULL, true],
    ['an incremental sync before that', { ...INCREMENTAL, startedAt: LATER }, 0, FULL, false],
    ['an incremental sync, of one that judged nothing', INCREMENTAL, 0, INCREMENTAL, true],
    ['one that failed, of one that judged nothing', { ...INCREMENTAL, failureCode: 'x' }, 0, INCREMENTAL, false],
    ['one contact, of one that judged nothing', { ...INCREMENTAL, mode: 'single' }, 0, INCREMENTAL, false],
  ])('%s settles what an older one left to be confirmed: %#', (_, newer, missingNumbers, older, settled) => {
    expect(settles(newer, missingNumbers, older)).toBe(settled);
  });
});
