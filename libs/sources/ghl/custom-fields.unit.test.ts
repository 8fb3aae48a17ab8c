import { describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { CUSTOM_FIELDS } from '#testcontainers/simulators/ghl/fields.ts';
import { findCustomFields, mappingOf } from './custom-fields.ts';

const field = (id: string, name: string, dataType = 'TEXT'): object => ({ id, name, dataType });
const finding = (fields: object[], label: string): object | undefined =>
  findCustomFields(fields).find((one) => one.label === label);

describe('custom fields by their names', () => {
  it('are found in a location that has them all, with the ids that V3 had written down', () => {
    const findings = findCustomFields(CUSTOM_FIELDS);
    expect(findings.every(({ state }) => state === 'found')).toBe(true);
    expect(mappingOf(findings)).toEqual(DEFAULT_GHL_RULES.customFields);
  });

  it.each([
    ['GHL User ID', 'ghl user id'],
    ['GHL User ID', '  GHL_User-ID '],
    ['GHL User ID', 'GHLUserID'],
    ['Taking New Work?', 'Taking new work'],
    ['Taking New Work?', 'TAKING  NEW WORK ?!'],
  ])('%s is %j as well', (label, name) => {
    expect(finding([field('x', name)], label)).toMatchObject({ state: 'found', ids: ['x'] });
  });

  it('are not found by a part of a name, and another name takes no place', () => {
    expect(finding([field('x', 'Service Zip Codes')], 'Zip Code')).toMatchObject({ state: 'missing', ids: [] });
    expect(finding([field('x', 'Service Categories')], 'Service Categories Selections')).toMatchObject({
      state: 'missing',
    });
    expect(finding([field('x', 'Lead Close', 'NUMERICAL')], 'Lead Close %')).toMatchObject({ state: 'missing' });
  });

  it('with one name are ambiguous, unless only one has the right type', () => {
    const twins = [field('x', 'Last Lead Assigned', 'DATE'), field('y', 'last lead assigned', 'DATE')];
    expect(finding(twins, 'Last Lead Assigned')).toMatchObject({ state: 'ambiguous', ids: ['x', 'y'] });
    expect(mappingOf(findCustomFields(twins))).toEqual({});
    const oneRight = [field('x', 'Last Lead Assigned', 'TEXT'), field('y', 'Last Lead Assigned', 'DATE')];
    expect(finding(oneRight, 'Last Lead Assigned')).toMatchObject({ state: 'found', ids: ['y'] });
  });

  it('of a wrong type are told and left out', () => {
    const wrong = [field('x', 'Lead Close %', 'TEXT')];
    expect(finding(wrong, 'Lead Close %')).toMatchObject({ state: 'wrong_type', ids: ['x'], dataTypes: ['TEXT'] });
    expect(mappingOf(findCustomFields(wrong))).toEqual({});
  });

  it('of which one of two is there map that one', () => {
    const one = [field('x', 'Service Categories')];
    expect(mappingOf(findCustomFields(one))).toEqual({ serviceCategories: ['x'] });
  });

  it('ignore what is no field', () => {
    const odd = [null, 7, 'GHL User ID', { name: 'GHL User ID' }, { id: 1, name: 'GHL User ID', dataType: 'TEXT' }];
    expect(findCustomFields(odd).every(({ state }) => state === 'missing')).toBe(true);
  });
});
