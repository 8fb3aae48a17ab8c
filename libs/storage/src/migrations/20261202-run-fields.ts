import { Migration } from '@mikro-orm/migrations';

/** What the source showed of the fields that a run was to read: those that were read, and how they differ from what is mapped. */
export class Migration20261202RunFields extends Migration {
  override up(): void {
    this.addSql('alter table runs add column fields jsonb');
  }
}
