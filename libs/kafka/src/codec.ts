import type avro from 'avsc';
import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { readerOf } from './avro-types.ts';
import { headReader, type HeadReader } from './head.ts';
import { askRegistry, createRegistry, patiently, type RegistryAddress } from './registry-client.ts';
import { guardText } from './well-formed.ts';

/** Bytes before the Avro data: a zero and the schema id, big-endian (Confluent framing). */
const FRAME = 5;
/** How long an unknown schema id is believed to be unknown, in milliseconds. */
const UNKNOWN_FOR_MS = 30_000;
/** How many unknown ids are kept. */
const UNKNOWN_KEPT = 1_000;

/** A decoded record: the full name of its event and its value in the shape of our schema. */
export interface Decoded<T extends EventType = EventType> {
  type: T;
  value: Events[T];
}

/** A record of which the head was read; `value` reads the rest when it is asked for, and throws record_undecodable when it cannot. */
export interface HeadFirst extends Decoded {
  head: object;
  /** The bytes of its content: equal for records that say the same, whichever scan saw them (contracts, head). */
  content: Buffer;
}

/** Turns events into bytes and back. Ids are looked up once and kept for ever, so a registry outage is survived. */
export interface Codec {
  /** Looks up the ids of event types that will be written; config error schema_not_registered when one is absent. */
  ready(types: readonly EventType[]): Promise<void>;
  /** Encodes an event whose type is ready; a data error names the field, never its value. */
  encode(type: EventType, value: unknown): Buffer;
  /** Decodes at once when the writer's schema is known, else after one look-up. */
  decode(buffer: Buffer): Decoded | Promise<Decoded>;
  /** Decodes the head alone, where its event has one and the writer's schema is known and ours; else undefined: decode all of it. */
  decodeHead(buffer: Buffer): HeadFirst | undefined;
}

interface Reader {
  type: EventType;
  avroType: avro.Type;
  resolver: unknown;
  head: HeadReader | undefined;
}

/** A codec over one registry. `timeoutMs` bounds every look-up. */
export function createCodec({ timeoutMs = 5_000, ...address }: RegistryAddress & { timeoutMs?: number }): Codec {
  guardText();
  const registry = createRegistry(address, timeoutMs);
  const ids = new Map<EventType, number>();
  const writers = new Map<number, Reader>();
  const unknown = new Map<number, number>();
  let scratch: Buffer = Buffer.allocUnsafe(64 * 1024);

  return {
    async ready(types) {
      for (const type of types) {
        if (ids.has(type)) continue;
        const id = await patiently(() =>
          askRegistry(timeoutMs, () => registry.getRegistryIdBySchema(type, SCHEMAS[type] as never)),
        ).catch((error: unknown) => {
          if (error instanceof AppError) throw error;
          throw new AppError(
            'schema_not_registered',
            `schema ${type} is not registered as we know it: run \`npm run -s tributary -- deploy\``,
            {
              cause: error,
            },
          );
        });
        ids.set(type, id);
      }
    },

    encode(type, value) {
      const id = ids.get(type);
      if (id === undefined)
        throw new AppError('schema_not_registered', `schema ${type} was not made ready before it was written`);
      const avroType = readerOf(type);
      let end: number;
      try {
        end = avroType.encode(value, scratch, FRAME);
        if (end < 0) {
          scratch = Buffer.allocUnsafe((scratch.length - end) * 2);
          end = avroType.encode(value, scratch, FRAME);
        }
      } catch (error) {
        throw new AppError('record_invalid', `${type} does not fit its schema at ${invalidPaths(avroType, value)}`, {
          cause: error,
        });
      }
      scratch[0] = 0;
      scratch.writeInt32BE(id, 1);
      return Buffer.from(scratch.subarray(0, end));
    },

    decode(buffer) {
      if (buffer.length < FRAME || buffer[0] !== 0) {
        throw new AppError(
          'record_undecodable',
          'the value has no Confluent framing: a zero byte and a four-byte schema id',
        );
      }
      const id = buffer.readInt32BE(1);
      const reader = writers.get(id);
      if (reader !== undefined) return read(reader, buffer);
      return lookUp(id).then((found) => read(found, buffer));
    },

    decodeHead(buffer) {
      if (buffer.length < FRAME || buffer[0] !== 0) return undefined;
      const reader = writers.get(buffer.readInt32BE(1));
      const found = reader?.head?.read(buffer, FRAME);
      return found === undefined ? undefined : new Partly(reader!, buffer, found);
    },
  };

  async function lookUp(id: number): Promise<Reader> {
    const since = unknown.get(id);
    if (since !== undefined && Date.now() - since < UNKNOWN_FOR_MS) throw unknownId(id);
    const writer = await askRegistry(timeoutMs, () => registry.getSchema(id)).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      // Garbage names any number of ids: what is kept of them has an end.
      if (unknown.size >= UNKNOWN_KEPT) unknown.clear();
      unknown.set(id, Date.now());
      throw unknownId(id, error);
    });
    const reader = readerFor(writer as avro.Type, id);
    writers.set(id, reader);
    return reader;
  }
}

/**
 * The resolver is built once per writer's schema: letting the registry client do it costs a new one for every record, which is
 * 180 times slower (engineering 1.2).
 */
function readerFor(writer: avro.Type, id: number): Reader {
  const name = (writer as { name?: string }).name ?? '';
  if (!(name in SCHEMAS))
    throw new AppError('schema_unknown', `schema id ${id} is ${name || 'unnamed'}, which this version does not know`);
  const type = name as EventType;
  const avroType = readerOf(type);
  try {
    return { type, avroType, resolver: avroType.createResolver(writer), head: headReader(type, writer) };
  } catch (error) {
    throw new AppError('schema_unknown', `schema id ${id} is a ${type} that ours cannot read`, { cause: error });
  }
}

function read({ type, avroType, resolver }: Reader, buffer: Buffer): Decoded {
  try {
    return { type, value: avroType.fromBuffer(buffer.subarray(FRAME), resolver as never) as Events[EventType] };
  } catch (error) {
    throw new AppError('record_undecodable', `the bytes do not fit the schema of ${type}`, { cause: error });
  }
}

class Partly implements HeadFirst {
  readonly type: EventType;
  readonly head: object;
  readonly content: Buffer;
  readonly #reader: Reader;
  readonly #buffer: Buffer;
  #value: Events[EventType] | undefined;

  constructor(reader: Reader, buffer: Buffer, { head, content }: { head: object; content: Buffer }) {
    this.type = reader.type;
    this.head = head;
    this.content = content;
    this.#reader = reader;
    this.#buffer = buffer;
  }

  get value(): Events[EventType] {
    return (this.#value ??= read(this.#reader, this.#buffer).value);
  }
}

function invalidPaths(avroType: avro.Type, value: unknown): string {
  const paths: string[] = [];
  avroType.isValid(value, { errorHook: (path: string[]) => void paths.push(path.join('.')) });
  return paths.length === 0 ? 'an unnamed place' : paths.join(', ');
}

function unknownId(id: number, cause?: unknown): AppError {
  return new AppError('schema_unknown', `schema id ${id} is not in the registry`, { cause });
}
