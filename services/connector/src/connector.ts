import { randomUUID } from 'node:crypto';
import type { SyncCancelled, SyncRequested } from '#libs/contracts/src/generated/events.ts';
import type { ConsumerGroup } from '#libs/contracts/src/topics.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { emptyCounters } from '#libs/domain/src/result.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { runScan } from '#libs/sources/kit/scan.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';
import type { ClaimedScan, ScanStore } from '#libs/storage/src/scans.ts';

/** What the connector needs. */
export interface ConnectorOptions {
  sources: readonly Source[];
  store: ScanStore;
  database: Database;
  producer: Producer;
  logger: Logger;
  /** Scans of different accounts that run side by side at most. */
  maxScans: number;
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

/** Group of the connectors that run GoHighLevel. */
export const CONNECTOR_GROUP: ConsumerGroup = 'connector-ghl';

/** A connector over the sources it was given. */
export function createConnector(options: ConnectorOptions): Connector {
  const { sources, store, database, producer, logger } = options;
  const byName = new Map(sources.map((source) => [source.name, source]));
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  /** Why a request cannot be run here; undefined when it can. */
  function refusal({ source: name, account, mode }: SyncRequested): AppError | undefined {
    const source = byName.get(name);
    if (source === undefined) {
      return new AppError(
        'unknown_source',
        `there is no source ${name} here: SOURCES has ${[...byName.keys()].join(', ') || 'none'}`,
      );
    }
    if (!source.accounts().includes(account)) {
      return new AppError('unknown_source', `${name} has no account ${account}: ${source.accountHint}`);
    }
    if (!source.modes.includes(mode)) {
      return new AppError('request_invalid', `${name} has no mode ${mode}: it has ${source.modes.join(', ')}`, {
        kind: 'config',
      });
    }
    return undefined;
  }

  function look(): void {
    looking ??= runWhatWaits().finally(() => {
      looking = undefined;
    });
  }

  async function runWhatWaits(): Promise<void> {
    try {
      while (!stopping.signal.aborted && running.size < options.maxScans) {
        const scan = await store.claim([...byName.keys()]);
        if (scan === undefined) return;
        run(scan);
      }
    } catch (error) {
      const failure = toAppError(error);
      logger.warn({ code: failure.code, err: error }, 'queued scans could not be looked up');
    }
  }

  function run(scan: ClaimedScan): void {
    const source = byName.get(scan.source)!;
    options.onOpen(scan.source, 1);
    let ended = false;
    const work = runScan({
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
    })
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

  async function refuse(request: SyncRequested, failure: AppError): Promise<void> {
    const { syncId: scanId, source, account } = request;
    const at = request.requestedAt;
    const event = {
      topic: 'crm.scan.v1',
      key: `${source}:${account}`,
      scanId,
      correlationId: scanId,
      causationId: scanId,
    } as const;
    await producer.send([
      {
        ...event,
        type: 'crm.scan.v1.ScanFailed',
        id: eventId(scanId, 'crm.scan.v1.ScanFailed'),
        value: {
          scanId,
          source,
          account,
          code: failure.code,
          kind: failure.kind,
          message: failure.message,
          recordsRead: 0,
          failedAt: at,
        },
      },
      {
        ...event,
        type: 'crm.scan.v1.ScanApplied',
        id: eventId(scanId, 'crm.scan.v1.ScanApplied'),
        value: {
          scanId,
          source,
          account,
          status: 'failed',
          message: `Nothing was read: ${failure.message}.`,
          counters: emptyCounters(),
          heldTables: [],
          fieldErrors: [],
          exitCode: 2,
          startedAt: at,
          appliedAt: at,
        },
      },
    ]);
  }

  return {
    processor: {
      name: 'connector',
      groupId: CONNECTOR_GROUP,
      topics: ['crm.sync-request.v1'],
      types: ['crm.sync.v1.SyncRequested', 'crm.sync.v1.SyncCancelled'],
      savesCheckpoint: true,
      async handle(batch) {
        for (const { type, value } of batch.events) {
          if (type !== 'crm.sync.v1.SyncRequested') continue;
          const failure = refusal(value as SyncRequested);
          if (failure !== undefined) await refuse(value as SyncRequested, failure);
        }
        await inTransaction(database, async (sql) => {
          await saveCheckpoint(sql, batch.checkpoint);
          for (const { type, value } of batch.events) {
            if (type === 'crm.sync.v1.SyncCancelled') await store.cancel((value as SyncCancelled).syncId, sql);
            if (type !== 'crm.sync.v1.SyncRequested') continue;
            const request = value as SyncRequested;
            if (refusal(request) === undefined) await store.enqueue({ ...request, scanId: request.syncId }, sql);
          }
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
      stopping.abort(new AppError('scan_cancelled', 'this process stops'));
      // A scan claimed at the last moment is let go as well.
      await looking;
      await Promise.allSettled(running.values());
    },
  };
}

/** A request for one sync, as an event's value. */
export function syncRequest(request: {
  source: string;
  account: string;
  mode: string;
  dryRun: boolean;
  requestedBy: string;
}): SyncRequested {
  return { syncId: randomUUID(), requestedAt: Date.now(), ...request };
}
