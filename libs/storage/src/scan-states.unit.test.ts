import { describe, expect, it } from '@jest/globals';
import { countOutcomes, followNumbers, MAX_FIELD_ERRORS, newFieldErrors } from './scan-states.ts';

describe('numbers of a partition', () => {
  it.each<[number, number[], number, number]>([
    [0, [1, 2, 3], 3, 0],
    [3, [2, 3, 4], 4, 0],
    [1, [3, 6], 6, 3],
    [5, [], 5, 0],
  ])('after %i come %j: %i is the last, %i are missing', (last, numbers, expectedLast, holes) => {
    expect(followNumbers(last, numbers)).toEqual({ last: expectedLast, holes });
  });
});

describe('outcomes', () => {
  it('are counted once per number, on top of those before', () => {
    const outcomes = ['created', 'updated', 'created', 'created'];
    expect(countOutcomes(1, [1, 2, 2, 3], outcomes, { created: 5 })).toEqual({ created: 6, updated: 1 });
  });

  it('of no records are those before', () => {
    expect(countOutcomes(3, [4], [], { deleted: 1 })).toEqual({ deleted: 1 });
  });
});

describe('faulty fields', () => {
  const error = (contactId: string) => ({ contactId, field: 'email', code: 'too_long' });

  it('of repeats are told already', () => {
    const errors = new Map([
      [2, [error('a')]],
      [3, [error('b'), error('c')]],
    ]);
    expect(newFieldErrors(2, errors)).toEqual({ count: 2, first: [error('b'), error('c')] });
  });

  it('are all counted, and few of them kept', () => {
    const errors = new Map(Array.from({ length: 250 }, (_, index) => [index + 1, [error(`${index}`)]]));
    const { count, first } = newFieldErrors(0, errors);
    expect([count, first.length]).toEqual([250, MAX_FIELD_ERRORS]);
  });
});
