import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SalesforceContactRead } from '#libs/contracts/src/generated/events.ts';
import { ANY_CHARACTER, anyText } from '../text.fixture.ts';
import { contactReader } from './contact.ts';
import { CONTACT_FIELDS } from './fields.ts';
import { contactContent, faultyFields } from './row.ts';

const ALL = CONTACT_FIELDS.map(({ api }) => api);

function event(cells: Record<string, unknown>, columns: readonly string[] = ALL): SalesforceContactRead {
  const names = [...new Set([...columns, ...Object.keys(cells)])];
  const row: Record<string, unknown> = { Id: '003000000000001AAA', LastName: 'Cole', ...cells };
  return contactReader(names)(names.map((name) => row[name] ?? ''))!.values as SalesforceContactRead;
}

const raw = (read: SalesforceContactRead): unknown => JSON.parse(contactContent(read).raw);
const tracked = (read: SalesforceContactRead): string => contactContent(read).tracked;
const kept = (read: SalesforceContactRead): string[] => contactContent(read).kept.map(({ column }) => column);

describe('the raw record', () => {
  it('has every value by its API name, and what nobody mapped', () => {
    const cells = { Email: 'c@example.test', Active__c: 'false', MN_Tasks_Count__c: '1e3', Region__c: 'N' };
    const times = { LastActivityDate: '2026-02-03', CreatedDate: '2026-02-03T04:05:06.000+0000' };
    expect(raw(event({ ...cells, ...times }))).toEqual({
      Id: '003000000000001AAA',
      LastName: 'Cole',
      Email: 'c@example.test',
      Active__c: false,
      MN_Tasks_Count__c: 1000,
      LastActivityDate: '2026-02-03',
      CreatedDate: '2026-02-03T04:05:06.000Z',
      Region__c: 'N',
    });
  });

  it('has a refused value as it came', () => {
    expect(raw(event({ MN_Tasks_Count__c: 'many' }))).toMatchObject({ MN_Tasks_Count__c: 'many' });
  });

  it('is JSON that jsonb takes, whatever came', () => {
    fc.assert(
      fc.property(anyText(), fc.json({ stringUnit: ANY_CHARACTER }), (text, json) => {
        const { raw: made } = contactContent(
          event({ FirstName: text.slice(0, 40), Odd__c: JSON.parse(json) as unknown }),
        );
        expect(() => JSON.parse(made) as unknown).not.toThrow();
        expect(made).not.toMatch(/\\u0000|\\u[dD][89a-fA-F]|[\n\r]/);
      }),
    );
  });
});

it('an extra that came in lines is one line', () => {
  expect(contactContent({ ...event({}), extra: '{\n  "Odd__c": "a\\nb"\r\n}' }).raw).toMatch(/,"Odd__c":"a\\nb"\}$/);
});

describe('columns are kept', () => {
  it.each<[string, SalesforceContactRead, string[]]>([
    ['of no field that was read', event({}), []],
    [
      'of a field that was not read',
      event(
        {},
        ALL.filter((api) => api !== 'Email'),
      ),
      ['email'],
    ],
    ['of a faulty field', event({ Active__c: 'perhaps', Email: 'x'.repeat(81) }), ['email', 'active']],
    ['of no field that lost a NUL', event({ FirstName: 'a\u0000' }), []],
    ['of a date before the year 1', event({ LastActivityDate: '0000-12-31' }), ['last_activity_date']],
  ])('%s', (_, read, columns) => {
    expect(kept(read)).toEqual(columns);
  });
});

describe('the fields that could not be used', () => {
  it.each<[string, Record<string, unknown>, ReturnType<typeof faultyFields>]>([
    ['none of a good contact', {}, []],
    [
      'by column',
      { Email: 'x'.repeat(81), FirstName: 'a\u0000', MN_Tasks_Count__c: 'many' },
      [
        { field: 'first_name', code: 'nul_removed' },
        { field: 'email', code: 'too_long' },
        { field: 'mn_tasks_count', code: 'not_a_number' },
      ],
    ],
    [
      'of a time that no column holds',
      { CreatedDate: '0000-12-31T00:00:00.000Z' },
      [{ field: 'sf_created_date', code: 'date_out_of_range' }],
    ],
  ])('are told, %s', (_, cells, expected) => expect(faultyFields(event(cells))).toEqual(expected));
});

describe('what makes a row another one', () => {
  it.each<[string, Record<string, unknown>, boolean]>([
    ['a value', { FirstName: 'A' }, true],
    ['a formula', { Days_Since_Last_Visit__c: '4' }, true],
    ['a field nobody mapped', { Region__c: 'N' }, true],
    ['when the login user looked at it', { LastViewedDate: '2026-01-01T00:00:00.000Z' }, false],
    ['whose contact it is', { isMyContact__c: 'true' }, false],
  ])('%s: %s', (_, cells, isChange) => {
    expect(tracked(event(cells)) !== tracked(event({}))).toBe(isChange);
  });

  it('a field that is not read any more', () => {
    expect(
      tracked(
        event(
          {},
          ALL.filter((api) => api !== 'Email'),
        ),
      ),
    ).not.toBe(tracked(event({})));
  });
});
