import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dayOf, dayText, instantOf, instantText } from './times.ts';

const LAST = 8.64e15;
const edges = [0, -1, 1, -LAST, LAST, Date.UTC(1, 0, 1), Date.UTC(9999, 11, 31, 23, 59, 59, 999)];
const instants = fc.oneof(
  fc.constantFrom(...edges),
  fc.integer({ min: -LAST, max: LAST }),
  fc.integer({ min: 0, max: 2e12 }),
);

it('an instant is written as Date writes it', () => {
  fc.assert(fc.property(instants, (ms) => expect(instantText(ms)).toBe(new Date(ms).toISOString())));
});

it('a day is the date of its midnight, also of more days than are kept', () => {
  for (let day = -3_000; day < 3_000; day += 1)
    expect(dayText(day)).toBe(new Date(day * 86_400_000).toISOString().slice(0, 10));
  expect(dayText(0)).toBe('1970-01-01');
  expect(dayText(-800_000)).toBe(new Date(-800_000 * 86_400_000).toISOString().slice(0, -14));
});

const FIRST = Date.parse('0000-01-01T00:00:00Z');
const LAST_OF_FOUR_DIGITS = Date.parse('9999-12-31T23:59:59.999Z');

it('every day of a year is read, and none besides', () => {
  const names = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
  const newYear = (year: number): number => new Date(0).setUTCFullYear(year, 0, 1) / 86_400_000;
  for (const year of [0, 1, 4, 100, 399, 400, 1900, 1969, 1970, 1999, 2000, 2023, 2024, 2025, 2100, 9_999]) {
    let day = newYear(year);
    for (const month of names)
      for (const date of names) {
        const found = dayOf(`${String(year).padStart(4, '0')}-${month}-${date}`);
        if (found === undefined) continue;
        expect(found).toBe(day);
        day += 1;
      }
    expect(day).toBe(newYear(year + 1));
  }
});

it('an instant is read as it was written', () => {
  const written = fc.integer({ min: FIRST, max: LAST_OF_FOUR_DIGITS });
  fc.assert(
    fc.property(written, (ms) => {
      expect(instantOf(instantText(ms))).toBe(ms);
      expect(dayOf(instantText(ms))).toBe(Math.floor(ms / 86_400_000));
    }),
  );
});

it('a text with one other character is read as Date reads it, or not at all', () => {
  const texts = fc.record({
    text: fc.integer({ min: FIRST, max: LAST_OF_FOUR_DIGITS }).map(instantText),
    at: fc.nat(22),
    other: fc.constantFrom('9', '6', '3', '0', ' ', 't', '-', ':', '/', '\u0660', ''),
  });
  fc.assert(
    fc.property(texts, ({ text, at, other }) => {
      const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
      const ms = Date.parse(changed);
      const isWhole = !Number.isNaN(ms) && new Date(ms).toISOString() === changed;
      expect(instantOf(changed)).toBe(isWhole ? ms : undefined);
    }),
    { numRuns: 2_000 },
  );
});
