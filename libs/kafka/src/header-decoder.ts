import type { IHeaders } from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';

let guarded = false;

/**
 * kafkajs 2.2.4 copies the headers of a record once for each header (record/v0/decoder.js reduces with a spread): with our ten, most
 * of what the decoding of a record leaves to the garbage collector. Here they are read into one object; the record decoder, the only
 * one to read this kind of array, takes it for the list that it would fold.
 */
export function guardHeaders(): void {
  if (guarded) return;
  guarded = true;
  Decoder.prototype.readVarIntArray = function (this: Decoder): unknown[] {
    const headers = readHeaders(this);
    return { reduce: () => headers } as unknown as unknown[];
  };
}

/** The headers of a record: a name that comes more than once has a list, as kafkajs has it. */
function readHeaders(decoder: Decoder): IHeaders {
  // No prototype that a header could name.
  const headers = Object.create(null) as IHeaders;
  const count = decoder.readVarInt();
  for (let read = 0; read < count; read += 1) {
    const name = readName(decoder);
    const value = decoder.readVarIntBytes() as Buffer;
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else headers[name] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return headers;
}

function readName(decoder: Decoder): string {
  const length = decoder.readVarInt();
  const start = decoder.offset;
  decoder.offset += Math.max(length, 0);
  return decoder.buffer.toString('utf8', start, decoder.offset);
}
