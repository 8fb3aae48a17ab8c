import { describe, expect, it } from '@jest/globals';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { VendorRow } from '#libs/domain/src/rows.ts';
import { vendorObserved, vendorRow } from '#libs/domain/src/rules.fixture.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { evolveVendor } from '#libs/domain/src/vendor.ts';
import { emptySighting, type Sighting } from '#libs/storage/src/sightings.ts';
import { noteUserId } from './scope.ts';

const rules = { ...DEFAULT_GHL_RULES, emptyOverwrites: true };

function note(
  row: VendorRow | undefined,
  observed: VendorObserved,
  granted: boolean,
): Pick<Sighting['outcomes'], 'userIds' | 'userIdsGivenUp'> {
  const { outcomes } = emptySighting('loc', 's1');
  noteUserId(outcomes, observed, row, evolveVendor(row, observed, { rules, id: 'new', grantUserId: granted }), granted);
  return { userIds: outcomes.userIds, userIdsGivenUp: outcomes.userIdsGivenUp };
}

const wish = { before: null, wanted: 'u', granted: true, onlyChange: false, updatedAtBefore: null };
const missing = { status: DEFAULT_GHL_RULES.inactiveStatus, previousStatus: 'pending', missingSince: 1 };

describe('what a scan remembers of GHL user ids (rules-ghl section 1)', () => {
  it.each<[string, VendorRow | undefined, Partial<VendorObserved>, boolean, object | undefined]>([
    ['no wish', vendorRow({ ghlUserId: 'u' }), { ghlUserId: 'u' }, false, undefined],
    ['the wish of a new row', undefined, { ghlUserId: 'u' }, true, { ...wish, rowId: 'new' }],
    [
      'a wish that is all the row changes, with the time to go back to',
      vendorRow({ updatedAt: 7 }),
      { ghlUserId: 'u' },
      true,
      { ...wish, onlyChange: true, updatedAtBefore: 7 },
    ],
    ['a wish among other changes', vendorRow(), { ghlUserId: 'u', phone: '1' }, true, wish],
    [
      'a wish of a row that comes back, which is written anyway',
      vendorRow(missing),
      { ghlUserId: 'u' },
      true,
      { ...wish, onlyChange: true },
    ],
    [
      'a wish that was not granted',
      vendorRow({ ghlUserId: 'mine' }),
      { ghlUserId: 'u' },
      false,
      { ...wish, before: 'mine', granted: false },
    ],
    ['nothing of an older observation', vendorRow(), { ghlUserId: 'u', dateUpdated: 1 }, false, undefined],
  ])('%s', (_, row, observed, granted, expected) => {
    const { userIds } = note(row, vendorObserved(observed), granted);
    expect(userIds).toMatchObject(expected === undefined ? [] : [expected]);
    expect(userIds).toHaveLength(expected === undefined ? 0 : 1);
  });

  it('an id that a row gives up for nothing, which nobody else may have in this scan', () => {
    expect(note(vendorRow({ ghlUserId: 'u' }), vendorObserved(), false)).toEqual({
      userIds: [],
      userIdsGivenUp: [['row', 'u']],
    });
  });
});
