import { expect, it } from '@jest/globals';
import { locksWanted } from './locks.ts';

it.each([
  ['the defaults', 64, 100, undefined],
  ['a small server', 64, 25, 240],
  ['a small server that was told', 240, 25, undefined],
])('%s: locks wanted for each transaction', (_, perTransaction, connections, wanted) => {
  expect(locksWanted({ perTransaction, connections })).toBe(wanted);
});
