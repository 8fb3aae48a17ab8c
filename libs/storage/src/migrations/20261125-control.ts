import { Migration } from '@mikro-orm/migrations';

/** Pause and resume, joined syncs, syncs of one contact; what a dry run would change; what people say of a vendor. */
export class Migration20261125Control extends Migration {
  override up(): void {
    this.addSql(`alter table tributary.scans
      add column pause_requested boolean not null default false, add column joined_to text, add column contact_id text`);
    this.addSql('drop index tributary.scans_open');
    this.addSql(
      `create index scans_open on tributary.scans (requested_at) where state in ('queued', 'running', 'paused', 'read')`,
    );
    this.addSql('create index scans_joined on tributary.scans (joined_to) where joined_to is not null');
    this.addSql('alter table runs add column joined_to text');
    this.addSql(`create table tributary.change_sets (
      scan_id text primary key, total bigint not null, made_at timestamptz not null default now()
    )`);
    this.addSql('create index change_sets_made on tributary.change_sets (made_at)');
    this.addSql(`create table tributary.changes (
      scan_id text references tributary.change_sets on delete cascade, position integer,
      table_name text not null, row_id text not null, outcome text not null, columns jsonb not null,
      primary key (scan_id, position)
    )`);
    // The status that observations give is kept beside the word of people, so that either may come first.
    this.addSql(`alter table vendors
      add column local_status text, add column local_status_at timestamptz, add column base_changed_at timestamptz`);
    this.addSql(`create table tributary.vendor_words (
      row_id text primary key, action text not null, said_at timestamptz not null
    )`);
  }
}
