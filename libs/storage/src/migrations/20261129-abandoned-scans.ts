import { Migration } from '@mikro-orm/migrations';

/** When a scan was last heard of in a partition: what tells one that will never end from one that is slow. */
export class Migration20261129AbandonedScans extends Migration {
  override up(): void {
    this.addSql('alter table tributary.scan_partitions add column touched_at timestamptz not null default now()');
  }
}
