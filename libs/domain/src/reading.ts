import type { FieldError } from '#libs/contracts/src/generated/events.ts';

/** Why a field could not be used (rules-ghl section 1). */
export type FieldErrorCode =
  | 'nul_removed'
  | 'unexpected_type'
  | 'too_long'
  | 'not_a_number'
  | 'not_a_date'
  | 'not_yes_or_no'
  | 'unknown_coverage'
  | 'unknown_zip'
  | 'duplicate_user_id';

/** Collects the field errors of one contact, each field and reason once. */
export interface ErrorSink {
  add(field: string, code: FieldErrorCode): void;
  /** What was collected. */
  errors: FieldError[];
}

/** An empty collection of field errors. */
export function errorSink(): ErrorSink {
  const errors: FieldError[] = [];
  return {
    errors,
    add(field, code) {
      if (!errors.some((known) => known.field === field && known.code === code)) errors.push({ field, code });
    },
  };
}

const NUL = /\u0000/g;

/** Text without NUL characters, which PostgreSQL cannot hold; each such field counts as a field error. */
export function withoutNul(text: string, field: string, sink: ErrorSink): string {
  if (!text.includes('\u0000')) return text;
  sink.add(field, 'nul_removed');
  return text.replace(NUL, '');
}

/** E-mails are trimmed, lower-cased and matched exactly; empty is null (rules-ghl section 1). */
export function normalizeEmail(text: string | null | undefined): string | null {
  const email = (text ?? '').replace(NUL, '').trim().toLowerCase();
  return email === '' ? null : email;
}

/** Tags of any shape: list of strings, of {name} or {tag}, or a comma-separated string; trimmed, lower-cased, without empty ones and repeats. */
export function readTags(value: unknown): string[] {
  const texts = tagTexts(value).map((tag) => tag.replace(NUL, '').trim().toLowerCase());
  return [...new Set(texts.filter((tag) => tag !== ''))];
}

function tagTexts(value: unknown): string[] {
  if (typeof value === 'string') return value.split(',');
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => (typeof item === 'string' ? [item] : tagTexts(item)));
  if (value === null || typeof value !== 'object') return [];
  const { name, tag } = value as { name?: unknown; tag?: unknown };
  const text = typeof name === 'string' ? name : tag;
  return typeof text === 'string' ? [text] : [];
}

/** A value that is there: text, a list of texts, number, boolean; undefined when empty or when the field cannot be used. */
export type Scalar = string | number | boolean | string[];

/** What a custom field holds; an object, or a list with objects, is a field error and leaves nothing. */
export function readScalar(value: unknown, field: string, sink: ErrorSink): Scalar | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') {
    const text = withoutNul(value, field, sink).trim();
    return text === '' ? undefined : text;
  }
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (
    Array.isArray(value) &&
    value.every((item) => item === null || ['string', 'number', 'boolean'].includes(typeof item))
  ) {
    const items = value
      .filter((item) => item !== null)
      .map((item) => withoutNul(String(item), field, sink).trim())
      .filter((item) => item !== '');
    return items.length === 0 ? undefined : items;
  }
  sink.add(field, 'unexpected_type');
  return undefined;
}

/** Text: a list is joined with ", ", a number or boolean becomes its text. */
export function readText(value: unknown, field: string, sink: ErrorSink): string | null {
  const scalar = readScalar(value, field, sink);
  if (scalar === undefined) return null;
  return Array.isArray(scalar) ? scalar.join(', ') : String(scalar);
}

/** Far beyond any id of GHL's, and what an index of PostgreSQL can hold in any script. */
const LONGEST_ID = 255;

/** Text that is an id; one that no index can hold is a field error. */
export function readId(value: unknown, field: string, sink: ErrorSink): string | null {
  const id = readText(value, field, sink);
  if (id === null || id.length <= LONGEST_ID) return id;
  sink.add(field, 'too_long');
  return null;
}

/** List: items of a list, or of a comma-separated text; trimmed, without empty ones, in GHL's order. */
export function readList(value: unknown, field: string, sink: ErrorSink): string[] {
  const scalar = readScalar(value, field, sink);
  if (scalar === undefined) return [];
  const items = Array.isArray(scalar) ? scalar : String(scalar).split(',');
  return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
}

