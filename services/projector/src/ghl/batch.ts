import type {
  ContactGone,
  ContactLookupFailed,
  ContactUnclassified,
  LeadObserved,
  VendorObserved,
} from '#libs/contracts/src/generated/events.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { saveContested, saveSighting, emptySighting, type Sighting } from '#libs/storage/src/sightings.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { applyLeads } from './leads.ts';
import { applyVendors } from './vendors.ts';

/** Observations of one account and one scan (or none), as one partition brought them. */
export interface Observations {
  account: string;
  scanId: string | null;
  vendors: VendorObserved[];
  leads: LeadObserved[];
  unclassified: ContactUnclassified[];
  gone: ContactGone[];
  failed: ContactLookupFailed[];
}

/** An observation whose rows are contested: kept until the scan ends. */
export interface Contested {
  scanId: string;
  table: 'vendors' | 'leads';
  contactId: string;
  type: string;
  observation: VendorObserved | LeadObserved | ContactUnclassified;
}

/** What the appliers share: where they write and what they note. */
export interface BatchScope {
  sql: Sql;
  account: string;
  scanId: string | null;
  rules: GhlRules;
  sighting: Sighting;
  contested: Contested[];
}

/**
 * Applies what is settled, keeps what is contested for the end of the scan, and notes what was seen (rules-ghl sections 2, 3, 6).
 * Runs inside the transaction that saves the checkpoint.
 */
export async function applyObservations(sql: Sql, rules: GhlRules, observations: Observations): Promise<void> {
  const { account, scanId } = observations;
  const scope: BatchScope = { sql, account, scanId, rules, sighting: emptySighting(account, scanId), contested: [] };
  await applyVendors(scope, observations);
  await applyLeads(scope, observations);
  noteSightings(scope.sighting, observations);
  await saveContested(sql, scope.contested);
  await saveSighting(sql, scope.sighting);
}

function noteSightings(sighting: Sighting, { vendors, leads, unclassified, gone, failed }: Observations): void {
  const emails = new Set<string>();
  const opportunities = new Set<string>();
  for (const list of [vendors, leads, unclassified]) {
    for (const { knownAs, email, observedAt } of list) {
      if (email !== null && (knownAs.vendorByEmail || knownAs.leadByEmail)) emails.add(email);
      for (const id of knownAs.leadOpportunityIds) opportunities.add(id);
      sighting.seenAt = Math.max(sighting.seenAt, observedAt);
    }
  }
  sighting.emails = [...emails];
  sighting.opportunities = [...opportunities];
  for (const { contactId, at } of gone) {
    sighting.gone.push(contactId);
    sighting.seenAt = Math.max(sighting.seenAt, at);
  }
  for (const { contactId, email, at } of failed) {
    if (contactId !== null) sighting.unknownContacts.push(contactId);
    if (email !== null) sighting.unknownEmails.push(email);
    sighting.seenAt = Math.max(sighting.seenAt, at);
  }
}

/** The newest observation of each contact; a later one of the same version wins. */
export function newestByContact<T extends { contactId: string; dateUpdated: number | null }>(list: readonly T[]): Map<string, T> {
  const newest = new Map<string, T>();
  for (const item of list) {
    const known = newest.get(item.contactId);
    if (known === undefined || (item.dateUpdated ?? 0) >= (known.dateUpdated ?? 0)) newest.set(item.contactId, item);
  }
  return newest;
}
