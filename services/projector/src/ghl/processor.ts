import type { EventType, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { VendorHead } from '#libs/contracts/src/head.ts';
import { accountOfKey } from '#libs/contracts/src/topics.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { ConsumedEvent, EventBatch, Processor } from '#libs/kafka/src/processor.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { createChangeLog, UNTOLD, type Writing } from '#libs/storage/src/changes.ts';
import { saveDeferred } from '#libs/storage/src/deferred.ts';
import { inTransaction, type Database, type Sql } from '#libs/storage/src/pool.ts';
import { saveProgress } from '#libs/storage/src/scan-states.ts';
import { failScan } from '../close-scan.ts';
import { followScans, isA, runsOf } from '../scan-runs.ts';
import { applyObservations } from './batch.ts';
import type { Observations } from './scope.ts';
import { sightOf } from './sight.ts';
import { confirmScan } from './confirm.ts';
import { applyScan } from './apply-scan.ts';
import { setVendorStatus } from './words.ts';
import { registerLead, registerVendor } from './registration.ts';

/** What the projector of the GHL tables needs. */
export interface GhlProjectionOptions {
  database: Database;
  /** Rules of an account; the defaults for accounts nobody configured any more. */
  rulesFor(account: string): GhlRules;
  /** Called after a transaction put events into the outbox. */
  onOutbox(): void;
  /** False for a rebuild: its changes were told when they happened. */
  tells?: boolean;
}

const HANDLED = [
  'crm.observation.v1.VendorObserved',
  'crm.observation.v1.LeadObserved',
  'crm.observation.v1.ContactUnclassified',
  'crm.observation.v1.RecordDeadLettered',
  'crm.raw.ghl.v1.ContactGone',
  'crm.raw.ghl.v1.ContactLookupFailed',
  'crm.scan.v1.ScanMarker',
  'crm.registration.v1.VendorRegistered',
  'crm.registration.v1.LeadRegistered',
  'crm.registration.v1.VendorStatusSet',
  'crm.sync.v1.SyncConfirmed',
] as const satisfies EventType[];

/**
 * Projections vendors and leads: one transaction per batch holds rows, sightings, scan state, outbox and checkpoint (I5). Both
 * tables share it, because one marker closes both.
 */
export function ghlProjection({ database, rulesFor, onOutbox, tells = true }: GhlProjectionOptions): Processor {
  const writingOf = (sql: Sql, account: string): Writing => {
    const rules = rulesFor(account);
    return { sql, rules, changes: tells ? createChangeLog(rules) : UNTOLD };
  };
  return {
    name: 'ghl',
    groupId: 'projector-ghl',
    topics: ['crm.observation.v1', 'crm.registration.v1'],
    types: HANDLED,
    headFirst: true,
    savesCheckpoint: true,
    async handle(batch) {
      const finished = await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, batch.checkpoint);
        return batch.topic === 'crm.observation.v1' ? observe(sql, batch, writingOf) : register(sql, batch, writingOf);
      });
      if (finished) onOutbox();
    },
    async deadLettered(record, error, checkpoint) {
      const finished = await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, checkpoint);
        if (record.scanId === undefined || record.topic !== 'crm.observation.v1') return false;
        await saveProgress(sql, {
          scanId: record.scanId,
          account: accountOfKey(record.topic, record.key) ?? '',
          partition: record.partition,
          numbers: record.scanNumber === undefined ? [] : [record.scanNumber],
          deadLettered: 1,
        });
        return record.type === 'crm.scan.v1.ScanMarker' && failScan(sql, 'ghl', record, error);
      });
      if (finished) onOutbox();
    },
  };
}

/** How a transaction writes the rows of an account. */
type WritingOf = (sql: Sql, account: string) => Writing;

async function register(sql: Sql, batch: EventBatch, writingOf: WritingOf): Promise<boolean> {
  let told = false;
  for (const run of runsOf(batch.events)) {
    const writing = writingOf(sql, (run[0]!.value as { account: string }).account);
    for (const event of run) {
      if (isA(event, 'crm.registration.v1.VendorRegistered')) await registerVendor(writing, event);
      if (isA(event, 'crm.registration.v1.LeadRegistered')) await registerLead(writing, event);
      if (isA(event, 'crm.registration.v1.VendorStatusSet')) await setVendorStatus(writing, event.value, event.id);
      if (isA(event, 'crm.sync.v1.SyncConfirmed') && event.value.source === 'ghl')
        told = (await confirmScan(writing, event.value, event.id)) || told;
    }
    told = (await writing.changes.publish(sql)) || told;
  }
  return told;
}

/** Applies a batch of observations, and the end of each scan whose last marker is in it. */
function observe(sql: Sql, batch: EventBatch, writingOf: WritingOf): Promise<boolean> {
  return followScans(sql, batch, {
    run: (run) => applyRun(writingOf, sql, batch.partition, run),
    lost: ({ key, scanId, timestamp, value: { topic, code } }) =>
      failScan(sql, 'ghl', { topic, key, scanId, timestamp }, { code, message: 'its marker cannot be read' }),
    async end(partitions, { value, id }) {
      await applyScan(writingOf(sql, value.account), partitions, id);
      return true;
    },
  });
}

/** What every record of a scan says of itself. */
function headOf({ head }: ConsumedEvent): Pick<VendorHead, 'account' | 'dryRun' | 'scanNumber'> {
  return head as VendorHead;
}

async function applyRun(
  writingOf: WritingOf,
  sql: Sql,
  partition: number,
  run: readonly ConsumedEvent[],
): Promise<boolean> {
  const { account } = headOf(run[0]!);
  const scanId = run[0]!.scanId ?? null;
  const observations: Observations = {
    account,
    scanId,
    vendors: [],
    leads: [],
    unclassified: [],
    gone: [],
    failed: [],
  };
  const writing = writingOf(sql, account);
  let deadLettered = 0;
  // A record of a dry run that comes back after its scan was a look only: nothing is written for it.
  const heeded = scanId === null ? run.filter((event) => !headOf(event).dryRun) : run;
  if (heeded.length === 0) return false;
  const eventIds = new Map<object, string>();
  for (const event of heeded) {
    if (isA(event, 'crm.observation.v1.VendorObserved')) {
      observations.vendors.push(sightOf(event, (observation) => eventIds.set(observation, event.id)));
      continue;
    }
    eventIds.set(event.value, event.id);
    if (isA(event, 'crm.observation.v1.LeadObserved')) observations.leads.push(event.value);
    else if (isA(event, 'crm.observation.v1.ContactUnclassified')) observations.unclassified.push(event.value);
    else if (isA(event, 'crm.raw.ghl.v1.ContactGone')) observations.gone.push(event.value);
    else if (isA(event, 'crm.raw.ghl.v1.ContactLookupFailed')) observations.failed.push(event.value);
    else deadLettered += 1;
  }
  const isDryRun = scanId !== null && run.some((event) => headOf(event).dryRun);
  if (isDryRun) {
    const vendors = observations.vendors.map((sight) => sight.observation());
    await saveDeferred(sql, scanId, { ...observations, vendors } satisfies Observations<VendorObserved>);
  } else await applyObservations(writing, observations, eventIds);
  const told = await writing.changes.publish(sql);
  if (scanId === null) return told;
  const numbers = run.map((event) => headOf(event).scanNumber);
  await saveProgress(sql, { scanId, account, partition, numbers, deadLettered });
  return told;
}
