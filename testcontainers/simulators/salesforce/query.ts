import { toId18 } from '#libs/domain/src/salesforce/contact.ts';
import type { Value } from './contact-values.ts';
import { fail } from './errors.ts';
import { indexOfId, type ObjectField, type Schema, type SimulatedObject } from './objects.ts';
import type { Condition, Literal, Query } from './soql.ts';
import type { View } from './world.ts';

type Getter = (index: number) => Value;

/** A column of an answer. */
export interface Column {
  /** As selected: `LastName`, `Account.Name`. */
  name: string;
  path: string[];
  field: ObjectField;
  get: Getter;
}

/** A query that is ready to run over a view. */
export interface Plan {
  object: SimulatedObject;
  columns: Column[];
  /** Indices of the records, in the order asked for, or else in no order that means anything. */
  rows: Uint32Array;
  /** Rows of an aggregate query instead, by alias. */
  aggregate: Record<string, Value>[] | null;
  /** True for `SELECT COUNT()`: totalSize is the answer. */
  isCountOnly: boolean;
  view: View;
}

const LARGEST_OFFSET = 2000;

/** Checks a query against the schema and finds its records. */
export function planQuery(query: Query, schema: Schema, view: View, withDeleted: boolean): Plan {
  const object = schema.object(query.from);
  if ((query.offset ?? 0) > LARGEST_OFFSET)
    throw fail(400, 'NUMBER_OUTSIDE_VALID_RANGE', 'Maximum SOQL offset allowed is 2000');
  const columns = query.select.flatMap((item) =>
    item.kind === 'field' ? [columnOf(item.name, object, schema, view)] : [],
  );
  const counts = query.select.filter((item) => item.kind === 'count');
  const matches = query.where === null ? () => true : predicate(query.where, object, schema, view);
  const isDeleted = (index: number): boolean => object.value(view, index, 'IsDeleted') === true;
  const found: number[] | Uint32Array = new Uint32Array(object.size(view));
  let size = 0;
  for (const index of candidates(query.where, object, view)) {
    if (object.isVisible(view, index) && matches(index) && (withDeleted || !isDeleted(index))) found[size++] = index;
  }
  const rows = sorted(found.slice(0, size), query, object, schema, view);
  const from = query.offset ?? 0;
  const limited = rows.subarray(from, query.limit === null ? rows.length : from + query.limit);
  if (query.groupBy !== null || counts.some(({ field }) => field !== null))
    return {
      object,
      columns,
      rows: limited,
      aggregate: aggregateOf(query, limited, object, schema, view),
      isCountOnly: false,
      view,
    };
  return { object, columns, rows: limited, aggregate: null, isCountOnly: counts.length > 0, view };
}

/** Records worth looking at: those named when the query asks for Ids, else all. */
function* candidates(where: Condition | null, object: SimulatedObject, view: View): Generator<number> {
  const size = object.size(view);
  const ids = where === null ? undefined : namedIds(where);
  if (ids === undefined) for (let index = 0; index < size; index += 1) yield index;
  const indices = (ids ?? []).flatMap((id) => indexOfId(object, id) ?? []).filter((index) => index < size);
  yield* new Set(indices.sort((a, b) => a - b));
}

function namedIds(where: Condition): string[] | undefined {
  if (where.kind === 'and') return where.parts.map(namedIds).find((ids) => ids !== undefined);
  if (where.kind !== 'compare' || where.field.toLowerCase() !== 'id' || !['=', 'IN'].includes(where.operator))
    return undefined;
  return where.values.flatMap((value) => (value.type === 'string' ? [value.value] : []));
}

