import type { SalesforceContactRead, SalesforceFieldError } from '#libs/contracts/src/generated/events.ts';
import { CONTACT_FIELDS, LIFE_FIELDS, type ContactField, type ContactKey } from './fields.ts';
import {
  isEmpty,
  readBoolean,
  readDatetime,
  readDay,
  readNumber,
  readText,
  type Read,
  type ValueFault,
} from './values.ts';

/** The fields of a contact that do not depend on the scan. */
export type ContactValues = Pick<SalesforceContactRead, ContactKey | 'unreadFields' | 'fieldErrors' | 'extra'>;

/** A row of a query: what became of the record, and its values. */
export interface ContactReading {
  values: ContactValues;
  isDeleted: boolean;
  /** The contact it was merged into. */
  masterRecordId: string | null;
}

/** Reads rows whose cells stand in the order of the columns; undefined for a row whose Id is none. */
export type RowReader = (cells: readonly unknown[]) => ContactReading | undefined;

const SF_ID = /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/;
const KNOWN = new Map(CONTACT_FIELDS.map((field) => [field.api, field]));
const LIFE: ReadonlySet<string> = new Set(LIFE_FIELDS);
const CHECK = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
const [UPPER_A, UPPER_Z] = [65, 90];

/** An Id in its 18-character form, whose last three say the case of the others; undefined when it is no Id. */
export function toId18(id: unknown): string | undefined {
  if (typeof id !== 'string' || !SF_ID.test(id)) return undefined;
  if (id.length === 18) return id;
  let check = '';
  for (let group = 0; group < 15; group += 5) {
    let bits = 0;
    for (let index = 0; index < 5; index += 1) {
      const unit = id.charCodeAt(group + index);
      if (unit >= UPPER_A && unit <= UPPER_Z) bits |= 1 << index;
    }
    check += CHECK[bits]!;
  }
  return id + check;
}

/**
 * Makes the reader of rows with these columns, in any order. Columns that are no field of the map go to `extra`; fields of the
 * map without a column are `unreadFields`, so that nobody takes them for empty.
 */
export function contactReader(columns: readonly string[]): RowReader {
  const typed = columns.flatMap((api, at) => {
    const field = KNOWN.get(api);
    return field === undefined ? [] : [{ field, at }];
  });
  const others = columns.flatMap((api, at) => (KNOWN.has(api) || LIFE.has(api) ? [] : [{ api, at }]));
  const present = new Set(typed.map(({ field }) => field.key));
  const unreadFields = CONTACT_FIELDS.filter(({ key }) => !present.has(key)).map(({ key }) => key as string);
  const blank = Object.fromEntries(CONTACT_FIELDS.map(({ key }) => [key, null]));
  const [idAt, deletedAt, masterAt] = ['Id', ...LIFE_FIELDS].map((api) => columns.indexOf(api)) as [
    number,
    number,
    number,
  ];

  return (cells) => {
    const id = toId18(cells[idAt]);
    if (id === undefined) return undefined;
    const values = { ...blank } as Record<string, unknown>;
    const fieldErrors: SalesforceFieldError[] = [];
    let extra: Record<string, unknown> | undefined;
    for (const { field, at } of typed) {
      const raw = cells[at];
      if (isEmpty(raw) && field.nillable) continue;
      const { value, fault } = readField(field, raw);
      values[field.key] = value;
      if (fault === undefined) continue;
      fieldErrors.push({ field: field.key, code: fault });
      if (isRefused(fault)) extra = { ...extra, [field.api]: raw };
    }
    for (const { api, at } of others) if (!isEmpty(cells[at])) extra = { ...extra, [api]: cells[at] };
    values['salesforceId'] = id;
    values['unreadFields'] = unreadFields;
    values['fieldErrors'] = fieldErrors;
    values['extra'] = extra === undefined ? null : JSON.stringify(extra);
    return {
      values: values as unknown as ContactValues,
      isDeleted: readBoolean(cells[deletedAt]).value ?? false,
      masterRecordId: toId18(cells[masterAt]) ?? null,
    };
  };
}

/** Whether the raw value is kept in `extra` because the typed one does not say it. */
function isRefused(fault: ValueFault): boolean {
  return fault !== 'nul_removed' && fault !== 'required';
}

/** Reads one value by the rule of its field. LastName is the one column besides the Id that may not be empty (salesforce C). */
export function readField(field: ContactField, raw: unknown): Read<string | number | boolean> {
  const read = READERS[field.kind](raw, field);
  return read.value === null && read.fault === undefined && field.api === 'LastName'
    ? { value: null, fault: 'required' }
    : read;
}

const READERS: Record<ContactField['kind'], (raw: unknown, field: ContactField) => Read<string | number | boolean>> = {
  text: (raw, { length }) => readText(raw, length),
  boolean: readBoolean,
  number: readNumber,
  date: readDay,
  datetime: readDatetime,
};
