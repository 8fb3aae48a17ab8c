import { describe, expect, it } from '@jest/globals';
import { conclude, emptyCounters, type Conclusion } from './result.ts';

const clean: Conclusion = {
  answersFor: 'all',
  failure: undefined,
  heldTables: [],
  wouldFlag: { vendors: 0, leads: 0 },
  missingNumbers: 0,
  deadLettered: 0,
  lookupsUnknown: 0,
  isSingle: false,
  dryRun: false,
  scanId: 'S1',
  counters: emptyCounters(),
};
const refused = {
  code: 'credentials_refused',
  message: 'GoHighLevel refused the token; check GHL_PRIVATE_TOKEN.',
  exitCode: 2,
};

describe('result of a sync (rules-ghl section 7)', () => {
  it.each<[string, Partial<Conclusion>, string, number, RegExp]>([
    ['done', {}, 'completed', 0, /completed/],
    ['a dry run', { dryRun: true }, 'completed', 0, /Dry run/],
    [
      'credentials refused, nothing read',
      { answersFor: 'nothing', failure: refused },
      'failed',
      2,
      /GHL_PRIVATE_TOKEN/,
    ],
    [
      'credentials refused later',
      { answersFor: 'nothing', failure: { ...refused, exitCode: 3 } },
      'incomplete',
      3,
      /nothing was marked missing/,
    ],
    ['one contact, which judges no row', { answersFor: 'nothing', isSingle: true }, 'completed', 0, /completed/],
    [
      'one contact that could not be read',
      { answersFor: 'nothing', isSingle: true, failure: refused },
      'failed',
      2,
      /GHL_PRIVATE_TOKEN/,
    ],
    ['a broken list', { answersFor: 'nothing' }, 'incomplete', 3, /nothing was marked missing/],
    [
      'a failure that names no exit code',
      { answersFor: 'nothing', failure: { ...refused, exitCode: 0 } },
      'incomplete',
      3,
      /./,
    ],
    [
      'a capped list, known rows answered',
      { answersFor: 'known', failure: { ...refused, message: 'LIST_SCAN_CAP was reached', exitCode: 3 } },
      'incomplete',
      3,
      /LIST_SCAN_CAP/,
    ],
    [
      'records that never arrived',
      { missingNumbers: 2, heldTables: ['vendors'] },
      'incomplete',
      3,
      /2 records.*run the sync again/,
    ],
    ['dead letters', { deadLettered: 1 }, 'needs_confirmation', 3, /dead-letter.*sync confirm S1/],
    [
      'a closed safety valve',
      { heldTables: ['vendors', 'leads'], wouldFlag: { vendors: 80, leads: 9 } },
      'needs_confirmation',
      3,
      /80 vendors and 9 leads.*sync confirm S1/,
    ],
    ['a closed safety valve in a dry run', { dryRun: true, heldTables: ['leads'] }, 'incomplete', 3, /^(?!.*confirm)/],
    ['dead letters in a dry run', { dryRun: true, deadLettered: 1 }, 'incomplete', 3, /^(?!.*confirm)/],
    ['look-ups that stayed unknown', { lookupsUnknown: 3 }, 'incomplete', 3, /3 look-ups.*left alone.*again/],
  ])('%s', (_, overrides, status, exitCode, message) => {
    const verdict = conclude({ ...clean, ...overrides });
    expect(verdict).toMatchObject({ status, exitCode, success: exitCode === 0 });
    expect(verdict.message).toMatch(message);
    // one sentence
    expect(verdict.message).toMatch(/^[^.]*\.$/);
  });

  it('always has all counters, at zero', () => {
    expect(Object.keys(emptyCounters()).sort()).toEqual(
      (
        'conflicts dead_lettered errors field_errors ghl_contacts_fetched leads_checked leads_created leads_deleted leads_updated ' +
        'lookups_unknown rebound reclassified restored unchanged vendors_checked vendors_created vendors_deactivated vendors_deleted ' +
        'vendors_missing_in_ghl vendors_updated'
      ).split(' '),
    );
    expect(Object.values(emptyCounters()).every((count) => count === 0)).toBe(true);
  });
});
