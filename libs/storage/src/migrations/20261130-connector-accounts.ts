import { Migration } from '@mikro-orm/migrations';

/** Which accounts the connectors can read, and when one of them last said so. */
export class Migration20261130ConnectorAccounts extends Migration {
  override up(): void {
    this.addSql(`create table tributary.connector_accounts (
      source text, account text, seen_at timestamptz not null default now(), primary key (source, account)
    )`);
  }
}
