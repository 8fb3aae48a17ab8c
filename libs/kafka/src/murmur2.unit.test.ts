import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import ofKafkajs from 'kafkajs/src/producer/partitioners/default/murmur2.js';
import { murmur2 } from './murmur2.ts';

it('keys have the partition that other clients find', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(murmur2(bytes)).toBe(ofKafkajs(Buffer.from(bytes)));
    }),
    { numRuns: 1_000 },
  );
});
