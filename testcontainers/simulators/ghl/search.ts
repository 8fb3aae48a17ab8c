import { fail } from './answers.ts';
import { contactField, sortKey } from './contact-fields.ts';
import { checkBody, type Dto } from './dto.ts';
import { compile, type Filter } from './filters.ts';
import { contactInSearch, fullName } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

const BODY: Dto = {
  locationId: { type: 'string', required: true },
  pageLimit: { type: 'number', required: true, min: 1, max: 500 },
  page: { type: 'number', min: 1 },
  searchAfter: { type: 'list' },
  query: { type: 'string', length: 75 },
  filters: { type: 'objects' },
  sort: { type: 'objects' },
};
const PAGE_MODE_CAP = 10_000;

interface Order {
  field: string;
  direction: 'asc' | 'desc';
}

interface Search {
  pageLimit: number;
  page?: number;
  searchAfter?: unknown[];
  query?: string;
  filters?: Filter[];
  sort: Order[];
}

/** Searches a world as POST /contacts/search does. */
export interface SearchIndex {
  search(body: unknown): { contacts: Record<string, unknown>[]; total: number };
  /** Every contact the index shows, oldest or newest first. */
  all(direction: Order['direction']): StoredContact[];
}

/** An index over a world; it sees a change only after `lagMs()` milliseconds, like the real one. */
export function createSearchIndex(world: World, lagMs: () => number): SearchIndex {
  let sorted: { key: string; list: StoredContact[] } | undefined;

  /** The contacts as they were before the changes that the index has still to learn of. */
  function visible(hidden: World['changes']): StoredContact[] {
    const before = new Map<string, StoredContact | undefined>();
    for (const change of hidden) if (!before.has(change.id)) before.set(change.id, change.before);
    const list = [...before.values()].filter((contact) => contact !== undefined);
    for (const contact of world.contacts.values()) if (!before.has(contact.id)) list.push(contact);
    return list;
  }

  function inOrder(sort: Order[]): StoredContact[] {
    const since = Date.now() - lagMs();
    const hidden = world.changes.filter(({ at }) => at > since);
    const key = JSON.stringify([sort, world.revision, hidden.length]);
    if (sorted?.key !== key) sorted = { key, list: visible(hidden).sort(comparing(sort)) };
    return sorted.list;
  }

  return {
    search(body) {
      const search = validate(body);
      const { filters = [], query = '' } = search;
      const matches = compile(filters, (name) => contactField(world, name));
      const asks = queryTest(query);
      const ordered = inOrder(search.sort);
      const isWhole = filters.length === 0 && query === '';
      const found = isWhole ? ordered : ordered.filter((contact) => asks(contact) && matches(contact));
      const { searchAfter, page = 1, pageLimit, sort } = search;
      const from = searchAfter === undefined ? (page - 1) * pageLimit : afterCursor(found, searchAfter, sort);
      return {
        contacts: found
          .slice(from, from + pageLimit)
          .map((contact) => contactInSearch(contact, ...cursorOf(contact, sort).slice(0, -1))),
        total: found.length,
      };
    },
    all: (direction) => inOrder([{ field: 'dateAdded', direction }]),
  };
}

function validate(body: unknown): Search {
  const { page, searchAfter, sort } = (body ?? {}) as Record<string, unknown>;
  const wrong: string[] = [];
  if (page !== undefined && searchAfter !== undefined) wrong.push('page and searchAfter cannot be used together');
  if (Array.isArray(sort) && sort.length > 2) wrong.push('sort must contain no more than 2 elements');
  checkBody(body, BODY, wrong);
  const search = body as Omit<Search, 'sort'> & { sort?: Order[] };
  if ((search.page ?? 1) * search.pageLimit > PAGE_MODE_CAP)
    throw fail(400, `page * pageLimit must not exceed ${PAGE_MODE_CAP}: use searchAfter`);
  const order = search.sort ?? [{ field: 'dateAdded', direction: 'desc' }];
  for (const { field } of order) if (sortKey(field) === undefined) throw fail(400, `Invalid field ${field}`);
  return { ...search, sort: order };
}

/** What the search goes on after: the sort values of a contact, and its id. */
function cursorOf(contact: StoredContact, sort: Order[]): (string | number)[] {
  return [...sort.map(({ field }) => sortKey(field)!(contact)), contact.id];
}

function comparing(sort: Order[]): (a: StoredContact, b: StoredContact) => number {
  const keys = sort.map(({ field, direction }) => ({ key: sortKey(field)!, sign: direction === 'asc' ? 1 : -1 }));
  return (a, b) => {
    for (const { key, sign } of keys) {
      const order = compare(key(a), key(b));
      if (order !== 0) return order * sign;
    }
    return compare(a.id, b.id);
  };
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  return (a as string) < (b as string) ? -1 : 1;
}

/** Index of the first contact after the cursor, whether or not the contact of the cursor is still there. */
function afterCursor(found: StoredContact[], cursor: unknown[], sort: Order[]): number {
  if (cursor.length !== sort.length + 1) throw fail(400, `searchAfter must have ${sort.length + 1} values`);
  const signs = [...sort.map(({ direction }) => (direction === 'asc' ? 1 : -1)), 1];
  const isAfter = (contact: StoredContact): boolean => {
    const own = cursorOf(contact, sort);
    const at = own.findIndex((value, index) => value !== cursor[index]);
    return at >= 0 && compare(own[at], cursor[at]) * signs[at]! > 0;
  };
  let low = 0;
  let high = found.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAfter(found[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Free text over the fields that the real API calls searchable. */
export function queryTest(query = ''): (contact: StoredContact) => boolean {
  const text = query.trim().toLowerCase();
  if (text === '') return () => true;
  return (contact) =>
    [fullName(contact), contact.email, contact.phone, contact.companyName].some((value) =>
      value?.toLowerCase().includes(text),
    );
}
