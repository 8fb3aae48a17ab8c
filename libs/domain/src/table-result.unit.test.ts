import { describe, expect, it } from '@jest/globals';
import type { TableCounters } from '#libs/contracts/src/generated/events.ts';
import { concludeTable, namedStatistics, statistics, type TableConclusion } from './table-result.ts';

const COUNTERS: TableCounters = {
  retrieved: 125_000,
  processed: 125_000,
  created: 1_200,
  updated: 23_650,
  unchanged: 100_100,
  deleted: 40,
  restored: 10,
  quarantined: 0,
  errors: 0,
  total: 601_200,
};

const facts = (more: Partial<TableConclusion> = {}, counters: Partial<TableCounters> = {}): TableConclusion => ({
  failure: undefined,
  missingNumbers: 0,
  deadLettered: 0,
  dryRun: false,
  caughtUp: null,
  ...more,
  counters: { ...COUNTERS, ...counters },
});

describe('a sync', () => {
  it.each<[string, TableConclusion, string, number, RegExp]>([
    [
      'that did all',
      facts(),
      'completed',
      0,
      /^Sync completed: created 1200, updated 23650, marked 40 deleted, restored 10/,
    ],
    [
      'that caught up with what the recycle bin has forgotten',
      facts({ caughtUp: 1234 }),
      'completed',
      0,
      /^Sync completed: .* The sync before was longer ago .*: the ids of all contacts \(1,234\) were compared as well\.$/,
    ],
    ['that tried all', facts({ dryRun: true }), 'completed', 0, /^Dry run: would have created 1200/],
    [
      'with quarantined records',
      facts({ deadLettered: 3 }, { quarantined: 2 }),
      'incomplete',
      3,
      /but 2 records went to the dead-letter topic/,
    ],
    [
      'with a dead letter that counts for another record',
      facts({ deadLettered: 1 }),
      'incomplete',
      3,
      /but 1 records went to the dead-letter topic/,
    ],
    [
      'with records that never came',
      facts({ missingNumbers: 3 }, { errors: 3 }),
      'incomplete',
      3,
      /but 3 records never arrived: run the sync again\.$/,
    ],
    [
      'that was refused',
      facts({ failure: { code: 'c', message: 'no access', exitCode: 2 } }),
      'failed',
      2,
      /not all could be read: no access\.$/,
    ],
    [
      'that broke off',
      facts({ failure: { code: 'c', message: '', exitCode: 3 } }),
      'incomplete',
      3,
      /not all could be read: c\.$/,
    ],
    [
      'whose failure names no exit code',
      facts({ failure: { code: 'c', message: 'm', exitCode: 0 } }),
      'incomplete',
      3,
      /m\.$/,
    ],
  ])('%s', (_, conclusion, status, exitCode, message) => {
    expect(concludeTable(conclusion)).toEqual({ status, exitCode, message: expect.stringMatching(message) });
  });
});

describe('the statistics', () => {
  it('are the block people know, and what it did not count', () => {
    expect(statistics(COUNTERS, 2_765.5)).toBe(
      [
        'Final Statistics:',
        '  Total retrieved: 125,000',
        '  Total processed: 125,000',
        '  New records: 1,200',
        '  Updated records: 23,650',
        '  Unchanged records: 100,100',
        '  Deleted records: 40',
        '  Restored records: 10',
        '  Quarantined records: 0',
        '  Errors: 0',
        '  Processing rate: 45.2 records/second',
        '  Final database count: 601,200',
      ].join('\n'),
    );
  });

  it('have the names that programs know', () => {
    expect(namedStatistics(COUNTERS)).toMatchObject({
      total_retrieved: 125_000,
      total_processed: 125_000,
      new_records: 1_200,
      updated_records: 23_650,
      errors: 0,
      final_database_count: 601_200,
    });
  });

  it('have no rate without a time', () => {
    expect(statistics(COUNTERS, null)).not.toContain('rate');
  });
});
