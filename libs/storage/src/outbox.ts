import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import type { Database, Sql } from './pool.ts';

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

/** Advisory lock of the one relay that works: two of them side by side would publish out of order (I4). */
const RELAY_LOCK = 7_271_831;

/**
 * Publishes what the outbox holds, in order, and removes it after the broker's acknowledgement; returns how many. One relay
 * works at a time: the others do nothing.
 */
export async function relayOutbox(
  database: Database,
  publish: (events: OutboxEvent[]) => Promise<void>,
  limit = 500,
): Promise<number> {
  const client = await database.connect();
  let failed: Error | undefined;
  try {
    await client.query('begin');
    const { rows } = await client.query<{
      id: number;
      topic: TopicName;
      key: string;
      type: EventType;
      event_id: string;
      scan_id: string | null;
      value: never;
    }>(
      `select id, topic, key, type, event_id, scan_id, value from tributary.outbox
       where pg_try_advisory_xact_lock($2) order by id limit $1`,
      [limit, RELAY_LOCK],
    );
    if (rows.length > 0) {
      await publish(
        rows.map(({ topic, key, type, event_id, scan_id, value }) => ({
          topic,
          key,
          type,
          eventId: event_id,
          scanId: scan_id,
          value,
        })),
      );
      await client.query('delete from tributary.outbox where id = any($1)', [rows.map(({ id }) => id)]);
    }
    await client.query('commit');
    return rows.length;
  } catch (error) {
    failed = error as Error;
    throw error;
  } finally {
    // A failed relay gives its connection up, which rolls the transaction back.
    client.release(failed);
  }
}

/** Events that wait in the outbox. */
export async function outboxPending(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ pending: number }>('select count(*) as pending from tributary.outbox');
  return rows[0]!.pending;
}
