import { expect, it } from '@jest/globals';
import type { RunView } from '#libs/storage/src/reads.ts';
import { statsOf, syncContacts } from './salesforce-sync.ts';

const run = {
  syncId: 's1',
  source: 'salesforce',
  account: 'acme',
  success: true,
  message: 'done',
  duration: 1,
  stats: {},
  tableStats: null,
  error: null,
  fieldErrors: null,
  fields: null,
} as unknown as RunView;

it('statistics have the names of the old service', () => {
  const tableStats = {
    retrieved: 125_000,
    processed: 124_850,
    created: 1_200,
    updated: 123_650,
    unchanged: 0,
    deleted: 0,
    restored: 0,
    quarantined: 0,
    errors: 150,
    total: 9,
  };
  expect(statsOf({ ...run, tableStats })).toEqual({
    total_retrieved: 125_000,
    total_processed: 124_850,
    new_records: 1_200,
    updated_records: 123_650,
    errors: 150,
    success: true,
    message: 'done',
    syncId: 's1',
  });
});

it('a run that came to nothing is no success of zeros', () => {
  const error = { code: 'salesforce_unauthorized', kind: 'config', message: 'refused' };
  const failed = statsOf({ ...run, success: false, message: null, error });
  expect(failed).toMatchObject({ total_retrieved: 0, success: false, message: 'refused' });
});

it('what contradicts itself is refused before anything is started', async () => {
  await expect(syncContacts({ limit: 0 })).rejects.toMatchObject({ code: 'request_invalid' });
});
