import { fail, refuseUnknown } from './errors.ts';
import { contactInSearch } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

const KEYS = ['locationId', 'pageLimit', 'page', 'searchAfter', 'query', 'filters', 'sort'];
const SORTS = [
  'firstNameLowerCase',
  'lastNameLowerCase',
  'businessName',
  'dateAdded',
  'dateUpdated',
  'email',
  'dnd',
  'source',
];
const PAGE_MODE_CAP = 10_000;

interface Search {
  pageLimit: number;
  page?: number;
  searchAfter?: unknown[];
  query?: string;
  filters?: Filter[];
  sort: { field: string; direction: 'asc' | 'desc' }[];
}

interface Filter {
  field?: string;
  operator?: string;
  value?: unknown;
  group?: 'AND' | 'OR';
  filters?: Filter[];
}

/** Searches a world as POST /contacts/search does. */
export interface SearchIndex {
  search(body: Record<string, unknown>): { contacts: Record<string, unknown>[]; total: number };
}

/** An index over a world; it sees a change only after `lagMs()` milliseconds, like the real one. */
export function createSearchIndex(world: World, lagMs: () => number): SearchIndex {
  let sorted: { key: string; revision: number; at: number; list: StoredContact[] } | undefined;

  function inOrder(sort: Search['sort']): StoredContact[] {
    const key = JSON.stringify(sort);
    const isFresh = sorted?.key === key && (sorted.revision === world.revision || Date.now() - sorted.at < lagMs());
    if (!isFresh || sorted === undefined) {
      sorted = {
        key,
        revision: world.revision,
        at: Date.now(),
        list: [...world.contacts.values()].map((contact) => ({ ...contact })).sort(comparing(sort)),
      };
    }
    return sorted.list;
  }

  return {
    search(body) {
      const search = validate(body);
      const found = inOrder(search.sort).filter(
        (contact) =>
          matchesQuery(contact, search.query) && (search.filters ?? []).every((filter) => matches(contact, filter)),
      );
      const from =
        search.searchAfter === undefined ? ((search.page ?? 1) - 1) * search.pageLimit : afterCursor(found, search);
      const page = found.slice(from, from + search.pageLimit);
      const [first] = search.sort;
      return {
        contacts: page.map((contact) => contactInSearch(contact, sortValue(contact, first!.field))),
        total: found.length,
      };
    },
  };
}

function validate(body: Record<string, unknown>): Search {
  refuseUnknown(body, KEYS);
  const { pageLimit, page, searchAfter, query, sort } = body;
  const faults: string[] = [];
  if (typeof body['locationId'] !== 'string') faults.push('locationId must be a string');
  if (typeof pageLimit !== 'number' || pageLimit < 1 || pageLimit > 500)
    faults.push('pageLimit must be a number between 1 and 500');
  if (page !== undefined && searchAfter !== undefined) faults.push('page and searchAfter cannot be used together');
  if (searchAfter !== undefined && !Array.isArray(searchAfter)) faults.push('searchAfter must be an array');
  if (typeof query === 'string' && query.length > 75)
    faults.push('query must be shorter than or equal to 75 characters');
  if (faults.length > 0) throw fail(422, faults);
  if (typeof page === 'number' && page * (pageLimit as number) > PAGE_MODE_CAP)
    throw fail(400, `page * pageLimit must not exceed ${PAGE_MODE_CAP}: use searchAfter`);
  const order = (sort as Search['sort'] | undefined) ?? [{ field: 'dateAdded', direction: 'desc' }];
  for (const { field } of order) if (!SORTS.includes(field)) throw fail(400, `Invalid field ${field}`);
  return { ...(body as unknown as Search), sort: order };
}

function comparing(sort: Search['sort']): (a: StoredContact, b: StoredContact) => number {
  return (a, b) => {
    for (const { field, direction } of sort) {
      const order = compare(sortValue(a, field), sortValue(b, field));
      if (order !== 0) return direction === 'asc' ? order : -order;
    }
    return compare(a.id, b.id);
  };
}

