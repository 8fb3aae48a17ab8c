import { toAppError } from '#libs/runtime/src/errors.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { outboxPending, relayOutbox } from '#libs/storage/src/outbox.ts';
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
}): Relay {
  const { database, producer, logger, onPending } = options;
  let working: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function work(): Promise<void> {
    try {
      while (again && !stopped) {
        again = false;
        while (!stopped && (await relayOutbox(database, (events) => publish(producer, events))) > 0) continue;
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

async function publish(producer: Producer, events: Parameters<Parameters<typeof relayOutbox>[1]>[0]): Promise<void> {
  await producer.send(
    events.map(({ topic, key, type, eventId, scanId, value }) => ({
      topic,
      key,
      type,
      value,
      id: eventId,
      ...(scanId === null ? {} : { scanId, correlationId: scanId, causationId: scanId }),
    })),
  );
}
