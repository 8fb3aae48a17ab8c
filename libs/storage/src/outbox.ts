import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { toAppError, type AppError } from '#libs/runtime/src/errors.ts';
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
  if (events.length > 0) await add(sql, 'events', events);
}

async function add(sql: Sql, kind: 'events' | typeof REFUSED, events: OutboxEvent[]): Promise<void> {
  const values = [kind, events.length, JSON.stringify(events)];
  await sql.query('insert into outbox (kind, events, content) values ($1, $2, $3)', values);
}

/** Kind of the rows that are set aside: `events` that no topic takes. */
const REFUSED = 'refused';

const NOTHING = { relayed: 0, refused: [] as Refusal[] };

/** What a row of the outbox holds: events as they are, or what a batch did to rows, which is short until it is published. */
const CONTENT = {
  events: (content: string) => JSON.parse(content) as OutboxEvent[],
  changes: (content: string): OutboxEvent[] => lifecycleEvents(storedChanges(content)),
  births: (content: string): OutboxEvent[] => lifecycleEvents(birthsOf(content)),
};

/** An event that no topic takes, and why. */
export interface Refusal {
  event: OutboxEvent;
  failure: AppError;
}

type Publish = (events: OutboxEvent[]) => Promise<void>;

/**
 * Publishes what the outbox holds, in order, and removes it after the broker's acknowledgement; returns how many. One relay
 * works at a time, held by an advisory lock: the others do nothing, because publishing later rows beside it would break the order.
 * An event that no topic takes stays in the outbox, set aside, so that it does not hold up the others; `onRefused` is told of it.
 */
export async function relayOutbox(
  database: Database,
  publish: Publish,
  onRefused: (refusal: Refusal) => void,
  limit = 2000,
): Promise<number> {
  const { relayed, refused } = await inTransaction(database, async (sql) => {
    const lock = await sql.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(hashtext('tributary outbox')) as mine`,
    );
    if (lock.rows[0]?.mine !== true) return NOTHING;
    const { rows } = await sql.query<{ id: number; kind: keyof typeof CONTENT; content: string }>(
      `select id, kind, content from (
         select id, kind, content, sum(events) over (order by id) - events as earlier from outbox where kind <> '${REFUSED}'
         order by id limit $1
       ) o where earlier < $1 order by id`,
      [limit],
    );
    if (rows.length === 0) return NOTHING;
    const events = rows.flatMap(({ kind, content }) => CONTENT[kind](content));
    const none = await publishOrRefuse(events, publish);
    await crashPoint('after-outbox-publish-before-delete');
    await sql.query('delete from outbox where id = any($1)', [rows.map(({ id }) => id)]);
    for (const { event } of none) await add(sql, REFUSED, [event]);
    return { relayed: events.length, refused: none };
  });
  refused.forEach(onRefused);
  return relayed;
}

/** Publishes events in order, halved until only those are left out that are refused by themselves. */
async function publishOrRefuse(events: OutboxEvent[], publish: Publish): Promise<Refusal[]> {
  try {
    await publish(events);
    return [];
  } catch (error) {
    const failure = toAppError(error);
    if (failure.kind !== 'data') throw failure;
    if (events.length === 1) return [{ event: events[0]!, failure }];
    const middle = events.length >> 1;
    const first = await publishOrRefuse(events.slice(0, middle), publish);
    return [...first, ...(await publishOrRefuse(events.slice(middle), publish))];
  }
}

/** Events that wait in the outbox, without those set aside. */
export async function outboxPending(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ pending: number }>(
    `select coalesce(sum(events), 0) as pending from outbox where kind <> '${REFUSED}'`,
  );
  return rows[0]!.pending;
}

/** Events that are set aside because no topic took them, counted by topic. */
export async function outboxSetAside(sql: Sql): Promise<{ topic: string; events: number }[]> {
  const { rows } = await sql.query<{ topic: string; events: number }>(
    `select e->>'topic' as topic, count(*)::int as events
     from outbox, jsonb_array_elements(content::jsonb) e where kind = '${REFUSED}' group by 1 order by 1`,
  );
  return rows;
}

/**
 * Puts what was set aside back, to be published once more; returns how many events. They come later than what happened after
 * them: their `time` tells when they were. What is refused again is set aside again.
 */
export async function retrySetAside(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ events: number }>(
    `update outbox set kind = 'events' where kind = '${REFUSED}' returning events`,
  );
  return rows.reduce((sum, { events }) => sum + events, 0);
}
