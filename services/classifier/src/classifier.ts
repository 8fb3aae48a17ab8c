import type { ContactRead, EventType, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { classify } from '#libs/domain/src/classify.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { LookupZip } from '#libs/domain/src/zip.ts';
import type { ConsumedEvent, EventBatch, Processor } from '#libs/kafka/src/processor.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { OutgoingEvent, Producer } from '#libs/kafka/src/producer.ts';

/** What the classifier needs. */
export interface ClassifierOptions {
  producer: Producer;
  rulesFor(account: string): GhlRules;
  lookupZip: LookupZip;
  /** Told of every observation sent, for metrics. */
  onObservation(type: EventType): void;
}

const OUT: TopicName = 'crm.observation.v1';

/**
 * Raw contacts in, observations out, on the same partition number and in the same order, so that a marker never overtakes the
 * records it closes (architecture section 4, rule 3). No state: what one record becomes depends on that record alone, and a
 * repeated batch repeats the same event ids.
 */
export function classifier({ producer, rulesFor, lookupZip, onObservation }: ClassifierOptions): Processor {
  return {
    name: 'classifier',
    groupId: 'classifier',
    topics: ['crm.raw.ghl.v1'],
    types: TOPICS['crm.raw.ghl.v1'].events,
    savesCheckpoint: false,
    async handle(batch: EventBatch) {
      const outgoing = batch.events.flatMap((event) => observe(event, batch.partition, rulesFor, lookupZip));
      await producer.send(outgoing);
      for (const { type } of outgoing) onObservation(type);
    },
    async deadLettered(record, error) {
      const { scanId, scanNumber = 0, type } = record;
      if (scanId === undefined || (scanNumber === 0 && type !== 'crm.scan.v1.ScanMarker')) return;
      // The place of the record is kept, so that the projector misses no number and knows why the missing rule must wait; or, for a
      // marker, that the scan has no end.
      await producer.send([
        {
          topic: OUT,
          key: record.key,
          partition: record.partition,
          type: 'crm.observation.v1.RecordDeadLettered',
          id: eventId(
            record.id ?? `${record.topic}:${record.partition}:${record.offset}`,
            'crm.observation.v1.RecordDeadLettered',
          ),
          scanId,
          scanNumber,
          correlationId: scanId,
          value: {
            account: record.key.split(':')[0] ?? '',
            scanId,
            scanNumber,
            dryRun: false,
            topic: record.topic,
            partition: record.partition,
            offset: Number(record.offset),
            recordType: type ?? null,
            code: error.code,
            at: record.timestamp,
          },
        },
      ]);
    },
  };
}

function observe(
  event: ConsumedEvent,
  partition: number,
  rulesFor: (account: string) => GhlRules,
  lookupZip: LookupZip,
): OutgoingEvent[] {
  const { type, value } = event;
  const context = {
    topic: OUT,
    key: event.key,
    partition,
    correlationId: event.scanId,
    causationId: event.id,
    traceParent: event.traceParent,
    scanId: event.scanId,
    scanNumber: event.scanNumber,
  };
  if (type !== 'crm.raw.ghl.v1.ContactRead') {
    // Gone contacts, failed look-ups and markers are facts already: they go on as they are.
    const at = type === 'crm.scan.v1.ScanMarker' ? (value as ScanMarker).completedAt : undefined;
    return [{ ...context, type, value, id: event.id, time: at }];
  }
  const contact = value as ContactRead;
  return classify(contact, rulesFor(contact.account), lookupZip).map((observation) => ({
    ...context,
    type: observation.type,
    value: observation.value,
    id: eventId(event.id, observation.type),
    subject: contact.contactId,
    time: contact.readAt,
  }));
}
