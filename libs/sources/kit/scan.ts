import type { AnswersFor } from '#libs/contracts/src/generated/events.ts';
import { sourceIsDown } from '#libs/domain/src/missing.ts';
import { phaseProgress } from '#libs/domain/src/progress.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { crashPoint } from '#libs/runtime/src/crash-point.ts';
import { AppError, toAppError, type ErrorCode, type ErrorKind } from '#libs/runtime/src/errors.ts';
import type {
  AccountReader,
  Evidence,
  Keeps,
  KnownRows,
  OwnedScan,
  ReadRequest,
  RequestCounts,
  ScanStart,
  ScanStore,
  Source,
  SourcePage,
} from './ports.ts';
import { createScanLog, type LastRecords, type ScanLog } from './scan-log.ts';

/** What a scan runs on. */
export interface ScanOptions<Scan extends OwnedScan> {
  scan: Scan;
  source: Source;
  store: ScanStore<Scan>;
  producer: Producer;
  /** Stops the scan so that it can be resumed: nothing is written that would end it. */
  signal: AbortSignal;
  onRecords?(count: number): void;
  /** Told why a scan answers for nothing, with the cause. */
  onFailed?(failure: AppError): void;
  /** How often a cancellation is looked for while the source is waited for, in milliseconds. */
  cancelLookMs?: number;
}

/** How a scan ended: saved before it is told, so that a scan interrupted while telling tells the same again. */
interface Outcome {
  answersFor: AnswersFor;
  failure: { code: ErrorCode; kind: ErrorKind; message: string } | null;
  completedAt: number;
}

/** The kit's own position: the source's, and what the markers will say. */
interface Position {
  source: unknown;
  /** Last record number of each partition. */
  numbers: number[];
  /** Where the last record of each partition lies; -1 without one. */
  offsets: number[];
  contactsRead: number;
  unusable: number;
  /** Null where no keys were listed. */
  keysListed: number | null;
  lookups: number;
  unknown: number;
  requests: RequestCounts;
  shortfall: SourcePage['shortfall'] | null;
  /** Up to when the pages so far say that every change is known at the end. */
  watermark: number | null;
  outcome: Outcome | null;
  /** Paused, and not gone on since. */
  paused: boolean;
}

/** What the parts of a scan share. */
interface Run<Scan extends OwnedScan> {
  options: ScanOptions<Scan>;
  log: ScanLog;
  request: ReadRequest;
  keeps: Keeps;
  start: ScanStart;
  state: Position;
  /** Aborted as soon as a cancellation is noticed: the reader's waits and requests end. */
  cancelling: AbortController;
}

/** Why a scan stops before its end without ending: somebody wants it to, or its source holds it. */
type Pause = { heldBy: { failure: AppError; forMs: number } | null };

const PROGRESS_EVERY_MS = 500;
const CANCEL_LOOK_MS = 1_000;
/** Exit code of a scan that did not answer for all it set out to. */
const INCOMPLETE = 3;

/**
 * The life of one scan (architecture section 4): start, pages, one marker per partition after the data, the end. A crash anywhere
 * resumes at the saved position with the saved numbers; an error of the source ends the scan with markers that answer for nothing.
 */
export async function runScan<Scan extends OwnedScan>(options: ScanOptions<Scan>): Promise<void> {
  const { scan, source, store, producer } = options;
  const log = createScanLog(producer, scan, source);
  const state = restore(scan.position, log.partitions);
  const request = requestOf(scan);
  const keeps = source.keeps(request);
  const start = await store.begin(scan, keeps);
  const run: Run<Scan> = { options, log, request, keeps, state, start, cancelling: new AbortController() };
  const outcome = state.outcome ?? (await readToEnd(run));
  if ('heldBy' in outcome) return pause(run, outcome);
  state.outcome = outcome;
  // I1: the outcome is durable before anybody hears of it, and an owner that was fenced meanwhile stops here.
  await store.savePosition(scan, state, undefined, outcome.failure === null ? state.watermark : null);
  await tellEnd(run, outcome);
  await crashPoint('after-markers-before-finish');
  await store.finish(scan, 'read');
}

