import type { SalesforceContactRead } from '#libs/contracts/src/generated/events.ts';
import { CONTACT_FIELDS, type ContactField } from './fields.ts';
import { dayText, instantText } from './times.ts';

/** What a row of sf_contacts shows of one ContactRead. */
export interface ContactContent {
  /** What was read of its fields. */
  values: SalesforceContactRead;
  /** The record as one line of JSON by API name: everything that came, fields without a value left out (salesforce B5, additional_data). */
  raw: string;
  /** What makes a row another one when it changes. */
  tracked: string;
  /** Fields that were not read or whose value was refused: their columns keep what they have (salesforce W5, B11). */
  kept: readonly ContactField[];
}

/** Values of the login user, not of the contact: alone they are no change (salesforce W14). */
const PER_USER: ReadonlySet<string> = new Set(['LastViewedDate', 'LastReferencedDate', 'isMyContact__c']);

/** Parts of a text that PostgreSQL's jsonb does not take (NUL, and halves of characters), and line breaks between members. */
const UNSTORABLE = /\\u0000|\\u[dD][89a-fA-F]|[\n\r]/;

/** What JSON.stringify writes otherwise than it is. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

const DAY_MS = 86_400_000;
/** What dates hold that PostgreSQL and people read alike: the years 1 to 9999, in milliseconds. */
const [FIRST_MS, LAST_MS] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

interface Part {
  field: ContactField;
  /** `"Api":` */
  head: string;
}

const part = (field: ContactField): Part => ({ field, head: `${JSON.stringify(field.api)}:` });
const TRACKED = CONTACT_FIELDS.filter(({ api }) => !PER_USER.has(api)).map(part);
const UNTRACKED = CONTACT_FIELDS.filter(({ api }) => PER_USER.has(api)).map(part);
const TIMES = CONTACT_FIELDS.filter(({ kind }) => kind === 'date' || kind === 'datetime');
const NONE: readonly ContactField[] = [];
const NO_FAULTS: { field: string; code: string }[] = [];
const COLUMNS = new Map<string, string>(CONTACT_FIELDS.map(({ key, column }) => [key, column]));

/**
 * The content of a contact. A field that is unread, faulty (but for a NUL that was taken out) or a date outside the years 1 to 9999
 * is `kept`; of it nothing but what `extra` holds is in the raw record.
 */
export function contactContent(event: SalesforceContactRead): ContactContent {
  const kept = keptFields(event);
  const isKept = kept.length === 0 ? undefined : new Set(kept);
  const tracked = written(event, TRACKED, isKept);
  const perUser = written(event, UNTRACKED, isKept);
  const extra = innerExtra(event.extra);
  const raw = `{${[tracked, perUser, extra].filter((text) => text !== '').join()}}`;
  const keptKeys = kept.length === 0 ? '' : kept.map(({ key }) => key).join();
  return { values: event, raw, tracked: `${tracked}|${extra}|${keptKeys}`, kept };
}

function keptFields(event: SalesforceContactRead): readonly ContactField[] {
  const { unreadFields, fieldErrors } = event;
  // Nearly every contact: nothing but its times is looked at.
  if (unreadFields.length + fieldErrors.length === 0 && !TIMES.some((field) => isOutOfTime(event, field))) return NONE;
  const keys = new Set<string>(unreadFields);
  for (const { field, code } of fieldErrors) if (code !== 'nul_removed') keys.add(field);
  return CONTACT_FIELDS.filter((field) => keys.has(field.key) || isOutOfTime(event, field));
}

/**
 * Fields of a contact that could not be used as they came, by column; no values. A date outside the years 1 to 9999 is no fault of its
 * reading, but no column holds it.
 */
export function faultyFields(event: SalesforceContactRead): { field: string; code: string }[] {
  const { fieldErrors } = event;
  const late = TIMES.filter((field) => isOutOfTime(event, field));
  if (fieldErrors.length + late.length === 0) return NO_FAULTS;
  return [
    ...fieldErrors.map(({ field, code }) => ({ field: COLUMNS.get(field) ?? field, code })),
    ...late.map(({ column }) => ({ field: column, code: 'date_out_of_range' })),
  ];
}

function isOutOfTime(event: SalesforceContactRead, { kind, key }: ContactField): boolean {
  if (kind !== 'date' && kind !== 'datetime') return false;
  const value = event[key] as number | null;
  if (value === null) return false;
  const ms = kind === 'date' ? value * DAY_MS : value;
  return ms < FIRST_MS || ms > LAST_MS;
}

function written(
  event: SalesforceContactRead,
  parts: readonly Part[],
  kept: ReadonlySet<ContactField> | undefined,
): string {
  let json = '';
  for (const { field, head } of parts) {
    const value = event[field.key];
    if (value === null || kept?.has(field) === true) continue;
    json += `${json === '' ? '' : ','}${head}${jsonOf(field, value)}`;
  }
  return json;
}

function jsonOf({ kind }: ContactField, value: string | number | boolean): string {
  if (kind === 'text') return ESCAPED.test(value as string) ? JSON.stringify(value) : `"${value}"`;
  if (kind === 'date') return `"${dayText(value as number)}"`;
  return kind === 'datetime' ? `"${instantText(value as number)}"` : String(value);
}

/** The members of `extra` without its braces, and without what jsonb does not take. */
function innerExtra(extra: string | null): string {
  if (extra === null) return '';
  const text = UNSTORABLE.test(extra) ? JSON.stringify(storable(JSON.parse(extra))) : extra;
  return text.trim().slice(1, -1);
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\u0000', '').toWellFormed();
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [storable(key), storable(one)]));
}
