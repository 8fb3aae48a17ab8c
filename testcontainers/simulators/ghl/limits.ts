import type { RequestHandler } from 'express';
import { fail } from './errors.ts';

/** Burst and daily limits of the location (ghl section 5). */
export interface Limits {
  /** False answers without any limit, headers included as if it were there. */
  enabled: boolean;
  max: number;
  intervalMs: number;
  daily: number;
}

/** Limit headers on every answer, 429 without Retry-After beyond them. */
export function limiter(limits: Limits): RequestHandler {
  let windowStart = 0;
  let used = 0;
  let today = 0;
  return (_request, response, next) => {
    const now = Date.now();
    if (now - windowStart >= limits.intervalMs) {
      windowStart = now;
      used = 0;
    }
    used += 1;
    today += 1;
    const left = limits.enabled ? Math.max(0, limits.max - used) : limits.max;
    response.set({
      'X-RateLimit-Max': String(limits.max),
      'X-RateLimit-Remaining': String(left),
      'X-RateLimit-Interval-Milliseconds': String(limits.intervalMs),
      'X-RateLimit-Limit-Daily': String(limits.daily),
      'X-RateLimit-Daily-Remaining': String(Math.max(0, limits.daily - today)),
      'X-RateLimit-Daily-Reset': String(86_400_000 - (now % 86_400_000)),
    });
    if (limits.enabled && (used > limits.max || today > limits.daily)) throw fail(429, 'Too Many Requests');
    next();
  };
}
