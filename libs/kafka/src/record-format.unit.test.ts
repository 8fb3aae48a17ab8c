import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import decodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/decoder.js';
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js';
import { guardRecordFormat, writableHeaders } from './record-format.ts';

const CONTEXT = { firstOffset: '0', firstTimestamp: '0', magicByte: 2, timestampType: 0 };

/** The headers of a record as kafkajs writes it and reads it again; it writes the length of a record first. */
function headersOf(headers: object): object {
  const { buffer } = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers });
  const decoder = new Decoder(buffer);
  return decodeRecord(new Decoder(decoder.readVarIntBytes()!), CONTEXT).headers;
}

/** Each header asked for by its name alone. */
function byName(headers: object): object {
  const read = headersOf(headers) as Record<string, unknown>;
  return Object.fromEntries(Object.keys(headers).map((name) => [name, read[name]]));
}

/** A record of some headers as kafkajs writes it, with a value that grows with them. */
function bytesOf(headers: object, index: number): string {
  const value = Buffer.alloc(index * 97, index);
  return encodeRecord({ offsetDelta: index, timestampDelta: index * 7, key: 'k', value, headers }).buffer.toString(
    'hex',
  );
}

it('records are read and written as kafkajs does: headers none, any, repeated; numbers short and long', () => {
  const samples = fc.sample(
    fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => !(name in {})),
      fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 2, maxLength: 3 })),
      { noNullPrototype: true },
    ),
    200,
  );
  const before = [{}, { a: ['1', '2', '3'] }, ...samples].map(headersOf);
  const numbers = [0, -1, 1, 127, 128, -65, 300, 2 ** 31 - 1, -(2 ** 31), ...fc.sample(fc.integer(), 200)];
  const written = numbers.map((number) => new Encoder(1).writeVarInt(number).buffer.toString('hex'));
  const records = [{}, { a: ['1', '2'] }, ...samples].map(bytesOf);
  guardRecordFormat();
  expect([{}, { a: ['1', '2'] }, ...samples].map(bytesOf)).toEqual(records);
  expect(numbers.map((number) => new Encoder(1).writeVarInt(number).buffer.toString('hex'))).toEqual(written);
  expect([{}, { a: ['1', '2', '3'] }, ...samples].map(headersOf)).toEqual(before);
  expect([{}, { a: ['1', '2', '3'] }, ...samples].map(byName)).toEqual(before);
  expect(headersOf({ a: 'x' })).not.toHaveProperty('b');
  expect((headersOf({ a: 'x' }) as { b?: unknown }).b).toBeUndefined();
  // Names that every object inherits, which kafkajs takes for a header that came before.
  expect(headersOf({ valueOf: 'x' })).toEqual({ valueOf: Buffer.from('x') });
  expect(headersOf({ ce_id: 'x', é: 'y' })).toEqual({ ce_id: Buffer.from('x'), é: Buffer.from('y') });
});

it('headers that are null are written as null, which kafkajs cannot', () => {
  guardRecordFormat();
  const headers = { none: null, some: 'x', empty: '', both: [null, 'x'] } as never;
  expect(headersOf(writableHeaders(headers))).toEqual({
    none: null,
    some: Buffer.from('x'),
    empty: Buffer.alloc(0),
    both: [null, Buffer.from('x')],
  });
});
