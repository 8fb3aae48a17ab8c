import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { AppError } from './errors.ts';
import { reachable } from './reachable.ts';

describe('a service that every part needs', () => {
  it.each([
    ['answers', async () => 1, { part: 'x', ready: true }],
    [
      'fails',
      async () => Promise.reject(new AppError('kafka_unavailable', 'why')),
      { part: 'x', ready: false, reason: 'why' },
    ],
    [
      'fails oddly',
      async () => Promise.reject(new Error('secret')),
      { part: 'x', ready: false, reason: 'unexpected Error' },
    ],
    ['is silent', () => new Promise(() => undefined), { part: 'x', ready: false, reason: 'no answer within 0.01 s' }],
  ])('that %s', async (_what, ask, expected) => {
    expect(await reachable('x', ask, { withinMs: 10 })()).toEqual(expected);
  });

  it('is asked once, however many want to know, and again when its answer is old', async () => {
    const asked: PromiseWithResolvers<void>[] = [];
    const look = reachable(
      'x',
      () => {
        asked.push(Promise.withResolvers());
        return asked.at(-1)!.promise;
      },
      { withinMs: 10, keptMs: 0 },
    );
    const silent = await Promise.all([look(), look()]);
    silent.push(await look());
    expect(silent.map(({ ready }) => ready)).toEqual([false, false, false]);
    expect(asked).toHaveLength(1);
    asked[0]!.resolve();
    expect(await look()).toEqual({ part: 'x', ready: true });
    while (asked.length === 1) {
      await nextTurn();
      void look();
    }
    asked[1]!.reject(new AppError('database_unavailable', 'gone'));
    expect(await look()).toMatchObject({ ready: false, reason: 'gone' });
  });
});
