import type { EventType, Events } from '#libs/contracts/src/generated/events.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';

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
}

/** Where scans are kept; every call fences a former owner. */
export interface ScanStore<Scan extends OwnedScan = OwnedScan> {
  /** Takes the snapshot of the evidence once; a resumed scan gets what the first start saw. */
  begin(scan: Scan): Promise<ScanStart>;
  evidence(scanId: string): Promise<Evidence>;
  /** Throws checkpoint_fenced when somebody else owns the scan now. */
  savePosition(scan: Scan, position: unknown, seenContactIds: string[]): Promise<void>;
  unseenKnownIds(scanId: string, limit: number, afterId: string): Promise<string[]>;
  countUnseenKnownIds(scanId: string): Promise<number>;
  isCancelled(scanId: string): Promise<boolean>;
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
  /** Known ids that this page answered. */
  seen: string[];
  counts: PageCounts;
  /** Look-ups are counted from the beginning of the scan. */
  progress: { phase: string; recordsTotal: number | null; lookupsDone: number; lookupsTotal: number | null };
}

/** What a source reads with. */
export interface ReadContext {
  evidence: Evidence;
  /** Position of an interrupted scan; undefined at the beginning. */
  position: unknown;
  /** Known ids that no page has shown yet, in order, after the given one. */
  unseenKnownIds(limit: number, afterId: string): Promise<string[]>;
  countUnseenKnownIds(): Promise<number>;
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
  /** Name of the account, and proof that the credentials work. */
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
  reader(account: string, signal: AbortSignal): AccountReader;
  /** Share of look-ups that may stay unknown in this account (MISSING_MAX_UNKNOWN_SHARE). */
  maxUnknownShare(account: string): number;
}
