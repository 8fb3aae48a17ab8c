import { fail } from './answers.ts';

/** One condition, or a group of them (ghl section 2.2). */
export interface Filter {
  field?: string;
  operator?: string;
  value?: unknown;
  group?: 'AND' | 'OR';
  filters?: Filter[];
}

/** Operators that belong together. */
export const EQUAL = ['eq', 'not_eq', 'exists', 'not_exists'];
export const TEXT = [...EQUAL, 'contains', 'not_contains'];
export const RANGE = ['range', 'exists', 'not_exists'];
const VALUE_LENGTH = 75;

/** A field that can be searched: its operators, and what a record has there. */
export interface SearchField<T> {
  operators: readonly string[];
  value(record: T): unknown;
}

/** Finds the field of a name; undefined for a name that nobody knows. */
export type FindField<T> = (name: string) => SearchField<T> | undefined;

/** A test of records; refuses unknown fields and operators as the real API does, before any record is looked at. */
export function compile<T>(filters: readonly Filter[], find: FindField<T>): (record: T) => boolean {
  const tests = filters.map((filter) => compileOne(filter, find));
  return (record) => tests.every((test) => test(record));
}

function compileOne<T>(filter: Filter, find: FindField<T>): (record: T) => boolean {
  if (filter.group !== undefined) {
    if (filter.group !== 'AND' && filter.group !== 'OR') throw fail(422, ['group must be one of: AND, OR']);
    const tests = (filter.filters ?? []).map((part) => compileOne(part, find));
    return filter.group === 'OR'
      ? (record) => tests.some((test) => test(record))
      : (record) => tests.every((test) => test(record));
  }
  const { field = '', operator = '', value } = filter;
  const known = find(field);
  if (known === undefined) throw fail(400, `Invalid field ${field}`);
  if (!known.operators.includes(operator)) throw fail(400, `Invalid operator ${operator} for field ${field}`);
  if (typeof value === 'string' && value.length > VALUE_LENGTH)
    throw fail(422, [`value of ${field} must be shorter than or equal to ${VALUE_LENGTH} characters`]);
  const test = operatorTest(operator, value);
  return (record) => test(known.value(record));
}

function operatorTest(operator: string, value: unknown): (actual: unknown) => boolean {
  switch (operator) {
    case 'eq':
      return isEqual(value);
    case 'not_eq':
      return not(isEqual(value));
    case 'contains':
      return contains(value);
    case 'not_contains':
      return not(contains(value));
    case 'exists':
      return exists;
    case 'not_exists':
      return not(exists);
    case 'range':
      return inRange(value);
    case 'nested':
      return nested(value as Filter[]);
    default:
      throw fail(400, `Invalid operator ${operator}`);
  }
}

const not =
  (test: (actual: unknown) => boolean) =>
  (actual: unknown): boolean =>
    !test(actual);

/** Texts are compared without case, numbers with their text, lists by any of their items. */
function isEqual(value: unknown): (actual: unknown) => boolean {
  const wanted = textOf(value);
  return (actual) =>
    Array.isArray(actual) ? actual.some((item) => textOf(item) === wanted) : textOf(actual) === wanted;
}

function contains(value: unknown): (actual: unknown) => boolean {
  const wanted = textOf(value);
  return (actual) =>
    Array.isArray(actual) ? actual.some((item) => textOf(item).includes(wanted)) : textOf(actual).includes(wanted);
}

const exists = (actual: unknown): boolean =>
  actual !== undefined && actual !== null && actual !== '' && !(Array.isArray(actual) && actual.length === 0);

function inRange(value: unknown): (actual: unknown) => boolean {
  const { gte, lte, gt, lt } = (value ?? {}) as Record<string, unknown>;
  const [least, most, above, below] = [gte, lte, gt, lt].map((bound) =>
    bound === undefined ? undefined : momentOf(bound),
  );
  return (actual) => {
    if (!exists(actual)) return false;
    const at = typeof actual === 'number' ? actual : Date.parse(textOf(actual));
    return (
      !Number.isNaN(at) &&
      (least === undefined || at >= least) &&
      (most === undefined || at <= most) &&
      (above === undefined || at > above) &&
      (below === undefined || at < below)
    );
  };
}

/** A bound: a number, or a date as ISO text or as milliseconds in text. */
function momentOf(bound: unknown): number {
  const number =
    typeof bound === 'number' ? bound : /^\d+$/.test(String(bound)) ? Number(bound) : Date.parse(String(bound));
  if (Number.isNaN(number)) throw fail(400, `Invalid range value ${String(bound)}`);
  return number;
}

const NESTED_FIELDS = ['pipelineId', 'pipelineStageId', 'status'];

/** True when one item of the list meets every condition. */
function nested(filters: Filter[]): (actual: unknown) => boolean {
  if (!Array.isArray(filters)) throw fail(422, ['value of a nested filter must be an array']);
  const test = compile<Record<string, unknown>>(filters, (name) =>
    NESTED_FIELDS.includes(name) ? { operators: EQUAL, value: (item) => item[name] } : undefined,
  );
  return (actual) => Array.isArray(actual) && (actual as Record<string, unknown>[]).some(test);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value).trim().toLowerCase()
    : '';
}
