import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import type { EventType, Events, ScanMarker } from '#libs/contracts/src/generated/events.ts';
import type { OutgoingEvent, Producer } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Evidence, Identifier, KnownRows, OwnedScan, ScanStore, Seen } from './ports.ts';
import type { Clock } from './rate-limit.ts';

/** A clock that stands still; sleeping moves it on at once. */
export interface FakeClock extends Clock {
  slept: number[];
  advance(ms: number): void;
}

/** A fake clock at a round time. */
export function fakeClock(): FakeClock {
  let now = 1_700_000_000_000;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance: (ms) => void (now += ms),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

/** Evidence with these members, otherwise empty. */
export function evidenceOf(known: { [K in keyof Evidence]?: string[] } = {}): Evidence {
  return {
    vendorIds: new Set(known.vendorIds),
    vendorEmails: new Set(known.vendorEmails),
    leadIds: new Set(known.leadIds),
    leadEmails: new Set(known.leadEmails),
    leadOpportunityIds: new Set(known.leadOpportunityIds),
  };
}

/** A producer that keeps what it is sent; `fail` is asked before every send. */
export interface MemoryProducer extends Producer {
  events: OutgoingEvent[];
  fail: ((events: OutgoingEvent[]) => void) | undefined;
  of<T extends EventType>(type: T): Events[T][];
}

/** An empty log. */
export function memoryProducer(): MemoryProducer {
  const events: OutgoingEvent[] = [];
  const producer: MemoryProducer = {
    events,
    fail: undefined,
    of: <T extends EventType>(type: T) =>
      events.filter((event) => event.type === type).map(({ value }) => value as Events[T]),
    async send(batch) {
      producer.fail?.(batch);
      events.push(...batch);
      return batch.map(({ topic }, offset) => ({ topic, partition: 0, offset: String(offset) }));
    },
    sendRaw: async () => undefined,
    stop: async () => undefined,
  };
  return producer;
}

/** What one local row is known by. */
export interface KnownRow {
  contactId?: string;
  email?: string;
  opportunityId?: string;
}

/** Known rows in memory, as the database keeps them. */
export interface MemoryRows extends KnownRows {
  see(seen: Seen | undefined): void;
}

/** Every member of the evidence as a row of its own. */
export function rowsOf(evidence: Evidence): KnownRow[] {
  const contactIds = [...evidence.vendorIds, ...evidence.leadIds];
  const emails = [...evidence.vendorEmails, ...evidence.leadEmails];
  return [
    ...contactIds.map((contactId) => ({ contactId })),
    ...emails.map((email) => ({ email })),
    ...[...evidence.leadOpportunityIds].map((opportunityId) => ({ opportunityId })),
  ];
}

/** Known rows that no page has shown yet. */
export function memoryRows(known: readonly KnownRow[]): MemoryRows {
  const rows = known.map((row) => ({ ...row, isSeen: false, isFound: false }));
  const distinct = (values: (string | undefined)[]): string[] =>
    [...new Set(values.filter((value) => value !== undefined))].sort();
  const unseen = (): string[] => distinct(rows.filter(({ isSeen }) => !isSeen).map(({ contactId }) => contactId));
  const unfound = (by: Identifier): string[] =>
    distinct(
      rows
        .filter(({ isFound }) => !isFound)
        .map(({ email, opportunityId }) => (by === 'email' ? email : opportunityId)),
    );
  const after = (values: string[], limit: number, last: string): string[] =>
    values.filter((value) => value > last).slice(0, limit);
  return {
    see(seen) {
      for (const row of rows) {
        const isSeen = row.contactId !== undefined && seen?.contactIds.includes(row.contactId) === true;
        row.isSeen ||= isSeen;
        row.isFound ||=
          isSeen ||
          (row.email !== undefined && seen?.emails.includes(row.email) === true) ||
          (row.opportunityId !== undefined && seen?.opportunityIds.includes(row.opportunityId) === true);
      }
    },
    unseenIds: async (limit, afterId) => after(unseen(), limit, afterId),
    countUnseenIds: async () => unseen().length,
    async unknownIds(contactIds) {
      const known = new Set(rows.map(({ contactId }) => contactId));
      return contactIds.filter((id) => !known.has(id));
    },
    unfound: async (by, limit, last) => after(unfound(by), limit, last),
    countUnfound: async (by) => unfound(by).length,
    async stillUnfound({ contactIds, emails }) {
      const left = rows.filter(({ isFound }) => !isFound);
      return {
        contactIds: distinct(left.map(({ contactId }) => contactId)).filter((id) => contactIds.includes(id)),
        emails: distinct(left.map(({ email }) => email)).filter((email) => emails.includes(email)),
      };
    },
  };
}

/** One scan kept in memory. */
export interface MemoryStore extends ScanStore {
  /** The saved position, as a database gives it back. */
  position: unknown;
  /** Watermark of earlier scans. */
  since: number | null;
  /** Watermark that the last save had. */
  watermark: number | null;
  saves: number;
  wanted: 'cancel' | 'pause' | undefined;
  paused: number;
  /** Pauses that the source asked for. */
  held: number;
  finished: string | undefined;
  epoch: number;
  /** Asked before every save: throws to play a crash between the broker's acknowledgement and the save. */
  beforeSave: ((count: number) => void) | undefined;
  scan(more?: Partial<OwnedScan>): OwnedScan;
}

/** A store of one scan with this evidence, and these rows if they are more than its members. */
export function memoryStore(evidence: Evidence, account: string, rows = rowsOf(evidence), source = 'ghl'): MemoryStore {
  const known = memoryRows(rows);
  const store: MemoryStore = {
    position: null,
    since: null,
    saves: 0,
    wanted: undefined,
    paused: 0,
    finished: undefined,
    epoch: 1,
    beforeSave: undefined,
    scan: (more = {}) => ({
      scanId: '0b0e7c1e-0000-4000-8000-000000000001',
      source,
      account,
      mode: 'full',
      dryRun: false,
      contactId: null,
      asked: ASKED_NOTHING,
      epoch: store.epoch,
      position: store.position,
      ...more,
    }),
    watermark: null,
    held: 0,
    begin: async () => ({
      startedAt: 1_700_000_000_000,
      vendorsInScope: evidence.vendorIds.size,
      leadsInScope: evidence.leadIds.size,
      since: store.since,
    }),
    evidence: async () => evidence,
    async savePosition(scan, position, seen, watermark = null) {
      store.beforeSave?.(store.saves);
      if (scan.epoch !== store.epoch) throw new AppError('checkpoint_fenced', 'the scan was taken over');
      store.saves += 1;
      store.position = JSON.parse(JSON.stringify(position)) as unknown;
      store.watermark = watermark;
      known.see(seen);
    },
    knownRows: () => known,
    keepKnown: async () => undefined,
    asked: async () => store.wanted,
    async pause(_scan, heldForMs) {
      store.paused += 1;
      if (heldForMs !== null) store.held += 1;
    },
    async finish(_scan, state) {
      store.finished = state;
    },
  };
  return store;
}

/** What a follower of the log knows once the markers passed: holes in the numbers, and the contacts of each kind. */
export function followLog(producer: MemoryProducer): {
  holes: number;
  markers: ScanMarker[];
  read: Set<string>;
  gone: Set<string>;
  unknown: Set<string>;
} {
  const last = new Map<number, number>();
  let holes = 0;
  const read = new Set<string>();
  const gone = new Set<string>();
  const unknown = new Set<string>();
  const markers = new Map<number, ScanMarker>();
  for (const { type, value, partition = -1, subject = '' } of producer.events) {
    if (type === 'crm.scan.v1.ScanMarker') {
      const marker = value as ScanMarker;
      holes += Math.max(0, marker.lastNumber - (last.get(partition) ?? 0));
      markers.set(partition, marker);
    }
    if (!type.startsWith('crm.raw.')) continue;
    const { scanNumber } = value as { scanNumber: number };
    const before = last.get(partition) ?? 0;
    if (scanNumber > before) {
      holes += scanNumber - before - 1;
      last.set(partition, scanNumber);
    }
    const kind = type.split('.').at(-1);
    if (kind === 'ContactRead') read.add(subject);
    if (kind === 'ContactGone' || kind === 'ContactDeleted') gone.add(subject);
    if (kind === 'ContactLookupFailed' || kind === 'ContactUnusable') unknown.add(subject);
  }
  return { holes, markers: [...markers.values()], read, gone, unknown };
}
