import { describe, expect, it } from '@jest/globals';
import { describeStages, stagesOf } from './progress.ts';

const list = { phase: 'list', recordsRead: 200, recordsTotal: 1000, lookupsDone: 0, lookupsTotal: null, requests: 3 };
const stages = { read: 200, classified: 150, applied: 100 };

describe('progress of a sync', () => {
  it.each([
    ['contacts of a list', { ...list, perSecond: 50 }, { done: 200, total: 1000, ratePerSecond: 50, etaSeconds: 16 }],
    ['a rate nobody knows', { ...list, perSecond: null }, { done: 200, ratePerSecond: null, etaSeconds: null }],
    ['a total nobody knows', { ...list, recordsTotal: null, perSecond: 50 }, { total: null, etaSeconds: null }],
    ['a phase that stands still', { ...list, perSecond: 0 }, { ratePerSecond: 0, etaSeconds: null }],
    ['more than was promised', { ...list, recordsRead: 1200, perSecond: 9 }, { done: 1200, etaSeconds: 0 }],
    [
      'look-ups',
      { ...list, phase: 'confirm', lookupsDone: 30, lookupsTotal: 90, perSecond: 6 },
      { phase: 'confirm', done: 30, total: 90, etaSeconds: 10 },
    ],
  ])('while it reads: %s', (_what, reported, expected) => {
    expect(describeStages(reported, stages, false)).toMatchObject({ ...expected, ...stages, requests: 3 });
  });

  it('is of what is applied once everything is read', () => {
    expect(describeStages(list, stages, true)).toMatchObject({ phase: 'applying', done: 100, total: 200 });
    const done = { read: 200, classified: 200, applied: 200 };
    expect(describeStages(list, done, true)).toMatchObject({ phase: 'done', done: 200, total: 200, etaSeconds: 0 });
  });

  it.each([
    ['nothing yet', { published: 0, offset: -1, classifiedNext: 0, applied: 0 }, [0, 0, 0]],
    ['all of it', { published: 10, offset: 99, classifiedNext: 100, applied: 10 }, [10, 10, 10]],
    ['the classifier owes four', { published: 10, offset: 99, classifiedNext: 96, applied: 3 }, [10, 6, 3]],
    ['it is far behind, in other scans', { published: 10, offset: 99, classifiedNext: 20, applied: 2 }, [10, 2, 2]],
    [
      'a position saved after what was applied',
      { published: 5, offset: 50, classifiedNext: 60, applied: 8 },
      [8, 8, 8],
    ],
    ['offsets nobody saved', { published: 7, offset: -1, classifiedNext: 0, applied: 1 }, [7, 7, 1]],
  ])('counts records by stage: %s', (_what, place, [read, classified, applied]) => {
    expect(stagesOf([place, place])).toEqual({ read: read! * 2, classified: classified! * 2, applied: applied! * 2 });
  });
});