function requestOf({ mode, dryRun, contactId, asked }: OwnedScan): ReadRequest {
  return { ...asked, mode, dryRun, contactId };
}

function restore(saved: unknown, partitions: number): Position {
  return {
    source: undefined,
    numbers: Array.from({ length: partitions }, () => 0),
    offsets: Array.from({ length: partitions }, () => -1),
    contactsRead: 0,
    unusable: 0,
    keysListed: null,
    lookups: 0,
    unknown: 0,
    requests: { all: 0, list: 0 },
    shortfall: null,
    watermark: null,
    outcome: null,
    paused: false,
    ...(saved as Partial<Position> | null),
  };
}

/** Stops where the last page ended: no marker, so that nobody takes the scan for ended. */
async function pause<Scan extends OwnedScan>(
  { options: { scan, store }, log, state }: Run<Scan>,
  { heldBy }: Pause,
): Promise<void> {
  state.paused = true;
  await store.savePosition(scan, state, undefined);
  const why = { code: heldBy?.failure.code ?? null, message: heldBy?.failure.message ?? null };
  await log.tell('crm.scan.v1.ScanPaused', { recordsRead: state.contactsRead, at: Date.now(), ...why });
  await store.pause(scan, heldBy?.forMs ?? null);
}

/** Reads the source to its end, its failure or a pause. Throws only what leaves the scan open, to be resumed. */
async function readToEnd<Scan extends OwnedScan>(run: Run<Scan>): Promise<Outcome | Pause> {
  const { scan, source, store, signal, cancelLookMs = CANCEL_LOOK_MS } = run.options;
  const { cancelling } = run;
  const watch = setInterval(() => {
    // A database that does not answer is told by the next position that cannot be saved.
    store.asked(scan.scanId).then(
      (asked) => {
        if (asked === 'cancel') cancelling.abort(cancelled());
      },
      () => undefined,
    );
  }, cancelLookMs);
  try {
    if (await mustPause(run)) return { heldBy: null };
    await tellResumed(run);
    source.check(run.request);
    const reading = AbortSignal.any([signal, cancelling.signal]);
    const reader = source.reader(scan.account, run.request, reading);
    const { accountName } = await reader.open();
    const { startedAt, vendorsInScope, leadsInScope } = run.start;
    const { mode, dryRun } = scan;
    await run.log.tell('crm.scan.v1.ScanStarted', {
      accountName,
      mode,
      dryRun,
      startedAt,
      vendorsInScope,
      leadsInScope,
    });
    if ((await readPages(run, reader, reading)) === 'paused') return { heldBy: null };
    return { answersFor: reader.answersFor, failure: null, completedAt: Date.now() };
  } catch (error) {
    const failed = cancelling.signal.aborted && !signal.aborted ? cancelled() : failureOf(error, signal);
    const forMs = source.holds(failed, run.state.source !== undefined);
    if (forMs !== null) return { heldBy: { failure: failed, forMs } };
    run.options.onFailed?.(failed);
    if (failed.code === 'scan_cancelled') await drop(run);
    const { code, kind, message } = failed;
    return { answersFor: 'nothing', failure: { code, kind, message }, completedAt: Date.now() };
  } finally {
    clearInterval(watch);
  }
}

/** Lets go of what the source keeps for the scan; one that was paused or held has read nothing in this process. */
async function drop<Scan extends OwnedScan>({ options, request, state }: Run<Scan>): Promise<void> {
  const { scan, source, signal } = options;
  if (state.source === undefined) return;
  try {
    // The signal of the reading is aborted already.
    await source.reader(scan.account, request, signal).drop?.(state.source);
  } catch {
    // The scan has its outcome already.
  }
}

/** Whether somebody wants the scan to pause here. Throws when it is cancelled. */
async function mustPause<Scan extends OwnedScan>({
  options: { scan, store },
  cancelling,
}: Run<Scan>): Promise<boolean> {
  const asked = await ours(store.asked(scan.scanId));
  if (asked === 'cancel') cancelling.abort(cancelled());
  cancelling.signal.throwIfAborted();
  return asked === 'pause';
}