/** Follows `Owner.Name` over the reference, or takes the field itself. */
function columnOf(name: string, object: SimulatedObject, schema: Schema, view: View): Column {
  const path = name.split('.');
  const ownName = path.length > 1 && path[0]!.toLowerCase() === object.name.toLowerCase() ? path.slice(1) : path;
  if (ownName.length === 1) {
    const field = schema.field(object, ownName[0]!);
    return { name: field.name, path: [field.name], field, get: (index) => object.value(view, index, field.name) };
  }
  const [relation, ...rest] = ownName;
  const reference = schema
    .fields(object)
    .find(({ relationshipName }) => relationshipName?.toLowerCase() === relation!.toLowerCase());
  if (reference === undefined)
    throw fail(400, 'INVALID_FIELD', `Didn't understand relationship '${relation!}' in field path.`);
  const target = schema.object(reference.referenceTo[0]!);
  const inner = columnOf(rest.join('.'), target, schema, view);
  const get = (index: number): Value => {
    const at = indexOfId(target, object.value(view, index, reference.name));
    return at === undefined || at >= target.size(view) ? null : inner.get(at);
  };
  const full = [reference.relationshipName!, ...inner.path];
  return { name: full.join('.'), path: full, field: inner.field, get };
}

function predicate(
  condition: Condition,
  object: SimulatedObject,
  schema: Schema,
  view: View,
): (index: number) => boolean {
  if (condition.kind === 'not') {
    const part = predicate(condition.part, object, schema, view);
    return (index) => !part(index);
  }
  if (condition.kind !== 'compare') {
    const parts = condition.parts.map((part) => predicate(part, object, schema, view));
    return condition.kind === 'and'
      ? (index) => parts.every((part) => part(index))
      : (index) => parts.some((part) => part(index));
  }
  const { get, field } = columnOf(condition.field, object, schema, view);
  const test = tester(condition, field, view.now);
  return (index) => test(get(index));
}

type Comparison = Extract<Condition, { kind: 'compare' }>;

function tester(
  { operator, values, field: name }: Comparison,
  field: ObjectField,
  now: number,
): (value: Value) => boolean {
  if (field.type === 'address' || (field.type === 'textarea' && field.length > 255))
    throw fail(400, 'INVALID_FIELD', `field '${field.name}' can not be filtered in a query call`);
  const literals = values.map((value) => keyOf(value, field, now));
  const first = literals[0]!;
  const key = (value: Value): Value => (typeof value === 'string' ? value.toLowerCase() : value);
  const compare =
    (holds: (order: number) => boolean) =>
    (value: Value): boolean => {
      const known = key(value);
      if (known === null || first === null || Array.isArray(first)) return false;
      return holds(known < first ? -1 : known > first ? 1 : 0);
    };
  const equals = (value: Value): boolean => {
    if (Array.isArray(first)) return typeof value === 'number' && value >= first[0] && value < first[1];
    return key(value) === first;
  };
  switch (operator) {
    case '=':
      return equals;
    case '!=':
      return (value) => !equals(value);
    case '<':
      return compare((order) => order < 0);
    case '<=':
      return compare((order) => order <= 0);
    case '>':
      return compare((order) => order > 0);
    case '>=':
      // A day is a range: from its first instant on.
      return Array.isArray(first)
        ? (value) => typeof value === 'number' && value >= first[0]
        : compare((order) => order >= 0);
    case 'IN':
      return (value) => literals.some((literal) => literal === key(value));
    case 'NOT IN':
      return (value) => !literals.some((literal) => literal === key(value));
    case 'INCLUDES':
    case 'EXCLUDES': {
      if (field.type !== 'multipicklist') throw operatorRefused(name, operator);
      const isIn = (value: Value): boolean =>
        typeof value === 'string' &&
        value
          .toLowerCase()
          .split(';')
          .some((one) => literals.includes(one));
      return operator === 'INCLUDES' ? isIn : (value) => !isIn(value);
    }
    case 'LIKE': {
      if (typeof first !== 'string') throw operatorRefused(name, operator);
      const pattern = first
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll('%', '.*')
        .replaceAll('_', '.');
      const like = new RegExp(`^${pattern}$`, 's');
      return (value) => typeof value === 'string' && like.test(value.toLowerCase());
    }
  }
}

function operatorRefused(field: string, operator: string): Error {
  return fail(400, 'INVALID_QUERY_FILTER_OPERATOR', `invalid operator on field '${field}': ${operator}`);
}

