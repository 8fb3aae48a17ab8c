import { DEAD_LETTER_HEADERS, HEADERS } from '#libs/contracts/src/headers.ts';
import { maskPersonal } from '#libs/contracts/src/personal.ts';
import { readLetters } from '#libs/kafka/src/letters.ts';
import { readLetter, type LetterRow } from '#libs/storage/src/dead-letters.ts';
import { toAppError } from '../errors.ts';
import type { Platform } from '../platform.ts';

/** A dead letter with what its record holds. */
export interface LetterView extends LetterRow {
  /** Null when Kafka no longer keeps the bytes. */
  record: {
    bytes: number;
    headers: Record<string, string>;
    /** The event, personal data masked unless it was asked for; null when the bytes do not decode. */
    event: unknown;
    /** Why they do not decode. */
    undecodable: string | null;
    revealed: boolean;
  } | null;
}

const KNOWN_HEADERS = new Set<string>([...Object.values(HEADERS), ...Object.values(DEAD_LETTER_HEADERS)]);

/** Reads a dead letter from its topic. `reveal` shows personal data: the caller has checked that it may. */
export async function showLetter(
  { kafka, database, codec }: Pick<Platform, 'kafka' | 'database' | 'codec'>,
  id: string,
  { reveal, accounts }: { reveal: boolean; accounts?: readonly string[] | undefined },
): Promise<LetterView> {
  const row = await readLetter(database, id, accounts);
  const record = (await readLetters(kafka, [id])).get(id);
  if (record === undefined) return { ...row, record: null };
  const headers = Object.entries(record.headers).map(([name, value]) => {
    const text = String(Array.isArray(value) ? value[0] : value);
    return [name, reveal || KNOWN_HEADERS.has(name) ? text : `[${text.length} characters]`];
  });
  const decoded = await decode(codec, record.value);
  return {
    ...row,
    record: {
      bytes: record.value?.length ?? 0,
      headers: Object.fromEntries(headers) as Record<string, string>,
      event: decoded.event === null ? null : reveal ? decoded.event : maskPersonal(decoded.event),
      undecodable: decoded.undecodable,
      revealed: reveal,
    },
  };
}

async function decode(
  codec: Platform['codec'],
  bytes: Buffer | null,
): Promise<{ event: unknown; undecodable: string | null }> {
  if (bytes === null) return { event: null, undecodable: 'the record has no value' };
  try {
    return { event: (await codec.decode(bytes)).value, undecodable: null };
  } catch (error) {
    const failure = toAppError(error);
    if (failure.kind !== 'data') throw failure;
    return { event: null, undecodable: failure.message };
  }
}
