import type {
  ContactGone,
  ContactLookupFailed,
  ContactUnclassified,
  LeadObserved,
  VendorObserved,
} from '#libs/contracts/src/generated/events.ts';
import type { VendorRow } from '#libs/domain/src/rows.ts';
import type { VendorEvolution } from '#libs/domain/src/vendor.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import type { Sighting, TableOutcomes } from '#libs/storage/src/sightings.ts';
import type { VendorSight } from './sight.ts';

/** Observations of one account and one scan (or none), as one partition brought them; vendors as they are looked at, or whole. */
export interface Observations<Vendor = VendorSight> {
  account: string;
  scanId: string | null;
  vendors: Vendor[];
  leads: LeadObserved[];
  unclassified: ContactUnclassified[];
  gone: ContactGone[];
  failed: ContactLookupFailed[];
}

/** Ids of events by their values. */
export type EventIds = ReadonlyMap<object, string>;

/** Why a row is written on what was observed. */
export function observedBy(
  { scanId, eventIds }: Pick<BatchScope, 'scanId' | 'eventIds'>,
  observation: { observedAt: number },
): Cause {
  return { kind: 'observation', eventId: eventIds.get(observation) ?? '', scanId, at: observation.observedAt };
}

/** An observation whose rows are contested: kept until the scan ends; settled with its batch outside a scan. */
export interface Contested {
  scanId: string | null;
  table: 'vendors' | 'leads';
  contactId: string;
  type: string;
  /** Id of its event. */
  eventId: string;
  observation: VendorObserved | LeadObserved | ContactUnclassified;
}

/** What the appliers share: where they write and what they note. */
export interface BatchScope extends Writing {
  account: string;
  scanId: string | null;
  /** Id of the event of each observation. */
  eventIds: EventIds;
  sighting: Sighting;
  contested: Contested[];
}

/** Leaves an observation to the end of the scan, when all who claim the same rows are known. */
export function contest(
  scope: BatchScope,
  table: 'vendors' | 'leads',
  type: string,
  observation: Contested['observation'],
): void {
  const { contactId } = observation;
  scope.sighting.otherContacts.push(contactId);
  const eventId = scope.eventIds.get(observation) ?? '';
  scope.contested.push({ scanId: scope.scanId, table, contactId, type, eventId, observation });
}

/** Those whose e-mail is not taken and nobody before them has; `rival` is told of the others. */
export function firstByEmail<T extends { email: string | null }>(
  list: readonly T[],
  taken: ReadonlySet<string | null>,
  rival: (one: T) => void,
): T[] {
  const emails = new Set(taken);
  return list.filter((one) => {
    if (one.email === null) return true;
    if (emails.has(one.email)) {
      rival(one);
      return false;
    }
    emails.add(one.email);
    return true;
  });
}

/** The newest observation of each contact, whatever it was observed as; of one version the one that was read last. */
export function newestByContact<T extends { contactId: string; dateUpdated: number | null; observedAt: number }>(
  list: readonly T[],
): Map<string, T> {
  const newest = new Map<string, T>();
  for (const item of list) {
    const known = newest.get(item.contactId);
    if (known === undefined || isAsNew(item, known)) newest.set(item.contactId, item);
  }
  return newest;
}

function isAsNew(
  a: { dateUpdated: number | null; observedAt: number },
  b: { dateUpdated: number | null; observedAt: number },
): boolean {
  const later = (a.dateUpdated ?? 0) - (b.dateUpdated ?? 0) || a.observedAt - b.observedAt;
  return later >= 0;
}

/** Notes what became of a row. */
export function noteOutcome(
  outcomes: TableOutcomes,
  id: string,
  evolution: { outcome: string; restored: boolean; deactivated?: boolean; rebound: boolean },
): void {
  if (evolution.outcome === 'created') outcomes.created.push(id);
  if (evolution.outcome === 'updated') outcomes.updated.push(id);
  if (evolution.restored) outcomes.restored.push(id);
  if (evolution.deactivated === true) outcomes.deactivated.push(id);
  if (evolution.rebound) outcomes.rebound.push(id);
}

/** Notes what a vendor row does about its GHL user id: a wish for another one, or that it gives its own up for nothing. */
export function noteUserId(
  outcomes: Sighting['outcomes'],
  { contactId, dateUpdated, ghlUserId: wanted }: VendorObserved,
  before: VendorRow | undefined,
  { row, changed, restored, outcome }: VendorEvolution,
  granted: boolean,
): void {
  const held = before?.ghlUserId ?? null;
  if (held !== null && row.ghlUserId === null) outcomes.userIdsGivenUp.push([row.id, held]);
  if (wanted === null || wanted === held || outcome === 'stale') return;
  const onlyChange = changed.length === 1 && changed[0] === 'ghlUserId';
  const updatedAtBefore = onlyChange && !restored ? (before?.updatedAt ?? null) : null;
  outcomes.userIds.push({
    rowId: row.id,
    contactId,
    dateUpdated,
    wanted,
    before: held,
    granted,
    onlyChange,
    updatedAtBefore,
  });
}

/** Notes a row whose contact is seen but classed otherwise. */
export function noteReclassified<
  R extends { id: string; reclassifiedAs: string | null; missingSince: number | null; status: string },
>(outcomes: TableOutcomes, before: R, after: R): void {
  if (before.reclassifiedAs !== after.reclassifiedAs) outcomes.reclassified.push(before.id);
  if (before.status !== after.status) outcomes.restored.push(before.id);
}
