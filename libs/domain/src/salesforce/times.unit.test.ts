import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dayText, instantText } from './times.ts';

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
