import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { birthsOf } from './births.ts';
import { lifecycleEvents, storedChanges } from './changes.ts';
import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import { inTransaction, type Database, type Sql } from './pool.ts';

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

/** What a row of the outbox holds: events as they are, or what a batch did to rows, which is short until it is published. */
const CONTENT = {
  events: (content: string) => JSON.parse(content) as OutboxEvent[],
  changes: (content: string): OutboxEvent[] => lifecycleEvents(storedChanges(content)),
  births: (content: string): OutboxEvent[] => lifecycleEvents(birthsOf(content)),
};

/**
 * Publishes what the outbox holds, in order, and removes it after the broker's acknowledgement; returns how many. One relay
 * works at a time, held by an advisory lock: the others do nothing, because publishing later rows beside it would break the order.
 */
export async function relayOutbox(
  database: Database,
  publish: (events: OutboxEvent[]) => Promise<void>,
  limit = 2000,
): Promise<number> {
  return inTransaction(database, async (sql) => {
    const lock = await sql.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(hashtext('tributary outbox')) as mine`,
    );
    if (lock.rows[0]?.mine !== true) return 0;
    const { rows } = await sql.query<{ id: number; kind: keyof typeof CONTENT; content: string }>(
      `select id, kind, content from (
         select id, kind, content, sum(events) over (order by id) - events as earlier from outbox order by id limit $1
       ) o where earlier < $1 order by id`,
      [limit],
    );
    if (rows.length === 0) return 0;
    const events = rows.flatMap(({ kind, content }) => CONTENT[kind](content));
    await publish(events);
    await crashPoint('after-outbox-publish-before-delete');
    await sql.query('delete from outbox where id = any($1)', [rows.map(({ id }) => id)]);
    return events.length;
  });
}

/** Events that wait in the outbox. */
export async function outboxPending(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ pending: number }>('select coalesce(sum(events), 0) as pending from outbox');
  return rows[0]!.pending;
}