/** Tells that a paused scan goes on, before the source is asked: it may hold it again at once. */
async function tellResumed<Scan extends OwnedScan>({ log, state }: Run<Scan>): Promise<void> {
  if (!state.paused) return;
  state.paused = false;
  await log.tell('crm.scan.v1.ScanResumed', { recordsRead: state.contactsRead, at: Date.now() });
}

/** Only scans that are held against vendors and leads have evidence. */
const NO_EVIDENCE: Evidence = {
  vendorIds: new Set(),
  vendorEmails: new Set(),
  leadIds: new Set(),
  leadEmails: new Set(),
  leadOpportunityIds: new Set(),
};

async function readPages<Scan extends OwnedScan>(
  run: Run<Scan>,
  reader: AccountReader,
  signal: AbortSignal,
): Promise<'end' | 'paused'> {
  const { options, log, keeps, start, state } = run;
  const { scan, source, store } = options;
  let tellsSeen = keeps.known !== null;
  const pages = reader.read({
    evidence: keeps.known === 'vendors-and-leads' ? await ours(store.evidence(scan.scanId)) : NO_EVIDENCE,
    position: state.source,
    since: start.since,
    known: knownRows(store, scan.scanId),
    async keepKnown(what) {
      await ours(store.keepKnown(scan, what));
      tellsSeen = true;
    },
    signal,
  });
  const missingMaxUnknownShare = source.maxUnknownShare(scan.account);
  const before = state.requests;
  const told = { at: 0, phase: '' };
  const rate = createRate(state);
  for await (const page of pages) {
    const last = await log.records(page.records, state);
    if (page.fields !== undefined) await log.tell('crm.scan.v1.ScanFieldsSelected', { ...page.fields, at: Date.now() });
    await crashPoint('after-publish-before-save');
    const { all, list } = reader.requests();
    advance(state, page, last, { all: before.all + all, list: before.list + list });
    // I1: the position moves only after the broker has acknowledged what it stands for.
    await ours(store.savePosition(scan, state, tellsSeen ? page.seen : undefined));
    options.onRecords?.(page.records.length);
    const perSecond = rate({ ...page.progress, recordsRead: state.contactsRead });
    const isPausing = await mustPause(run);
    // All look-ups count, those to come as well: once the outcome is certain nobody waits for the rest.
    const lookups = Math.max(state.lookups, page.progress.lookupsTotal ?? 0);
    if (sourceIsDown({ lookups, unknown: state.unknown }, { missingMaxUnknownShare }))
      throw down(state.unknown, lookups);
    if (isPausing || page.progress.phase !== told.phase || Date.now() - told.at >= PROGRESS_EVERY_MS) {
      told.at = Date.now();
      told.phase = page.progress.phase;
      await log.tell('crm.scan.v1.ScanProgressed', {
        ...page.progress,
        recordsRead: state.contactsRead,
        requests: state.requests.all,
        at: told.at,
        perSecond,
      });
    }
    if (isPausing) return 'paused';
    signal.throwIfAborted();
  }
  return 'end';
}

type PhaseCounts = Parameters<typeof phaseProgress>[0];

/** Measures what a phase does per second, since it began or was taken up by this process. */
function createRate(state: Position): (now: PhaseCounts) => number | null {
  let since = { phase: '', at: Date.now(), done: 0 };
  const before = { recordsRead: state.contactsRead, lookupsDone: state.lookups };
  let pageAt = since.at;
  return (counts) => {
    const { done } = phaseProgress(counts);
    if (counts.phase !== since.phase) {
      const taken = since.phase === '' ? phaseProgress({ ...counts, ...before }).done : 0;
      since = { phase: counts.phase, at: pageAt, done: taken };
    }
    pageAt = Date.now();
    return pageAt === since.at ? null : ((done - since.done) * 1000) / (pageAt - since.at);
  };
}

function knownRows<Scan extends OwnedScan>(store: ScanStore<Scan>, scanId: string): KnownRows {
  const known = store.knownRows(scanId);
  return {
    unseenIds: (...args) => ours(known.unseenIds(...args)),
    countUnseenIds: () => ours(known.countUnseenIds()),
    unknownIds: (...args) => ours(known.unknownIds(...args)),
    unfound: (...args) => ours(known.unfound(...args)),
    countUnfound: (...args) => ours(known.countUnfound(...args)),
    stillUnfound: (...args) => ours(known.stillUnfound(...args)),
  };
}

