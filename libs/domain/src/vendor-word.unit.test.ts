import { describe, expect, it } from '@jest/globals';
import type { VendorAction } from '#libs/contracts/src/generated/events.ts';
import { markMissing, restoreSighted } from './missing.ts';
import type { VendorRow } from './rows.ts';
import { rules, vendorRow } from './rules.fixture.ts';
import { evolveVendor } from './vendor.ts';
import { sayStatus } from './vendor-word.ts';
import { classify } from './classify.ts';
import { contact, evidence, lookupZip } from './rules.fixture.ts';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';

type Step = (row: VendorRow) => VendorRow;

const say =
  (action: VendorAction, requestedAt: number): Step =>
  (row) =>
    sayStatus(row, { action, requestedAt }, rules);

/** The row's contact is seen with these tags. */
const seen =
  (tags: string[], readAt: number): Step =>
  (row) => {
    const read = contact({ tags, readAt, dateUpdated: readAt, knownAs: evidence({ vendorById: true }) });
    const observed = classify(read, rules, lookupZip)[0]!.value as VendorObserved;
    return evolveVendor(row, observed, { rules, id: row.id, grantUserId: true }).row;
  };

const missing =
  (at: number): Step =>
  (row) =>
    // Who was taken for found since the scan began is not marked by it (finish.ts).
    (row.localStatusAt ?? 0) >= at && row.localStatus !== 'deleted' ? row : markMissing(row, at, rules);

const back =
  (at: number): Step =>
  (row) =>
    restoreSighted(row, 'vendors', at, rules);

const ACTIVE = ['manually approved'];
const start = vendorRow({ ghlContactId: contact({}).contactId, status: 'active', updatedAt: 1, sourceUpdatedAt: 1 });
const run = (...steps: Step[]): VendorRow => steps.reduce((row, step) => step(row), start);
const without = ({ updatedAt: _updatedAt, ...row }: VendorRow): object => row;

describe('what people say of a vendor', () => {
  it.each<[string, Step[], string, string | null]>([
    ['delete', [say('delete', 10)], 'deleted', 'active'],
    ['delete, then a sighting', [say('delete', 10), seen(ACTIVE, 20)], 'deleted', 'active'],
    ['delete, then another tag', [say('delete', 10), seen(['deactivated'], 20)], 'deleted', 'deactivated'],
    ['delete, then missing', [say('delete', 10), missing(20)], 'deleted', 'active'],
    ['delete, missing, restore', [say('delete', 10), missing(20), say('restore', 30)], 'active', null],
    ['delete, then activate', [say('delete', 10), say('activate', 20)], 'active', 'active'],
    [
      'deactivate, then a sighting with the same tags',
      [say('deactivate', 10), seen(ACTIVE, 20)],
      'deactivated',
      'active',
    ],
    ['deactivate, then other tags', [say('deactivate', 10), seen(['manual approval'], 20)], 'pending', null],
    ['deactivate, then restore', [say('deactivate', 10), say('restore', 20)], 'active', null],
    ['missing, then restore', [missing(10), say('restore', 20)], 'active', null],
    [
      'missing, then deactivate, then missing again',
      [missing(10), say('deactivate', 20), missing(30)],
      'inactive_ghl_deleted',
      'active',
    ],
    ['deactivate, missing, seen', [say('deactivate', 10), missing(20), back(30)], 'deactivated', 'active'],
    ['an older word after a newer one', [say('delete', 20), say('activate', 10)], 'deleted', 'active'],
    ['the same word twice', [say('deactivate', 10), say('deactivate', 10)], 'deactivated', 'active'],
  ])('%s', (_what, steps, status, previousStatus) => {
    expect(run(...steps)).toMatchObject({ status, previousStatus });
  });

  it.each<[string, Step, Step[]]>([
    ['delete', say('delete', 25), [seen(ACTIVE, 10), seen(['deactivated'], 30)]],
    [
      'activate before a change of the tags',
      say('activate', 25),
      [seen(['deactivated'], 20), seen(['manual approval'], 30)],
    ],
    [
      'deactivate after the last change',
      say('deactivate', 25),
      [seen(['manual approval'], 20), seen(['manual approval'], 30)],
    ],
    ['restore before the scan that misses the row', say('restore', 15), [seen(ACTIVE, 10), missing(20)]],
    ['restore after the scan that misses the row', say('restore', 35), [seen(ACTIVE, 10), missing(20)]],
    ['delete around a scan that misses the row', say('delete', 25), [missing(20), back(30)]],
  ])('%s: the same row wherever a replay meets the word', (_what, word, steps) => {
    const rows = [0, 1, 2].map((place) => without(run(...steps.toSpliced(place, 0, word))));
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
  });
});
