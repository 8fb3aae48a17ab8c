import { describe, expect, it } from '@jest/globals';
import { parseCoverage } from './coverage.ts';
import { lookupZip } from './rules.fixture.ts';

type Case = [text: string, type: string | undefined, states: string[], counties: string[], errors: string[]];

describe('coverage (rules-ghl section 4)', () => {
  it.each<Case>([
    // the word GLOBAL anywhere
    ['Global', 'global', [], [], []],
    ['we work GLOBAL.', 'global', [], [], []],
    ['Global Marine, FL', 'global', [], [], []],
    ['global; national', 'global', [], [], []],
    // whole word only
    ['Globally', undefined, [], [], ['unknown_coverage']],
    ['nationals', undefined, [], [], ['unknown_coverage']],
    // the word NATIONAL anywhere, or equal to USA / UNITED STATES / US
    ['nationwide and National', 'national', [], [], []],
    ['usa', 'national', [], [], []],
    ['United States', 'national', [], [], []],
    [' us ', 'national', [], [], []],
    // states
    ['FL', 'state', ['FL'], [], []],
    ['fl, ga', 'state', ['FL', 'GA'], [], []],
    ['FL; GA', 'state', ['FL', 'GA'], [], []],
    ['FL, GA; TX', 'state', ['FL', 'GA', 'TX'], [], []],
    // counties
    ['Broward, FL; Palm Beach, FL', 'county', ['FL'], ['Broward, FL', 'Palm Beach, FL'], []],
    ['Broward, FL', 'county', ['FL'], ['Broward, FL'], []],
    ['Broward,FL', 'county', ['FL'], ['Broward, FL'], []],
    ["Prince George's, MD; St. Johns, FL", 'county', ['MD', 'FL'], ["Prince George's, MD", 'St. Johns, FL'], []],
    // zips
    ['33301, 33401', 'county', ['FL'], ['Broward, FL', 'Palm Beach, FL'], []],
    ['33301;02108', 'county', ['FL', 'MA'], ['Broward, FL', 'Suffolk, MA'], []],
    ['33301 33401\n02108-1234', 'county', ['FL', 'MA'], ['Broward, FL', 'Palm Beach, FL', 'Suffolk, MA'], []],
    ['33301, 33301', 'county', ['FL'], ['Broward, FL'], []],
    ['33301, 99999, 00000', 'county', ['FL'], ['Broward, FL'], ['unknown_zip', 'unknown_zip']],
    // mixed: county from counties and zips, states alone are added to the states
    ['GA; Broward, FL', 'county', ['FL', 'GA'], ['Broward, FL'], []],
    ['33401; Broward, FL; GA', 'county', ['FL', 'GA'], ['Palm Beach, FL', 'Broward, FL'], []],
    ['33301, GA', 'county', ['FL', 'GA'], ['Broward, FL'], []],
    // known items count, each unknown one is a field error
    ['FL; nowhere', 'state', ['FL'], [], ['unknown_coverage']],
    ['33301, nowhere', 'county', ['FL'], ['Broward, FL'], ['unknown_coverage']],
    ['Broward, ZZ; Palm Beach, FL', 'county', ['FL'], ['Palm Beach, FL'], ['unknown_coverage']],
    // unknown text
    ['all of the coast', undefined, [], [], ['unknown_coverage']],
    ['99999', undefined, [], [], ['unknown_zip']],
    [';,', undefined, [], [], ['unknown_coverage']],
    // commas never separate counties: this must not widen two counties to a state
    ['Broward, FL, Palm Beach, FL', undefined, [], [], ['unknown_coverage']],
    ['33301 Broward, FL', 'county', ['FL'], ['Broward, FL'], ['unknown_coverage']],
  ])('%j', (text, type, states, counties, errors) => {
    const expected = type === undefined ? undefined : { type, states, counties };
    expect(parseCoverage(text, lookupZip)).toEqual({ coverage: expected, errors });
  });
});
