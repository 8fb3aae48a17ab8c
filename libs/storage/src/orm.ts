import { MikroORM } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';
import pg from 'pg';
import { ENTITIES } from './entities.ts';
import { Migration20261124Foundation } from './migrations/20261124-foundation.ts';
import { Migration20261125OauthTokens } from './migrations/20261125-oauth-tokens.ts';
import { Migration20261125DeadLetters } from './migrations/20261125-dead-letters.ts';
import { Migration20261125Lifecycle } from './migrations/20261125-lifecycle.ts';
import { Migration20261125Control } from './migrations/20261125-control.ts';
import { Migration20261126Requests } from './migrations/20261126-requests.ts';
import { Migration20261126SfContacts } from './migrations/20261126-sf-contacts.ts';
import { Migration20261127RoomForUpdates } from './migrations/20261127-room-for-updates.ts';
import { Migration20261127SfContactsWhole } from './migrations/20261127-sf-contacts-whole.ts';
import { Migration20261128FieldErrors } from './migrations/20261128-field-errors.ts';
import { Migration20261128SfTrials } from './migrations/20261128-sf-trials.ts';
import { Migration20261129AbandonedScans } from './migrations/20261129-abandoned-scans.ts';
import { Migration20261130ConnectorAccounts } from './migrations/20261130-connector-accounts.ts';
import { Migration20261201ForeignWrites } from './migrations/20261201-foreign-writes.ts';
import { Migration20261202RunFields } from './migrations/20261202-run-fields.ts';
import { Migration20261202SettledSyncs } from './migrations/20261202-settled-syncs.ts';
import { databaseAddress } from './address.ts';
import { databaseError, limitsOf } from './pool.ts';

/** Every migration in order; a new one is added at the end and never changed after it landed. */
const MIGRATIONS = [
  { name: '20261124-foundation', class: Migration20261124Foundation },
  { name: '20261125-oauth-tokens', class: Migration20261125OauthTokens },
  { name: '20261125-dead-letters', class: Migration20261125DeadLetters },
  { name: '20261125-lifecycle', class: Migration20261125Lifecycle },
  { name: '20261125-control', class: Migration20261125Control },
  { name: '20261126-requests', class: Migration20261126Requests },
  { name: '20261126-sf-contacts', class: Migration20261126SfContacts },
  { name: '20261127-room-for-updates', class: Migration20261127RoomForUpdates },
  { name: '20261127-sf-contacts-whole', class: Migration20261127SfContactsWhole },
  { name: '20261128-field-errors', class: Migration20261128FieldErrors },
  { name: '20261128-sf-trials', class: Migration20261128SfTrials },
  { name: '20261129-abandoned-scans', class: Migration20261129AbandonedScans },
  { name: '20261130-connector-accounts', class: Migration20261130ConnectorAccounts },
  { name: '20261201-foreign-writes', class: Migration20261201ForeignWrites },
  { name: '20261202-run-fields', class: Migration20261202RunFields },
  { name: '20261202-settled-syncs', class: Migration20261202SettledSyncs },
];

/** A connection that is given up after a read timed out on it: the ORM's pool would hand it out again, and nothing comes through it. */
class ReadConnection extends pg.Client {
  override query(...given: unknown[]): never {
    const asked = (super.query as (...args: unknown[]) => unknown).apply(this, given);
    if (asked instanceof Promise)
      asked.catch((error: Error) => {
        if (error.message === 'Query read timeout') void this.end();
      });
    return asked as never;
  }
}

/**
 * Opens the ORM for reads, which nobody waits long for; projections write their own SQL (engineering 1.4: the ORM costs a factor of
 * four). A migration may take as long as it takes.
 */
export async function openOrm(
  databaseUrl: string,
  limits: pg.ClientConfig = limitsOf({ statementTimeoutMs: 30_000 }),
): Promise<MikroORM> {
  const { connectionString, ssl } = databaseAddress(databaseUrl);
  return MikroORM.init({
    clientUrl: connectionString,
    entities: ENTITIES,
    extensions: [Migrator],
    discovery: { warnWhenNoEntities: false },
    pool: { min: 0, max: 4 },
    timezone: 'UTC',
    // PostgreSQL looks into a schema of the user's name first: a user `tributary` would put the tables of customers there.
    driverOptions: { ...limits, Client: ReadConnection, ssl, options: '-c search_path=public' },
    migrations: {
      tableName: 'tributary_migrations',
      migrationsList: MIGRATIONS,
      snapshot: false,
      transactional: true,
      silent: true,
    },
  });
}

/** Brings the database to the newest migration and returns the names it applied; safe to run by several processes at once. */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const orm = await openOrm(databaseUrl, { keepAlive: true });
  try {
    const applied = await orm.em.getConnection().transactional(async (transaction) => {
      await orm.em
        .getConnection()
        .execute(`select pg_advisory_xact_lock(hashtext('tributary migrations'))`, [], 'all', transaction);
      return orm.migrator.up();
    });
    return applied.map(({ name }) => name);
  } catch (error) {
    throw databaseError(error);
  } finally {
    await orm.close(true);
  }
}

/** Names of migrations the database still lacks. */
export async function pendingMigrations(orm: MikroORM): Promise<string[]> {
  return (await orm.migrator.getPending()).map(({ name }) => name);
}
