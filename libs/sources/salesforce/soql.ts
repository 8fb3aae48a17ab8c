import { soqlText } from './guard.ts';
import type { Window } from './window.ts';

/**
 * The query of contacts changed in a window. No ORDER BY and no LIMIT unless asked for: either keeps the Bulk API from reading in
 * chunks (salesforce A4). A limit takes those that changed last.
 */
export function contactQuery(fields: readonly string[], window: Window, limit: number | null = null): string {
  return `SELECT ${fields.join(', ')} FROM Contact${where(window)}${limit === null ? '' : ` ORDER BY SystemModstamp DESC LIMIT ${limit}`}`;
}

/** How many contacts were changed in a window. */
export function countQuery(window: Window): string {
  return `SELECT COUNT() FROM Contact${where(window)}`;
}

/** The query of these contacts. */
export function lookUpQuery(fields: readonly string[], ids: readonly string[]): string {
  return `SELECT ${fields.join(', ')} FROM Contact WHERE Id IN (${ids.map(soqlText).join(', ')})`;
}

/** Salesforce takes 16,384 bytes of address and headers. */
const LONGEST_ADDRESS = 12_000;

/** Whether a query can go by REST; a longer one goes into the body of a bulk job. */
export function fitsAddress(soql: string): boolean {
  return encodeURIComponent(soql).length <= LONGEST_ADDRESS;
}

function where({ from, to }: Window): string {
  const parts = [
    ...(from === null ? [] : [`SystemModstamp >= ${instant(from)}`]),
    ...(to === null ? [] : [`SystemModstamp < ${instant(to)}`]),
  ];
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
}

const instant = (ms: number): string => new Date(ms).toISOString();
