import { expect, it } from '@jest/globals';
import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { hastyClock } from './reading.fixture.ts';
import { salesforceSource } from './source.ts';

const HOLD_MS = 900_000;
const source = salesforceSource({
  accounts: [],
  version: 'v58.0',
  timeoutMs: 1,
  patienceMs: 1,
  contacts: {
    bulk: {
      batchRows: 1,
      maxRecords: 1,
      parallel: 1,
      pollFirstMs: 1,
      pollLongestMs: 1,
      deadlineMs: 1,
      checkTotal: true,
    },
    windows: { overlapMs: 0, lagMs: 0 },
    bulkFrom: 1,
    extraFields: [],
    clock: hastyClock,
  },
  vanished: { minContacts: 1, maxShare: 1 },
  holdMs: HOLD_MS,
  usage: { warnShare: 1, ceilingShare: 1 },
  onRequest: () => undefined,
  onRefused: () => undefined,
});

it.each<[ErrorCode, { begun: boolean; fresh: boolean }]>([
  ['salesforce_api_ceiling', { begun: true, fresh: true }],
  ['salesforce_request_limit', { begun: true, fresh: true }],
  ['salesforce_unavailable', { begun: true, fresh: false }],
  ['salesforce_timeout', { begun: true, fresh: false }],
  ['salesforce_job_failed', { begun: false, fresh: false }],
  ['salesforce_unauthorized', { begun: false, fresh: false }],
  ['scan_cancelled', { begun: false, fresh: false }],
])('%s holds a scan that has read something, and one that has not: %j', (code, expected) => {
  const isHeld = (hasRead: boolean): boolean => source.holds(new AppError(code, ''), hasRead) === HOLD_MS;
  expect({ begun: isHeld(true), fresh: isHeld(false) }).toEqual(expected);
});
