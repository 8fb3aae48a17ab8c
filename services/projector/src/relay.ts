import { toAppError } from '#libs/runtime/src/errors.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { outboxPending, relayOutbox, type OutboxEvent, type Refusal } from '#libs/storage/src/outbox.ts';
import type { Database } from '#libs/storage/src/pool.ts';

/** Publishes the outbox: at once when told to, and every few seconds for what another process left. */
export interface Relay {
  wake(): void;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 2_000;

/** Starts the relay; an event is removed only after the broker acknowledged it, so a crash repeats it under the same id. */
export function startRelay(options: {
  database: Database;
  producer: Producer;
  logger: Logger;
  onPending(count: number): void;
  /** Told of events once the brokers have them; again when a crash repeats them. */
  onPublished(events: readonly OutboxEvent[]): void;
  /** Told of an event that no topic takes and that was set aside. */
  onRefused(type: string, code: string): void;
}): Relay {
  const { database, producer, logger, onPending, onPublished, onRefused } = options;
  let working: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function send(events: OutboxEvent[]): Promise<void> {
    await publish(producer, events);
    onPublished(events);
  }

  function tellRefused({ event: { type, key, eventId }, failure: { code, message } }: Refusal): void {
    logger.error(
      { type, key, eventId, code },
      `event not published, set aside: ${message}; \`tributary outbox retry\` publishes it once that is mended`,
    );
    onRefused(type, code);
  }

  async function work(): Promise<void> {
    try {
      while (again && !stopped) {
        again = false;
        while (!stopped && (await relayOutbox(database, send, tellRefused)) > 0) continue;
      }
      onPending(await outboxPending(database));
    } catch (error) {
      if (!stopped) logger.warn({ code: toAppError(error).code, err: error }, 'outbox not published yet');
    } finally {
      working = undefined;
    }
  }

  function wake(): void {
    again = true;
    if (!stopped) working ??= work();
  }

  const timer = setInterval(wake, LOOK_EVERY_MS);
  wake();
  return {
    wake,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await working;
    },
  };
}

async function publish(producer: Producer, events: OutboxEvent[]): Promise<void> {
  await producer.send(
    events.map(({ topic, key, type, eventId, scanId, causationId, time, value }) => ({
      topic,
      key,
      type,
      value,
      id: eventId,
      time,
      causationId: causationId ?? scanId ?? undefined,
      ...(scanId === null ? {} : { scanId, correlationId: scanId }),
    })),
  );
}
