import { Migration } from '@mikro-orm/migrations';

/** The 82 columns of salesforce B4, spelled out: a migration that landed must not change when the map of fields does. */
const FIELDS = `salesforce_id varchar(18) not null,
  last_name varchar(80) not null,
  first_name varchar(40),
  salutation varchar(40),
  middle_name varchar(40),
  suffix varchar(40),
  name varchar(121),
  email varchar(80),
  phone varchar(40),
  fax varchar(40),
  mobile_phone varchar(40),
  home_phone varchar(40),
  other_phone varchar(40),
  title varchar(128),
  mailing_street text,
  mailing_city varchar(40),
  mailing_state varchar(80),
  mailing_postal_code varchar(20),
  mailing_country varchar(80),
  mailing_latitude double precision,
  mailing_longitude double precision,
  mailing_geocode_accuracy varchar(40),
  last_activity_date date,
  last_viewed_date timestamp,
  last_referenced_date timestamp,
  external_id varchar(20),
  full_name varchar(1300),
  npi varchar(20),
  specialty varchar(255),
  is_physician boolean,
  is_my_contact boolean,
  active boolean,
  days_since_last_visit double precision,
  contact_account_name varchar(1300),
  last_visited_by_rep_id varchar(18),
  business_entity_id varchar(18),
  mailing_address_compound varchar(1300),
  other_address_compound varchar(1300),
  employment_status_mn varchar(255),
  epic_id varchar(20),
  geography varchar(255),
  mn_physician boolean,
  npi_mn varchar(20),
  network_id varchar(18),
  network_picklist varchar(255),
  onboarding_tasks boolean,
  outreach_focus boolean,
  panel_status varchar(255),
  primary_address varchar(250),
  primary_geography varchar(255),
  primary_mgma_specialty varchar(255),
  primary_practice_location_id varchar(18),
  mn_primary_sos_id varchar(18),
  provider_participation text,
  provider_start_date date,
  provider_term_date date,
  provider_type varchar(255),
  secondary_practice_location_id varchar(18),
  specialty_group varchar(255),
  sub_network varchar(255),
  sub_specialty text,
  mn_primary_geography varchar(255),
  mn_address_street varchar(255),
  mn_address_city varchar(40),
  mn_address_postal_code varchar(20),
  mn_address_state_code varchar(10),
  mn_address_country_code varchar(10),
  mn_address_latitude double precision,
  mn_address_longitude double precision,
  mn_address_geocode_accuracy varchar(40),
  last_outreach_activity_date date,
  mn_secondary_sos_id varchar(18),
  mn_mgma_specialty varchar(255),
  mn_specialty_group varchar(255),
  mn_provider_summary varchar(255),
  mn_provider_detailed_notes text,
  mn_tasks_count double precision,
  mn_name_specialty_network varchar(1300),
  sf_created_date timestamp,
  sf_last_modified_date timestamp,
  sf_system_modstamp timestamp,
  sf_last_modified_by_id varchar(18)`;

/**
 * Contacts of Salesforce orgs (salesforce B4, C). Times of Salesforce have no zone, as customers know them, and are UTC. Unlike the
 * table of the existing service: JSONB, an account, an end that can be undone, and local columns that no sync writes.
 */
export class Migration20261126SfContacts extends Migration {
  override up(): void {
    this.addSql(`create table sf_contacts (
      id uuid primary key,
      account_id text not null,
      ${FIELDS},
      additional_data jsonb not null,
      analysis_results jsonb,
      last_analyzed_at timestamp,
      created_at timestamptz not null,
      last_synced_at timestamptz not null,
      deleted_at timestamptz,
      deletion_reason text,
      master_record_id varchar(18),
      deletion_modstamp timestamptz,
      deletion_read_at timestamptz,
      content_hash text not null,
      row_version integer not null default 1,
      check ((deleted_at is null) = (deletion_reason is null)),
      check (deletion_reason in ('deleted', 'merged', 'not_visible'))
    )`);
    // Raw records are kept as they are: packing them takes PostgreSQL longer than all else it does with a row.
    this.addSql('alter table sf_contacts alter column additional_data set storage external');
    // By the id first: people look a contact up without its org. No index begins with the account: where statistics are missing,
    // PostgreSQL would take it to look up single contacts and read a whole org for each.
    this.addSql('create unique index sf_contacts_salesforce_id on sf_contacts (salesforce_id, account_id)');
    this.addSql('create index sf_contacts_email on sf_contacts (email)');
    this.addSql('create index sf_contacts_npi on sf_contacts (npi)');
    this.addSql('create index sf_contacts_specialty on sf_contacts (specialty)');
    this.addSql('create index sf_contacts_last_activity on sf_contacts (last_activity_date)');
    this.addSql('create index sf_contacts_last_synced on sf_contacts (last_synced_at)');
    this.addSql('create index sf_contacts_modstamp on sf_contacts (sf_system_modstamp)');
    this.addSql('create index sf_contacts_physician on sf_contacts (salesforce_id) where is_physician');
    this.addSql('create index sf_contacts_inactive on sf_contacts (salesforce_id) where not active');
    this.addSql('create index sf_contacts_deleted on sf_contacts (deleted_at) where deleted_at is not null');
    // What was deleted before it was ever read: an older read must not bring it to life.
    this.addSql(`create table tributary.sf_deletions (
      account_id text, salesforce_id text, deleted_at timestamptz not null, reason text not null, master_record_id text,
      modstamp timestamptz, read_at timestamptz not null,
      primary key (account_id, salesforce_id)
    )`);
    // What became of the records of a scan in a partition, by the name of the outcome.
    this.addSql(`alter table tributary.scan_partitions add column outcomes jsonb not null default '{}'`);
    this.addSql('alter table runs add column table_counters jsonb');
  }
}
