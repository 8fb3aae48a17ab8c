import { ASKED_NOTHING, askedOf } from '#libs/contracts/src/asked.ts';
import type {
  ContactSyncRequested,
  EventType,
  SyncCancelled,
  SyncRequested,
} from '#libs/contracts/src/generated/events.ts';
import type { ConsumerGroup } from '#libs/contracts/src/topics.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { emptyCounters } from '#libs/domain/src/result.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import { SOURCE_NAMES } from '#libs/runtime/src/settings.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { runScan } from '#libs/sources/kit/scan.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { addToOutbox, type OutboxEvent } from '#libs/storage/src/outbox.ts';
import { inTransaction, type Database, type Sql } from '#libs/storage/src/pool.ts';
import type { ScanControl, ScanName } from '#libs/storage/src/scan-control.ts';
import type { ClaimedScan, ReadableAccounts, ScanRequest, ScanStore } from '#libs/storage/src/scans.ts';

/** What the connector needs. */
export interface ConnectorOptions {
  sources: readonly Source[];
  store: ScanStore;
  control: ScanControl;
  database: Database;
  producer: Producer;
  logger: Logger;
  /** Scans of different accounts that run side by side at most. */
  maxScans: number;
  /** Resolves when all rows that began locally until now are in the tables, or when the scan was cancelled. */
  registrationsWritten(isOver: () => Promise<boolean>, signal: AbortSignal): Promise<void>;
  onOpen(source: string, change: 1 | -1): void;
  onRecords(source: string, count: number): void;
}

