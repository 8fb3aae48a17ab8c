import { describe, expect, it } from '@jest/globals';
import type { RunView } from '#libs/storage/src/reads.ts';
import { eventsSince, eventText } from './sync-events.ts';

const progress = (done: number): RunView['progress'] => ({
  phase: 'list',
  done,
  total: 50,
  ratePerSecond: null,
  etaSeconds: null,
  requests: 1,
  read: done,
  classified: 0,
  applied: 0,
});
const run = (status: string, done: number | null, exitCode: number | null = null): RunView =>
  ({
    syncId: 'S',
    status,
    joinedTo: null,
    progress: done === null ? null : progress(done),
    exitCode,
    success: exitCode === null ? null : exitCode === 0,
  }) as RunView;

/** What a listener is told who sees these states one after the other, and reconnects after every event. */
function told(...states: RunView[]): string[] {
  let last: string | undefined;
  return states.flatMap((state) => {
    const names: string[] = [];
    for (;;) {
      const [next] = eventsSince(last, state);
      if (next === undefined) return names;
      names.push(next.name);
      last = next.id;
      if (next.name === 'applied') return names;
    }
  });
}

describe('events of a sync', () => {
  it.each<[string, RunView[], string[]]>([
    ['nothing while it waits', [run('queued', null), run('joined', null)], []],
    [
      'start, pages, end',
      [run('running', 0), run('running', 10), run('read', 50), run('completed', 50, 0)],
      ['started', 'progress', 'progress', 'progress', 'read', 'applied'],
    ],
    ['the same state twice tells nothing new', [run('running', 10), run('running', 10)], ['started', 'progress']],
    [
      'a pause and what follows',
      [run('running', 10), run('paused', 20), run('paused', 20), run('running', 20)],
      ['started', 'progress', 'progress', 'paused', 'resumed'],
    ],
    [
      'a pause that ended unseen',
      [run('paused', 20), run('completed', 50, 0)],
      ['started', 'progress', 'paused', 'resumed', 'read', 'applied'],
    ],
    [
      'a cancelled pause is no resumption',
      [run('paused', 20), run('cancelled', 20, 3)],
      ['started', 'progress', 'paused', 'read', 'applied'],
    ],
    ['refused before anything was read', [run('queued', null), run('failed', null, 2)], ['applied']],
    ['failed, and not applied yet', [run('running', 10), run('failed', 10)], ['started', 'progress', 'read']],
    ['over when somebody comes', [run('completed', 50, 0)], ['started', 'read', 'applied']],
  ])('%s', (_what, states, names) => {
    expect(told(...states)).toEqual(names);
  });

  it('a pause that nobody asked for tells its reason', () => {
    const error = { code: 'salesforce_api_ceiling', kind: 'transient', message: 'used up' };
    const [, , paused] = eventsSince(undefined, { ...run('paused', 20), error });
    expect(paused).toMatchObject({ name: 'paused', data: { error } });
  });

  it.each(['', 'nonsense', 'running', `${'x'.repeat(500)}:`, 'a:b\n'])(
    'takes a strange Last-Event-ID for none: %j',
    (id) => {
      expect(eventsSince(id, run('running', 10)).map(({ name }) => name)).toEqual(['started', 'progress']);
    },
  );

  it('are one block of text each', () => {
    const [event] = eventsSince(undefined, run('running', 0));
    expect(eventText(event!)).toMatch(/^event: started\nid: running:\S*\ndata: \{"syncId":"S".*\}\n\n$/);
  });
});
