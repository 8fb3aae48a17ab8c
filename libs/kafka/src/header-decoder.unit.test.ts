import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/decoder.js';
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js';
import { guardHeaders } from './header-decoder.ts';

const CONTEXT = { firstOffset: '0', firstTimestamp: '0', magicByte: 2, timestampType: 0 };

/** The headers of a record as kafkajs writes it and reads it again; it writes the length of a record first. */
function headersOf(headers: object): object {
  const { buffer } = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers });
  const decoder = new Decoder(buffer);
  return decodeRecord(new Decoder(decoder.readVarIntBytes()!), CONTEXT).headers;
}

it('headers are read as kafkajs reads them: none, any, repeated', () => {
  const samples = fc.sample(
    fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => !(name in {})),
      fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 2, maxLength: 3 })),
      { noNullPrototype: true },
    ),
    200,
  );
  const before = [{}, { a: ['1', '2', '3'] }, ...samples].map(headersOf);
  guardHeaders();
  expect([{}, { a: ['1', '2', '3'] }, ...samples].map(headersOf)).toEqual(before);
  // Names that every object inherits, which kafkajs takes for a header that came before.
  expect(headersOf({ valueOf: 'x' })).toEqual({ valueOf: Buffer.from('x') });
  expect(headersOf({ ce_id: 'x', é: 'y' })).toEqual({ ce_id: Buffer.from('x'), é: Buffer.from('y') });
});
