import { describe, expect, it } from '@jest/globals';
import {
  contactName,
  errorSink,
  normalizeEmail,
  parseDate,
  readDate,
  readList,
  readPercentage,
  readTags,
  readText,
  readYesNo,
  type ErrorSink,
} from './reading.ts';

const utc = Date.UTC;

function read<T>(reader: (value: unknown, field: string, sink: ErrorSink) => T, value: unknown): [T, ...string[]] {
  const sink = errorSink();
  return [reader(value, 'f', sink), ...sink.errors.map(({ code }) => code)];
}

describe('reading a contact (rules-ghl section 1)', () => {
  it.each([
    [
      ['New Lead', ' hot '],
      ['new lead', 'hot'],
    ],
    [
      [{ name: 'New Lead' }, { tag: 'Hot' }, { other: 1 }, null, 7],
      ['new lead', 'hot'],
    ],
    ['New Lead, Hot,,', ['new lead', 'hot']],
    [['a', 'A', ''], ['a']],
    [null, []],
    [undefined, []],
    [{}, []],
  ])('tags of every shape: %j', (value, tags) => {
    expect(readTags(value)).toEqual(tags);
  });

  it.each([
    [' Ann@Example.COM ', 'ann@example.com'],
    ['a\0nn@x.y', 'ann@x.y'],
    ['  ', null],
    ['', null],
    [null, null],
  ])('e-mail is trimmed, lower-cased, empty is null: %j', (text, email) => {
    expect(normalizeEmail(text)).toBe(email);
  });

  it.each([
    ['text', [' a b '], ['a b']],
    ['blank', ['  '], [null]],
    ['list joined', [['a', ' b ', null]], ['a, b']],
    ['number', [42], ['42']],
    ['boolean', [true], ['true']],
    ['nothing', [null], [null]],
    ['object', [{ a: 1 }], [null, 'unexpected_type']],
    ['list with an object', [['a', {}]], [null, 'unexpected_type']],
    ['NUL removed', ['a\0b\0'], ['ab', 'nul_removed']],
    ['NUL in a list counts once', [['a\0', 'b\0']], ['a, b', 'nul_removed']],
  ])('text: %s', (_, [value], expected) => {
    expect(read(readText, value)).toEqual(expected);
  });

  it.each([
    ['a, b,,a', ['a', 'b']],
    [
      ['b', ' a ', '', null],
      ['b', 'a'],
    ],
    [
      ['Docks, Seawalls', 'Lifts'],
      ['Docks, Seawalls', 'Lifts'],
    ],
    [7, ['7']],
    [null, []],
  ])("lists keep GHL's order and hold each item once: %j", (value, list) => {
    expect(read(readList, value)).toEqual([list]);
  });

  it.each([
    ['45%', 45],
    [' 45.5 % ', 45.5],
    [12, 12],
    ['0', 0],
    ['', null],
    ['-1e1', -10],
  ])('percentage %j is the number %j', (value, number) => {
    expect(read(readPercentage, value)).toEqual([number]);
  });

  it.each(['many', '1,5', '0x10', 'Infinity', 'NaN', '%', true, '1e999'])('percentage %j is a field error', (value) => {
    expect(read(readPercentage, value)).toEqual([null, 'not_a_number']);
  });

  it.each([
    ['Yes', true],
    ['TRUE', true],
    ['1', true],
    [1, true],
    [true, true],
    ['no', false],
    ['False', false],
    [0, false],
    ['', null],
    [null, null],
  ])('taking_new_work %j is %j', (value, expected) => {
    expect(read(readYesNo, value)).toEqual([expected]);
  });

  it('taking_new_work: anything else is false plus a field error', () => {
    expect(read(readYesNo, 'maybe')).toEqual([false, 'not_yes_or_no']);
  });

  it.each([
    ['2024-03-01', utc(2024, 2, 1)],
    ['2024-03-01T10:20:30Z', utc(2024, 2, 1, 10, 20, 30)],
    ['2024-03-01T10:20:30.123456Z', utc(2024, 2, 1, 10, 20, 30, 123)],
    ['2024-03-01T10:20:30+02:00', utc(2024, 2, 1, 8, 20, 30)],
    ['2024-03-01T10:20-0530', utc(2024, 2, 1, 15, 50)],
    ['2024-03-01 10:20:30', utc(2024, 2, 1, 10, 20, 30)],
    ['2024-03-01 10:20:30+00', utc(2024, 2, 1, 10, 20, 30)],
    ['03/01/2024', utc(2024, 2, 1)],
    ['3/1/2024', utc(2024, 2, 1)],
    ['2024-02-29', utc(2024, 1, 29)],
    [utc(2024, 2, 1), utc(2024, 2, 1)],
    [String(utc(2024, 2, 1)), utc(2024, 2, 1)],
    ['0001-01-01', new Date(0).setUTCFullYear(1, 0, 1)],
    ['9999-12-31T23:59:59.999Z', utc(9999, 11, 31, 23, 59, 59, 999)],
    ['', null],
  ])('date %j; a date alone is 00:00 UTC', (value, ms) => {
    expect(read(readDate, value)).toEqual([ms]);
  });

  it.each([
    '2023-02-29',
    '2024-02-30',
    '2024-13-01',
    '13/01/2024',
    '02/30/2024',
    '2024-01-01T25:00:00Z',
    '2024-01-01T10:60',
    '9999-12-31T23:59:59-05:00',
    '0001-01-01T00:00:00+01:00',
    1.7e15,
    'soon',
    true,
  ])('impossible date %j is a field error, never another day', (value) => {
    expect(read(readDate, value)).toEqual([null, 'not_a_date']);
  });

  it('two-digit centuries are not moved to the twentieth', () => {
    expect(new Date(parseDate('0099-01-01')!).getUTCFullYear()).toBe(99);
    expect(parseDate('2024-01-01T00:00:00+99:99')).toBeUndefined();
  });

  const nobody = { firstName: null, lastName: null, companyField: null, companyName: null, email: null, phone: null };
  it.each([
    [{ firstName: ' Ann ', lastName: 'Lee' }, 'Ann Lee', false],
    [{ firstName: 'Ann', lastName: null }, 'Ann', false],
    [{ lastName: 'van  Lee' }, 'van Lee', false],
    [{ firstName: ' ', companyField: 'Field Co', companyName: 'Co' }, 'Field Co', true],
    [{ companyName: 'Co', email: 'a@b' }, 'Co', true],
    [{ email: 'a@b', phone: '1' }, 'a@b', true],
    [{ phone: '1' }, '1', true],
    [{}, '(no name)', true],
  ])('name of %j', (parts, name, isStandIn) => {
    expect(contactName({ ...nobody, ...parts })).toEqual({ name, isStandIn });
  });
});