function advance(state: Position, page: SourcePage, { numbers, offsets }: LastRecords, requests: RequestCounts): void {
  state.source = page.position;
  state.numbers = numbers;
  state.offsets = offsets;
  state.requests = requests;
  state.contactsRead += page.counts.read;
  state.unusable += page.counts.unusable;
  if (page.counts.keys !== undefined) state.keysListed = (state.keysListed ?? 0) + page.counts.keys;
  state.unknown += page.counts.unknown;
  state.lookups = page.progress.lookupsDone;
  state.shortfall = page.shortfall ?? state.shortfall;
  if (page.watermark !== undefined) state.watermark = page.watermark;
}

/** Tells how the scan ended: to people, and in one marker per partition to everybody who follows the data. */
async function tellEnd<Scan extends OwnedScan>(
  { options, log, start, state }: Run<Scan>,
  { answersFor, failure, completedAt }: Outcome,
): Promise<void> {
  const { scan, source } = options;
  const { scanId, account, mode, dryRun } = scan;
  const { contactsRead: recordsRead, unknown: lookupsUnknown, requests, shortfall } = state;
  const short = failure ?? shortfall;
  if (failure !== null) await log.tell('crm.scan.v1.ScanFailed', { ...failure, recordsRead, failedAt: completedAt });
  await log.markers(
    {
      scanId,
      source: scan.source,
      account,
      entity: source.entity,
      mode,
      dryRun,
      answersFor,
      totalRecords: state.numbers.reduce((sum, number) => sum + number, 0),
      contactsRead: recordsRead,
      lookupsUnknown,
      unusableRecords: state.unusable,
      keysListed: state.keysListed,
      failureCode: short?.code ?? null,
      failureMessage: short?.message ?? null,
      failureExitCode: failure === null ? (shortfall === null ? 0 : INCOMPLETE) : exitCodeOf(failure, recordsRead),
      vendorsChecked: start.vendorsInScope,
      leadsChecked: start.leadsInScope,
      startedAt: start.startedAt,
      completedAt,
    },
    state.numbers,
  );
  if (failure !== null) return;
  await log.tell('crm.scan.v1.ScanCompleted', {
    answersFor,
    recordsRead,
    lookupsUnknown,
    requests: requests.all,
    listRequests: requests.list,
    completedAt,
  });
}

/** Trouble of our own is no answer of the source: the scan stays open and is resumed. */
const OURS: readonly ErrorCode[] = [
  'checkpoint_fenced',
  'database_unavailable',
  'kafka_unavailable',
  'registry_unavailable',
  'schema_not_registered',
  'write_conflict',
];

/** An error as the reason why the scan answers for nothing; a stop of this process is none: the scan is resumed later. */
function failureOf(error: unknown, signal: AbortSignal): AppError {
  if (signal.aborted)
    throw new AppError('scan_interrupted', 'this process stops: the scan is resumed later', { cause: error });
  const failure = toAppError(error);
  if (OURS.includes(failure.code)) throw failure;
  return failure;
}

/** What the store throws never looks like an answer of the source. */
async function ours<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    throw new AppError('database_unavailable', 'the scan store does not answer', { cause: error });
  });
}

function cancelled(): AppError {
  return new AppError('scan_cancelled', 'the scan was cancelled');
}

function down(unknown: number, lookups: number): AppError {
  return new AppError(
    'source_down',
    `${unknown} of ${lookups} look-ups stayed without an answer (MISSING_MAX_UNKNOWN_SHARE): the source counts as down, run the sync again later`,
  );
}

/** Exit codes of rules-ghl section 7: 2 when settings or credentials are refused and nothing was read, else 3. */
function exitCodeOf(failure: { kind: ErrorKind }, contactsRead: number): number {
  return failure.kind === 'config' && contactsRead === 0 ? 2 : INCOMPLETE;
}
