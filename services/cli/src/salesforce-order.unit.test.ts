import { describe, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import { salesforceOrder, type SalesforceFlags, type SalesforceOrder } from './salesforce-order.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const DAY = 24 * 3_600_000;
const at = (text: string): number => Date.parse(text);

describe('flags that go together', () => {
  const incremental = { mode: 'incremental' };
  it.each<[SalesforceFlags, Partial<SalesforceOrder['request']>]>([
    [
      { mode: 'bulk', full: true },
      { mode: 'full', api: 'bulk' },
    ],
    [{ full: true }, { mode: 'full' }],
    [
      { mode: 'bulk', days: '7' },
      { ...incremental, api: 'bulk', since: NOW - 7 * DAY },
    ],
    [
      { mode: 'bulk', startDate: '2024-01-01' },
      { ...incremental, api: 'bulk', since: at('2024-01-01T00:00Z') },
    ],
    [
      { mode: 'rest', limit: '1000' },
      { ...incremental, api: 'rest', limit: 1000, since: NOW - 7 * DAY },
    ],
    [
      { mode: 'bulk', days: '30', batchSize: '500' },
      { ...incremental, api: 'bulk', batchSize: 500, since: NOW - 30 * DAY },
    ],
    [{}, { ...incremental, since: NOW - 7 * DAY }],
    [{ incremental: true }, incremental],
    [{ continuous: true }, incremental],
    [{ daily: true }, { ...incremental, api: 'bulk', since: NOW - DAY }],
    [{ weekly: true }, { ...incremental, api: 'bulk', since: NOW - 7 * DAY }],
    [
      { daily: true, limit: '10' },
      { ...incremental, limit: 10, since: NOW - DAY },
    ],
    [
      { reconcile: true, dryRun: true },
      { mode: 'reconcile', dryRun: true },
    ],
    [
      { startDate: '2024-01-01', endDate: '2024-01-31' },
      { ...incremental, since: at('2024-01-01T00:00Z'), until: at('2024-02-01T00:00Z') },
    ],
    [
      { startDate: '2024-01-01T08:00:00', endDate: '2024-01-01T10:00+01:00' },
      { ...incremental, since: at('2024-01-01T08:00Z'), until: at('2024-01-01T09:00Z') },
    ],
  ])('%j', (flags, request) => {
    const expected = { ...ASKED_NOTHING, dryRun: false, ...request };
    expect(salesforceOrder(flags, NOW)?.request).toEqual(expected);
  });

  it('a test of the connection asks for no sync', () => {
    expect(salesforceOrder({ test: true }, NOW)).toBeUndefined();
  });

  it.each<[SalesforceFlags, number | null]>([
    [{ continuous: true }, 300_000],
    [{ continuous: true, every: '60' }, 60_000],
    [{ incremental: true }, null],
  ])('%j comes again after %p ms', (flags, everyMs) => expect(salesforceOrder(flags, NOW)?.everyMs).toBe(everyMs));
});

describe('flags that contradict each other, or would be ignored', () => {
  it.each<[SalesforceFlags, RegExp]>([
    [{ full: true, days: '7' }, /only one of --full, --days/],
    [{ full: true, incremental: true }, /only one of --full, --incremental/],
    [{ daily: true, startDate: '2024-01-01' }, /only one of --start-date, --daily/],
    [{ reconcile: true, continuous: true }, /only one of --reconcile, --continuous/],
    [{ mode: 'bulk', limit: '5' }, /--limit needs --mode rest/],
    [{ mode: 'rest', batchSize: '5' }, /--batch-size needs --mode bulk/],
    [{ limit: '5', batchSize: '5' }, /--batch-size has no meaning with --limit/],
    [{ reconcile: true, mode: 'bulk' }, /--mode has no meaning with --reconcile/],
    [{ continuous: true, dryRun: true }, /--dry-run has no meaning with --continuous/],
    [{ every: '60' }, /--every needs --continuous/],
    [{ continuous: true, every: '1' }, /--every: give a whole number from 10/],
    [{ endDate: '2024-01-01' }, /--end-date needs --start-date/],
    [{ startDate: '2024-02-30' }, /--start-date: give a date/],
    [{ startDate: '01.02.2024' }, /--start-date: give a date/],
    [{ startDate: '2024-01-02', endDate: '2024-13-01' }, /--end-date: give a date/],
    [{ startDate: '2024-01-02', endDate: '2024-01-01' }, /--end-date lies before --start-date/],
    [{ startDate: '2027-01-01' }, /--start-date lies in the future/],
    [{ days: '0' }, /--days: give a whole number from 1/],
    [{ days: '-3' }, /--days: give a whole number/],
    [{ limit: '0' }, /--limit: give a whole number/],
    [{ batchSize: '0' }, /--batch-size: give a whole number/],
    [{ test: true, full: true, mode: 'bulk' }, /--test only tests the connection: leave --mode, --full out/],
  ])('%j', (flags, message) => {
    expect(() => salesforceOrder(flags, NOW)).toThrow(
      expect.objectContaining({ code: 'request_invalid', message: expect.stringMatching(message) }),
    );
  });

  it('are told all at once', () => {
    expect(() => salesforceOrder({ full: true, days: '0', mode: 'bulk', limit: '5' }, NOW)).toThrow(
      /only one of[^]*--limit needs[^]*--days: give/,
    );
  });
});
