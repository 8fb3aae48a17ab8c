import { soqlText } from './guard.ts';

/** A time of SystemModstamp in UTC milliseconds, half-open: from `from`, before `to`; null leaves a side open. */
export interface Window {
  from: number | null;
  to: number | null;
}

/** Salesforce began in 1999: no record is older. */
const OLDEST = Date.UTC(1999, 0, 1);
const SHORTEST_SPLIT_MS = 60_000;

/**
 * The query of contacts changed in a window. No ORDER BY and no LIMIT unless asked for: either keeps the Bulk API from reading in
 * chunks (salesforce A4).
 */
export function contactQuery(fields: readonly string[], window: Window, limit: number | null = null): string {
  return `SELECT ${fields.join(', ')} FROM Contact${where(window)}${limit === null ? '' : ` LIMIT ${limit}`}`;
}

/** How many contacts were changed in a window. */
export function countQuery(window: Window): string {
  return `SELECT COUNT() FROM Contact${where(window)}`;
}

/** What became of contacts that no query shows. */
export function fateQuery(ids: readonly string[]): string {
  return `SELECT Id, IsDeleted, MasterRecordId, SystemModstamp FROM Contact WHERE Id IN (${ids.map(soqlText).join(', ')})`;
}

function where({ from, to }: Window): string {
  const parts = [
    ...(from === null ? [] : [`SystemModstamp >= ${instant(from)}`]),
    ...(to === null ? [] : [`SystemModstamp < ${instant(to)}`]),
  ];
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
}

const instant = (ms: number): string => new Date(ms).toISOString();

/** Two halves of a window whose query runs too long; undefined when it cannot be split further. */
export function splitWindow({ from, to }: Window): [Window, Window] | undefined {
  if (to === null || to - (from ?? OLDEST) < 2 * SHORTEST_SPLIT_MS) return undefined;
  const middle = Math.floor(((from ?? OLDEST) + to) / 2);
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}

/** How a window that follows the last watermark is laid (salesforce A7, W4). */
export interface WindowRule {
  /** Milliseconds read again before the watermark: rows become visible late. */
  overlapMs: number;
  /** Milliseconds the end stays behind the org's clock. */
  lagMs: number;
}

/** The window of a scan at the org's time: all of it without a watermark. Its end is the watermark of the next scan. */
export function nextWindow(since: number | null, serverNow: number, { overlapMs, lagMs }: WindowRule): Window {
  const to = Math.floor((serverNow - lagMs) / 1000) * 1000;
  const from = since === null ? null : Math.min(since - overlapMs, to);
  return { from, to };
}
