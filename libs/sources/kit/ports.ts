import type { AnswersFor, EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import type { ErrorCode } from '#libs/runtime/src/errors.ts';

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
  /** Fences a former owner: every save names it. */
  epoch: number;
  /** Saved position of an interrupted scan; null at the beginning. */
  position: unknown;
}

/** When a scan began, and how many rows were in scope then. */
export interface ScanStart {
  startedAt: number;
  vendorsInScope: number;
  leadsInScope: number;
  /** Start of the last successful scan that read all or all that had changed, in milliseconds; null when there was none. */
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
  /** E-mails or opportunity ids of rows that no page has shown by any of their identifiers. */
  unfound(by: Identifier, limit: number, after: string): Promise<string[]>;
  countUnfound(by: Identifier): Promise<number>;
  /** Those of these identifiers whose rows no page has shown by any of theirs. */
  stillUnfound(of: { contactIds: string[]; emails: string[] }): Promise<{ contactIds: string[]; emails: string[] }>;
}

/** Where scans are kept; every call fences a former owner. */
export interface ScanStore<Scan extends OwnedScan = OwnedScan> {
  /** Takes the snapshot of the evidence once; a resumed scan gets what the first start saw. */
  begin(scan: Scan): Promise<ScanStart>;
  evidence(scanId: string): Promise<Evidence>;
  /** Throws checkpoint_fenced when somebody else owns the scan now. */
  savePosition(scan: Scan, position: unknown, seen: Seen | undefined): Promise<void>;
  knownRows(scanId: string): KnownRows;
  /** What somebody wants of a running scan; a cancellation outweighs a pause. */
  asked(scanId: string): Promise<'cancel' | 'pause' | undefined>;
  /** Keeps the scan where it is until it is resumed or cancelled, unless the pause was taken back meanwhile; lets it go. */
  pause(scan: Scan): Promise<void>;
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
}

/** Records that were read together, and the position after them. */
export interface SourcePage {
  records: SourceRecord[];
  /** Where a resumed scan goes on after this page; JSON. */
  position: unknown;
  seen: Seen;
  counts: PageCounts;
  /** Why the scan answers for less than it set out to; what it does answer for holds nevertheless. */
  shortfall?: { code: ErrorCode; message: string };
  /** Look-ups are counted from the beginning of the scan. */
  progress: { phase: string; recordsTotal: number | null; lookupsDone: number; lookupsTotal: number | null };
}

/** What a source reads with. */
export interface ReadContext {
  evidence: Evidence;
  /** Position of an interrupted scan; undefined at the beginning. */
  position: unknown;
  known: KnownRows;
  /** Start of the last scan of the account that read everything up to it, in milliseconds; null when there was none. */
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
  /** Throws unknown_source for an account that is not configured. */
  reader(account: string, mode: string, signal: AbortSignal, contactId?: string | null): AccountReader;
  /** Share of look-ups that may stay unknown in this account (MISSING_MAX_UNKNOWN_SHARE). */
  maxUnknownShare(account: string): number;
}
