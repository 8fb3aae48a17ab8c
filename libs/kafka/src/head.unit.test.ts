import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { vendorObserved } from '#libs/domain/src/rules.fixture.ts';
import { readerOf } from './avro-types.ts';
import { contentOf, headReader } from './head.ts';

const TYPE = 'crm.observation.v1.VendorObserved';
const own = readerOf(TYPE);
const reader = headReader(TYPE, own)!;
const START = 5;

const written = (value: VendorObserved): Buffer => Buffer.concat([Buffer.alloc(START), own.toBuffer(value)]);
const contentIn = (value: VendorObserved): Buffer => reader.read(written(value), START)!.content;

const scanned: Partial<VendorObserved> = {
  account: 'other',
  scanId: 'other',
  scanNumber: 7,
  dryRun: true,
  mode: 'targeted',
  observedAt: 7,
  knownAs: { ...vendorObserved().knownAs, leadByEmail: true, leadOpportunityIds: ['o'] },
};

describe('the head of a record', () => {
  it('is what the whole record says there', () => {
    for (let round = 0; round < 200; round += 1) {
      const bytes = Buffer.concat([Buffer.alloc(START), own.toBuffer(own.random())]);
      const { head, content } = reader.read(bytes, START)!;
      const value = own.fromBuffer(bytes.subarray(START)) as VendorObserved;
      expect(value).toMatchObject({ ...head });
      expect(content).toEqual(contentOf(TYPE, value));
    }
  });

  it('has the same content whichever scan saw it', () => {
    expect(contentIn(vendorObserved(scanned))).toEqual(contentIn(vendorObserved()));
  });

  it.each(Object.keys(vendorObserved()).filter((field) => !(field in scanned)))(
    'has another content when %s is another',
    (field) => {
      const { type } = (own as avro.types.RecordType).field(field);
      const before = vendorObserved();
      const is = other(type, before[field as keyof VendorObserved]);
      expect(contentIn({ ...before, [field]: is })).not.toEqual(contentIn(before));
    },
  );

  it('is not read from what another schema wrote', () => {
    const first = JSON.parse(
      readFileSync(join(import.meta.dirname, `../../contracts/history/${TYPE}/1.avsc`), 'utf8'),
    ) as avro.Schema;
    expect(headReader(TYPE, avro.Type.forSchema(first))).toBeUndefined();
    expect(headReader('crm.sync.v1.SyncCancelled', readerOf('crm.sync.v1.SyncCancelled'))).toBeUndefined();
  });

  it('is not read from bytes that end in it', () => {
    const bytes = written(vendorObserved());
    for (let end = START; end < bytes.length - contentIn(vendorObserved()).length; end += 1)
      expect(reader.read(bytes.subarray(0, end), START)).toBeUndefined();
  });

  it('is not read from bytes that name a branch its union lacks', () => {
    const bytes = written(vendorObserved({ account: '' }));
    bytes[START + 1] = 80;
    expect(reader.read(bytes, START)).toBeUndefined();
  });
});

/** A random value of a type that is written otherwise than `value`. */
function other(type: avro.Type, value: unknown): unknown {
  for (;;) {
    const found: unknown = type.random();
    if (!type.toBuffer(found).equals(type.toBuffer(value))) return found;
  }
}