/** Runs scans: takes requests from Kafka into the database, and from there one scan per account at a time. */
export interface Connector {
  processor: Processor;
  start(): void;
  /** Interrupts running scans, which are resumed at the next start, and waits for them to let go. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;
const ANNOUNCE_EVERY_MS = 60_000;
/** Exit code of settings that are lacking. */
const REFUSED = 2;
/** Exit code of a sync that did not do what was asked. */
const INCOMPLETE = 3;
const CONTROLS = ['crm.sync.v1.SyncCancelled', 'crm.sync.v1.SyncPaused', 'crm.sync.v1.SyncResumed'] as const;
const HANDLED = ['crm.sync.v1.SyncRequested', 'crm.sync.v1.ContactSyncRequested', ...CONTROLS] as const;

type ControlType = (typeof CONTROLS)[number];

/** Group of all connectors; it keeps the name it had when GoHighLevel was the only source. */
export const CONNECTOR_GROUP: ConsumerGroup = 'connector-ghl';

/** A connector over the sources it was given. */
export function createConnector(options: ConnectorOptions): Connector {
  const { sources, store, control, database, producer, logger } = options;
  const byName = new Map(sources.map((source) => [source.name, source]));
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let announcedAt: number | undefined;

  /** Why a request cannot be run; undefined when it can, here or by another connector. */
  async function refusal(request: ScanRequest): Promise<AppError | undefined> {
    const { source: name, account, mode, dryRun, contactId, asked } = request;
    const source = byName.get(name);
    // Connectors share their group, whatever each of them runs: it waits in the database for one that has the source.
    if (source === undefined && (SOURCE_NAMES as readonly string[]).includes(name)) return undefined;
    if (source === undefined) {
      return new AppError(
        'unknown_source',
        `there is no source ${name} here: SOURCES has ${[...byName.keys()].join(', ') || 'none'}`,
      );
    }
    if (!source.accounts().includes(account) && !(await store.isReadable(name, account))) {
      return new AppError('unknown_source', `${name} has no account ${account}: ${source.accountHint}`);
    }
    if (!source.modes.includes(mode)) {
      return new AppError('request_invalid', `${name} has no mode ${mode}: it has ${source.modes.join(', ')}`, {
        kind: 'config',
      });
    }
    try {
      source.check({ ...asked, mode, dryRun, contactId });
      return undefined;
    } catch (error) {
      return toAppError(error);
    }
  }

  function look(): void {
    looking ??= runWhatWaits().finally(() => {
      looking = undefined;
    });
  }

  function readable(): ReadableAccounts {
    return Object.fromEntries(sources.map((source) => [source.name, source.accounts()]));
  }

  async function announce(): Promise<void> {
    if (announcedAt !== undefined && Date.now() - announcedAt < ANNOUNCE_EVERY_MS) return;
    await store.announce(readable());
    announcedAt = Date.now();
    for (const scanId of await store.unreadable([...byName.keys()])) await endUnreadable(scanId);
  }

  async function endUnreadable(scanId: string): Promise<void> {
    await inTransaction(database, async (sql) => {
      for (const scan of await control.cancel(sql, scanId))
        await addToOutbox(sql, endedUnread(scan, unread(scan), REFUSED, Date.now()));
    });
  }

  async function runWhatWaits(): Promise<void> {
    try {
      await announce();
      while (!stopping.signal.aborted && running.size < options.maxScans) {
        const scan = await store.claim(readable());
        if (scan === undefined) return;
        run(scan);
      }
    } catch (error) {
      const failure = toAppError(error);
      logger.warn({ code: failure.code, err: error }, 'queued scans could not be looked up');
    }
  }

  /** A scan takes its evidence from the tables when it begins: what was registered by then has to be in them. */
  async function ready(
    { scanId, startedAt, mode, dryRun, contactId, asked }: ClaimedScan,
    source: Source,
  ): Promise<void> {
    if (startedAt !== null || source.keeps({ ...asked, mode, dryRun, contactId }).known !== 'vendors-and-leads') return;
    await options.registrationsWritten(async () => (await store.asked(scanId)) === 'cancel', stopping.signal);
  }

  function run(scan: ClaimedScan): void {
    const source = byName.get(scan.source)!;
    options.onOpen(scan.source, 1);
    let ended = false;
    const work = ready(scan, source)
      .then(() =>
        runScan({
          scan,
          source,
          store,
          producer,
          signal: stopping.signal,
          onRecords: (count) => options.onRecords(scan.source, count),
          onFailed: (failure) => {
            // Everything else is told by ScanFailed; a defect of ours has its cause here only.
            if (failure.code === 'internal') logger.error({ scanId: scan.scanId, err: failure }, 'scan failed');
          },
        }),
      )
      .then(() => {
        ended = true;
      })
      .catch(async (error: unknown) => {
        const failure = toAppError(error);
        if (!stopping.signal.aborted)
          logger.error({ scanId: scan.scanId, code: failure.code, err: error }, 'scan interrupted; it will be resumed');
        await store.release(scan);
      })
      .finally(() => {
        running.delete(scan.scanId);
        options.onOpen(scan.source, -1);
        // What waited for its turn has it now; an interrupted scan is taken up by the timer, so that trouble does not spin.
        if (ended) look();
      });
    running.set(scan.scanId, work);
  }

  async function refuse(request: ScanRequest, failure: AppError): Promise<void> {
    const events = endedUnread(request, failure, REFUSED, request.requestedAt);
    const { scanId } = request;
    const context = { scanId, correlationId: scanId, causationId: scanId };
    await producer.send(events.map(({ eventId: id, ...event }) => ({ ...event, ...context, id })));
  }

  async function accept(sql: Sql, request: ScanRequest): Promise<void> {
    const { scanId, source, account, requestedAt: at } = request;
    const { joinedTo } = await control.enqueue(sql, request);
    if (joinedTo === undefined) return;
    const type = 'crm.scan.v1.ScanJoined';
    const value = { scanId, source, account, joinedTo, at };
    await addToOutbox(sql, [
      { topic: 'crm.scan.v1', key: `${source}:${account}`, type, eventId: eventId(scanId, type), scanId, value },
    ]);
  }

  async function cancel(sql: Sql, { syncId, requestedAt }: SyncCancelled): Promise<void> {
    const failure = new AppError('scan_cancelled', 'the sync was cancelled before it began to read');
    for (const scan of await control.cancel(sql, syncId))
      await addToOutbox(sql, endedUnread(scan, failure, INCOMPLETE, requestedAt));
  }

  const changes: Record<ControlType, (value: SyncCancelled) => (sql: Sql) => Promise<void>> = {
    'crm.sync.v1.SyncCancelled': (value) => (sql) => cancel(sql, value),
    'crm.sync.v1.SyncPaused':
      ({ syncId }) =>
      (sql) =>
        control.pause(sql, syncId),
    'crm.sync.v1.SyncResumed':
      ({ syncId }) =>
      (sql) =>
        control.resume(sql, syncId),
  };

  return {
    processor: {
      name: 'connector',
      groupId: CONNECTOR_GROUP,
      topics: ['crm.sync-request.v1'],
      types: HANDLED,
      savesCheckpoint: true,
      async handle(batch) {
        const steps: ((sql: Sql) => Promise<void>)[] = [];
        for (const { type, value } of batch.events) {
          const request = requestOf(type, value);
          const failure = request === undefined ? undefined : await refusal(request);
          if (request !== undefined && failure !== undefined) await refuse(request, failure);
          else if (request !== undefined) steps.push((sql) => accept(sql, request));
          else steps.push(changes[type as ControlType](value as SyncCancelled));
        }
        await inTransaction(database, async (sql) => {
          await saveCheckpoint(sql, batch.checkpoint);
          for (const step of steps) await step(sql);
        });
        look();
      },
    },
    start() {
      timer = setInterval(look, LOOK_EVERY_MS);
      look();
    },
    async stop() {
      clearInterval(timer);
      stopping.abort(new AppError('scan_interrupted', 'this process stops'));
      // A scan claimed at the last moment is let go as well.
      await looking;
      await Promise.allSettled(running.values());
    },
  };
}

/** What an event asks to be read; undefined for those that are about a sync that is known already. */
function requestOf(type: EventType, value: unknown): ScanRequest | undefined {
  if (type === 'crm.sync.v1.SyncRequested') {
    const event = value as SyncRequested;
    const { syncId: scanId, source, account, mode, dryRun, requestedBy, requestedAt } = event;
    const request = { scanId, source, account, mode, dryRun, requestedBy, requestedAt };
    return { ...request, contactId: null, asked: askedOf(event) };
  }
  if (type !== 'crm.sync.v1.ContactSyncRequested') return undefined;
  const { syncId: scanId, ...request } = value as ContactSyncRequested;
  return { ...request, scanId, mode: 'single', dryRun: false, asked: ASKED_NOTHING };
}

function unread({ source, account }: ScanName): AppError {
  const message = `no connector reads ${source}: set the account ${account}, and name its source in SOURCES where that is not empty`;
  return new AppError('unknown_source', message);
}

/** The last words on a sync that read nothing. */
function endedUnread({ scanId, source, account }: ScanName, failure: AppError, exitCode: number, at: number) {
  const { code, kind, message } = failure;
  const event = { topic: 'crm.scan.v1', key: `${source}:${account}`, scanId } as const;
  const failed: OutboxEvent<'crm.scan.v1.ScanFailed'> = {
    ...event,
    type: 'crm.scan.v1.ScanFailed',
    eventId: eventId(scanId, 'crm.scan.v1.ScanFailed'),
    value: { scanId, source, account, code, kind, message, recordsRead: 0, failedAt: at },
  };
  const applied: OutboxEvent<'crm.scan.v1.ScanApplied'> = {
    ...event,
    type: 'crm.scan.v1.ScanApplied',
    eventId: eventId(scanId, 'crm.scan.v1.ScanApplied'),
    value: {
      scanId,
      source,
      account,
      status: 'failed',
      message: `Nothing was read: ${message}.`,
      counters: emptyCounters(),
      heldTables: [],
      fieldErrors: [],
      exitCode,
      startedAt: at,
      appliedAt: at,
      tableCounters: null,
    },
  };
  return [failed, applied];
}
