import { Migration } from '@mikro-orm/migrations';

/** What a scan is asked to read, so that a resumed one reads the same; how far it brings its account up to date; when it was paused. */
export class Migration20261126Requests extends Migration {
  override up(): void {
    this.addSql(`alter table tributary.scans
      add column asked jsonb not null default '{"api":null,"since":null,"until":null,"limit":null,"batchSize":null}',
      add column watermark timestamptz, add column resume_at timestamptz`);
    this.addSql('alter table runs add column paused_at timestamptz');
    this.addSql(`comment on column tributary.scans.asked is
      'What the request asks for besides its mode: api, since, until, limit, batchSize; null is the choice of the source.'`);
    this.addSql(`comment on column tributary.scans.resume_at is
      'When a scan that its source holds is tried again; null where somebody else has to resume it.'`);
    this.addSql(`comment on column tributary.scans.watermark is
      'Up to when the scan knows every change of its account, by the clock of the source; the next one begins there once this one has been applied with success.'`);
  }
}
