import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppError } from './errors.ts';
import { onStopSignal, startHost, together, type Component } from './host.ts';
import { createLogger } from './logger.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
let events: string[];

beforeEach(() => {
  events = [];
});

interface Part extends Component {
  fail(error: AppError): void;
}

/** A part that notes what happens to it. */
function part(name: string, more: Partial<Component> = {}): Part {
  let told: (error: AppError) => void = () => undefined;
  return {
    name,
    async start(fail) {
      told = fail;
      events.push(`start ${name}`);
    },
    readiness: () => [{ part: name, ready: true }],
    async stop() {
      events.push(`stop ${name}`);
    },
    ...more,
    fail: (error) => told(error),
  };
}

const failing = async (): Promise<void> => {
  throw new AppError('kafka_unavailable', 'no brokers');
};

describe('a host', () => {
  it('starts in order, stops in reverse, once, and ends with 0 when asked to', async () => {
    const host = await startHost([part('a'), part('b'), part('c')], logger);
    expect(host.readiness().every(({ ready }) => ready)).toBe(true);
    const stops = [host.stop(), host.stop()];
    expect(host.readiness()).toEqual([{ part: 'host', ready: false, reason: 'stopping' }]);
    expect(await Promise.all([...stops, host.done])).toEqual([0, 0, 0]);
    expect(events).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  it('starts a part only when the one before it works, and drains one before it stops the next', async () => {
    const slow = part('slow', {
      async start() {
        await new Promise((resolve) => setImmediate(resolve));
        events.push('start slow');
      },
      async stop() {
        await new Promise((resolve) => setImmediate(resolve));
        events.push('drained slow');
      },
    });
    const host = await startHost([part('a'), slow, part('b')], logger);
    await host.stop();
    expect(events).toEqual(['start a', 'start slow', 'start b', 'stop b', 'drained slow', 'stop a']);
  });

  it('that cannot start stops what started, the failed part too, and throws the reason', async () => {
    const parts = [part('a'), part('b', { start: failing }), part('c')];
    await expect(startHost(parts, logger)).rejects.toMatchObject({ code: 'kafka_unavailable' });
    expect(events).toEqual(['start a', 'stop b', 'stop a']);
  });

  it('with a part that dies while others start does not go on as if it lived', async () => {
    const a = part('a');
    const b = part('b', {
      async start() {
        events.push('start b');
        a.fail(new AppError('consumer_died', 'died'));
      },
    });
    await expect(startHost([a, b, part('c')], logger)).rejects.toMatchObject({ code: 'consumer_died' });
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it.each([
    ['consumer_died', 1],
    ['offset_out_of_range', 2],
  ] as const)('with a part that dies of %s stops the others and ends with %i', async (code, exitCode) => {
    const a = part('a');
    const host = await startHost([a, part('b')], logger);
    a.fail(new AppError(code, 'died'));
    a.fail(new AppError('internal', 'again'));
    expect(await host.done).toBe(exitCode);
    expect(events.slice(2)).toEqual(['stop b', 'stop a']);
  });

  it('with a part that does not stop cleanly stops the others all the same', async () => {
    const host = await startHost([part('a'), part('b', { stop: failing }), part('c')], logger);
    expect(await host.stop()).toBe(0);
    expect(events.slice(3)).toEqual(['stop c', 'stop a']);
  });

  it('with a part that never stops goes on after its time', async () => {
    const host = await startHost([part('a'), part('b', { stop: () => new Promise(() => undefined) })], logger, 10);
    expect(await host.stop()).toBe(0);
    expect(events).toContain('stop a');
  });

  it('gives all parts one time to stop, not each', async () => {
    const stuck = (name: string): Component =>
      part(name, {
        stop() {
          events.push(`asked ${name}`);
          return new Promise(() => undefined);
        },
      });
    const host = await startHost([stuck('a'), stuck('b'), stuck('c'), stuck('d')], logger, 100);
    const started = performance.now();
    await host.stop();
    expect(events.slice(-4)).toEqual(['asked d', 'asked c', 'asked b', 'asked a']);
    expect(performance.now() - started).toBeLessThan(300);
  });
});

describe('parts together', () => {
  it('start and stop side by side, and the first failure is thrown when all have come to an end', async () => {
    let letGo: (() => void) | undefined;
    const slow = part('slow', {
      async start() {
        await new Promise<void>((resolve) => (letGo = resolve));
        events.push('started slow');
      },
    });
    const quick = part('quick', {
      async start() {
        letGo?.();
        events.push('started quick');
      },
    });
    const all = together('all', [slow, quick, part('bad', { start: failing, stop: failing })]);
    await expect(all.start(() => undefined)).rejects.toMatchObject({ code: 'kafka_unavailable' });
    expect(events).toEqual(['started quick', 'started slow']);
    await expect(all.stop()).rejects.toMatchObject({ code: 'kafka_unavailable' });
    expect(events.slice(2)).toEqual(['stop slow', 'stop quick']);
    expect(all.readiness().map(({ part: name }) => name)).toEqual(['slow', 'quick', 'bad']);
  });
});

describe('a stop signal', () => {
  beforeEach(() => {
    jest.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
  });
  afterEach(() => void jest.restoreAllMocks());

  const at = (ms: number): void => void jest.spyOn(performance, 'now').mockReturnValue(ms);

  it('asks to stop; a second one, of whichever kind, ends the process at once; undone it does nothing', () => {
    const asked: string[] = [];
    at(1_000);
    const undo = onStopSignal((signal) => asked.push(signal));
    process.emit('SIGTERM', 'SIGTERM');
    expect(asked).toEqual(['SIGTERM']);
    expect(process.exit).not.toHaveBeenCalled();
    at(2_000);
    expect(() => process.emit('SIGINT', 'SIGINT')).toThrow('exit');
    expect(asked).toEqual(['SIGTERM']);
    expect(process.exit).toHaveBeenCalledWith(130);
    undo();
    expect(['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => process.listenerCount(signal))).toEqual([0, 0, 0]);
  });

  it('comes twice from one Ctrl-C under npm, and is one', () => {
    const asked: string[] = [];
    at(1_000);
    const undo = onStopSignal((signal) => asked.push(signal));
    process.emit('SIGINT', 'SIGINT');
    at(1_100);
    process.emit('SIGINT', 'SIGINT');
    expect(asked).toEqual(['SIGINT']);
    expect(process.exit).not.toHaveBeenCalled();
    undo();
  });
});
