import { contactValue, type Origin, type Value } from './contact-values.ts';
import { makeId, numberOf, PREFIXES } from './ids.ts';

/** What a world is made of; the same options make the same world. */
export interface WorldOptions {
  contacts: number;
  seed?: number;
  /** When the world begins, in milliseconds. */
  anchor?: number;
  /** Whether time goes by itself; otherwise changes and `advance` move it. */
  ticking?: boolean;
}

/** Values of one moment: later changes of the world do not show (snapshot isolation of a bulk job, salesforce A10). */
export interface View {
  readonly origin: Origin;
  readonly now: number;
  /** Contacts, deleted ones included. */
  readonly contacts: number;
  /** Whether the login user sees a contact at all. */
  isVisible(index: number): boolean;
  contactValue(index: number, field: string): Value;
}

/** A made-up org. Values are made when they are asked for; only changes are kept. */
export interface World {
  readonly origin: Origin;
  readonly orgId: string;
  readonly userId: string;
  /** The org's own time, which its answers are dated by. */
  now(): number;
  /** Moves time on by milliseconds. */
  advance(ms: number): void;
  view(): View;
  /** Every change moves SystemModstamp one second on, and returns the Id. */
  addContact(values: Readonly<Record<string, Value>>): string;
  changeContact(id: string, values: Readonly<Record<string, Value>>): void;
  /** Changes values as a formula does: no time moves. */
  recalculate(id: string, values: Readonly<Record<string, Value>>): void;
  /** Into the recycle bin. */
  deleteContact(id: string): void;
  undeleteContact(id: string): void;
  /** The second contact becomes part of the first. */
  mergeContacts(masterId: string, loserId: string): void;
  /** Out of the recycle bin, or out of what the login user may see: no query shows it any more. */
  hideContact(id: string): void;
  /** Back into what the login user may see: SystemModstamp does not move. */
  showContact(id: string): void;
  /** Ids deleted within a time, as the delete log has them. */
  deletedBetween(from: number, to: number): { id: string; deletedDate: number }[];
}

const START = Date.UTC(2026, 0, 1);

/** An org with this many contacts. */
export function makeWorld({ contacts, seed = 1, anchor = START, ticking = false }: WorldOptions): World {
  const origin: Origin = { seed, size: contacts, anchor, accounts: 200, users: 25 };
  const startedAt = Date.now();
  const changes = new Map<number, Readonly<Record<string, Value>>>();
  const hidden = new Set<number>();
  const deleted: { id: string; deletedDate: number }[] = [];
  let moved = 0;
  let total = contacts;
  const now = (): number => anchor + moved + (ticking ? Date.now() - startedAt : 0);

  function indexOf(id: string): number {
    const index = numberOf(id, PREFIXES.Contact);
    if (index === undefined || index >= total || hidden.has(index)) throw new Error(`the world has no contact ${id}`);
    return index;
  }

  function patch(index: number, values: Readonly<Record<string, Value>>): void {
    changes.set(index, { ...changes.get(index), ...values });
  }

  /** A change at a new second, by a user unless the system did it. */
  function change(index: number, values: Readonly<Record<string, Value>>): void {
    moved += 1000;
    const at = Math.floor(now() / 1000) * 1000;
    patch(index, { SystemModstamp: at, LastModifiedDate: at, ...values });
  }

  const world: World = {
    origin,
    orgId: makeId(PREFIXES.Org, 1),
    userId: makeId(PREFIXES.User, 0),
    now,
    advance: (ms) => void (moved += ms),
    view() {
      const seen = new Map(changes);
      const gone = new Set(hidden);
      return {
        origin,
        now: now(),
        contacts: total,
        isVisible: (index) => !gone.has(index),
        contactValue(index, field) {
          const changed = seen.get(index);
          return changed !== undefined && field in changed ? changed[field]! : contactValue(origin, index, field);
        },
      };
    },
    addContact(values) {
      const index = total;
      total += 1;
      change(index, { ...values, Id: makeId(PREFIXES.Contact, index), IsDeleted: false, MasterRecordId: null });
      const at = changes.get(index)!['SystemModstamp']!;
      patch(index, { CreatedDate: at });
      return makeId(PREFIXES.Contact, index);
    },
    changeContact: (id, values) => change(indexOf(id), values),
    recalculate: (id, values) => patch(indexOf(id), values),
    deleteContact(id) {
      change(indexOf(id), { IsDeleted: true });
      deleted.push({ id, deletedDate: now() });
    },
    undeleteContact: (id) => change(indexOf(id), { IsDeleted: false, MasterRecordId: null }),
    mergeContacts(masterId, loserId) {
      change(indexOf(loserId), { IsDeleted: true, MasterRecordId: masterId });
      deleted.push({ id: loserId, deletedDate: now() });
      change(indexOf(masterId), {});
    },
    hideContact: (id) => void hidden.add(indexOf(id)),
    showContact: (id) => void hidden.delete(numberOf(id, PREFIXES.Contact)!),
    deletedBetween: (from, to) => deleted.filter(({ deletedDate }) => deletedDate >= from && deletedDate < to),
  };
  return world;
}
