import { Migration } from '@mikro-orm/migrations';

/** The first fields of a scan in a partition that could not be used: contact id, column, code; no values. */
export class Migration20261128FieldErrors extends Migration {
  override up(): void {
    this.addSql(`alter table tributary.scan_partitions add column field_errors jsonb not null default '[]'`);
  }
}
