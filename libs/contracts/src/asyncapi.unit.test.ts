import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { asyncApiDocument } from './asyncapi.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { TOPICS } from './topics.ts';

// The specification brings draft 07 along.
const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
formats.default(ajv);
const validate = ajv.compile((specs.schemas as Record<string, object>)['3.0.0']!);

interface Document {
  channels: Record<string, { messages: Record<string, { $ref: string }>; bindings: { kafka: object } }>;
  operations: Record<string, { channel: { $ref: string } }>;
  components: { messages: Record<string, { payload?: { schema: unknown } }> };
}

const document = JSON.parse(JSON.stringify(asyncApiDocument(SCHEMAS))) as Document;

describe('the AsyncAPI document', () => {
  it('is valid by the official schema of AsyncAPI 3.0, which finds faults where there are some', () => {
    expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
    const faulty = structuredClone(document);
    faulty.channels['crm.scan.v1']!.bindings.kafka = { partitions: 'six' };
    expect(validate(faulty)).toBe(false);
  });

  it('refers only to what is there', () => {
    const { channels, operations, components } = document;
    for (const { channel } of Object.values(operations))
      expect(Object.keys(channels)).toContain(channel.$ref.replace('#/channels/', ''));
    for (const { messages } of Object.values(channels)) {
      for (const { $ref } of Object.values(messages))
        expect(Object.keys(components.messages)).toContain($ref.replace('#/components/messages/', ''));
    }
  });

  it('has every topic with its partitions and every event with its Avro schema', () => {
    for (const [topic, { partitions, events }] of Object.entries(TOPICS)) {
      expect(document.channels[topic]).toMatchObject({ address: topic, bindings: { kafka: { topic, partitions } } });
      expect(Object.keys(document.channels[topic]!.messages)).toEqual([...events]);
    }
    for (const [name, schema] of Object.entries(SCHEMAS))
      expect(document.components.messages[name]?.payload?.schema).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('is what deploy/asyncapi.json holds', () => {
    const file = join(import.meta.dirname, '../../../deploy/asyncapi.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(document);
  });
});
