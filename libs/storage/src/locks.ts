import type { MikroORM } from '@mikro-orm/postgresql';

/** How many locks PostgreSQL has room for, by its settings. */
export interface LockRoom {
  perTransaction: number;
  /** Connections and prepared transactions, which share the room. */
  connections: number;
}

/** A batch locks each e-mail of its newcomers and registered vendors: two partitions at once, and a replay beside them with batches of 2,000. */
const NEEDED = 6_000;

/** What PostgreSQL says of its room for locks. */
export async function lockRoom(orm: MikroORM): Promise<LockRoom> {
  const [room] = await orm.em.getConnection().execute<LockRoom[]>(
    `select current_setting('max_locks_per_transaction')::int as "perTransaction",
         current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int as connections`,
  );
  return room!;
}

/** The max_locks_per_transaction that PostgreSQL should have; undefined where what it has is enough. */
export function locksWanted({ perTransaction, connections }: LockRoom): number | undefined {
  return perTransaction * connections >= NEEDED ? undefined : Math.ceil(NEEDED / connections);
}
