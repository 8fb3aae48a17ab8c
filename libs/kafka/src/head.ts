import avro from 'avsc';
import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import { HEADS } from '#libs/contracts/src/head.ts';
import { readerOf } from './avro-types.ts';

/** Reads the head of a record whose writer's schema is ours. */
export interface HeadReader {
  /** The head of the value that begins at `start`, and its content as bytes; undefined where the bytes do not fit. */
  read(buffer: Buffer, start: number): { head: object; content: Buffer } | undefined;
}

interface Parts {
  /** The fields before the content. */
  before: avro.Type;
  /** The fields of the head that belong to the content. */
  identity: avro.Type;
  content: avro.Type;
}

const parts = new Map<EventType, Parts | undefined>();

function partsOf(type: EventType): Parts | undefined {
  if (!parts.has(type)) parts.set(type, cut(type));
  return parts.get(type);
}

/** A record is its fields one after the other (Avro specification, binary encoding): some of them are a record as well. */
function cut(type: EventType): Parts | undefined {
  const rule = HEADS[type];
  if (rule === undefined) return undefined;
  const { fields } = readerOf(type) as avro.types.RecordType;
  const from = fields.findIndex(({ name }) => name === rule.contentFrom);
  const to = fields.findIndex(({ name }) => name === rule.headTo) + 1;
  const record = (some: readonly avro.types.Field[]): avro.Type =>
    avro.Type.forSchema({
      type: 'record',
      fields: some.map(({ name, type: of }) => ({ name, type: of })),
    } as unknown as avro.Schema);
  return {
    before: record(fields.slice(0, from)),
    identity: record(fields.slice(from, to)),
    content: record(fields.slice(from)),
  };
}

/** A reader of heads for what `writer` wrote; undefined where the event has none, or where the schema is not the one we write. */
export function headReader(type: EventType, writer: avro.Type): HeadReader | undefined {
  const own = partsOf(type);
  if (own === undefined || !readerOf(type).equals(writer)) return undefined;
  return {
    read(buffer, start) {
      try {
        const before = own.before.decode(buffer, start);
        if (before.offset < 0) return undefined;
        const identity = own.identity.decode(buffer, before.offset);
        if (identity.offset < 0) return undefined;
        return {
          head: Object.assign(before.value as object, identity.value as object),
          content: buffer.subarray(before.offset),
        };
      } catch {
        // avsc throws for what the bytes cannot mean, such as a branch that a union does not have.
        return undefined;
      }
    },
  };
}

/** The content of a value as we write it. */
export function contentOf<T extends EventType>(type: T, value: Events[T]): Buffer {
  return partsOf(type)!.content.toBuffer(value);
}