/** A literal as values of the field are compared with it; refuses what is of another type, as Salesforce does. */
function keyOf(literal: Literal, field: ObjectField, now: number): Value | [number, number] {
  const wrong = (): Error =>
    fail(
      400,
      'INVALID_FIELD',
      `value of filter criterion for field '${field.name}' must be of type ${field.type} and should not be enclosed in quotes`,
    );
  switch (literal.type) {
    case 'null':
      return null;
    case 'string':
      if (['boolean', 'double', 'date', 'datetime'].includes(field.type)) throw wrong();
      return (
        ['id', 'reference'].includes(field.type) ? (toId18(literal.value) ?? literal.value) : literal.value
      ).toLowerCase();
    case 'number':
      if (field.type !== 'double') throw wrong();
      return literal.value;
    case 'boolean':
      if (field.type !== 'boolean') throw wrong();
      return literal.value;
    case 'datetime':
      if (field.type !== 'datetime') throw wrong();
      return literal.value;
    case 'date':
      if (field.type !== 'date') throw wrong();
      return literal.value;
    case 'range': {
      if (field.type !== 'datetime') throw wrong();
      const day = 86_400_000;
      const today = Math.floor(now / day) * day;
      if (literal.name === 'TODAY') return [today, today + day];
      if (literal.name === 'YESTERDAY') return [today - day, today];
      return [today - literal.count * day, now + 1];
    }
  }
}

/** In the order asked for. Without one the rows come in steps over all of them: nobody may rely on an order nobody promised. */
function sorted(
  rows: Uint32Array,
  { orderBy }: Query,
  object: SimulatedObject,
  schema: Schema,
  view: View,
): Uint32Array {
  if (orderBy.length === 0) return rows.length < 3 ? rows : stepped(rows);
  const keys = orderBy.map(({ field, descending, nullsLast }) => ({
    ...columnOf(field, object, schema, view),
    descending,
    nullsLast,
  }));
  const values = keys.map(({ get }) => new Map<number, Value>(Array.from(rows, (index) => [index, get(index)])));
  return Uint32Array.from(rows).sort((a, b) => {
    for (const [at, { descending, nullsLast }] of keys.entries()) {
      const order = orderOf(values[at]!.get(a)!, values[at]!.get(b)!, descending, nullsLast);
      if (order !== 0) return order;
    }
    return a - b;
  });
}

function orderOf(a: Value, b: Value, descending: boolean, nullsLast: boolean): number {
  if (a === null || b === null) return (Number(b === null) - Number(a === null)) * (nullsLast ? -1 : 1);
  const order = a < b ? -1 : a > b ? 1 : 0;
  return descending ? -order : order;
}

function stepped(rows: Uint32Array): Uint32Array {
  const { length } = rows;
  let step = Math.max(2, Math.floor(length / 7));
  while (greatestDivisor(step, length) !== 1) step += 1;
  const out = new Uint32Array(length);
  for (let at = 0, from = 0; at < length; at += 1, from = (from + step) % length) out[at] = rows[from]!;
  return out;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

function aggregateOf(
  query: Query,
  rows: Uint32Array,
  object: SimulatedObject,
  schema: Schema,
  view: View,
): Record<string, Value>[] {
  const group = query.groupBy === null ? null : columnOf(query.groupBy, object, schema, view);
  for (const item of query.select)
    if (item.kind === 'field' && columnOf(item.name, object, schema, view).name !== group?.name)
      throw fail(400, 'MALFORMED_QUERY', `Field must be grouped or aggregated: ${item.name}`);
  const groups = new Map<Value, number[]>(group === null ? [[null, []]] : []);
  for (const index of rows) {
    const key = group?.get(index) ?? null;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [index]);
    else members.push(index);
  }
  return [...groups].map(([key, members]) => {
    let unnamed = 0;
    return Object.fromEntries(
      query.select.map((item) => {
        if (item.kind === 'field') return [group!.name, key];
        const counted = item.field === null ? null : columnOf(item.field, object, schema, view);
        const alias = item.alias ?? `expr${unnamed++}`;
        return [
          alias,
          counted === null ? members.length : members.filter((index) => counted.get(index) !== null).length,
        ];
      }),
    );
  });
}
