import { Migration } from '@mikro-orm/migrations';

/** The index of the dead-letter topics: where each record came from, why it failed and what became of it; never its bytes. */
export class Migration20261125DeadLetters extends Migration {
  override up(): void {
    this.addSql(`create table tributary.dead_letters (
      id text primary key,
      topic text not null, partition integer not null, "offset" bigint not null, consumer_group text not null,
      code text not null, message text, attempts integer, at timestamptz not null,
      type text, scan_id text, account text, redriven_from text,
      state text not null default 'waiting', reason text, acted_by text, acted_at timestamptz
    )`);
    this.addSql('create index dead_letters_at on tributary.dead_letters (at desc)');
    this.addSql(
      `create index dead_letters_waiting on tributary.dead_letters (topic, partition, "offset") where state = 'waiting'`,
    );
  }
}