/** Percentage: % stripped, a number, else a field error. */
export function readPercentage(value: unknown, field: string, sink: ErrorSink): number | null {
  const text = readText(value, field, sink);
  if (text === null) return null;
  const number = parseNumber(text.replaceAll('%', ''));
  if (number === undefined) sink.add(field, 'not_a_number');
  return number ?? null;
}

/** A decimal number with an optional exponent; undefined for anything else: no hexadecimal, no infinity, no separators. */
export function parseNumber(text: string): number | undefined {
  const digits = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(digits)) return undefined;
  return Number.isFinite(Number(digits)) ? Number(digits) : undefined;
}

/** yes|true|1 is true, no|false|0 is false in any case; anything else is false plus a field error (V3 wrote it so). */
export function readYesNo(value: unknown, field: string, sink: ErrorSink): boolean | null {
  const text = readText(value, field, sink);
  if (text === null) return null;
  const known = parseYesNo(text);
  if (known === undefined) sink.add(field, 'not_yes_or_no');
  return known ?? false;
}

/** yes|true|1 is true, no|false|0 is false in any case; undefined for anything else. */
export function parseYesNo(text: string): boolean | undefined {
  if (/^(yes|true|1)$/i.test(text)) return true;
  return /^(no|false|0)$/i.test(text) ? false : undefined;
}

/** Date or instant as milliseconds; a date alone is 00:00 UTC; what no calendar has is a field error. */
export function readDate(value: unknown, field: string, sink: ErrorSink): number | null {
  const scalar = readScalar(value, field, sink);
  if (scalar === undefined) return null;
  const ms = typeof scalar === 'number' ? epochOf(scalar) : typeof scalar === 'string' ? parseDate(scalar) : undefined;
  if (ms !== undefined) return ms;
  sink.add(field, 'not_a_date');
  return null;
}

const EARLIEST_MS = new Date(0).setUTCFullYear(1, 0, 1);
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Milliseconds of the years 1 to 9999 in UTC, which every table and format can hold; undefined for anything else. */
export function knownTime(ms: number): number | undefined {
  return Number.isInteger(ms) && ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : undefined;
}

function epochOf(value: number): number | undefined {
  return value > 0 ? knownTime(value) : undefined;
}

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const US = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/;

/** Reads ISO dates and instants (UTC where no offset is given), MM/DD/YYYY, and milliseconds as text, of the years 1 to 9999; undefined for anything else. */
export function parseDate(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d{12,14}$/.test(trimmed)) return epochOf(Number(trimmed));
  const us = US.exec(trimmed);
  if (us !== null) return utc(Number(us[3]), Number(us[1]), Number(us[2]));
  const iso = ISO.exec(trimmed);
  if (iso === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] = iso;
  const date = utc(Number(year), Number(month), Number(day));
  const offset = offsetMs(zone);
  if (date === undefined || offset === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return undefined;
  const ms = Math.floor(Number(`0.${fraction}`) * 1000);
  return knownTime(date + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms - offset);
}

function utc(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Date.UTC would take the year 99 for 1999.
  const ms = date.setUTCFullYear(year, month - 1, day);
  // Date rolls 31 June over to 1 July: such a date is none.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year >= 1 ? ms : undefined;
}

function offsetMs(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const [hours, rest] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 15 || rest > 59) return undefined;
  const minutes = hours * 60 + rest;
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** What a contact is called: first and last name, else company, e-mail, phone, `(no name)`; the latter are stand-ins. */
export function contactName(parts: {
  firstName: string | null;
  lastName: string | null;
  companyField: string | null;
  companyName: string | null;
  email: string | null;
  phone: string | null;
}): { name: string; isStandIn: boolean } {
  const given = [parts.firstName, parts.lastName]
    .map((part) => (part ?? '').trim().replace(/\s+/g, ' '))
    .filter((part) => part !== '')
    .join(' ');
  if (given !== '') return { name: given, isStandIn: false };
  const standIn = [parts.companyField, parts.companyName, parts.email, parts.phone].find(
    (text) => (text ?? '').trim() !== '',
  );
  return { name: standIn?.trim() ?? '(no name)', isStandIn: true };
}
