import type { IHeaders } from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { unreadHeaders } from './record-headers.ts';

let guarded = false;

/**
 * kafkajs 2.2.4 copies the headers of a record once for each header when it reads them (record/v0/decoder.js folds with a spread): here
 * they are read when somebody asks. When it writes them it allocates 512 zeroed bytes for each, and a buffer for each number of
 * variable length (encoder.js). With our ten headers that was half of what a record costs to read and nearly all of what it costs to
 * write. The bytes stay the same.
 */
export function guardRecordFormat(): void {
  if (guarded) return;
  guarded = true;
  // The record decoder, the only one to read this kind of array, takes the object for the list that it would fold.
  Decoder.prototype.readVarIntArray = function (this: Decoder): unknown[] {
    const headers = unreadHeaders(this);
    return { reduce: () => headers } as unknown as unknown[];
  };
  const { writeVarIntBytes } = Encoder.prototype;
  Encoder.prototype.writeVarIntBytes = function (this: Encoder, value: unknown): Encoder {
    return value === NULL ? this.writeVarInt(-1) : writeVarIntBytes.call(this, value);
  };
  const { nextPowerOfTwo } = Encoder;
  // An encoder begins with nothing, unless somebody knows better, and grows out of the pool of small buffers.
  Encoder.nextPowerOfTwo = (size) => (size === UNSAID_SIZE ? 0 : nextPowerOfTwo(size));
  Encoder.prototype.ensureAvailable = function (this: Encoder, length: number): void {
    const needed = this.offset + length;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafe(Math.max(LEAST_SIZE, nextPowerOfTwo(needed)));
    this.buf.copy(grown, 0, 0, this.offset);
    this.buf = grown;
  };
  Encoder.prototype.writeUVarInt = function (this: Encoder, value: number): Encoder {
    this.ensureAvailable(LONGEST_VARINT);
    let rest = value;
    while ((rest & ~SEVEN_BITS) !== 0) {
      this.buf[this.offset++] = (rest & SEVEN_BITS) | MORE;
      rest >>>= 7;
    }
    this.buf[this.offset++] = rest;
    return this;
  };
}

/** Stands for null: as long as it when written. */
const NULL = Buffer.alloc(0);

/** Headers as kafkajs can write them: it measures those that are null, as Kafka allows, and throws. */
export function writableHeaders(headers: IHeaders): IHeaders {
  const writable = (value: Buffer | string | null): Buffer | string => value ?? NULL;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(writable) : writable(value as Buffer | string | null),
    ]),
  );
}

/** The size of an encoder where none is said, and what the first bytes get here. */
const UNSAID_SIZE = 511;
const LEAST_SIZE = 64;

/** Seven bits of a number to a byte, the lowest first; the eighth says that more follow. */
const SEVEN_BITS = 0x7f;
const MORE = 0x80;
const LONGEST_VARINT = 5;
