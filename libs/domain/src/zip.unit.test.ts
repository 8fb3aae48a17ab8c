import { describe, expect, it } from '@jest/globals';
import { lookupZip } from './rules.fixture.ts';
import { leadZip, normalizeZip, zipOfAddress } from './zip.ts';

const none = { postalCode: null, address: null, customField: null };

describe('zip of a lead (rules-ghl section 5)', () => {
  it.each([
    ['33301', '33301'],
    [' 33301 ', '33301'],
    ['33301-1234', '33301'],
    ['333011234', '33301'],
    ['33301 1234', '33301'],
    ['2108', '02108'],
    ['210', '00210'],
    [' SW1A 1AA ', 'SW1A 1AA'],
    ['12', '12'],
  ])('%j is stored as %j', (given, stored) => {
    expect(normalizeZip(given)).toBe(stored);
  });

  it('the last zip-like word of the address counts', () => {
    expect(zipOfAddress('12345 Main St, Miami FL 33301-1234')).toBe('33301-1234');
    expect(zipOfAddress('12345 Main St')).toBe('12345');
    expect(zipOfAddress('Suite 1234567, A12345')).toBeUndefined();
  });

  it.each([
    ['postal code first', { postalCode: '33301', address: '1 A St 33401', customField: '02108' }, '33301', 'Broward'],
    ['then the address', { address: '1 A St 33401', customField: '02108' }, '33401', 'Palm Beach'],
    ['then the custom field', { address: 'A St', customField: '2108' }, '02108', 'Suffolk'],
    ['blank is empty', { postalCode: '  ', customField: '33301' }, '33301', 'Broward'],
    ['unknown zip', { postalCode: '99999' }, '99999', null],
    ['letters are not looked up', { postalCode: 'K1A 0B1', address: '33301' }, 'K1A 0B1', null],
    ['nothing', {}, null, null],
  ])('one order: %s', (_, sources, zip, county) => {
    const read = leadZip({ ...none, ...sources }, lookupZip);
    expect([read.zip, read.county]).toEqual([zip, county]);
    expect(read.state === null).toBe(county === null);
  });
});
