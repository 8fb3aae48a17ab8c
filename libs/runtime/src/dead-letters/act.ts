import { setTimeout as wait } from 'node:timers/promises';
import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import { readLetters } from '#libs/kafka/src/letters.ts';
import { redrivenHeaders } from '#libs/kafka/src/redriven.ts';
import {
  actingAlone,
  findLetters,
  noteOperation,
  type LetterFilter,
  type LetterRow,
} from '#libs/storage/src/dead-letters.ts';
import type { Platform } from '../platform.ts';

/** Who acts, on which dead letters, and on how many of them at most. */
export interface Act {
  filter: LetterFilter;
  limit: number;
  /** cli and the system user, or api and the id of the key. */
  by: string;
}

/** What came of it. */
export interface ActResult {
  /** Ids of the letters acted on. */
  done: string[];
  /** Ids of letters whose bytes Kafka no longer keeps; they stay waiting. */
  expired: string[];
  /** Waiting letters that the filter meant in all. */
  matched: number;
}

/** Dead letters read into memory at a time. */
const CHUNK = 200;
/** Sends in a second at most, so that a rate is kept in even steps. */
const STEPS = 5;

type Parts = Pick<Platform, 'kafka' | 'database' | 'producer'>;

/**
 * Sends waiting dead letters back to where they came from: bytes, key and partition as they were, in their original order. Each send is
 * recorded before the next; a crash in between sends at most one step again, which its consumer takes as a repeat.
 */
export async function redrive(
  parts: Parts,
  act: Act & { ratePerSecond: number; signal?: AbortSignal; onProgress?(done: number, of: number): void },
): Promise<ActResult> {
  const { ratePerSecond, signal } = act;
  const step = Math.max(1, Math.ceil(ratePerSecond / STEPS));
  return actingAlone(parts.database, async () => {
    const { items, total } = await waiting(parts, act);
    const result: ActResult = { done: [], expired: [], matched: total };
    for (let from = 0; from < items.length; from += CHUNK) {
      const chunk = items.slice(from, from + CHUNK);
      const records = await readLetters(
        parts.kafka,
        chunk.map(({ id }) => id),
      );
      result.expired.push(...chunk.filter(({ id }) => !records.has(id)).map(({ id }) => id));
      const present = chunk.filter(({ id }) => records.has(id));
      for (let at = 0; at < present.length; at += step) {
        const letters = present.slice(at, at + step);
        signal?.throwIfAborted();
        await parts.producer.sendRaw(
          letters.map((letter) => {
            const { key, value, headers } = records.get(letter.id)!;
            const { id, topic, partition, group } = letter;
            return { topic, partition, key, value, headers: redrivenHeaders(headers, id, group) };
          }),
        );
        await record(parts, 'crm.operation.v1.DeadLetterRedriven', letters, (letter) => ({
          ...factsOf(letter),
          ...signed(act),
        }));
        result.done.push(...letters.map(({ id }) => id));
        act.onProgress?.(result.done.length, items.length);
        if (result.done.length + result.expired.length < items.length)
          await wait((letters.length / ratePerSecond) * 1000, undefined, {
            ...(signal === undefined ? {} : { signal }),
          });
      }
    }
    return result;
  });
}

/** Records that waiting dead letters will not be sent back, and why. Their bytes stay until the topic drops them. */
export async function discard(parts: Parts, act: Act & { reason: string }): Promise<ActResult> {
  return actingAlone(parts.database, async () => {
    const { items, total } = await waiting(parts, act);
    await record(parts, 'crm.operation.v1.DeadLetterDiscarded', items, (letter) => ({
      ...factsOf(letter),
      ...signed(act),
      reason: act.reason,
    }));
    return { done: items.map(({ id }) => id), expired: [], matched: total };
  });
}

/** The letters an act is about, in the order of their original places: what `--dry-run` shows. */
export function waiting(
  { database }: Pick<Platform, 'database'>,
  { filter, limit }: Pick<Act, 'filter' | 'limit'>,
): Promise<{ items: LetterRow[]; total: number }> {
  return findLetters(database, { ...filter, state: 'waiting' }, { limit, order: 'original' });
}

type OperationType = Extract<EventType, `crm.operation.v1.${string}`>;

async function record<T extends OperationType>(
  { database, producer }: Parts,
  type: T,
  letters: readonly LetterRow[],
  toEvent: (letter: LetterRow) => Events[T],
): Promise<void> {
  const topic: TopicName = 'crm.operation.v1';
  const events = letters.map((letter) => ({
    topic,
    key: letter.id,
    type,
    id: eventId(letter.id, type),
    subject: letter.id,
    value: toEvent(letter),
  }));
  await producer.send(events);
  // The caller may list them at once: the projection would write the same in a moment.
  for (const { value } of events) await noteOperation(database, value);
}

function factsOf(letter: LetterRow): Omit<Events['crm.operation.v1.DeadLetterRedriven'], 'by' | 'at'> {
  const { id, topic, partition, offset, group, code, account, scanId, at } = letter;
  return { id, topic, partition, offset, group, code, account, scanId, deadLetteredAt: at };
}

function signed({ by }: Act): { by: string; at: number } {
  return { by, at: Date.now() };
}
