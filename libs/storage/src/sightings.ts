import type { FieldError } from '#libs/contracts/src/generated/events.ts';
import type { Sql } from './pool.ts';
import { statementName } from './statement-name.ts';

/** What a batch did to one table: row ids by outcome. */
export interface TableOutcomes {
  created: string[];
  updated: string[];
  restored: string[];
  deactivated: string[];
  reclassified: string[];
  rebound: string[];
}

/** A wish for a GHL user id, granted or not; resolved at the end of the scan (rules-ghl section 1). */
export interface UserIdClaim {
  rowId: string;
  contactId: string;
  dateUpdated: number | null;
  wanted: string;
  before: string | null;
  granted: boolean;
  /** The user id is all that the row changes: without it the row does not count as updated. */
  onlyChange: boolean;
  /** When the row was written before, if it shall look so again without the user id. */
  updatedAtBefore: number | null;
}

/** What a batch saw and did: one bookkeeping row per batch and scan. */
export interface Sighting {
  account: string;
  scanId: string | null;
  /** Time of the newest record of the batch. */
  seenAt: number;
  /** Contacts whose own vendor rows were evaluated. */
  vendorContacts: string[];
  /** Contacts whose own lead rows were evaluated. */
  leadContacts: string[];
  /** Other contacts that rows are known by: reclassified or contested ones. */
  otherContacts: string[];
  emails: string[];
  opportunities: string[];
  gone: string[];
  unknownContacts: string[];
  unknownEmails: string[];
  unknownOpportunities: string[];
  outcomes: {
    vendors: TableOutcomes;
    leads: TableOutcomes;
    /** E-mails that rows gave up in this scan: table, row id, e-mail before. */
    emailChanges: ['vendors' | 'leads', string, string | null][];
    userIds: UserIdClaim[];
    fieldErrors: (FieldError & { contactId: string; rowId: string })[];
    /** GHL user ids that rows gave up for nothing: row id, user id before. */
    userIdsGivenUp: [string, string][];
    /** Lead contacts without an e-mail: their rows keep the one they had. */
    leadsWithoutEmail: string[];
    /** Contacts classed otherwise, with the e-mail by which lead rows know them: contact id, e-mail. */
    reclassifiedEmails: [string, string][];
  };
}

/** Nothing seen, nothing done. */
export function emptySighting(account: string, scanId: string | null): Sighting {
  const outcomes = (): TableOutcomes => ({
    created: [],
    updated: [],
    restored: [],
    deactivated: [],
    reclassified: [],
    rebound: [],
  });
  return {
    account,
    scanId,
    seenAt: 0,
    vendorContacts: [],
    leadContacts: [],
    otherContacts: [],
    emails: [],
    opportunities: [],
    gone: [],
    unknownContacts: [],
    unknownEmails: [],
    unknownOpportunities: [],
    outcomes: {
      vendors: outcomes(),
      leads: outcomes(),
      emailChanges: [],
      userIds: [],
      fieldErrors: [],
      userIdsGivenUp: [],
      leadsWithoutEmail: [],
      reclassifiedEmails: [],
    },
  };
}

/** Stores what a batch saw and did. */
export async function saveSighting(sql: Sql, s: Sighting): Promise<void> {
  const text = `insert into sightings (account, scan_id, seen_at, vendor_contacts, lead_contacts, other_contacts,
      emails, opportunities, gone, unknown_contacts, unknown_emails, unknown_opportunities, outcomes)
    values ($1, $2, to_timestamp($3 / 1000.0), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`;
  const { vendorContacts, leadContacts, otherContacts, emails, opportunities, gone, unknownContacts, unknownEmails } =
    s;
  await sql.query({
    name: statementName(text),
    text,
    values: [
      s.account,
      s.scanId,
      s.seenAt,
      vendorContacts,
      leadContacts,
      otherContacts,
      emails,
      opportunities,
      gone,
      unknownContacts,
      unknownEmails,
      s.unknownOpportunities,
      JSON.stringify(s.outcomes),
    ],
  });
}

