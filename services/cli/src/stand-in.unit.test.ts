import { describe, expect, it, jest } from '@jest/globals';
import { createStandIn } from './work.ts';

function standIn(looks: (boolean | Error)[], start = jest.fn(async () => ({ stop: async () => undefined }))) {
  const said: string[] = [];
  const failure = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const made = createStandIn({
    async isThere() {
      const look = looks.shift();
      if (looks.length === 0) looked.resolve();
      if (look instanceof Error) throw look;
      return look ?? true;
    },
    async start() {
      started.resolve();
      return start();
    },
    say(line) {
      said.push(line);
      if (line.includes('none can be started here')) failure.resolve();
    },
    lookEveryMs: 1,
  });
  return { ...made, said, start, looked: looked.promise, started: started.promise, failure: failure.promise };
}

describe('a pipeline that a command waits for', () => {
  it('is replaced in this process when it is gone at two looks, and stopped with the command', async () => {
    const stop = jest.fn(async () => undefined);
    const made = standIn(
      [true, false, false],
      jest.fn(async () => ({ stop })),
    );
    await made.started;
    await made.stop();
    expect(made.works()).toBe(true);
    expect(made.said).toEqual(['The pipeline that ran has ended: going on in this process']);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('is not while it comes back, nor while the broker does not answer', async () => {
    const made = standIn([false, true, false, new Error('away'), false, true, true]);
    await made.looked;
    await made.stop();
    expect(made.works()).toBe(false);
    expect(made.said).toEqual([]);
    expect(made.start).not.toHaveBeenCalled();
  });

  it('that cannot be replaced is said to be so', async () => {
    const made = standIn(
      [false, false],
      jest.fn(async () => {
        throw new Error('no');
      }),
    );
    await made.failure;
    await made.stop();
    expect(made.works()).toBe(false);
  });
});
