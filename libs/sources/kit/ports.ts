import type { Asked } from '#libs/contracts/src/asked.ts';
import type { AnswersFor, EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import type { AppError, ErrorCode } from '#libs/runtime/src/errors.ts';

/** What the local tables knew when the scan began; e-mails are normalised. */
export interface Evidence {
  vendorIds: ReadonlySet<string>;
  vendorEmails: ReadonlySet<string>;
  leadIds: ReadonlySet<string>;
  leadEmails: ReadonlySet<string>;
  leadOpportunityIds: ReadonlySet<string>;
}

/** A scan this process owns. */
export interface OwnedScan {
  scanId: string;
  source: string;
  account: string;
  mode: string;
  dryRun: boolean;
  /** The one contact that mode single reads; null elsewhere. */
  contactId: string | null;
  asked: Asked;
  /** Fences a former owner: every save names it. */
  epoch: number;
  /** Saved position of an interrupted scan; null at the beginning. */
  position: unknown;
}

/** What a scan is to read. */
export interface ReadRequest extends Asked {
  mode: string;
  dryRun: boolean;
  /** The one contact that mode single reads; null elsewhere. */
  contactId: string | null;
}

/** Tables whose rows a scan may be held against. */
export type KnownTables = 'vendors-and-leads' | 'salesforce-contacts';

/** What the store keeps for a scan besides its position. */
export interface Keeps {
  /**
   * Rows that the scan is held against, as they are when it begins: all that evidence needs, or the contacts that a source looks for.
   * Null where no read asks: no snapshot is taken then, and pages need not say what they show.
   */
  known: KnownTables | null;
  /** What a scan that was applied with success is up to date with: its own start, or the time that its pages tell. */
  watermark: 'start' | 'told';
}

/** When a scan began, and how many rows were in scope then. */
export interface ScanStart {
  startedAt: number;
  vendorsInScope: number;
  leadsInScope: number;
  /** Watermark of the scans that were applied, in milliseconds; null when there was none. */
  since: number | null;
}

/** What a page showed of what the local rows are known by. */
export interface Seen {
  contactIds: string[];
  emails: string[];
  opportunityIds: string[];
}

/** What a row can be known by, besides its contact id. */
export type Identifier = 'email' | 'opportunity';

/** What the local rows were known by when the scan began, and what of it no page has shown yet. Lists are in order. */
export interface KnownRows {
  /** Contact ids that no page has shown, after the given one. */
  unseenIds(limit: number, afterId: string): Promise<string[]>;
  countUnseenIds(): Promise<number>;
  /** Those of these contact ids that no row was known by. */
  unknownIds(contactIds: readonly string[]): Promise<string[]>;
  /** E-mails or opportunity ids of rows that no page has shown by any of their identifiers. */
  unfound(by: Identifier, limit: number, after: string): Promise<string[]>;
  countUnfound(by: Identifier): Promise<number>;
  /** Those of these identifiers whose rows no page has shown by any of theirs. */
  stillUnfound(of: { contactIds: string[]; emails: string[] }): Promise<{ contactIds: string[]; emails: string[] }>;
}

/** Where scans are kept; every call fences a former owner. */
export interface ScanStore<Scan extends OwnedScan = OwnedScan> {
  /** Takes the snapshot of the evidence once; a resumed scan gets what the first start saw. */
  begin(scan: Scan, keeps: Keeps): Promise<ScanStart>;
  evidence(scanId: string): Promise<Evidence>;
  /** Throws checkpoint_fenced when somebody else owns the scan now. */
  savePosition(scan: Scan, position: unknown, seen: Seen | undefined, watermark?: number | null): Promise<void>;
  knownRows(scanId: string): KnownRows;
  /** Takes the snapshot of the rows a scan is held against later than at its beginning; once only. */
  keepKnown(scan: Scan, what: KnownTables): Promise<void>;
  /** What somebody wants of a running scan; a cancellation outweighs a pause. */
  asked(scanId: string): Promise<'cancel' | 'pause' | undefined>;
  /**
   * Keeps the scan where it is until it is resumed or cancelled, and lets it go. One that its source holds for so many milliseconds is tried
   * again by then; one that nobody holds goes on if the pause was taken back meanwhile.
   */
  pause(scan: Scan, heldForMs: number | null): Promise<void>;
  finish(scan: Scan, state: 'read' | 'refused'): Promise<void>;
}

/** Fields that the kit adds to every record. */
type Numbered = 'account' | 'scanId' | 'scanNumber' | 'dryRun' | 'mode';

type RawEvent = Extract<EventType, `crm.raw.${string}`>;

/** A record as a source reads it; the kit numbers and addresses it. The id ends up in the key: no personal data. */
export type SourceRecord = { [T in RawEvent]: { type: T; id: string; value: Omit<Events[T], Numbered> } }[RawEvent];

/** What the records of a page stand for. */
export interface PageCounts {
  /** Different entities read. */
  read: number;
  /** Answers that could not be used. */
  unusable: number;
  /** Look-ups that stayed without an answer. */
  unknown: number;
  /** Those of `read` that were listed to be compared with what is known, and are no records by themselves. */
  keys?: number;
}

type FieldsSelected = Events['crm.scan.v1.ScanFieldsSelected'];

/** What a source shows of the fields that are to be read. */
export type FieldSelection = Omit<FieldsSelected, 'scanId' | 'source' | 'account' | 'at'>;

/** Records that were read together, and the position after them. */
export interface SourcePage {
  records: SourceRecord[];
  /** Where a resumed scan goes on after this page; JSON. */
  position: unknown;
  seen: Seen;
  counts: PageCounts;
  /** Fields that are read from here on, where the source was asked for them. */
  fields?: FieldSelection;
  /** Why the scan answers for less than it set out to; what it does answer for holds nevertheless. */
  shortfall?: { code: ErrorCode; message: string };
  /** Up to when the scan knows every change once it has come to its end, by the clock of the source, in milliseconds; null if it does not. */
  watermark?: number | null;
  /** Look-ups are counted from the beginning of the scan. */
  progress: { phase: string; recordsTotal: number | null; lookupsDone: number; lookupsTotal: number | null };
}

/** What a source reads with. */
export interface ReadContext {
  evidence: Evidence;
  /** Position of an interrupted scan; undefined at the beginning. */
  position: unknown;
  known: KnownRows;
  /**
   * Keeps the rows that there are now to hold the scan against, where none were kept at its beginning: from then on pages say what they
   * show. Repeating it changes nothing.
   */
  keepKnown(what: KnownTables): Promise<void>;
  /** Up to when earlier scans of the account know every change, in milliseconds; null when nobody knows any. */
  since: number | null;
  /** Aborted when the scan is cancelled or this process stops: waits and requests end at once. */
  signal: AbortSignal;
}

/** Requests sent so far, and how many of them were list pages. */
export interface RequestCounts {
  all: number;
  list: number;
}

/** A reader of one account: made for one scan. */
export interface AccountReader {
  /** What a read to its end can answer for; `nothing` judges no row that was not read. */
  answersFor: AnswersFor;
  /** Name of the account where a call is due to learn it, which also proves that the credentials work. */
  open(): Promise<{ accountName: string | null }>;
  /** Reads the whole scope page by page; throws when it cannot be read to its end. */
  read(context: ReadContext): AsyncGenerator<SourcePage>;
  /** Lets go of what is kept at the source for a position of `read`: its scan was cancelled, and nobody comes back for it. */
  drop?(position: unknown): Promise<void>;
  requests(): RequestCounts;
}

/** A source connector: knows its accounts and how to read one. */
export interface Source {
  name: string;
  /** What it reads. */
  entity: string;
  /** Topic of its raw records. */
  topic: TopicName;
  accounts(): string[];
  /** What to set so that an account is configured; goes on from a refusal that names the account. */
  accountHint: string;
  modes: readonly string[];
  /** Throws request_invalid for what this source cannot read so. */
  check(request: ReadRequest): void;
  /** What is kept for such a read. */
  keeps(request: ReadRequest): Keeps;
  /**
   * Milliseconds that a failure holds a scan at its position before it is tried again, or somebody resumes it; null for one that ends the
   * scan. `hasRead` says whether there is anything that would be lost.
   */
  holds(failure: AppError, hasRead: boolean): number | null;
  /** A reader of what is asked for. Throws unknown_source for an account that is not configured. */
  reader(account: string, request: ReadRequest, signal: AbortSignal): AccountReader;
  /** Share of look-ups that may stay unknown in this account (MISSING_MAX_UNKNOWN_SHARE). */
  maxUnknownShare(account: string): number;
}