/** Keeps an observation whose rows are contested until the scan ends; a repeat replaces it unless it is older. */
export async function saveContested(
  sql: Sql,
  observations: {
    scanId: string | null;
    table: 'vendors' | 'leads';
    contactId: string;
    type: string;
    eventId: string;
    observation: { dateUpdated: number | null };
  }[],
): Promise<void> {
  if (observations.length === 0) return;
  await sql.query(
    `insert into contested as c (scan_id, table_name, contact_id, type, event_id, observation)
     select "scanId", "table", "contactId", type, "eventId", observation from json_to_recordset($1::json)
       as o ("scanId" text, "table" text, "contactId" text, type text, "eventId" text, observation jsonb)
     on conflict (scan_id, table_name, contact_id) do update
       set type = excluded.type, event_id = excluded.event_id, observation = excluded.observation
     where coalesce((excluded.observation ->> 'dateUpdated')::numeric, 0) >= coalesce((c.observation ->> 'dateUpdated')::numeric, 0)`,
    [JSON.stringify(observations)],
  );
}

/** The contested observations of a scan on one table. */
export async function readContested(
  sql: Sql,
  scanId: string,
  table: 'vendors' | 'leads',
): Promise<{ contactId: string; type: string; eventId: string; observation: unknown }[]> {
  const { rows } = await sql.query<{ contactId: string; type: string; eventId: string; observation: unknown }>(
    `select contact_id as "contactId", type, event_id as "eventId", observation from contested where scan_id = $1 and table_name = $2 order by contact_id`,
    [scanId, table],
  );
  return rows;
}

/**
 * Makes temporary tables, gone with the transaction, of what the scan and anything later saw: seen_contact, seen_email,
 * seen_opportunity, gone_contact, unknown_contact, unknown_email, unknown_opportunity. The missing rule is then a join, whatever the size.
 */
export async function stageSightings(sql: Sql, account: string, scanId: string, startedAt: number): Promise<void> {
  const parts: [table: string, column: string, own: boolean][] = [
    ['seen_vendor_contact', 'vendor_contacts', true],
    ['seen_lead_contact', 'lead_contacts', true],
    ['seen_contact', 'vendor_contacts || lead_contacts || other_contacts', false],
    ['seen_email', 'emails', false],
    ['seen_opportunity', 'opportunities', false],
    ['gone_contact', 'gone', true],
    ['unknown_contact', 'unknown_contacts', false],
    ['unknown_email', 'unknown_emails', false],
    ['unknown_opportunity', 'unknown_opportunities', false],
  ];
  for (const [table, column, own] of parts) {
    // Two scans may end in one transaction.
    await sql.query(`drop table if exists pg_temp.${table}`);
    await sql.query(`create temporary table ${table} (value text primary key) on commit drop`);
    await sql.query(
      `insert into ${table} select distinct v from sightings s, unnest(${column}) as v
       where s.account = $1 and (s.scan_id = $2 ${own ? '' : 'or s.seen_at >= to_timestamp($3 / 1000.0)'})`,
      own ? [account, scanId] : [account, scanId, startedAt],
    );
    await sql.query(`analyze ${table}`);
  }
}

/** Everything the batches of a scan did, merged; ids are distinct. */
export async function readOutcomes(sql: Sql, scanId: string): Promise<Sighting['outcomes']> {
  const merged = emptySighting('', scanId).outcomes;
  const { rows } = await sql.query<{ outcomes: Sighting['outcomes'] }>(
    'select outcomes from sightings where scan_id = $1 order by id',
    [scanId],
  );
  for (const { outcomes } of rows) {
    for (const table of ['vendors', 'leads'] as const) {
      for (const [kind, ids] of Object.entries(outcomes[table]) as [keyof TableOutcomes, string[]][]) {
        for (const id of ids) merged[table][kind].push(id);
      }
    }
    for (const change of outcomes.emailChanges) merged.emailChanges.push(change);
    for (const claim of outcomes.userIds) merged.userIds.push(claim);
    for (const error of outcomes.fieldErrors) merged.fieldErrors.push(error);
    for (const givenUp of outcomes.userIdsGivenUp) merged.userIdsGivenUp.push(givenUp);
    for (const known of outcomes.reclassifiedEmails) merged.reclassifiedEmails.push(known);
    for (const contactId of outcomes.leadsWithoutEmail) merged.leadsWithoutEmail.push(contactId);
  }
  for (const table of ['vendors', 'leads'] as const) {
    for (const kind of Object.keys(merged[table]) as (keyof TableOutcomes)[])
      merged[table][kind] = [...new Set(merged[table][kind])];
  }
  return merged;
}
