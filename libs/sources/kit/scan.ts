import type { AnswersFor, EventType, Events, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import { TOPICS, type TopicName } from '#libs/contracts/src/topics.ts';
import { sourceIsDown } from '#libs/domain/src/missing.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import { partitionOf, type OutgoingEvent, type Producer } from '#libs/kafka/src/producer.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Evidence, Source, SourcePage } from './ports.ts';

/** A scan this process owns. */
export interface OwnedScan {
  scanId: string;
  source: string;
  account: string;
  mode: string;
  dryRun: boolean;
  epoch: number;
  position: unknown;
}

/** Where scans are kept; every call fences a former owner. */
export interface ScanStore<Scan extends OwnedScan = OwnedScan> {
  begin(scan: Scan): Promise<{ startedAt: number; vendorsInScope: number; leadsInScope: number }>;
  evidence(scanId: string): Promise<Evidence>;
  savePosition(scan: Scan, position: unknown, seenContactIds: string[]): Promise<void>;
  unseenKnownIds(scanId: string, limit: number, afterId: string): Promise<string[]>;
  countUnseenKnownIds(scanId: string): Promise<number>;
  isCancelled(scanId: string): Promise<boolean>;
  finish(scan: Scan, state: 'read' | 'refused'): Promise<void>;
}

/** What a scan runs on. */
export interface ScanOptions<Scan extends OwnedScan> {
  scan: Scan;
  source: Source;
  store: ScanStore<Scan>;
  producer: Producer;
  /** Topic of the raw records. */
  topic: TopicName;
  /** Stops the scan so that it can be resumed: nothing is written that would end it. */
  signal: AbortSignal;
  onRecords?(count: number): void;
}

/** The kit's own position: the source's, and what the markers will say. */
interface Position {
  source: unknown;
  /** Last record number of each partition. */
  numbers: number[];
  contactsRead: number;
  unusable: number;
  lookups: number;
  unknown: number;
}

const PROGRESS_EVERY_MS = 500;

/**
 * The life of one scan (architecture section 4): start, pages, one marker per partition after the data, the end. A crash anywhere
 * resumes at the saved position with the saved numbers; an error of the source ends the scan with markers that answer for nothing.
 */
export async function runScan<Scan extends OwnedScan>(options: ScanOptions<Scan>): Promise<void> {
  const { scan, source, store, producer } = options;
  const partitions = TOPICS[options.topic].partitions;
  const state: Position = (scan.position as Position | null) ?? {
    source: undefined,
    numbers: Array.from({ length: partitions }, () => 0),
    contactsRead: 0,
    unusable: 0,
    lookups: 0,
    unknown: 0,
  };
  const { startedAt, vendorsInScope, leadsInScope } = await store.begin(scan);
  const reader = source.reader(scan.account, options.signal);
  let failure: AppError | undefined;
  try {
    const { accountName } = await reader.open();
    await tell(producer, scan, 'crm.scan.v1.ScanStarted', {
      accountName,
      mode: scan.mode,
      dryRun: scan.dryRun,
      startedAt,
      vendorsInScope,
      leadsInScope,
    });
    await readPages(options, state, reader);
    if (
      sourceIsDown(
        { lookups: state.lookups, unknown: state.unknown },
        { missingMaxUnknownShare: source.maxUnknownShare(scan.account) },
      )
    ) {
      throw new AppError(
        'source_down',
        `${state.unknown} of ${state.lookups} look-ups stayed without an answer (MISSING_MAX_UNKNOWN_SHARE): the source counts as down, run the sync again later`,
      );
    }
  } catch (error) {
    failure = failureOf(error, options.signal);
  }
  const answersFor: AnswersFor = failure === undefined ? 'all' : 'nothing';
  const marker = {
    scanId: scan.scanId,
    source: scan.source,
    account: scan.account,
    entity: source.entity,
    mode: scan.mode,
    dryRun: scan.dryRun,
    answersFor,
    partitions,
    totalRecords: state.numbers.reduce((sum, number) => sum + number, 0),
    contactsRead: state.contactsRead,
    lookupsUnknown: state.unknown,
    unusableRecords: state.unusable,
    failureCode: failure?.code ?? null,
    failureMessage: failure?.message ?? null,
    failureExitCode: failure === undefined ? 0 : exitCodeOf(failure, state.contactsRead),
    vendorsChecked: vendorsInScope,
    leadsChecked: leadsInScope,
    startedAt,
    completedAt: Date.now(),
  };
  if (failure !== undefined) {
    const { code, kind, message } = failure;
    await tell(producer, scan, 'crm.scan.v1.ScanFailed', {
      code,
      kind,
      message,
      recordsRead: state.contactsRead,
      failedAt: marker.completedAt,
    });
  }
  await sendMarkers(options, marker, state.numbers);
  if (failure === undefined) {
    const requests = reader.requests();
    await tell(producer, scan, 'crm.scan.v1.ScanCompleted', {
      answersFor,
      recordsRead: state.contactsRead,
      lookupsUnknown: state.unknown,
      requests: requests.all,
      listRequests: requests.list,
      completedAt: Date.now(),
    });
  }
  await store.finish(scan, 'read');
}

async function readPages<Scan extends OwnedScan>(
  options: ScanOptions<Scan>,
  state: Position,
  reader: ReturnType<Source['reader']>,
): Promise<void> {
  const { scan, store, producer, signal } = options;
  const pages = reader.read({
    evidence: await store.evidence(scan.scanId),
    position: state.source,
    unseenKnownIds: (limit, afterId) => store.unseenKnownIds(scan.scanId, limit, afterId),
    countUnseenKnownIds: () => store.countUnseenKnownIds(scan.scanId),
    signal,
  });
  let toldAt = 0;
  let toldPhase = '';
  for await (const page of pages) {
    await producer.send(numbered(options, state, page));
    count(state, page);
    // I1: the position moves only after the broker has acknowledged what it stands for.
    await store.savePosition(scan, { ...state, source: page.position } satisfies Position, page.seen);
    options.onRecords?.(page.records.length);
    if (await store.isCancelled(scan.scanId)) throw new AppError('scan_cancelled', 'the scan was cancelled');
    if (page.progress.phase !== toldPhase || Date.now() - toldAt >= PROGRESS_EVERY_MS) {
      toldAt = Date.now();
      toldPhase = page.progress.phase;
      await tell(producer, scan, 'crm.scan.v1.ScanProgressed', {
        ...page.progress,
        recordsRead: state.contactsRead,
        requests: reader.requests().all,
        at: toldAt,
      });
    }
    signal.throwIfAborted();
  }
}

function count(state: Position, page: SourcePage): void {
  const isLookup = page.progress.phase !== 'list';
  for (const { type, value } of page.records) {
    if (type === 'crm.raw.ghl.v1.ContactRead') state.contactsRead += 1;
    if (type === 'crm.raw.ghl.v1.ContactLookupFailed' && value.raw !== null) state.unusable += 1;
  }
  if (isLookup) state.lookups += page.records.length;
  state.unknown += page.unknown;
}

/** Records as events, each with its number within (scan, partition). */
function numbered<Scan extends OwnedScan>(
  { scan, topic }: ScanOptions<Scan>,
  state: Position,
  page: SourcePage,
): OutgoingEvent[] {
  const { scanId, account, mode, dryRun } = scan;
  return page.records.map(({ type, id, value }) => {
    const key = `${account}:contact:${id}`;
    const partition = partitionOf(key, state.numbers.length);
    const scanNumber = (state.numbers[partition] ?? 0) + 1;
    state.numbers[partition] = scanNumber;
    return {
      topic,
      key,
      partition,
      type,
      value: { ...value, account, scanId, scanNumber, mode, dryRun },
      id: eventId(`${scanId} ${partition} ${scanNumber}`, type),
      subject: id,
      scanId,
      scanNumber,
      correlationId: scanId,
      causationId: scanId,
    };
  });
}

/** One marker to every partition, after the data; sending them again changes nothing. */
async function sendMarkers<Scan extends OwnedScan>(
  { scan, topic, producer }: ScanOptions<Scan>,
  marker: Omit<ScanMarker, 'partition' | 'lastNumber'>,
  numbers: number[],
): Promise<void> {
  await producer.send(
    numbers.map((lastNumber, partition) => ({
      topic,
      key: `${scan.account}:marker:${scan.scanId}`,
      partition,
      type: 'crm.scan.v1.ScanMarker' as const,
      value: { ...marker, partition, lastNumber },
      id: eventId(`${scan.scanId} ${partition}`, 'crm.scan.v1.ScanMarker'),
      scanId: scan.scanId,
      correlationId: scan.scanId,
      causationId: scan.scanId,
    })),
  );
}

/** An error as the reason why the scan answers for nothing; a stop of this process is none: the scan is resumed later. */
function failureOf(error: unknown, signal: AbortSignal): AppError {
  if (signal.aborted)
    throw new AppError('scan_cancelled', 'this process stops: the scan is resumed later', { cause: error });
  const failure = toAppError(error);
  const ours = [
    'checkpoint_fenced',
    'database_unavailable',
    'kafka_unavailable',
    'registry_unavailable',
    'schema_not_registered',
    'write_conflict',
  ];
  // Trouble of our own is no answer of the source: the scan stays open and is resumed.
  if (ours.includes(failure.code)) throw failure;
  return failure;
}

/** Exit codes of rules-ghl section 7: 2 when settings or credentials are refused and nothing was read, else 3. */
function exitCodeOf(failure: AppError, contactsRead: number): number {
  return failure.kind === 'config' && contactsRead === 0 ? 2 : 3;
}

type ScanEvent = Extract<EventType, `crm.scan.v1.Scan${'Started' | 'Progressed' | 'Completed' | 'Failed'}`>;

async function tell<T extends ScanEvent>(
  producer: Producer,
  scan: OwnedScan,
  type: T,
  rest: Omit<Events[T], 'scanId' | 'source' | 'account'>,
): Promise<void> {
  const { scanId, source, account } = scan;
  const at = type === 'crm.scan.v1.ScanProgressed' ? String((rest as { at?: number }).at) : '';
  await producer.send([
    {
      topic: 'crm.scan.v1',
      key: `${source}:${account}`,
      type,
      value: { scanId, source, account, ...rest } as unknown as Events[T],
      id: eventId(scanId, type, at),
      scanId,
      correlationId: scanId,
      causationId: scanId,
    },
  ]);
}
