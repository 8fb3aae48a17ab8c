import { describe, expect, it } from '@jest/globals';
import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { fakeClock } from './memory.fixture.ts';
import { systemClock } from './rate-limit.ts';
import { withRetry } from './retry.ts';

/** Fails so often, then answers. */
function failing(times: number, code: ErrorCode = 'ghl_unavailable'): { calls: number; work: () => Promise<string> } {
  const state = {
    calls: 0,
    work: async () => {
      state.calls += 1;
      if (state.calls <= times) throw new AppError(code, 'no');
      return 'answer';
    },
  };
  return state;
}

describe('retry', () => {
  it('waits twice as long each time, up to ten seconds', async () => {
    const clock = fakeClock();
    const { work } = failing(8);
    await expect(withRetry({ totalMs: 120_000, clock, random: () => 1 }, work)).resolves.toBe('answer');
    expect(clock.slept).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('spreads the waits over the whole range', async () => {
    const clock = fakeClock();
    const numbers = [0, 0.5, 0.25];
    await withRetry({ totalMs: 120_000, clock, random: () => numbers.shift() ?? 1 }, failing(3).work);
    expect(clock.slept).toEqual([0, 250, 250]);
  });

  it('gives up when patience ends and throws the last error', async () => {
    const clock = fakeClock();
    const calls = failing(1_000, 'ghl_timeout');
    await expect(withRetry({ totalMs: 3_000, clock, random: () => 1 }, calls.work)).rejects.toMatchObject({
      code: 'ghl_timeout',
    });
    expect(clock.slept).toEqual([250, 500, 1_000]);
    expect(calls.calls).toBe(4);
  });

  it('goes on as long as patience lasts, however many attempts that takes', async () => {
    const calls = failing(1_000);
    const patience = { totalMs: 3_600_000, clock: fakeClock(), random: () => 1 };
    await expect(withRetry(patience, calls.work)).rejects.toMatchObject({ code: 'ghl_unavailable' });
    expect(calls.calls).toBe(365);
  });

  it('does not wait for a source that asks for more than patience', async () => {
    const clock = fakeClock();
    const calls = failing(1_000, 'ghl_rate_limited');
    await expect(withRetry({ totalMs: 60_000, clock, heldMs: () => 3_600_000 }, calls.work)).rejects.toMatchObject({
      code: 'ghl_rate_limited',
    });
    expect({ calls: calls.calls, slept: clock.slept }).toEqual({ calls: 1, slept: [] });
  });

  it.each<ErrorCode>(['ghl_unauthorized', 'ghl_bad_request', 'response_too_large', 'ghl_daily_limit'])(
    'does not repeat what no waiting mends: %s',
    async (code) => {
      const calls = failing(1, code);
      const isFinal = (failure: AppError): boolean => failure.code === 'ghl_daily_limit';
      await expect(withRetry({ totalMs: 60_000, clock: fakeClock(), isFinal }, calls.work)).rejects.toMatchObject({
        code,
      });
      expect(calls.calls).toBe(1);
    },
  );

  it('ends at once when it is stopped while it waits', async () => {
    const stop = new AbortController();
    const calls = failing(1_000);
    const waiting = withRetry(
      { totalMs: 60_000, clock: systemClock, random: () => 1, signal: stop.signal },
      async () => {
        setImmediate(() => stop.abort());
        return calls.work();
      },
    );
    await expect(waiting).rejects.toMatchObject({ code: 'scan_cancelled' });
    expect(calls.calls).toBe(1);
  });

  it('starts nothing when it is stopped already', async () => {
    const calls = failing(0);
    await expect(withRetry({ totalMs: 1, signal: AbortSignal.abort() }, calls.work)).rejects.toMatchObject({
      code: 'scan_cancelled',
    });
    expect(calls.calls).toBe(0);
  });
});
