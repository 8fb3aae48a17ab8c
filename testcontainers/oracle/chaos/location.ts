import type { Random } from '#testcontainers/simulators/ghl/random.ts';
import type { GhlSimulator, LoggedRequest } from '#testcontainers/simulators/ghl/simulator.ts';
import type { StoredContact } from '#testcontainers/simulators/ghl/world.ts';

/** Contacts in the order in which the list shows them: dateAdded, then id. */
export function inListOrder(contacts: Iterable<StoredContact>): StoredContact[] {
  return [...contacts].sort((a, b) => a.dateAdded - b.dateAdded || (a.id < b.id ? -1 : 1));
}

/** What a full scan reads of a location that changes meanwhile, by contact id. */
export type Readable = Map<string, StoredContact>;

/**
 * Changes a location once, when its second list page has been answered: contacts of pages that the product has saved by then are
 * changed and deleted unnoticed; of those that come later the change is read. `readable` follows.
 */
export function changeWhilePaging({ world, faults, requests }: GhlSimulator, random: Random, readable: Readable): void {
  faults.afterPage(2, () => {
    const { searchAfter, pageLimit } = requests.at(-1)!.body as { searchAfter?: [number, string]; pageLimit: number };
    if (searchAfter === undefined) return;
    const [added, id] = searchAfter;
    const list = inListOrder(world.contacts.values());
    const from = list.findIndex((one) => one.dateAdded > added || (one.dateAdded === added && one.id > id));
    const saved = list.slice(0, from);
    const later = from < 0 ? [] : list.slice(from + pageLimit);
    if (later.length < 3) return;
    const [unseen, removed] = [random.pick(saved), random.pick(saved)];
    world.contacts.set(unseen.id, { ...unseen, firstName: 'Unseen', dateUpdated: Date.now() });
    world.contacts.delete(removed.id);
    const [changed, deleted] = [later[0]!, later[1]!];
    const news = { ...changed, firstName: 'Changed', dateUpdated: Date.now() };
    const born = { ...changed, id: random.id(), email: `new-${random.id()}@example.test`, dateAdded: Date.now() };
    for (const one of [news, born]) {
      world.contacts.set(one.id, one);
      readable.set(one.id, one);
    }
    world.contacts.delete(deleted.id);
    readable.delete(deleted.id);
    world.revision += 1;
  });
}

/** Longer than any round takes. */
const LONG_LAG_MS = 3_600_000;

/**
 * Whatever a location held, it holds these contacts now; of those that are named `unindexed` its search index learns only when its lag is
 * taken away. The ids that are `gone` belonged to contacts which were deleted.
 */
export function settle(
  { world, faults, requests, knobs }: GhlSimulator,
  contacts: readonly Omit<StoredContact, 'locationId'>[],
  { unindexed = [], gone = [] }: { unindexed?: readonly string[]; gone?: Iterable<string> } = {},
): void {
  faults.clear();
  requests.length = 0;
  world.contacts.clear();
  for (const contact of contacts) world.contacts.set(contact.id, { ...contact, locationId: world.locationId });
  world.deleted = new Set(gone);
  world.changes.length = 0;
  for (const id of unindexed) world.changes.push({ at: Date.now(), id, before: undefined });
  knobs.indexLagMs = unindexed.length > 0 ? LONG_LAG_MS : 0;
  world.revision += 1;
}

/** Ids and e-mails whose last look-up the simulator never answered, by its log. */
export function unansweredIn(requests: readonly LoggedRequest[]): { ids: Set<string>; emails: Set<string> } {
  const ids = new Set<string>();
  const emails = new Set<string>();
  const note = (set: Set<string>, name: string, status: number): void => {
    if ([200, 400, 404].includes(status)) set.delete(name);
    else set.add(name);
  };
  for (const { method, path, body, status } of requests) {
    const id = method === 'GET' ? /^\/contacts\/([^/]+)$/.exec(path)?.[1] : undefined;
    if (id !== undefined) note(ids, id, status);
    const { query } = (body ?? {}) as { query?: unknown };
    if (method === 'POST' && path === '/contacts/search' && typeof query === 'string') note(emails, query, status);
  }
  return { ids, emails };
}
