import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { runRounds } from './rounds.ts';

let stop: AbortController;
/** What happened, in order. */
let log: string[];

beforeEach(() => {
  stop = new AbortController();
  log = [];
});

const ended = (exitCode: number): (() => RunView) => {
  return () => ({ exitCode, status: exitCode === 0 ? 'completed' : 'incomplete', error: null }) as RunView;
};

function thrown(error: unknown): () => RunView {
  return () => {
    throw error;
  };
}

/** Runs these rounds and stops in the pause behind the last one. */
async function run(rounds: readonly (() => RunView)[], everyMs: number | null = 60_000): Promise<void> {
  let at = 0;
  await runRounds({
    everyMs,
    signal: stop.signal,
    say: (line) => void log.push(line),
    async round() {
      log.push('round');
      return rounds[at++]!();
    },
    async pause(ms, signal) {
      log.push(`pause ${ms}`);
      if (at === rounds.length) stop.abort();
      signal.throwIfAborted();
    },
  });
}

const aborted = expect.objectContaining({ name: 'AbortError' });

describe('rounds', () => {
  it('come again after their pause until they are stopped', async () => {
    await expect(run([ended(0), ended(0), ended(0)])).rejects.toEqual(aborted);
    expect(log).toEqual(['round', 'pause 60000', 'round', 'pause 60000', 'round', 'pause 60000']);
  });

  it.each<[string, () => RunView, RegExp]>([
    ['a run that failed', ended(1), /^Not all was done: the next sync begins in 60 s/],
    ['a run that is incomplete', ended(3), /^Not all was done/],
    [
      'a run that waits at the API ceiling',
      () => ({ exitCode: null, status: 'paused', error: { code: 'salesforce_api_ceiling' } }) as unknown as RunView,
      /^Not all was done/,
    ],
    [
      'a database that was away',
      thrown(new AppError('database_unavailable', 'PostgreSQL is away')),
      /^database_unavailable: PostgreSQL is away: the next sync/,
    ],
  ])('survive %s, and say so', async (_what, round, line) => {
    await expect(run([round, ended(0)])).rejects.toEqual(aborted);
    expect(log).toEqual(['round', expect.stringMatching(line), 'pause 60000', 'round', 'pause 60000']);
  });

  it('end where settings are refused', async () => {
    await run([ended(2), ended(0)]);
    expect(log).toEqual(['round']);
  });

  it.each<[string, unknown]>([
    ['settings that are wrong', new AppError('config_invalid', 'set it right')],
    ['a defect of ours', new TypeError('undefined is not a function')],
  ])('end with %s', async (_what, error) => {
    await expect(run([thrown(error), ended(0)])).rejects.toBe(error);
    expect(log).toEqual(['round']);
  });

  it('end with what stops them in the middle of a round', async () => {
    const interrupted = new DOMException('stopped', 'AbortError');
    const round = (): RunView => {
      stop.abort();
      throw interrupted;
    };
    await expect(run([round, ended(0)])).rejects.toBe(interrupted);
  });

  it('are one where nobody asks for more, whatever came of it', async () => {
    await run([ended(3), ended(0)], null);
    await expect(run([thrown(new AppError('database_unavailable', 'away'))], null)).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(log).toEqual(['round', 'round']);
  });

  it('pause by the clock, and no longer once they are stopped', async () => {
    const round = async (): Promise<RunView> => {
      log.push('round');
      if (log.length === 2) setImmediate(() => stop.abort());
      return ended(0)();
    };
    const options = { round, say: () => undefined, signal: stop.signal };
    await expect(runRounds({ ...options, everyMs: 1 })).rejects.toEqual(aborted);
    expect(log.length).toBeGreaterThanOrEqual(2);
    stop = new AbortController();
    setImmediate(() => stop.abort());
    await expect(runRounds({ ...options, everyMs: 3_600_000, signal: stop.signal })).rejects.toEqual(aborted);
  });
});
