import { describe, expect, it } from '@jest/globals';
import { conclude, countFaultyFields, emptyCounters, errorsThatStay, type Conclusion } from './result.ts';

const clean: Conclusion = {
  mode: 'full',
  answersFor: 'all',
  failure: undefined,
  heldTables: [],
  wouldFlag: { vendors: 0, leads: 0 },
  overShare: false,
  missingNumbers: 0,
  deadLettered: 0,
  lookupsUnknown: 0,
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
    ['one contact, which judges no row', { answersFor: 'nothing', mode: 'single' }, 'completed', 0, /completed/],
    [
      'one contact that could not be read',
      { answersFor: 'nothing', mode: 'single', failure: refused },
      'failed',
      2,
      /GHL_PRIVATE_TOKEN/,
    ],
    ['an incremental read', { mode: 'incremental', answersFor: 'nothing' }, 'completed', 0, /no missing ones/],
    [
      'an incremental read that failed',
      { mode: 'incremental', answersFor: 'nothing', failure: { ...refused, exitCode: 3 } },
      'incomplete',
      3,
      /nothing was marked missing/,
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
      'dead letters, and rows that confirming would mark',
      { deadLettered: 1, heldTables: ['vendors'], wouldFlag: { vendors: 9, leads: 0 } },
      'needs_confirmation',
      3,
      /1 records .* topic and 9 vendors would be marked missing; look at them.*sync confirm S1/,
    ],
    [
      'dead letters, and more rows than the safety valve lets through',
      { deadLettered: 1, heldTables: ['vendors'], wouldFlag: { vendors: 900, leads: 0 }, overShare: true },
      'needs_confirmation',
      3,
      /900 vendors would be marked missing, more than MISSING_MAX_SHARE allows; look at them/,
    ],
    [
      'a closed safety valve',
      { overShare: true, heldTables: ['vendors', 'leads'], wouldFlag: { vendors: 80, leads: 9 } },
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

describe('field_errors (rules-ghl section 7: units)', () => {
  it.each<[string, [contactId: string, field: string][], number]>([
    ['none', [], 0],
    [
      'two fields of a contact',
      [
        ['a', 'phone'],
        ['a', 'name'],
      ],
      2,
    ],
    [
      'one field with two faults, once',
      [
        ['a', 'service_zip_codes'],
        ['a', 'service_zip_codes'],
      ],
      1,
    ],
    [
      'one field of two contacts',
      [
        ['a', 'phone'],
        ['b', 'phone'],
      ],
      2,
    ],
  ])('counts fields: %s', (_, faults, count) => {
    expect(countFaultyFields(faults.map(([contactId, field]) => ({ contactId, field })))).toBe(count);
  });

  it('a row that a better claim displaced leaves none', () => {
    const [stays, goes] = [{ rowId: 'winner' }, { rowId: 'loser' }];
    expect(errorsThatStay([stays, goes], new Set(['loser']))).toEqual([stays]);
  });
});
