import { describe, expect, it } from '@jest/globals';
import { newRowIds, rowIdOf } from './ids.ts';
import type { Sql } from './pool.ts';

const turn = (contactId: string, number: number): string => rowIdOf('vendor', 'loc', contactId, number);

function tableWith(taken: string[]): Sql {
  const query = async (_text: unknown, [ids]: [string[]]): Promise<unknown> => ({
    rows: ids.filter((id) => taken.includes(id)).map((id) => ({ id })),
  });
  return { query } as unknown as Sql;
}

describe('ids of rows born from observations (rules-ghl section 3)', () => {
  it.each<[string, string[], [string, string][]]>([
    [
      'the first turn of each contact',
      [],
      [
        ['a', turn('a', 1)],
        ['b', turn('b', 1)],
      ],
    ],
    [
      'the second of one whose first row is bound to another contact',
      [turn('a', 1)],
      [
        ['a', turn('a', 2)],
        ['b', turn('b', 1)],
      ],
    ],
    [
      'the third when that happened twice',
      [turn('a', 1), turn('a', 2)],
      [
        ['a', turn('a', 3)],
        ['b', turn('b', 1)],
      ],
    ],
  ])('are %s', async (_, taken, expected) => {
    const ids = await newRowIds(tableWith(taken), 'vendor', 'loc', ['a', 'b']);
    expect([...ids].sort()).toEqual(expected);
  });

  it('differ between turns, entities and accounts', () => {
    const ids = [turn('a', 1), turn('a', 2), rowIdOf('lead', 'loc', 'a'), rowIdOf('vendor', 'elsewhere', 'a')];
    expect(new Set(ids).size).toBe(4);
  });
});
