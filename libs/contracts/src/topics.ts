import type { EventType } from './generated/events.ts';

/** How one topic is laid out and who is in it. */
export interface TopicDefinition {
  /** Partition count, chosen once: raising it later moves keys. */
  partitions: number;
  /** Milliseconds records are kept; -1 keeps them for ever. */
  retentionMs: number;
  /**
   * Milliseconds after which only the last record of a key is kept (compact and delete); every record is kept when absent. Long
   * enough that every consumer has met the markers of a scan before numbers of that scan may go.
   */
  compactAfterMs?: number;
  /** What the record key is made of. */
  key: string;
  /** Events that may be on it, by full schema name. */
  events: readonly EventType[];
  /** What a newcomer should know of it, in one sentence. */
  doc: string;
}

const DAY = 24 * 60 * 60 * 1000;
const PARTITIONS = 6;

/** Largest record any topic takes, in bytes; brokers and fetches are set to it. */
export const MAX_RECORD_BYTES = 10 * 1024 * 1024;

/**
 * The topic catalogue: the only place that declares topic names. crm.raw.ghl.v1 and crm.observation.v1 share partition
 * count, key and partitioner, so that markers cannot overtake the records they close (architecture section 4).
 */
export const TOPICS = {
  'crm.sync-request.v1': {
    partitions: PARTITIONS,
    retentionMs: 30 * DAY,
    key: 'source:account',
    events: [
      'crm.sync.v1.SyncRequested',
      'crm.sync.v1.ContactSyncRequested',
      'crm.sync.v1.SyncCancelled',
      'crm.sync.v1.SyncPaused',
      'crm.sync.v1.SyncResumed',
    ],
    doc: 'What people and schedules ask for.',
  },
  'crm.scan.v1': {
    partitions: PARTITIONS,
    retentionMs: -1,
    key: 'source:account',
    events: [
      'crm.scan.v1.ScanStarted',
      'crm.scan.v1.ScanFieldsSelected',
      'crm.scan.v1.ScanJoined',
      'crm.scan.v1.ScanProgressed',
      'crm.scan.v1.ScanPaused',
      'crm.scan.v1.ScanResumed',
      'crm.scan.v1.ScanCompleted',
      'crm.scan.v1.ScanFailed',
      'crm.scan.v1.ScanApplied',
    ],
    doc: 'The life of every scan, for people; the table runs is its projection.',
  },
  'crm.raw.ghl.v1': {
    partitions: PARTITIONS,
    retentionMs: 30 * DAY,
    key: 'account:contact:id',
    events: [
      'crm.raw.ghl.v1.ContactRead',
      'crm.raw.ghl.v1.ContactGone',
      'crm.raw.ghl.v1.ContactLookupFailed',
      'crm.scan.v1.ScanMarker',
    ],
    doc: 'Everything read from GoHighLevel, typed and lossless.',
  },
  'crm.raw.salesforce.v1': {
    partitions: PARTITIONS,
    retentionMs: 30 * DAY,
    compactAfterMs: 7 * DAY,
    key: 'account:object:id',
    events: [
      'crm.raw.salesforce.v1.ContactRead',
      'crm.raw.salesforce.v1.ContactDeleted',
      'crm.raw.salesforce.v1.ContactUnusable',
      'crm.scan.v1.ScanMarker',
    ],
    doc: 'Everything read from Salesforce, typed and lossless.',
  },
  'crm.observation.v1': {
    partitions: PARTITIONS,
    retentionMs: -1,
    key: 'account:contact:id',
    events: [
      'crm.observation.v1.VendorObserved',
      'crm.observation.v1.LeadObserved',
      'crm.observation.v1.ContactUnclassified',
      'crm.observation.v1.RecordDeadLettered',
      'crm.raw.ghl.v1.ContactGone',
      'crm.raw.ghl.v1.ContactLookupFailed',
      'crm.scan.v1.ScanMarker',
    ],
    doc: 'Classified contacts; vendors and leads are projections of it and of crm.registration.v1.',
  },
  'crm.registration.v1': {
    partitions: PARTITIONS,
    retentionMs: -1,
    key: 'row id, or sync id',
    events: [
      'crm.registration.v1.VendorRegistered',
      'crm.registration.v1.LeadRegistered',
      'crm.registration.v1.VendorStatusSet',
      'crm.sync.v1.SyncConfirmed',
    ],
    doc: 'What begins locally and no source can say again: rows that are imported or made through the API, and what people say of rows and of what a scan held back.',
  },
  'crm.operation.v1': {
    partitions: PARTITIONS,
    retentionMs: -1,
    key: 'dead letter id',
    events: ['crm.operation.v1.DeadLetterRedriven', 'crm.operation.v1.DeadLetterDiscarded'],
    doc: 'What people did with dead letters, and why: the audit.',
  },
  'crm.lifecycle.v1': {
    partitions: PARTITIONS,
    retentionMs: -1,
    key: 'row id',
    events: [
      'crm.lifecycle.v1.VendorCreated',
      'crm.lifecycle.v1.VendorUpdated',
      'crm.lifecycle.v1.VendorMarkedMissing',
      'crm.lifecycle.v1.VendorRestored',
      'crm.lifecycle.v1.VendorReclassified',
      'crm.lifecycle.v1.VendorRebound',
      'crm.lifecycle.v1.VendorWithdrawn',
      'crm.lifecycle.v1.LeadCreated',
      'crm.lifecycle.v1.LeadUpdated',
      'crm.lifecycle.v1.LeadMarkedMissing',
      'crm.lifecycle.v1.LeadRestored',
      'crm.lifecycle.v1.LeadReclassified',
      'crm.lifecycle.v1.LeadRebound',
      'crm.lifecycle.v1.LeadWithdrawn',
    ],
    doc: 'One event for every real change of a vendor or lead row: the fields before and after, and why.',
  },
} as const satisfies Record<string, TopicDefinition>;

