import { parseDate, parseNumber } from '../reading.ts';
import { dayOf, instantOf } from './times.ts';

/** Why a value could not be used as it came; a row without these has none of the faults (salesforce B5, W12). */
export type ValueFault =
  'nul_removed' | 'unexpected_type' | 'not_a_number' | 'not_a_date' | 'not_yes_or_no' | 'too_long' | 'required';

/** A value once read: what it is, and what was wrong with it. A fault other than nul_removed leaves null. */
export interface Read<T> {
  value: T | null;
  fault?: ValueFault;
}

const NUL = /\u0000/g;
const DAY_MS = 86_400_000;
/** The first of the year 1. */
const FIRST_DAY = -719_162;
const YES = /^(true|1|yes|on)$/i;
const NO = /^(false|0|no|off)$/i;
const ISO_HEAD = /^\d{4}-\d{2}-\d{2}/;

const EMPTY: Read<never> = { value: null };

/** Whether Salesforce means nothing by it: an empty CSV cell and JSON null are one (salesforce A4). The text `null` is a text. */
export function isEmpty(value: unknown): value is null | undefined | '' {
  return value === null || value === undefined || value === '';
}

/**
 * Text unchanged: not trimmed, not cut. NUL characters go, because PostgreSQL cannot hold them. A text that is longer than the
 * field was declared is refused: the schema has drifted and the column would not take it.
 */
export function readText(value: unknown, length: number | null): Read<string> {
  if (isEmpty(value)) return EMPTY;
  if (typeof value !== 'string') {
    if (typeof value !== 'number' && typeof value !== 'boolean') return { value: null, fault: 'unexpected_type' };
    return readText(String(value), length);
  }
  const text = value.includes('\u0000') ? value.replace(NUL, '') : value;
  // A character outside the basic plane is two units of a JavaScript string and one character of a column.
  if (length !== null && text.length > length && [...text].length > length) return { value: null, fault: 'too_long' };
  if (text.length === value.length) return { value: text };
  return { value: text === '' ? null : text, fault: 'nul_removed' };
}

/** true, 1, yes, on and false, 0, no, off in any case; anything else is false and a fault. Nothing stays nothing (W13). */
export function readBoolean(value: unknown): Read<boolean> {
  if (typeof value === 'boolean') return { value };
  if (isEmpty(value)) return EMPTY;
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : undefined;
  if (text === undefined) return { value: null, fault: 'unexpected_type' };
  if (YES.test(text)) return { value: true };
  return NO.test(text) ? { value: false } : { value: false, fault: 'not_yes_or_no' };
}

/** A decimal number with an optional exponent; NaN and infinity are none. */
export function readNumber(value: unknown): Read<number> {
  if (isEmpty(value)) return EMPTY;
  // Adding zero makes the one of minus zero, which text does not know.
  if (typeof value === 'number')
    return Number.isFinite(value) ? { value: value + 0 } : { value: null, fault: 'not_a_number' };
  if (typeof value !== 'string') return { value: null, fault: 'unexpected_type' };
  const number = parseNumber(value);
  return number === undefined ? { value: null, fault: 'not_a_number' } : { value: number };
}

/** An instant in milliseconds: `...Z` of the Bulk API and `...+0000` of REST are one; without a zone it is UTC. */
export function readDatetime(value: unknown): Read<number> {
  if (isEmpty(value)) return EMPTY;
  if (typeof value !== 'string') return { value: null, fault: 'unexpected_type' };
  const ms = isoMs(value) ?? (ISO_HEAD.test(value) ? parseDate(value) : undefined);
  return ms === undefined ? { value: null, fault: 'not_a_date' } : { value: ms };
}

/** Days since 1970-01-01; the date part of an instant is taken as it is written. */
export function readDay(value: unknown): Read<number> {
  if (isEmpty(value)) return EMPTY;
  if (typeof value !== 'string') return { value: null, fault: 'unexpected_type' };
  const day = value.length === 10 ? dayOf(value) : undefined;
  if (day !== undefined && day >= FIRST_DAY) return { value: day };
  if (readDatetime(value).value === null) return { value: null, fault: 'not_a_date' };
  return { value: Math.floor((parseDate(value.slice(0, 10)) ?? 0) / DAY_MS) };
}

/** The two shapes Salesforce really sends, read without a regular expression: 600,000 contacts have five of them each. */
function isoMs(text: string): number | undefined {
  const isUtc = text.length === 24 ? text.endsWith('Z') : text.length === 28 && text.endsWith('+0000');
  return isUtc ? instantOf(text) : undefined;
}
