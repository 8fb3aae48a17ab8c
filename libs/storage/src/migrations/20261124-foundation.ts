import { Migration } from '@mikro-orm/migrations';

/**
 * No foreign keys: rows and accounts are projections of different topics, which meet in any order.
 *
 * The tables customers query (schema public: V3's columns in real types, ghl-sync-v3 section 3, plus what the rules need) and
 * our own bookkeeping (schema tributary).
 */
export class Migration20261124Foundation extends Migration {
  override up(): void {
    this.addSql('create schema if not exists tributary');
    this.addSql(`create table accounts (
      id text primary key,
      ghl_location_id text unique,
      company_name text not null,
      industry text not null default 'general',
      subscription_tier text not null default 'starter',
      settings jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    )`);
    this.addSql(`create table vendors (
      id text primary key,
      account_id text not null,
      name text not null,
      company_name text,
      email text,
      phone text,
      ghl_contact_id text,
      ghl_user_id text,
      service_categories jsonb not null default '[]',
      services_offered jsonb not null default '[]',
      service_zip_codes text,
      coverage_type text default 'county',
      coverage_states jsonb not null default '[]',
      coverage_counties jsonb not null default '[]',
      last_lead_assigned timestamptz,
      lead_close_percentage numeric default 0,
      status text not null default 'pending',
      taking_new_work boolean not null default true,
      primary_service_category text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      previous_status text,
      missing_since timestamptz,
      reclassified_as text,
      reclassified_at timestamptz,
      source_updated_at timestamptz,
      born_at timestamptz not null default now(),
      born_scan text,
      row_version integer not null default 1,
      shown_observation text
    )`);
    this.addSql('create unique index vendors_contact on vendors (account_id, ghl_contact_id)');
    this.addSql('create index vendors_email on vendors (account_id, email)');
    this.addSql('create unique index vendors_user on vendors (account_id, ghl_user_id)');
    this.addSql(`create table leads (
      id text primary key,
      account_id text not null,
      vendor_id text,
      ghl_contact_id text,
      ghl_opportunity_id text,
      service_category text,
      customer_name text,
      customer_email text,
      customer_phone text,
      service_details jsonb not null default '{}',
      estimated_value numeric default 0,
      priority_score numeric default 0,
      priority text not null default 'normal',
      source text default 'elementor',
      status text not null default 'new',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary_service_category text,
      specific_service_requested text,
      customer_zip_code text,
      service_zip_code text,
      service_county text,
      service_state text,
      service_city text,
      service_complexity text,
      estimated_duration text,
      requires_emergency_response boolean,
      classification_confidence numeric,
      classification_reasoning text,
      assigned_at timestamptz,
      specific_services jsonb,
      previous_status text,
      missing_since timestamptz,
      reclassified_as text,
      reclassified_at timestamptz,
      source_updated_at timestamptz,
      born_at timestamptz not null default now(),
      born_scan text,
      row_version integer not null default 1,
      shown_observation text
    )`);
    this.addSql('create index leads_contact on leads (account_id, ghl_contact_id)');
    this.addSql('create index leads_email on leads (account_id, customer_email)');
    this.addSql(
      'create index leads_opportunity on leads (account_id, ghl_opportunity_id) where ghl_opportunity_id is not null',
    );
    this.addSql(`create table runs (
      sync_id text primary key,
      source text not null,
      account text not null,
      mode text,
      dry_run boolean not null default false,
      status text not null,
      phase text,
      success boolean,
      message text,
      exit_code integer,
      error jsonb,
      counters jsonb,
      field_errors jsonb,
      held_tables jsonb,
      progress jsonb,
      requested_by text,
      requested_at timestamptz,
      started_at timestamptz,
      read_at timestamptz,
      finished_at timestamptz,
      updated_at timestamptz not null default now()
    )`);
    this.addSql('create index runs_account on runs (source, account, requested_at desc)');

    this.addSql(`create table tributary.checkpoints (
      processor text, topic text, partition integer,
      next_offset bigint, epoch integer not null default 0, updated_at timestamptz not null default now(),
      primary key (processor, topic, partition)
    )`);
    this.addSql(`create table tributary.outbox (
      id bigint generated always as identity primary key,
      topic text not null, key text not null, type text not null, event_id text not null,
      scan_id text, value jsonb not null, created_at timestamptz not null default now()
    )`);
    // What the connector knows of a scan: the request, its lease and its saved position.
    this.addSql(`create table tributary.scans (
      scan_id text primary key, source text not null, account text not null, mode text not null,
      dry_run boolean not null default false, requested_by text not null, requested_at timestamptz not null,
      state text not null default 'queued', cancel_requested boolean not null default false, epoch integer not null default 0,
      position jsonb, started_at timestamptz, since timestamptz, vendors_in_scope bigint, leads_in_scope bigint, finished_at timestamptz
    )`);
    this.addSql(
      `create index scans_open on tributary.scans (requested_at) where state in ('queued', 'running', 'read')`,
    );
    // The rows of the scan's start by what they are known by (architecture section 5), and what of them the scan has seen.
    this.addSql(`create table tributary.scan_rows (
      scan_id text, table_name text, row_id text, contact_id text, email text, opportunity_id text,
      contact_seen boolean not null default false, found boolean not null default false,
      primary key (scan_id, table_name, row_id)
    )`);
    for (const column of ['contact_id', 'email', 'opportunity_id'])
      this.addSql(
        `create index scan_rows_${column} on tributary.scan_rows (scan_id, ${column}) where ${column} is not null`,
      );
    // What the projector knows of a scan.
    this.addSql(`create table tributary.scan_states (
      scan_id text primary key, account text not null, state text not null default 'open', result jsonb
    )`);
    this.addSql(`create table tributary.scan_partitions (
      scan_id text, partition integer, last_number bigint not null default 0, holes bigint not null default 0,
      dead_lettered bigint not null default 0, marker jsonb,
      primary key (scan_id, partition)
    )`);
    // One row per batch: the ids it saw and what it did (architecture section 4, rule 5).
    this.addSql(`create table tributary.sightings (
      id bigint generated always as identity primary key,
      account text not null, scan_id text, seen_at timestamptz not null,
      vendor_contacts text[] not null, lead_contacts text[] not null, other_contacts text[] not null,
      emails text[] not null, opportunities text[] not null, gone text[] not null,
      unknown_contacts text[] not null, unknown_emails text[] not null, unknown_opportunities text[] not null,
      outcomes jsonb not null
    )`);
    // Lists of ids do not shrink enough to be worth the work.
    for (const column of ['vendor_contacts', 'lead_contacts', 'other_contacts', 'emails', 'outcomes'])
      this.addSql(`alter table tributary.sightings alter column ${column} set storage external`);
    this.addSql('create index sightings_account on tributary.sightings (account, seen_at)');
    // Observations of a dry run, in the order they came: applied and rolled back when the scan ends.
    this.addSql(`create table tributary.deferred (
      id bigint generated always as identity primary key, scan_id text not null, observations jsonb not null
    )`);
    this.addSql('create index deferred_scan on tributary.deferred (scan_id, id)');
    // What became of the lines of an import.
    this.addSql(`create table tributary.imports (
      import_id text, line integer, table_name text not null, outcome text not null, row_id text not null,
      primary key (import_id, line)
    )`);
    this.addSql(`create table tributary.contested (
      scan_id text, table_name text, contact_id text, type text not null, observation jsonb not null,
      primary key (scan_id, table_name, contact_id)
    )`);
  }
}