/** Name of a topic in the catalogue. */
export type TopicName = keyof typeof TOPICS;

/** Name of the dead-letter topic of one consumer group on one topic. */
export function deadLetterTopic(topic: TopicName, group: string): DeadLetterTopic {
  return `${topic}.${group}.dlq`;
}

/** Name of a dead-letter topic. */
export type DeadLetterTopic = `${TopicName}.${string}.dlq`;

/** The account that a key names, for topics whose keys do. */
export function accountOfKey(topic: TopicName, key: string): string | null {
  const index = TOPICS[topic].key.split(':').indexOf('account');
  return index < 0 ? null : (key.split(':')[index] ?? null);
}

/** How long dead letters are kept, in milliseconds. */
export const DEAD_LETTER_RETENTION_MS = 30 * DAY;

/** Every consumer group and what it reads: the deploy step makes a dead-letter topic for each pair. */
export const CONSUMER_GROUPS = {
  'connector-ghl': ['crm.sync-request.v1'],
  classifier: ['crm.raw.ghl.v1'],
  'projector-ghl': ['crm.observation.v1', 'crm.registration.v1'],
  'projector-salesforce': ['crm.raw.salesforce.v1'],
  'projector-runs': ['crm.sync-request.v1', 'crm.scan.v1'],
  'projector-operations': ['crm.operation.v1'],
  'projector-lifecycle': ['crm.lifecycle.v1'],
} as const satisfies Record<string, readonly TopicName[]>;

/** Name of a consumer group. */
export type ConsumerGroup = keyof typeof CONSUMER_GROUPS;

/** Every dead-letter topic, with the topic and the group it is of. The group projector-dead-letters reads them all, as bytes. */
export const DEAD_LETTER_TOPICS: readonly { name: DeadLetterTopic; topic: TopicName; group: ConsumerGroup }[] = (
  Object.entries(CONSUMER_GROUPS) as [ConsumerGroup, readonly TopicName[]][]
).flatMap(([group, topics]) => topics.map((topic) => ({ name: deadLetterTopic(topic, group), topic, group })));
