import type { ContactGone, ContactLookupFailed, ContactRead } from '#libs/contracts/src/generated/events.ts';

/** What the local tables knew when the scan began; e-mails are normalised. */
export interface Evidence {
  vendorIds: ReadonlySet<string>;
  vendorEmails: ReadonlySet<string>;
  leadIds: ReadonlySet<string>;
  leadEmails: ReadonlySet<string>;
  leadOpportunityIds: ReadonlySet<string>;
}

/** Fields that the kit adds to every record. */
type Numbered = 'account' | 'scanId' | 'scanNumber' | 'dryRun' | 'mode';

/** A record as a source reads it; the kit numbers and addresses it. */
export type SourceRecord =
  | { type: 'crm.raw.ghl.v1.ContactRead'; id: string; value: Omit<ContactRead, Numbered> }
  | { type: 'crm.raw.ghl.v1.ContactGone'; id: string; value: Omit<ContactGone, Numbered> }
  | { type: 'crm.raw.ghl.v1.ContactLookupFailed'; id: string; value: Omit<ContactLookupFailed, Numbered> };

/** Records that were read together, and the position after them. */
export interface SourcePage {
  records: SourceRecord[];
  /** Where a resumed scan goes on after this page; JSON. */
  position: unknown;
  /** Known ids that this page answered. */
  seen: string[];
  progress: { phase: string; recordsTotal: number | null; lookupsDone: number; lookupsTotal: number | null };
  /** Look-ups of this page that stayed without an answer. */
  unknown: number;
}

/** What a source reads with. */
export interface ReadContext {
  evidence: Evidence;
  /** Position of an interrupted scan; undefined at the beginning. */
  position: unknown;
  /** Known ids that no page has shown yet, in order, after the given one. */
  unseenKnownIds(limit: number, afterId: string): Promise<string[]>;
  countUnseenKnownIds(): Promise<number>;
  signal: AbortSignal;
}

/** A reader of one account: made for one scan. */
export interface AccountReader {
  /** Name of the account, and proof that the credentials work. */
  open(): Promise<{ accountName: string | null }>;
  /** Reads the whole scope page by page; throws when it cannot be read to its end. */
  read(context: ReadContext): AsyncGenerator<SourcePage>;
  /** Requests sent so far, and how many of them were list pages. */
  requests(): { all: number; list: number };
}

/** A source connector: knows its accounts and how to read one. */
export interface Source {
  name: string;
  /** What it reads. */
  entity: string;
  accounts(): string[];
  modes: readonly string[];
  reader(account: string, signal: AbortSignal): AccountReader;
  /** Share of look-ups that may stay unknown in this account (MISSING_MAX_UNKNOWN_SHARE). */
  maxUnknownShare(account: string): number;
}
