import { randomUUID } from 'node:crypto';
import type {
  ContactDeleted,
  EventType,
  ScanMarker,
  SalesforceContactRead,
} from '#libs/contracts/src/generated/events.ts';
import { contactReader } from '#libs/domain/src/salesforce/contact.ts';
import { CONTACT_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import type { ConsumedEvent, DeadRecord } from '#libs/kafka/src/processor.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { salesforceProjection } from './processor.ts';

/** Org of the examples. */
export const ORG = 'org';
/** Contact of the examples. */
export const ID = '003000000000001AAA';

const LIFE = ['IsDeleted', 'MasterRecordId'];

/** A ContactRead made of cells by API name, as a source makes it; fields that are not named are empty. */
export function contactEvent(
  cells: Record<string, unknown> = {},
  more: Partial<SalesforceContactRead> = {},
): SalesforceContactRead {
  const columns = [...new Set([...CONTACT_FIELDS.map(({ api }) => api), ...LIFE, ...Object.keys(cells)])];
  return readOf(columns, { SystemModstamp: '2026-01-01T00:00:00.000Z', ...cells }, more);
}

/** A ContactRead of the fields that are named and no others. */
export function partOfContact(
  cells: Record<string, unknown>,
  more: Partial<SalesforceContactRead> = {},
): SalesforceContactRead {
  return readOf([...new Set(['Id', 'LastName', 'SystemModstamp', ...Object.keys(cells)])], cells, more);
}

function readOf(
  columns: readonly string[],
  cells: Record<string, unknown>,
  more: Partial<SalesforceContactRead>,
): SalesforceContactRead {
  const row: Record<string, unknown> = { Id: ID, LastName: 'Cole', ...cells };
  const { values } = contactReader(columns)(columns.map((column) => row[column] ?? ''))!;
  return { ...values, ...OUTSIDE, via: 'bulk', readAt: 1_000, ...more };
}

const OUTSIDE = { account: ORG, scanId: null, scanNumber: 0, dryRun: false, mode: 'full' };

/** A ContactDeleted. */
export function deletedEvent(more: Partial<ContactDeleted> = {}): ContactDeleted {
  const deleted = { salesforceId: ID, reason: 'deleted', masterRecordId: null, via: 'bulk', readAt: 2_000 };
  return { ...OUTSIDE, ...deleted, sfSystemModstamp: Date.parse('2026-01-02T00:00:00Z'), ...more };
}

/** A projection over a database, fed by hand. */
export interface TestProjection {
  /** Handles events of a partition as one batch. */
  apply(events: readonly object[], partition?: number): Promise<void>;
  /** Ends a scan with a marker in each of its partitions. */
  close(marker: Partial<ScanMarker> & { scanId: string }, lastNumbers: readonly number[]): Promise<void>;
  /** Tells it of a dead letter. */
  bury(record: Partial<DeadRecord> & { scanId: string }, code: string): Promise<void>;
}

/** A projection that owns some partitions. */
export async function openProjection(database: { pool: Database }, partitions = 1): Promise<TestProjection> {
  const processor = salesforceProjection({ database: database.pool, onOutbox: () => undefined });
  const topic = 'crm.raw.salesforce.v1' as const;
  const checkpoints = createCheckpointStore(database.pool);
  const at: { epoch: number; next: number | null }[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const { epoch, nextOffset } = await checkpoints.acquire(processor.name, topic, partition);
    at.push({ epoch, next: nextOffset === null ? null : Number(nextOffset) });
  }

  function checkpoint(partition: number, count: number) {
    const { epoch, next } = at[partition]!;
    at[partition]!.next = (next ?? 0) + count;
    const expected = next === null ? null : String(next);
    return { processor: processor.name, topic, partition, epoch, expected, next: String(at[partition]!.next) };
  }

  async function apply(events: readonly object[], partition = 0): Promise<void> {
    const consumed = events.map((value, index) => eventOf(value, String((at[partition]!.next ?? 0) + index)));
    await processor.handle({ topic, partition, events: consumed, checkpoint: checkpoint(partition, events.length) });
  }

  return {
    apply,
    async close(marker, lastNumbers) {
      for (const [partition, lastNumber] of lastNumbers.entries())
        await apply([{ ...MARKER, partitions: lastNumbers.length, ...marker, partition, lastNumber }], partition);
    },
    async bury({ partition = 0, ...record }, code) {
      const place = { topic, partition, offset: '0', key: `${ORG}:contact:x`, timestamp: 0 };
      const dead = { ...place, type: undefined, id: undefined, scanNumber: undefined, ...record };
      await processor.deadLettered!(dead, { code } as never, checkpoint(partition, 1));
    },
  };
}

/** A marker of a scan that read everything there was. */
export const MARKER: Omit<ScanMarker, 'scanId' | 'partition' | 'partitions' | 'lastNumber'> = {
  source: 'salesforce',
  account: ORG,
  entity: 'contact',
  mode: 'full',
  dryRun: false,
  answersFor: 'all',
  totalRecords: 0,
  contactsRead: 0,
  lookupsUnknown: 0,
  unusableRecords: 0,
  keysListed: null,
  failureCode: null,
  failureMessage: null,
  failureExitCode: 0,
  vendorsChecked: 0,
  leadsChecked: 0,
  startedAt: 1_000,
  completedAt: 3_000,
};

function eventOf(value: object, offset: string): ConsumedEvent {
  const { scanId, scanNumber } = value as { scanId: string | null; scanNumber?: number };
  return {
    type: typeOf(value),
    value: value as never,
    head: value,
    content: undefined,
    key: ORG,
    offset,
    timestamp: 0,
    id: randomUUID(),
    scanId: scanId ?? undefined,
    scanNumber,
    traceParent: undefined,
  };
}

function typeOf(value: object): EventType {
  if ('lastNumber' in value) return 'crm.scan.v1.ScanMarker';
  if ('raw' in value) return 'crm.raw.salesforce.v1.ContactUnusable';
  return 'reason' in value ? 'crm.raw.salesforce.v1.ContactDeleted' : 'crm.raw.salesforce.v1.ContactRead';
}
