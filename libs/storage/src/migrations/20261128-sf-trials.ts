import { Migration } from '@mikro-orm/migrations';

/** What dry runs made of the contacts that they would have changed, until each ends: a contact that comes twice is created once. */
export class Migration20261128SfTrials extends Migration {
  override up(): void {
    this.addSql(`create table tributary.sf_trials (
      scan_id text, salesforce_id text, state jsonb not null,
      primary key (scan_id, salesforce_id)
    )`);
  }
}
