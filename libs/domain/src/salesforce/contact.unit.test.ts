import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../text.fixture.ts';
import { contactReader, toId18, type ContactReading } from './contact.ts';
import { CONTACT_FIELDS } from './fields.ts';

const ID = '003000000000001AAA';
const ALL = [...CONTACT_FIELDS.map(({ api }) => api), 'IsDeleted', 'MasterRecordId'];

/** Reads one row given by column. */
function read(row: Record<string, unknown>): ContactReading | undefined {
  return contactReader(Object.keys(row))(Object.values(row));
}

describe('a row', () => {
  it('is read whole', () => {
    const row = Object.fromEntries(ALL.map((api) => [api, '']));
    const reading = read({
      ...row,
      Id: ID,
      LastName: 'Cole',
      Active__c: 'true',
      MN_Tasks_Count__c: '3',
      IsDeleted: 'false',
    });
    expect(reading).toMatchObject({
      isDeleted: false,
      masterRecordId: null,
      values: {
        salesforceId: ID,
        lastName: 'Cole',
        firstName: null,
        active: true,
        isPhysician: null,
        mnTasksCount: 3,
        unreadFields: [],
        fieldErrors: [],
        extra: null,
      },
    });
  });

  it('names the fields it was not asked for', () => {
    const unread = read({ Id: ID, LastName: 'Cole' })!.values.unreadFields;
    expect(unread).toHaveLength(80);
    expect(unread).toContain('email');
    expect(unread).not.toContain('lastName');
  });

  it('keeps columns nobody mapped', () => {
    const row = {
      Id: ID,
      LastName: 'Cole',
      AccountId: '001000000000001AAA',
      Region__c: '',
      Account: { Name: 'North' },
    };
    expect(JSON.parse(read(row)!.values.extra!)).toEqual({
      AccountId: '001000000000001AAA',
      Account: { Name: 'North' },
    });
  });

  it('keeps what it refuses, and says so', () => {
    const row = { Id: ID, LastName: 'Co\u0000le', Provider_Start_Date__c: 'soon', Suffix: 'x'.repeat(41) };
    const { values } = read(row)!;
    expect(values).toMatchObject({ lastName: 'Cole', providerStartDate: null, suffix: null });
    expect(values.fieldErrors).toEqual([
      { field: 'lastName', code: 'nul_removed' },
      { field: 'providerStartDate', code: 'not_a_date' },
      { field: 'suffix', code: 'too_long' },
    ]);
    expect(JSON.parse(values.extra!)).toEqual({ Provider_Start_Date__c: 'soon', Suffix: 'x'.repeat(41) });
  });

  it('without a last name is read, with the error', () => {
    expect(read({ Id: ID, LastName: '' })!.values.fieldErrors).toEqual([{ field: 'lastName', code: 'required' }]);
  });

  it('of a merged contact names its master', () => {
    const row = { Id: ID, LastName: 'Cole', IsDeleted: true, MasterRecordId: '003000000000002AAA' };
    expect(read(row)).toMatchObject({ isDeleted: true, masterRecordId: '003000000000002AAA' });
  });

  it.each([[''], [null], ['003'], ["003000000000001'"], [5]])('without an Id is none (%j)', (id) =>
    expect(read({ Id: id, LastName: 'Cole' })).toBeUndefined(),
  );

  it('is the same from both APIs', () => {
    const csv = {
      Id: ID,
      LastName: 'Cole',
      Active__c: 'true',
      MailingLatitude: '44.5',
      CreatedDate: '2024-01-02T03:04:05.000Z',
    };
    const json = { ...csv, Active__c: true, MailingLatitude: 44.5, CreatedDate: '2024-01-02T03:04:05.000+0000' };
    expect(read(json)).toEqual(read(csv));
  });
});

describe('an Id', () => {
  it.each([
    ['003000000000001AAA', '003000000000001AAA'],
    ['00300000000000a', '00300000000000aAAA'],
    ['00300000000000A', '00300000000000AAAQ'],
    ['001D000000IRFma', '001D000000IRFmaIAH'],
    ['750R0000000zxr8', '750R0000000zxr8IAA'],
  ])('%s in 18 characters is %s', (id, expected) => expect(toId18(id)).toBe(expected));
});

it('no row makes the reader throw, and every value is there, refused with an error, or empty', () => {
  const cell = fc.oneof(fc.constant(''), anyText(), fc.double(), fc.boolean(), fc.constant(null), fc.object());
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...ALL, 'Odd__c'), cell), (row) => {
      const { values } = read({ ...row, Id: ID })!;
      const extra = JSON.parse(values.extra ?? '{}') as Record<string, unknown>;
      for (const { api, key } of CONTACT_FIELDS) {
        if (!(api in row) || api === 'Id') continue;
        const isThere = values[key] !== null || [null, ''].includes(row[api] as string);
        expect(isThere || api in extra || values.fieldErrors.some(({ field }) => field === key)).toBe(true);
      }
    }),
  );
});
