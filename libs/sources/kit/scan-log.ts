import type { EventType, Events, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { TOPICS } from '#libs/contracts/src/topics.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import { partitionOf, type OutgoingEvent, type Producer } from '#libs/kafka/src/producer.ts';
import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import type { OwnedScan, Source, SourceRecord } from './ports.ts';

type ScanEvent = Extract<
  EventType,
  `crm.scan.v1.Scan${'Started' | 'FieldsSelected' | 'Progressed' | 'Paused' | 'Resumed' | 'Completed' | 'Failed'}`
>;

/** The last record of a scan in each partition of the raw topic. */
export interface LastRecords {
  numbers: number[];
  /** Where they lie; -1 without one. */
  offsets: number[];
}

/** What one scan writes to Kafka. Every id is derived, so repeating a step repeats the same events. */
export interface ScanLog {
  /** Partitions of the raw topic. */
  partitions: number;
  /**
   * Publishes records, each with its number within (scan, partition), and resolves with the last number and its offset in each
   * partition once the broker has acknowledged them all.
   */
  records(records: SourceRecord[], last: LastRecords): Promise<LastRecords>;
  /** One marker to every partition of the raw topic, after the data. */
  markers(
    marker: Omit<ScanMarker, 'partition' | 'partitions' | 'lastNumber'>,
    numbers: readonly number[],
  ): Promise<void>;
  /** An event of the scan's life, for people. */
  tell<T extends ScanEvent>(type: T, rest: Omit<Events[T], 'scanId' | 'source' | 'account'>): Promise<void>;
}

/** The log of one scan over a producer. */
export function createScanLog(
  producer: Producer,
  scan: Pick<OwnedScan, 'scanId' | 'source' | 'account' | 'mode' | 'dryRun'>,
  { topic, entity }: Pick<Source, 'topic' | 'entity'>,
): ScanLog {
  const { scanId, source, account, mode, dryRun } = scan;
  const { partitions } = TOPICS[topic];
  const context = { scanId, correlationId: scanId, causationId: scanId };

  return {
    partitions,
    async records(records, before) {
      const numbers = [...before.numbers];
      const offsets = [...before.offsets];
      const events = records.map(({ type, id, value }): OutgoingEvent => {
        const key = `${account}:${entity}:${id}`;
        const partition = partitionOf(key, partitions);
        const scanNumber = (numbers[partition] ?? 0) + 1;
        numbers[partition] = scanNumber;
        return {
          ...context,
          topic,
          key,
          partition,
          type,
          value: { ...value, account, scanId, scanNumber, mode, dryRun },
          // With what it is about: a page that is read again may have changed, so that the numbers fall to others.
          id: eventId(`${scanId} ${partition} ${scanNumber} ${id}`, type),
          subject: id,
          scanNumber,
        };
      });
      for (const { partition, offset } of await producer.send(events)) offsets[partition] = Number(offset);
      return { numbers, offsets };
    },
    async markers(marker, numbers) {
      const type = 'crm.scan.v1.ScanMarker';
      const events = numbers.map((lastNumber, partition): OutgoingEvent => ({
        ...context,
        topic,
        key: `${account}:marker:${scanId}`,
        partition,
        type,
        value: { ...marker, partition, partitions, lastNumber },
        id: eventId(`${scanId} ${partition}`, type),
      }));
      await crashPoint('after-marker-partial', () => producer.send(events.slice(0, partitions >> 1)));
      await producer.send(events);
    },
    async tell(type, rest) {
      const at = 'at' in rest ? String(rest.at) : '';
      await producer.send([
        {
          ...context,
          topic: 'crm.scan.v1',
          key: `${source}:${account}`,
          type,
          value: { scanId, source, account, ...rest } as unknown as Events[typeof type],
          id: eventId(scanId, type, at),
        },
      ]);
    },
  };
}
