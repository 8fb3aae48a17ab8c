import { setTimeout as wait } from 'node:timers/promises';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { hasPassed } from '#libs/storage/src/checkpoints.ts';

const TOPIC = 'crm.registration.v1';
const LOOK_AGAIN_MS = 200;

/**
 * Resolves when the projector has written all rows that began locally until now: a scan that began before would hold against rows what
 * it never looked for. Gives up when `isOver` says so; throws when the process stops.
 */
export async function registrationsWritten(
  { database, kafka }: Pick<Platform, 'database' | 'kafka'>,
  isOver: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const written = (await topicOffsets(kafka, [TOPIC])).filter(({ high, low }) => high > low);
    const last = new Map(written.map(({ partition, high }) => [partition, String(high - 1)]));
    if ((await hasPassed(database, 'ghl', TOPIC, last)) || (await isOver())) return;
    await wait(LOOK_AGAIN_MS, undefined, { signal });
  }
}
