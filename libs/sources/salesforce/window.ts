import type { ContactRequest } from './request.ts';

/** A time of SystemModstamp in UTC milliseconds, half-open: from `from`, before `to`; null leaves a side open. */
export interface Window {
  from: number | null;
  to: number | null;
}

/** Salesforce began in 1999: no record is older. */
const OLDEST = Date.UTC(1999, 0, 1);
const SHORTEST_SPLIT_MS = 60_000;
/** The recycle bin keeps deleted records for 15 days (salesforce A6). */
const RECYCLE_BIN_MS = 15 * 24 * 3_600_000;

/** How a window that follows the last watermark is laid (salesforce A7, W4). */
export interface WindowRule {
  /** Milliseconds read again before the watermark: rows become visible late. */
  overlapMs: number;
  /** Milliseconds the end stays behind the org's clock. */
  lagMs: number;
}

/**
 * The window of a scan at the org's time: what is asked for, else from the watermark less the overlap, else all. What is asked for is
 * meant exactly. Its end is never in the future.
 */
export function windowOf(
  { mode, since, until }: Pick<ContactRequest, 'mode' | 'since' | 'until'>,
  watermark: number | null,
  serverNow: number,
  { overlapMs, lagMs }: WindowRule,
): Window {
  const now = Math.floor((serverNow - lagMs) / 1000) * 1000;
  const to = Math.min(until ?? now, now);
  const last = mode === 'incremental' && watermark !== null ? watermark - overlapMs : null;
  const from = since ?? last;
  return { from: from === null ? null : Math.min(from, to), to };
}

/**
 * Up to when the org is known once a window was read whole; null when the window leaves a gap behind the last watermark, or was cut by
 * a limit. Never before the last watermark.
 */
export function nextWatermark(
  { limit }: Pick<ContactRequest, 'limit'>,
  watermark: number | null,
  { from, to }: Window,
): number | null {
  if (limit !== null || to === null) return null;
  if (from === null) return Math.max(to, watermark ?? to);
  return watermark === null || from > watermark ? null : Math.max(to, watermark);
}

/**
 * Whether a scan moves the watermark over more than the recycle bin remembers: what was deleted meanwhile may be in no window any more,
 * and only the list of all keys shows that it is gone (salesforce W3).
 */
export function outlivesBin(watermark: number | null, next: number | null, serverNow: number): boolean {
  return watermark !== null && next !== null && next > watermark && serverNow - watermark > RECYCLE_BIN_MS;
}

/**
 * Two halves of a window whose query runs too long, the earlier one first; undefined when it cannot be split further. One that is open
 * towards the future is split at what lies behind `now`.
 */
export function splitWindow({ from, to }: Window, now: number): [Window, Window] | undefined {
  const [start, end] = [from ?? OLDEST, to ?? now];
  if (end - start < 2 * SHORTEST_SPLIT_MS) return undefined;
  const middle = Math.floor((start + end) / 2);
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}