function sortValue(contact: StoredContact, field: string): string | number {
  if (field === 'dateAdded') return contact.dateAdded;
  if (field === 'dateUpdated') return contact.dateUpdated ?? 0;
  if (field === 'firstNameLowerCase') return contact.firstName?.toLowerCase() ?? '';
  if (field === 'lastNameLowerCase') return contact.lastName?.toLowerCase() ?? '';
  const value = (contact as unknown as Record<string, unknown>)[field];
  return typeof value === 'string' || typeof value === 'number' ? value : '';
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  return (a as string) < (b as string) ? -1 : 1;
}

/** Index of the first contact after the cursor [sort value, id], whether or not the contact of the cursor is still there. */
function afterCursor(found: StoredContact[], { searchAfter = [], sort }: Search): number {
  const [value, id] = searchAfter;
  const { field, direction } = sort[0]!;
  const index = found.findIndex((contact) => {
    const order = compare(sortValue(contact, field), value) * (direction === 'asc' ? 1 : -1);
    return order > 0 || (order === 0 && compare(contact.id, id) > 0);
  });
  return index < 0 ? found.length : index;
}

function matchesQuery(contact: StoredContact, query: string | undefined): boolean {
  if (query === undefined || query === '') return true;
  const text = query.trim().toLowerCase();
  const values = [
    contact.firstName,
    contact.lastName,
    `${contact.firstName ?? ''} ${contact.lastName ?? ''}`,
    contact.email,
    contact.phone,
    contact.companyName,
  ];
  return values.some((value) => (value ?? '').toLowerCase().includes(text));
}

const FIELDS = new Set(
  (
    'id email contactName firstNameLowerCase lastNameLowerCase phone address city state postalCode businessName companyName source tags type dnd ' +
    'assignedTo country dateAdded dateUpdated'
  ).split(' '),
);

function matches(contact: StoredContact, filter: Filter): boolean {
  if (filter.group !== undefined) {
    const parts = (filter.filters ?? []).map((part) => matches(contact, part));
    return filter.group === 'OR' ? parts.some(Boolean) : parts.every(Boolean);
  }
  const { field = '', operator = '', value } = filter;
  const actual = fieldValue(contact, field);
  switch (operator) {
    case 'eq':
      return Array.isArray(actual) ? actual.includes(value) : actual === value;
    case 'not_eq':
      return Array.isArray(actual) ? !actual.includes(value) : actual !== value;
    case 'contains':
      return textOf(actual).includes(textOf(value));
    case 'not_contains':
      return !textOf(actual).includes(textOf(value));
    case 'exists':
      return actual !== undefined && actual !== '';
    case 'not_exists':
      return actual === undefined || actual === '';
    case 'range':
      return inRange(Number(actual), value as Record<string, string | number>);
    default:
      throw fail(400, `Invalid operator ${operator}`);
  }
}

function fieldValue(contact: StoredContact, field: string): unknown {
  if (field.startsWith('customFields.'))
    return contact.customFields.find(({ id }) => id === field.split('.')[1])?.value;
  if (!FIELDS.has(field)) throw fail(400, `Invalid field ${field}`);
  if (field === 'address') return contact.address1;
  if (field === 'dateAdded' || field === 'dateUpdated') return sortValue(contact, field);
  if (field === 'firstNameLowerCase' || field === 'lastNameLowerCase') return sortValue(contact, field);
  return (contact as unknown as Record<string, unknown>)[field];
}

function inRange(actual: number, range: Record<string, string | number>): boolean {
  const at = (value: string | number): number => (typeof value === 'number' ? value : Date.parse(value));
  const { gte, lte, gt, lt } = range;
  return (
    (gte === undefined || actual >= at(gte)) &&
    (lte === undefined || actual <= at(lte)) &&
    (gt === undefined || actual > at(gt)) &&
    (lt === undefined || actual < at(lt))
  );
}

function textOf(value: unknown): string {
  return Array.isArray(value)
    ? value.map(textOf).join(' ')
    : typeof value === 'string' || typeof value === 'number'
      ? String(value)
      : '';
}
