import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../text.fixture.ts';
import { readBoolean, readDatetime, readDay, readNumber, readText, type Read } from './values.ts';

const at = (text: string): number => Date.parse(text);
const day = (text: string): number => Date.parse(text) / 86_400_000;

describe('text', () => {
  it.each<[unknown, number | null, Read<string>]>([
    ['', 80, { value: null }],
    [null, 80, { value: null }],
    [undefined, 80, { value: null }],
    ['null', 80, { value: 'null' }],
    ['NA', 80, { value: 'NA' }],
    [' spaced ', 80, { value: ' spaced ' }],
    ['two\nlines, "quoted"', 80, { value: 'two\nlines, "quoted"' }],
    ['A;B;C', 4099, { value: 'A;B;C' }],
    ['a\u0000b', 80, { value: 'ab', fault: 'nul_removed' }],
    ['\u0000', 80, { value: null, fault: 'nul_removed' }],
    ['12345', 4, { value: null, fault: 'too_long' }],
    ['1234\u0000', 4, { value: '1234', fault: 'nul_removed' }],
    ['😀😀😀😀', 4, { value: '😀😀😀😀' }],
    ['x'.repeat(32_768), 32_768, { value: 'x'.repeat(32_768) }],
    ['anything', null, { value: 'anything' }],
    [12, 80, { value: '12' }],
    [true, 80, { value: 'true' }],
    [{ a: 1 }, 80, { value: null, fault: 'unexpected_type' }],
    [['a'], 80, { value: null, fault: 'unexpected_type' }],
  ])('%j within %s', (value, length, expected) => expect(readText(value, length)).toEqual(expected));
});

describe('boolean', () => {
  it.each<[unknown, Read<boolean>]>([
    ['', { value: null }],
    [null, { value: null }],
    [true, { value: true }],
    [false, { value: false }],
    ['true', { value: true }],
    ['TRUE', { value: true }],
    ['1', { value: true }],
    ['yes', { value: true }],
    ['On', { value: true }],
    [1, { value: true }],
    ['false', { value: false }],
    ['0', { value: false }],
    ['no', { value: false }],
    ['off', { value: false }],
    ['maybe', { value: false, fault: 'not_yes_or_no' }],
    [{}, { value: null, fault: 'unexpected_type' }],
  ])('%j', (value, expected) => expect(readBoolean(value)).toEqual(expected));
});

describe('number', () => {
  it.each<[unknown, Read<number>]>([
    ['', { value: null }],
    [null, { value: null }],
    ['0', { value: 0 }],
    ['12.50', { value: 12.5 }],
    ['-93.265', { value: -93.265 }],
    ['1.2E-4', { value: 0.00012 }],
    [3.5, { value: 3.5 }],
    ['nan', { value: null, fault: 'not_a_number' }],
    ['1,000', { value: null, fault: 'not_a_number' }],
    ['0x10', { value: null, fault: 'not_a_number' }],
    [Number.NaN, { value: null, fault: 'not_a_number' }],
    [true, { value: null, fault: 'unexpected_type' }],
  ])('%j', (value, expected) => expect(readNumber(value)).toEqual(expected));
});

describe('datetime', () => {
  it.each<[unknown, Read<number>]>([
    ['', { value: null }],
    [null, { value: null }],
    ['2024-02-29T10:11:12.000Z', { value: at('2024-02-29T10:11:12Z') }],
    ['2024-02-29T10:11:12.345+0000', { value: at('2024-02-29T10:11:12.345Z') }],
    ['2024-02-29T10:11:12', { value: at('2024-02-29T10:11:12Z') }],
    ['2024-02-29T10:11:12+02:00', { value: at('2024-02-29T08:11:12Z') }],
    ['2024-02-29', { value: at('2024-02-29T00:00:00Z') }],
    ['0004-02-29T10:11:12.000Z', { value: at('0004-02-29T10:11:12Z') }],
    ['2023-02-29T10:11:12.000Z', { value: null, fault: 'not_a_date' }],
    ['2024-13-01T00:00:00.000Z', { value: null, fault: 'not_a_date' }],
    ['01/02/2024', { value: null, fault: 'not_a_date' }],
    ['yesterday', { value: null, fault: 'not_a_date' }],
    [1_700_000_000_000, { value: null, fault: 'unexpected_type' }],
  ])('%j', (value, expected) => expect(readDatetime(value)).toEqual(expected));
});

describe('date', () => {
  it.each<[unknown, Read<number>]>([
    ['', { value: null }],
    ['2024-02-29', { value: day('2024-02-29') }],
    ['1969-12-31', { value: -1 }],
    ['2024-02-29T23:59:59.000Z', { value: day('2024-02-29') }],
    ['2024-02-30', { value: null, fault: 'not_a_date' }],
    ['29.02.2024', { value: null, fault: 'not_a_date' }],
    [5, { value: null, fault: 'unexpected_type' }],
  ])('%j', (value, expected) => expect(readDay(value)).toEqual(expected));
});

describe('properties', () => {
  const anything = fc.oneof(anyText(), fc.anything());

  it('no value makes a reader throw, and null comes with a fault unless there was nothing', () => {
    fc.assert(
      fc.property(anything, (value) => {
        for (const read of [
          readText(value, 40),
          readBoolean(value),
          readNumber(value),
          readDatetime(value),
          readDay(value),
        ])
          if (read.value === null && read.fault === undefined) expect([null, undefined, '']).toContain(value);
      }),
    );
  });

  it('text comes out as it went in, less its NUL characters', () => {
    fc.assert(
      fc.property(anyText({ minLength: 1 }), (text) => {
        const kept = text.replaceAll('\u0000', '');
        expect(readText(text, null).value).toBe(kept === '' ? null : kept);
      }),
    );
  });

  it('both spellings of an instant are the same instant', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const text = date.toISOString();
          expect(readDatetime(text).value).toBe(date.getTime());
          expect(readDatetime(text.replace('Z', '+0000')).value).toBe(date.getTime());
          expect(readDay(text).value).toBe(Math.floor(date.getTime() / 86_400_000));
        },
      ),
    );
  });

  it('numbers of JSON and of CSV are the same numbers', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) =>
        expect(readNumber(String(number)).value).toBe(readNumber(number).value),
      ),
    );
  });
});
