import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  contactDeleted,
  contactRead,
  isNewer,
  UNKNOWN_CONTACT,
  type ContactDeletion,
  type ContactState,
  type ContactStep,
  type DeletionReason,
} from './fold.ts';

/** A word: read of modstamp m at t with content, or its end. */
type Word =
  [m: number | null, t: number, hash: string] | [m: number | null, t: number, hash: null, reason: DeletionReason];

const deletion = (modstamp: number | null, readAt: number, reason: DeletionReason): ContactDeletion => ({
  modstamp,
  readAt,
  reason,
  masterRecordId: null,
});

function apply(state: ContactState, [modstamp, readAt, hash, reason]: Word): ContactStep {
  return hash === null
    ? contactDeleted(state, deletion(modstamp, readAt, reason))
    : contactRead(state, { modstamp, readAt, hash });
}

function fold(words: readonly Word[]): { state: ContactState; outcomes: string[] } {
  let state = UNKNOWN_CONTACT;
  const outcomes: string[] = [];
  for (const word of words) {
    const step = apply(state, word);
    outcomes.push(step.outcome);
    state = step.state;
  }
  return { state, outcomes };
}

it.each<[Parameters<typeof isNewer>[0], Parameters<typeof isNewer>[1], boolean]>([
  [{ modstamp: 2, readAt: 1 }, { modstamp: 1, readAt: 9 }, true],
  [{ modstamp: 1, readAt: 9 }, { modstamp: 2, readAt: 1 }, false],
  [{ modstamp: 1, readAt: 2 }, { modstamp: 1, readAt: 1 }, true],
  [{ modstamp: 1, readAt: 1 }, { modstamp: 1, readAt: 1 }, false],
  [{ modstamp: null, readAt: 2 }, { modstamp: 9, readAt: 1 }, true],
  [{ modstamp: 9, readAt: 1 }, { modstamp: null, readAt: 2 }, false],
])('%j is newer than %j: %s', (a, b, expected) => {
  expect(isNewer(a, b)).toBe(expected);
});

describe('what became of the row', () => {
  it.each<[string, Word[], string[]]>([
    ['made', [[1, 1, 'a']], ['created']],
    [
      'older data',
      [
        [2, 1, 'a'],
        [1, 2, 'b'],
      ],
      ['created', 'unchanged'],
    ],
    [
      'equal data read again',
      [
        [1, 1, 'a'],
        [1, 2, 'a'],
      ],
      ['created', 'unchanged'],
    ],
    [
      'a formula',
      [
        [1, 1, 'a'],
        [1, 2, 'b'],
      ],
      ['created', 'updated'],
    ],
    [
      'ended',
      [
        [1, 1, 'a'],
        [2, 2, null, 'deleted'],
      ],
      ['created', 'deleted'],
    ],
    [
      'ended twice',
      [
        [1, 1, 'a'],
        [2, 2, null, 'deleted'],
        [2, 3, null, 'deleted'],
      ],
      ['created', 'deleted', 'unchanged'],
    ],
    [
      'an older end',
      [
        [2, 1, 'a'],
        [1, 2, null, 'deleted'],
      ],
      ['created', 'unchanged'],
    ],
    [
      'merged after all',
      [
        [1, 1, 'a'],
        [null, 2, null, 'not_visible'],
        [2, 3, null, 'merged'],
      ],
      ['created', 'deleted', 'updated'],
    ],
    [
      'purged',
      [
        [1, 1, 'a'],
        [2, 2, null, 'deleted'],
        [null, 3, null, 'not_visible'],
      ],
      ['created', 'deleted', 'unchanged'],
    ],
    [
      'restored with new data',
      [
        [1, 1, 'a'],
        [2, 2, null, 'deleted'],
        [3, 3, 'b'],
      ],
      ['created', 'deleted', 'restored'],
    ],
    [
      'visible again',
      [
        [1, 1, 'a'],
        [null, 2, null, 'not_visible'],
        [1, 3, 'a'],
      ],
      ['created', 'deleted', 'restored'],
    ],
    [
      'ended unread',
      [
        [2, 2, null, 'deleted'],
        [1, 1, 'a'],
        [3, 3, 'a'],
      ],
      ['unchanged', 'created', 'restored'],
    ],
  ])('%s', (_, words, outcomes) => {
    expect(fold(words).outcomes).toEqual(outcomes);
  });

  it('is the same object when nothing changed', () => {
    const { state } = fold([[1, 1, 'a']]);
    expect(apply(state, [1, 2, 'a']).state).toBe(state);
    expect(apply(state, [1, 0, null, 'deleted']).state).toBe(state);
  });
});

/** A history as an org writes it: every step is a new SystemModstamp, or a formula that moves none; time never stands still. */
const history = fc
  .array(fc.constantFrom('edit', 'formula', 'delete', 'again'), { minLength: 1, maxLength: 8 })
  .map((steps): Word[] => {
    let modstamp = 1;
    let content = 0;
    let ended = false;
    const words: Word[] = [[1, 0, '0']];
    steps.forEach((step, index) => {
      const readAt = index + 1;
      if (step === 'delete' && !ended) {
        ended = true;
        words.push([(modstamp += 1), readAt, null, 'deleted']);
        return;
      }
      if (step === 'edit' || ended) modstamp += 1;
      if (step !== 'again') content += 1;
      ended = false;
      // SystemModstamp is one of the fields that the hash is of.
      words.push([modstamp, readAt, `${modstamp} ${content}`]);
    });
    return words;
  });

it('any order of the words of a history gives one state', () => {
  fc.assert(
    fc.property(
      history.chain((words) => fc.tuple(fc.constant(words), fc.shuffledSubarray(words, { minLength: words.length }))),
      ([words, shuffled]) => {
        const shown = ({ state: { row, deletion: end } }: ReturnType<typeof fold>) => ({
          content: row?.hash,
          modstamp: row?.modstamp,
          end: end && { reason: end.reason, modstamp: end.modstamp },
        });
        expect(shown(fold(shuffled))).toEqual(shown(fold(words)));
      },
    ),
  );
});
