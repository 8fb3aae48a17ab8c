import { Migration } from '@mikro-orm/migrations';

/** Lifecycle events: a row of the outbox holds many events, contested observations remember theirs, and rows have a history. */
export class Migration20261125Lifecycle extends Migration {
  override up(): void {
    this.addSql(`alter table tributary.outbox
      add column kind text not null default 'events', add column events integer not null default 1, add column content text`);
    this.addSql(`update tributary.outbox set content = json_build_array(json_build_object(
      'topic', topic, 'key', key, 'type', type, 'eventId', event_id, 'scanId', scan_id, 'value', value))::text`);
    this
      .addSql(`alter table tributary.outbox drop column topic, drop column key, drop column type, drop column event_id,
      drop column scan_id, drop column value, alter column content set not null, alter column content set storage external`);
    this.addSql(`alter table tributary.contested add column event_id text not null default ''`);
    this.addSql(`create table public.lifecycle (
      event_id uuid primary key,
      table_name text not null,
      row_id text not null,
      account_id text not null,
      ghl_contact_id text,
      type text not null,
      version integer not null,
      changes jsonb not null,
      cause text not null,
      causation_id text not null,
      scan_id text,
      at timestamptz not null,
      position bigint not null
    )`);
    // The place in the topic is the order of a row's changes: a row has one partition.
    this.addSql('create index lifecycle_row on public.lifecycle (table_name, row_id, position)');
  }
}
