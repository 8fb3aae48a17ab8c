import type { ChangeCause, FieldChange } from '#libs/contracts/src/generated/events.ts';
import { changeName, hasChanged, isTold, type ChangeName } from '#libs/domain/src/lifecycle.ts';
import type { RowLife } from '#libs/domain/src/rows.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { eventId } from '#libs/kafka/src/event-id.ts';
import type { ColumnKind, TableMap } from './columns.ts';
import { storedBirths, type Birth } from './births.ts';
import type { Sql } from './pool.ts';
import { statementName } from './statement-name.ts';

/** Why a row is written. */
export interface Cause {
  kind: ChangeCause;
  /** The event that caused it. */
  eventId: string;
  scanId: string | null;
  /** When it happened, by the event: never the clock of whoever writes. */
  at: number;
}

/** One state of a row becoming another; undefined stands for a row that is not there. */
export interface Transition<Row> {
  before: Row | undefined;
  after: Row | undefined;
  /** Version of the row that this makes. */
  version: number;
  cause: Cause;
  /** Columns that no rule touches, by name: before and after. */
  also?: FieldValues | undefined;
  /** The line of COPY that the row was born with. */
  line?: string | undefined;
}

/** Values of columns by name, before and after. */
export type FieldValues = Record<string, [before: unknown, after: unknown]>;

/** What a transaction does to rows, told once it is known what became of each. */
export interface ChangeLog {
  note<Row extends RowLife>(map: TableMap<Row>, transition: Transition<Row>): void;
  /** Puts what was noted into the outbox; call it after the rows are written, so that the outbox has each row's changes in order (I4). */
  publish(sql: Sql): Promise<boolean>;
}

/** What a writer of rows works with. */
export interface Writing {
  sql: Sql;
  rules: GhlRules;
  changes: ChangeLog;
}

/** A log that tells nobody: of a dry run, which is rolled back, and of a rebuild, whose changes were told when they happened. */
export const UNTOLD: ChangeLog = { note: () => undefined, publish: () => Promise.resolve(false) };

/** A change as it waits in the outbox: entity, name, row id, version, account, GHL contact, kind of cause, cause, scan, time, fields. */
export interface StoredChange {
  e: 'Vendor' | 'Lead';
  n: ChangeName;
  id: string;
  v: number;
  a: string;
  g: string | null;
  k: ChangeCause;
  c: string;
  s: string | null;
  t: number;
  f: FieldValues;
}

interface Noted {
  map: TableMap<RowLife>;
  transition: Transition<RowLife>;
}

/** How many changes one row of the outbox holds. */
const CHUNK = 1000;

/**
 * Collects the changes of one transaction. A row that is written in steps is told of once, from its first state to its last; one
 * that ends as it began, or changed in nothing people are told of, not at all.
 */
export function createChangeLog(rules: Pick<GhlRules, 'inactiveStatus'>): ChangeLog {
  const noted = new Map<string, Noted>();
  return {
    note(map, transition) {
      const row = (transition.after ?? transition.before) as RowLife;
      const key = `${map.table} ${row.id}`;
      const earlier = noted.get(key)?.transition;
      const merged =
        earlier === undefined
          ? transition
          : { ...transition, before: earlier.before, also: { ...earlier.also, ...transition.also }, line: undefined };
      noted.set(key, { map: map as unknown as TableMap<RowLife>, transition: merged });
    },
    async publish(sql) {
      const births = new Map<TableMap<RowLife>, Birth[]>();
      const changes: string[] = [];
      for (const { map, transition } of noted.values()) {
        const { before, also, line } = transition;
        if (before === undefined && also === undefined && line !== undefined) {
          const of = births.get(map) ?? [];
          of.push({ ...transition, line });
          births.set(map, of);
        } else {
          const change = storedChange({ map, transition }, rules);
          if (change !== undefined) changes.push(change);
        }
      }
      noted.clear();
      for (const [map, list] of births)
        for (const chunk of chunksOf(list)) await store(sql, 'births', chunk.length, storedBirths(map, chunk));
      for (const chunk of chunksOf(changes)) await store(sql, 'changes', chunk.length, `[${chunk.join(',')}]`);
      return births.size + changes.length > 0;
    },
  };
}

function* chunksOf<T>(list: T[]): Generator<T[]> {
  for (let from = 0; from < list.length; from += CHUNK) yield list.slice(from, from + CHUNK);
}

