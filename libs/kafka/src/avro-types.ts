import avro from 'avsc';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';

const types = new Map<EventType, avro.Type>();

/** The Avro type of an event as we read and write it; made once. */
export function readerOf(type: EventType): avro.Type {
  const known = types.get(type);
  if (known !== undefined) return known;
  const made = avro.Type.forSchema(SCHEMAS[type] as unknown as avro.Schema);
  types.set(type, made);
  return made;
}
