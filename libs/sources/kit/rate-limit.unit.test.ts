import { describe, expect, it } from '@jest/globals';
import { fakeClock } from './memory.fixture.ts';
import { createBudget, systemClock, type LimitHeaders } from './rate-limit.ts';

const said = (headers: Partial<LimitHeaders>): LimitHeaders => ({
  max: undefined,
  remaining: undefined,
  intervalMs: undefined,
  dailyRemaining: undefined,
  dailyResetMs: undefined,
  ...headers,
});

async function takeMany(budget: ReturnType<typeof createBudget>, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await budget.take();
}

describe('request budget', () => {
  it('starts 90 requests at once and the next one when the window has moved on', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    await takeMany(budget, 90);
    expect(clock.slept).toEqual([]);
    await budget.take();
    expect(clock.slept).toEqual([10_000]);
  });

  it('never starts more than its share in any window, however the starts are spread', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    budget.learn(said({ max: 20, intervalMs: 1000 }));
    const starts: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      await budget.take();
      starts.push(clock.now());
      clock.advance((index * 37) % 90);
    }
    for (const start of starts)
      expect(starts.filter((at) => at >= start && at < start + 1000).length).toBeLessThanOrEqual(18);
  });

  it('follows the limits that the answers name', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    budget.learn(said({ max: 25, intervalMs: 2_000 }));
    await takeMany(budget, 22);
    expect(clock.slept).toEqual([]);
    await budget.take();
    expect(clock.slept).toEqual([2_000]);
  });

  it('ignores limits that make no sense', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    budget.learn(said({ max: 0, intervalMs: 0 }));
    await takeMany(budget, 90);
    expect(clock.slept).toEqual([]);
  });

  it.each([
    [0, [10_000]],
    [-1, [10_000]],
    [9, [10_000]],
    [10, []],
    [80, []],
  ])('leaves the rest to others: with %i remaining it waits %j', async (remaining, waits) => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    await budget.take();
    budget.learn(said({ max: 100, remaining }));
    await budget.take();
    expect(clock.slept).toEqual(waits);
    expect(budget.heldMs()).toBe(0);
  });

  it('holds everybody after an answer that asks to slow down', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    budget.hold(3_000);
    budget.hold(1_000);
    expect(budget.heldMs()).toBe(3_000);
    await Promise.all([budget.take(), budget.take()]);
    expect(clock.now()).toBe(1_700_000_003_000);
    expect(budget.heldMs()).toBe(0);
  });

  it('refuses for the rest of the day when the day is used up, and says how long', async () => {
    const clock = fakeClock();
    const budget = createBudget(clock);
    budget.learn(said({ dailyRemaining: 0, dailyResetMs: 90 * 60_000 }));
    await expect(budget.take()).rejects.toMatchObject({
      code: 'ghl_daily_limit',
      message: expect.stringContaining('in about 90 minutes'),
    });
    clock.advance(90 * 60_000);
    await expect(budget.take()).resolves.toBeUndefined();
  });

  it('takes an hour for the rest of the day when no answer says more', async () => {
    const budget = createBudget(fakeClock());
    budget.learn(said({ dailyRemaining: 0 }));
    await expect(budget.take()).rejects.toThrow('in about 60 minutes');
  });

  it('stops waiting when it is aborted', async () => {
    const budget = createBudget(systemClock);
    const stop = new AbortController();
    budget.hold(60_000);
    const waiting = budget.take(stop.signal);
    stop.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow();
  });
});
