import { Migration } from '@mikro-orm/migrations';

/**
 * Contacts stay in one piece. Most are a little larger than the quarter of a page from which PostgreSQL would move the raw record
 * to a table of its own: another row and another index entry for each contact, a sixth of what writing it takes.
 */
export class Migration20261127SfContactsWhole extends Migration {
  override up(): void {
    this.addSql('alter table sf_contacts set (toast_tuple_target = 8160)');
  }
}
