import { Migration } from '@mikro-orm/migrations';

/**
 * A row that somebody else writes (we raise its version) shows what we know of it no more: the next sync looks at it again and sets it
 * right, instead of passing it over.
 */
export class Migration20261201ForeignWrites extends Migration {
  override up(): void {
    this.addSql(`create or replace function tributary.forget_shown() returns trigger language plpgsql as $$
      begin
        new.shown_observation := null;
        return new;
      end $$`);
    this.addSql(`create trigger tributary_foreign_write before update on vendors for each row
      when (old.row_version = new.row_version) execute function tributary.forget_shown()`);
  }
}
