import type { IHeaders } from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';

type Header = IHeaders[string];

/** Headers as they came. */
interface Unread {
  buffer: Buffer;
  start: number;
  count: number;
  /** All of them, once somebody asked for more than one by its name. */
  read?: IHeaders;
}

/**
 * Passes over the headers of a record and returns an object that reads them when it is asked. A record has a dozen, of which few are
 * read; a buffer for each was most of what a waiting record keeps alive. It looks like the object kafkajs makes, where a name that
 * comes more than once has a list.
 */
export function unreadHeaders(decoder: Decoder): IHeaders {
  const count = decoder.readVarInt();
  const unread: Unread = { buffer: decoder.buffer, start: decoder.offset, count };
  for (let part = 0; part < count * 2; part += 1) skip(decoder);
  return new Proxy(unread, LOOK) as unknown as IHeaders;
}

const LOOK: ProxyHandler<Unread> = {
  get: (unread, name) => (typeof name === 'string' ? headerOf(unread, name) : undefined),
  has: (unread, name) => name in allOf(unread),
  ownKeys: (unread) => Reflect.ownKeys(allOf(unread)),
  getOwnPropertyDescriptor: (unread, name) => Object.getOwnPropertyDescriptor(allOf(unread), name),
  getPrototypeOf: () => null,
};

function headerOf(unread: Unread, name: string): Header {
  if (unread.read !== undefined) return unread.read[name];
  const wanted = bytesOf(name);
  const decoder = decoderOf(unread);
  let found: Header;
  for (let index = 0; index < unread.count; index += 1) {
    if (isNext(decoder, wanted)) found = together(found, decoder.readVarIntBytes());
    else skip(decoder);
  }
  return found;
}

function allOf(unread: Unread): IHeaders {
  if (unread.read !== undefined) return unread.read;
  // No prototype that a header could name.
  const headers = Object.create(null) as IHeaders;
  const decoder = decoderOf(unread);
  for (let index = 0; index < unread.count; index += 1) {
    const name = decoder.readVarIntBytes()?.toString() ?? '';
    headers[name] = together(headers[name], decoder.readVarIntBytes());
  }
  unread.read = headers;
  return headers;
}

function decoderOf({ buffer, start }: Unread): Decoder {
  const decoder = new Decoder(buffer);
  decoder.offset = start;
  return decoder;
}

function skip(decoder: Decoder): void {
  const length = decoder.readVarInt();
  decoder.offset += Math.max(length, 0);
}

/** Reads a name, and tells whether it is this one. */
function isNext(decoder: Decoder, wanted: Buffer): boolean {
  const length = Math.max(decoder.readVarInt(), 0);
  const start = decoder.offset;
  decoder.offset += length;
  if (length !== wanted.length) return false;
  for (let index = 0; index < length; index += 1) if (decoder.buffer[start + index] !== wanted[index]) return false;
  return true;
}

function together(before: Header, value: Buffer | null): Header {
  if (before === undefined) return value as Buffer;
  return Array.isArray(before) ? [...before, value as Buffer] : [before, value as Buffer];
}

const names = new Map<string, Buffer>();
const NAMES_KEPT = 64;

function bytesOf(name: string): Buffer {
  const known = names.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(name);
  if (names.size < NAMES_KEPT) names.set(name, bytes);
  return bytes;
}
