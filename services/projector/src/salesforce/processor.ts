import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { accountOfKey } from '#libs/contracts/src/topics.ts';
import { faultyFields } from '#libs/domain/src/salesforce/row.ts';
import type { ConsumedEvent, EventBatch, Processor } from '#libs/kafka/src/processor.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { inTransaction, type Database, type Sql } from '#libs/storage/src/pool.ts';
import { saveProgress, type FieldErrors } from '#libs/storage/src/scan-states.ts';
import { failScan } from '../close-scan.ts';
import { followScans, isA } from '../scan-runs.ts';
import { applyContacts, type ContactWord } from './batch.ts';
import { finishScan } from './finish.ts';
import { faultOf, refusalOf } from './refusal.ts';

/** What the projector of sf_contacts needs. */
export interface SalesforceProjectionOptions {
  database: Database;
  /** Called after a transaction put events into the outbox. */
  onOutbox(): void;
}

const TOPIC = 'crm.raw.salesforce.v1';
const HANDLED = [
  'crm.raw.salesforce.v1.ContactRead',
  'crm.raw.salesforce.v1.ContactDeleted',
  'crm.raw.salesforce.v1.ContactUnusable',
  'crm.scan.v1.ScanMarker',
] as const satisfies EventType[];

/** Projection sf_contacts: one transaction per batch holds rows, scan state, outbox and checkpoint (I5). */
export function salesforceProjection({ database, onOutbox }: SalesforceProjectionOptions): Processor {
  return {
    name: 'salesforce',
    groupId: 'projector-salesforce',
    topics: [TOPIC],
    types: HANDLED,
    savesCheckpoint: true,
    refuse: refusalOf,
    async handle(batch) {
      const finished = await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, batch.checkpoint);
        return project(sql, batch);
      });
      if (finished) onOutbox();
    },
    async deadLettered(record, error, checkpoint) {
      const { type, scanId, key, partition, scanNumber } = record;
      const finished = await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, checkpoint);
        if (scanId === undefined) return false;
        await saveProgress(sql, {
          scanId,
          account: accountOfKey(TOPIC, key) ?? '',
          partition,
          deadLettered: 1,
          ...(scanNumber === undefined ? { numbers: [] } : setAside(scanNumber, key, error)),
        });
        return type === 'crm.scan.v1.ScanMarker' && failScan(sql, 'salesforce', record, error);
      });
      if (finished) onOutbox();
    },
  };
}

/** Codes of records that are put aside for what they lack, rather than for what went wrong. */
const QUARANTINED: ReadonlySet<string> = new Set(['record_invalid', 'record_too_large']);

/** What a record that was put aside adds to its scan: it is told with the field it was refused for, never with a value. */
function setAside(scanNumber: number, key: string, error: AppError) {
  const numbers = [scanNumber];
  if (!QUARANTINED.has(error.code)) return { numbers, outcomes: ['errors'] };
  const contactId = key.split(':').at(-1) ?? '';
  return {
    numbers,
    outcomes: ['quarantined'],
    fieldErrors: new Map([[scanNumber, [{ contactId, ...faultOf(error) }]]]),
  };
}

function project(sql: Sql, batch: EventBatch): Promise<boolean> {
  return followScans(sql, batch, {
    async run(run) {
      await applyRun(sql, batch.partition, run);
      return false;
    },
    async end(partitions) {
      await finishScan(sql, partitions);
      return true;
    },
  });
}

async function applyRun(sql: Sql, partition: number, run: readonly ConsumedEvent[]): Promise<void> {
  const { account } = run[0]!.value as { account: string };
  const scanId = run[0]!.scanId ?? null;
  // A record of a dry run that comes back after its scan was a look only: nothing is written for it.
  const heeded = scanId === null ? run.filter(({ value }) => !isDry(value)) : run;
  if (heeded.length === 0) return;
  const dryRun = heeded.some(({ value }) => isDry(value)) ? scanId : null;
  const outcomes = await applyContacts(sql, account, heeded.map(wordOf), dryRun);
  if (scanId === null) return;
  const numbers = heeded.map(numberOf);
  await saveProgress(sql, {
    scanId,
    account,
    partition,
    numbers,
    deadLettered: 0,
    outcomes,
    fieldErrors: fieldErrorsOf(heeded),
  });
}

function numberOf({ value }: ConsumedEvent): number {
  return (value as { scanNumber: number }).scanNumber;
}

function fieldErrorsOf(run: readonly ConsumedEvent[]): FieldErrors {
  const found = new Map<number, { contactId: string; field: string; code: string }[]>();
  for (const event of run) {
    if (!isA(event, 'crm.raw.salesforce.v1.ContactRead')) continue;
    const faults = faultyFields(event.value);
    if (faults.length === 0) continue;
    const { salesforceId: contactId } = event.value;
    found.set(
      numberOf(event),
      faults.map((fault) => ({ contactId, ...fault })),
    );
  }
  return found;
}

function isDry(value: ConsumedEvent['value']): boolean {
  return (value as { dryRun: boolean }).dryRun;
}

function wordOf(event: ConsumedEvent): ContactWord {
  const refusal = refusalOf(event);
  if (refusal !== undefined) throw refusal;
  if (isA(event, 'crm.raw.salesforce.v1.ContactRead')) return { read: event.value };
  if (isA(event, 'crm.raw.salesforce.v1.ContactDeleted')) return { deleted: event.value };
  throw new AppError('record_invalid', `${event.type} is no word on a contact`);
}
