import type { Writing } from '#libs/storage/src/changes.ts';
import { emptySighting, saveContested, saveSighting, type Sighting } from '#libs/storage/src/sightings.ts';
import { settleAlone } from './alone.ts';
import { applyLeads } from './leads.ts';
import type { BatchScope, EventIds, Observations } from './scope.ts';
import { applyVendors } from './vendors.ts';

/**
 * Applies what is settled, keeps what is contested for the end of the scan, and notes what was seen (rules-ghl sections 2, 3, 6).
 * Runs inside the transaction that saves the checkpoint.
 */
export async function applyObservations(
  writing: Writing,
  observations: Observations,
  eventIds: EventIds = new Map(),
): Promise<void> {
  const { account, scanId } = observations;
  const scope: BatchScope = {
    ...writing,
    account,
    scanId,
    eventIds,
    sighting: emptySighting(account, scanId),
    contested: [],
  };
  await applyVendors(scope, observations);
  await applyLeads(scope, observations);
  noteSightings(scope.sighting, observations);
  if (scanId === null) await settleAlone(scope);
  else await saveContested(writing.sql, scope.contested);
  await saveSighting(writing.sql, scope.sighting);
}

function noteSightings(sighting: Sighting, { vendors, leads, unclassified, gone, failed }: Observations): void {
  const emails = new Set<string>();
  const opportunities = new Set<string>();
  for (const list of [vendors.map(({ head }) => head), leads, unclassified]) {
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
  for (const { contactId, email, opportunityId, at } of failed) {
    if (contactId !== null) sighting.unknownContacts.push(contactId);
    if (email !== null) sighting.unknownEmails.push(email);
    if (opportunityId !== null) sighting.unknownOpportunities.push(opportunityId);
    sighting.seenAt = Math.max(sighting.seenAt, at);
  }
}
