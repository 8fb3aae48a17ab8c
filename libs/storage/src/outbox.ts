import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { inTransaction, type Database, type Sql } from './pool.ts';

/** An event to publish once the transaction that decided it has committed. */
export interface OutboxEvent<T extends EventType = EventType> {
  topic: TopicName;
  key: string;
  type: T;
  /** Derived id: publishing twice repeats it. */
  eventId: string;
  scanId: string | null;
  value: Events[T];
}

/** Adds events to the outbox, inside the caller's transaction. */
export async function addToOutbox(sql: Sql, events: OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql.query(
    `insert into tributary.outbox (topic, key, type, event_id, scan_id, value)
     select topic, key, type, "eventId", "scanId", value from json_to_recordset($1::json)
       as e (topic text, key text, type text, "eventId" text, "scanId" text, value jsonb)`,
    [JSON.stringify(events)],
  );
}

/**
 * Publishes what the outbox holds, in order, and removes it after the broker's acknowledgement; returns how many. One relay
 * works at a time, held by an advisory lock: the others do nothing, because publishing later rows beside it would break the order.
 */
export async function relayOutbox(
  database: Database,
  publish: (events: OutboxEvent[]) => Promise<void>,
  limit = 500,
): Promise<number> {
  return inTransaction(database, async (sql) => {
    const lock = await sql.query<{ locked: boolean }>(
      `select pg_try_advisory_xact_lock(hashtext('tributary outbox')) as locked`,
    );
    if (lock.rows[0]?.locked !== true) return 0;
    const { rows } = await sql.query<OutboxEvent & { id: number }>(
      `select id, topic, key, type, event_id as "eventId", scan_id as "scanId", value from tributary.outbox order by id limit $1`,
      [limit],
    );
    if (rows.length === 0) return 0;
    await publish(rows.map(({ id: _id, ...event }) => event));
    await sql.query('delete from tributary.outbox where id = any($1)', [rows.map(({ id }) => id)]);
    return rows.length;
  });
}

/** Events that wait in the outbox. */
export async function outboxPending(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ pending: number }>('select count(*) as pending from tributary.outbox');
  return rows[0]!.pending;
}
