import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { followRun } from './follow.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

const AWAY = new AppError('database_unavailable', 'the database does not answer');
const RUN = { syncId: 's', joinedTo: null, status: 'running', exitCode: null, reported: null };

/** A database that gives these answers to who asks for the run, one after the other, the last one again and again. */
function answering(answers: readonly (object | Error)[]): Database {
  let at = 0;
  const query = async (text: string): Promise<{ rows: object[] }> => {
    if (!text.includes('from runs')) return { rows: [] };
    const answer = answers[Math.min(at++, answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return { rows: [{ ...RUN, ...answer }] };
  };
  return { query } as unknown as Database;
}

describe('who follows a run', () => {
  it('bears that the database is away for a while', async () => {
    const seen: (string | undefined)[] = [];
    const database = answering([{}, AWAY, AWAY, { status: 'completed', exitCode: 0 }]);
    const run = await followRun(database, 's', (now) => void seen.push(now?.status));
    expect([run.exitCode, seen]).toEqual([0, ['running', 'completed']]);
  });

  it('gives up where it stays away', async () => {
    const clock = jest.spyOn(Date, 'now');
    const start = Date.now();
    let looks = 0;
    const database = { query: () => Promise.reject((clock.mockReturnValue(start + 50_000 * looks++), AWAY)) };
    await expect(followRun(database as unknown as Database, 's', () => undefined)).rejects.toBe(AWAY);
    expect(looks).toBe(4);
  });

  it.each([
    ['a defect of ours', new TypeError('x')],
    ['a refused password', new AppError('access_refused', 'x')],
  ])('ends with %s', async (_, error) => {
    await expect(followRun(answering([error]), 's', () => undefined)).rejects.toBe(error);
  });
});