async function store(sql: Sql, kind: 'births' | 'changes', events: number, content: string): Promise<void> {
  const text = 'insert into outbox (kind, events, content) values ($1, $2, $3)';
  await sql.query({ name: statementName(text), text, values: [kind, events, content] });
}

/** JSON of a StoredChange; undefined when there is nothing to tell. Written by hand: it is half as dear as building it first. */
function storedChange(
  { map, transition: { before, after, version, cause, also } }: Noted,
  rules: Pick<GhlRules, 'inactiveStatus'>,
): string | undefined {
  const row = after ?? before;
  if (row === undefined) return undefined;
  let fields = '';
  for (const { property, column, kind } of toldColumns(map)) {
    const was = before === undefined ? null : before[property];
    const is = after === undefined ? null : after[property];
    if (was === is || !hasChanged(was, is)) continue;
    fields += `${fields === '' ? '' : ','}"${column}":[${cell(was, kind)},${cell(is, kind)}]`;
  }
  if (also !== undefined) {
    const more = JSON.stringify(also).slice(1, -1);
    fields += fields === '' || more === '' ? more : `,${more}`;
  }
  if (fields === '') return undefined;
  const name = changeName(before, after, rules);
  const { id, account, ghlContactId } = row;
  return `{"e":"${map.table === 'vendors' ? 'Vendor' : 'Lead'}","n":"${name}","id":${JSON.stringify(id)},"v":${version},"a":${JSON.stringify(account)},"g":${JSON.stringify(ghlContactId)},"k":"${cause.kind}","c":${JSON.stringify(cause.eventId)},"s":${JSON.stringify(cause.scanId)},"t":${cause.at},"f":{${fields}}}`;
}

const told = new Map<string, TableMap<RowLife>['columns']>();

function toldColumns({ table, columns }: TableMap<RowLife>): TableMap<RowLife>['columns'] {
  const known = told.get(table) ?? columns.filter(({ property }) => isTold(property));
  told.set(table, known);
  return known;
}

function cell(value: unknown, kind: ColumnKind): string {
  return kind === 'time' && value !== null ? `"${new Date(value as number).toISOString()}"` : JSON.stringify(value);
}

/** The changes of a stored list. */
export function storedChanges(content: string): StoredChange[] {
  return JSON.parse(content) as StoredChange[];
}

/** The lifecycle events of stored changes, in order. Their ids are derived: publishing twice repeats them. */
export function lifecycleEvents(changes: readonly StoredChange[]) {
  return changes.map((change) => {
    const type = `crm.lifecycle.v1.${change.e}${change.n}` as const;
    return {
      topic: 'crm.lifecycle.v1' as const,
      key: change.id,
      type,
      // The cause is part of the id, because versions begin anew where a row is withdrawn and born again, or rebuilt.
      eventId: eventId(change.c, type, `${change.id} ${change.v}`),
      scanId: change.s,
      causationId: change.c,
      time: change.t,
      value: {
        entityId: change.id,
        account: change.a,
        ghlContactId: change.g,
        version: change.v,
        changes: fieldChanges(change.f),
        cause: change.k,
        causationId: change.c,
        scanId: change.s,
        at: change.t,
      },
    };
  });
}

/** Characters of JSON that the values of one event may have together: as UTF-8 no more than a topic takes. */
const ROOM = 3 * 1024 * 1024;
/** Characters that are told of a value where they have no room: all columns, before and after and escaped, have room then. */
const TOLD = 8 * 1024;

function fieldChanges(fields: FieldValues): FieldChange[] {
  const changes = jsonChanges(fields, (value) => value);
  const length = changes.reduce((sum, { before, after }) => sum + (before?.length ?? 0) + (after?.length ?? 0), 0);
  return length <= ROOM ? changes : jsonChanges(fields, beginning);
}

function jsonChanges(fields: FieldValues, shown: (value: unknown) => unknown): FieldChange[] {
  const text = (value: unknown): string | null => (value === null ? null : JSON.stringify(shown(value)));
  return Object.entries(fields).map(([field, [before, after]]) => ({
    field,
    before: text(before),
    after: text(after),
  }));
}

/** A value as it is, or the beginning of a long one and how long it is. */
function beginning(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= TOLD ? value : `${text.slice(0, TOLD).toWellFormed()}… (${text.length} characters)`;
}
