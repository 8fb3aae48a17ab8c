import { Migration } from '@mikro-orm/migrations';

/** Syncs that a later one had settled without a word looked as if they could still be confirmed, which did nothing for ever. */
export class Migration20261202SettledSyncs extends Migration {
  override up(): void {
    this.addSql(`update runs r set status = 'incomplete', updated_at = now(),
        message = 'Contacts read were applied, what waited to be confirmed was not: a newer sync of the account took its place.'
      from tributary.scan_states s
      where s.scan_id = coalesce(r.joined_to, r.sync_id) and s.state <> 'needs_confirmation' and r.status = 'needs_confirmation'`);
  }
}
