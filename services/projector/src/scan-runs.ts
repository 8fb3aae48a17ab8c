import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { ConsumedEvent, EventBatch } from '#libs/kafka/src/processor.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { closedScans, closePartition, type ClosedPartition } from '#libs/storage/src/scan-states.ts';

/** A marker as it came. */
export type MarkerEvent = ConsumedEvent & { value: Events['crm.scan.v1.ScanMarker'] };

/** What stands in the place of a marker that went to the dead-letter topic. */
export type LostMarker = ConsumedEvent & { value: Events['crm.observation.v1.RecordDeadLettered'] };

/** What a projection does with the parts of a batch; true when events went into the outbox. */
export interface ScanSteps {
  /** Records of one scan, or of none, and one account. */
  run(run: readonly ConsumedEvent[]): Promise<boolean>;
  /** A marker that cannot be read any more, on topics where something stands in its place: its scan has no end of its own. */
  lost?(marker: LostMarker): Promise<boolean>;
  /** Every partition of the scan has been read to its marker; this is the last one. */
  end(partitions: ClosedPartition[], marker: MarkerEvent): Promise<boolean>;
}

/**
 * Applies a batch of one partition in runs: the records of one scan at a time, and each marker after what it closes. Returns whether
 * events went into the outbox.
 */
export async function followScans(sql: Sql, { events }: EventBatch, steps: ScanSteps): Promise<boolean> {
  const scanIds = new Set(events.flatMap(({ scanId }) => (scanId === undefined ? [] : [scanId])));
  const closed = await closedScans(sql, [...scanIds]);
  let told = false;
  for (const run of runsOf(events)) {
    const first = run[0]!;
    // A record of a closed scan is a repeat of what was applied: its number is not above the marker's.
    if (first.scanId !== undefined && closed.has(first.scanId)) continue;
    if (isA(first, 'crm.scan.v1.ScanMarker')) {
      const partitions = await closePartition(sql, first.value);
      if (partitions !== undefined) told = (await steps.end(partitions, first)) || told;
    } else if (isLostMarker(first)) told = (await steps.lost?.(first)) || told;
    else told = (await steps.run(run)) || told;
  }
  return told;
}

/** Whether an event is of a type. */
export function isA<T extends EventType>(event: ConsumedEvent, type: T): event is ConsumedEvent & { value: Events[T] } {
  return event.type === type;
}

/** Whether a marker went to the dead-letter topic, and this event stands in its place. */
function isLostMarker(event: ConsumedEvent): event is LostMarker {
  return isA(event, 'crm.observation.v1.RecordDeadLettered') && event.value.recordType === 'crm.scan.v1.ScanMarker';
}

/** Splits events where the scan, the account or the kind (data or marker, there or lost) changes. */
export function runsOf(events: readonly ConsumedEvent[]): ConsumedEvent[][] {
  const runs: ConsumedEvent[][] = [];
  let last: string | undefined;
  for (const event of events) {
    const isAlone = isA(event, 'crm.scan.v1.ScanMarker') || isLostMarker(event);
    const kind = isAlone
      ? `marker ${event.offset}`
      : `${event.scanId ?? ''} ${(event.head as { account: string }).account}`;
    if (kind === last) runs.at(-1)!.push(event);
    else runs.push([event]);
    last = kind;
  }
  return runs;
}
