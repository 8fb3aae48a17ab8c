import { AVRO_CONTENT_TYPE, DEAD_LETTER_HEADERS, HEADERS } from './headers.ts';
import {
  CONSUMER_GROUPS,
  DEAD_LETTER_RETENTION_MS,
  DEAD_LETTER_TOPICS,
  MAX_RECORD_BYTES,
  TOPICS,
  type TopicDefinition,
} from './topics.ts';

type Json = Record<string, unknown>;
type Named = [string, Json];

const BINDING = { bindingVersion: '0.5.0' };
const AVRO = 'application/vnd.apache.avro+json;version=1.9.0';
const GROUP_OF_DEAD_LETTERS = 'projector-dead-letters';

/** The AsyncAPI 3.0 document of the topic catalogue; `schemas` are the Avro schemas by full name. */
export function asyncApiDocument(schemas: Readonly<Record<string, object>>): Json {
  const topics = Object.entries(TOPICS) as [string, TopicDefinition][];
  const received: { group: string; topic: string }[] = [
    ...Object.entries(CONSUMER_GROUPS).flatMap(([group, read]) => read.map((topic) => ({ group, topic }))),
    ...DEAD_LETTER_TOPICS.map(({ name }) => ({ group: GROUP_OF_DEAD_LETTERS, topic: name })),
  ];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tributary',
      version: '1',
      description: 'Every topic of the catalogue, what is on it and which consumer group reads it.',
    },
    defaultContentType: AVRO_CONTENT_TYPE,
    channels: Object.fromEntries<Json>([
      ...topics.map(([topic, definition]): Named => [topic, channelOf(topic, definition)]),
      ...DEAD_LETTER_TOPICS.map(({ name, topic, group }): Named => [name, deadLetterChannel(name, topic, group)]),
    ]),
    operations: Object.fromEntries(
      received.map(({ group, topic }) => [
        `${group}.reads.${topic}`,
        {
          action: 'receive',
          channel: { $ref: `#/channels/${topic}` },
          bindings: { kafka: { groupId: { type: 'string', enum: [group] }, ...BINDING } },
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries<Json>([
        ...Object.entries(schemas).map(([name, schema]): Named => [name, messageOf(name, schema)]),
        ['DeadLetter', DEAD_LETTER],
      ]),
      schemas: { Envelope: envelope() },
    },
  };
}

function channelOf(topic: string, { partitions, retentionMs, key, events, doc }: TopicDefinition): Json {
  return {
    address: topic,
    description: `${doc} Key: ${key}.`,
    messages: Object.fromEntries(events.map((event) => [event, { $ref: `#/components/messages/${event}` }])),
    bindings: { kafka: kafkaChannel(topic, partitions, retentionMs) },
  };
}

function deadLetterChannel(name: string, topic: string, group: string): Json {
  return {
    address: name,
    description: `Records of ${topic} that ${group} could not handle: bytes, key and headers as they came.`,
    messages: { DeadLetter: { $ref: '#/components/messages/DeadLetter' } },
    bindings: { kafka: kafkaChannel(name, 1, DEAD_LETTER_RETENTION_MS) },
  };
}

function kafkaChannel(topic: string, partitions: number, retentionMs: number): Json {
  const topicConfiguration = {
    'cleanup.policy': ['delete'],
    'retention.ms': retentionMs,
    'max.message.bytes': MAX_RECORD_BYTES,
  };
  return { topic, partitions, topicConfiguration, ...BINDING };
}

function messageOf(name: string, schema: object): Json {
  const key = { type: 'string', description: 'What it is made of is said by the channel.' };
  return {
    name,
    title: name.split('.').at(-1),
    summary: (schema as { doc?: string }).doc,
    contentType: AVRO_CONTENT_TYPE,
    headers: { $ref: '#/components/schemas/Envelope' },
    payload: { schemaFormat: AVRO, schema },
    bindings: { kafka: { key, schemaIdLocation: 'payload', schemaIdPayloadEncoding: 'confluent', ...BINDING } },
  };
}

const text = { type: 'string' };

/** CloudEvents in binary mode. */
function envelope(): Json {
  const { specVersion, id, type, source, time, contentType } = HEADERS;
  return {
    type: 'object',
    required: [specVersion, id, type, source, time, contentType],
    properties: Object.fromEntries(Object.values(HEADERS).map((header) => [header, text])),
  };
}

const DEAD_LETTER: Json = {
  name: 'DeadLetter',
  summary: 'A record of another topic, with the error headers of Kafka Connect.',
  contentType: 'application/octet-stream',
  headers: {
    type: 'object',
    required: Object.values(DEAD_LETTER_HEADERS),
    properties: Object.fromEntries(Object.values(DEAD_LETTER_HEADERS).map((header) => [header, text])),
  },
};
