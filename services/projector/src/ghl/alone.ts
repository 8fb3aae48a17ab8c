import type { RowLife } from '#libs/domain/src/rows.ts';
import { emptySighting } from '#libs/storage/src/sightings.ts';
import { settleLeads, settleVendors, type KeptClaim, type OwnContact } from './contest.ts';
import type { BatchScope, Contested } from './scope.ts';

/**
 * Settles at once what is contested outside a scan, such as a redriven record: no end of a scan will do it. The evidence is what the
 * tables hold now: a row that is marked missing has lost its contact, any other contact that a row is bound to counts as seen.
 */
export async function settleAlone({ sql, rules, changes, account, sighting, contested }: BatchScope): Promise<void> {
  const first = contested[0];
  if (first === undefined) return;
  const empty = (): { vendors: Set<string>; leads: Set<string> } => ({ vendors: new Set(), leads: new Set() });
  const scope = {
    sql,
    rules,
    changes,
    account,
    scanId: null,
    closing: { kind: 'contest', eventId: first.eventId, scanId: null, at: first.observation.observedAt } as const,
    outcomes: { ...sighting.outcomes, emailChanges: emptySighting(account, null).outcomes.emailChanges },
    won: empty(),
    unchanged: empty(),
    displaced: new Set<string>(),
    conflicts: new Set<string>(),
    contested: async (table: 'vendors' | 'leads') => contested.filter((claim) => claim.table === table).map(knownNow),
    contactStates: async (rows: readonly RowLife[]) => overlaid(rows),
  };
  await settleVendors(scope);
  await settleLeads(scope);
}

/** It is contested because a row has its e-mail or opportunity now, whatever its scan knew. */
function knownNow({ contactId, type, eventId, observation }: Contested): KeptClaim {
  const knownAs = { ...observation.knownAs, vendorByEmail: true, leadByEmail: true };
  return { contactId, type, eventId, observation: { ...observation, knownAs } };
}

function overlaid(rows: readonly RowLife[]): Map<string, OwnContact> {
  return new Map(
    rows.map(({ ghlContactId, missingSince }) => [ghlContactId ?? '', missingSince === null ? 'seen' : 'gone']),
  );
}
