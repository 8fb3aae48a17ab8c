import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { lifecycleEvents } from './changes.ts';
import type { Database, Sql } from './pool.ts';

/** An event to publish once the transaction that decided it has committed. */
export interface OutboxEvent<T extends EventType = EventType> {
  topic: TopicName;
  key: string;
  type: T;
  /** Derived id: publishing twice repeats it. */
  eventId: string;
  scanId: string | null;
  /** The event that caused it; the scan's request if nothing else is said. */
  causationId?: string;
  /** When it happened, in milliseconds; by default when it is published. */
  time?: number;
  value: Events[T];
}

/** Adds events to the outbox, inside the caller's transaction. */
export async function addToOutbox(sql: Sql, events: OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql.query(`insert into outbox (kind, events, content) values ('events', $1, $2)`, [
    events.length,
    JSON.stringify(events),
  ]);
}

/** What a row of the outbox holds: events as they are, or the changes of a batch of rows, which are short until they are published. */
const CONTENT = {
  events: (content: string) => JSON.parse(content) as OutboxEvent[],
  changes: (content: string): OutboxEvent[] => lifecycleEvents(content),
};

/** Advisory lock of the one relay that works: two of them side by side would publish out of order (I4). */
const RELAY_LOCK = 7_271_831;

/**
 * Publishes what the outbox holds, in order, and removes it after the broker's acknowledgement; returns how many. One relay
 * works at a time: the others do nothing.
 */
export async function relayOutbox(
  database: Database,
  publish: (events: OutboxEvent[]) => Promise<void>,
  limit = 2000,
): Promise<number> {
  const client = await database.connect();
  let failed: Error | undefined;
  try {
    await client.query('begin');
    const lock = await client.query<{ mine: boolean }>('select pg_try_advisory_xact_lock($1) as mine', [RELAY_LOCK]);
    if (lock.rows[0]?.mine !== true) {
      await client.query('rollback');
      return 0;
    }
    const { rows } = await client.query<{ id: number; kind: keyof typeof CONTENT; content: string }>(
      `select id, kind, content from (
         select id, kind, content, sum(events) over (order by id) - events as earlier from outbox order by id limit $1
       ) o where earlier < $1 order by id`,
      [limit],
    );
    const events = rows.flatMap(({ kind, content }) => CONTENT[kind](content));
    if (rows.length > 0) {
      await publish(events);
      await client.query('delete from outbox where id = any($1)', [rows.map(({ id }) => id)]);
    }
    await client.query('commit');
    return events.length;
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
  const { rows } = await sql.query<{ pending: number }>('select coalesce(sum(events), 0) as pending from outbox');
  return rows[0]!.pending;
}
