import type { Request, RequestHandler } from 'express';
import { fail } from './answers.ts';

/** Burst and daily limits of each location (ghl section 5). */
export interface Limits {
  /** False answers without any limit, headers included as if it were there. */
  enabled: boolean;
  max: number;
  intervalMs: number;
  daily: number;
}

interface Bucket {
  windowStart: number;
  used: number;
  day: number;
  today: number;
}

const DAY_MS = 86_400_000;

/** Limit headers on every answer, 429 without Retry-After beyond them; `resourceOf` names the bucket of a request: location or company. */
export function limiter(limits: Limits, resourceOf: (request: Request) => string): RequestHandler {
  const buckets = new Map<string, Bucket>();

  function count(resource: string, now: number): Bucket {
    const day = Math.floor(now / DAY_MS);
    const bucket = buckets.get(resource) ?? { windowStart: now, used: 0, day, today: 0 };
    buckets.set(resource, bucket);
    if (now - bucket.windowStart >= limits.intervalMs) Object.assign(bucket, { windowStart: now, used: 0 });
    if (bucket.day !== day) Object.assign(bucket, { day, today: 0 });
    bucket.used += 1;
    bucket.today += 1;
    return bucket;
  }

  return (request, response, next) => {
    const now = Date.now();
    const { used, today } = limits.enabled ? count(resourceOf(request), now) : { used: 0, today: 0 };
    response.set({
      'X-RateLimit-Max': String(limits.max),
      'X-RateLimit-Remaining': String(Math.max(0, limits.max - used)),
      'X-RateLimit-Interval-Milliseconds': String(limits.intervalMs),
      'X-RateLimit-Limit-Daily': String(limits.daily),
      'X-RateLimit-Daily-Remaining': String(Math.max(0, limits.daily - today)),
      'X-RateLimit-Daily-Reset': String(DAY_MS - (now % DAY_MS)),
    });
    if (used > limits.max || today > limits.daily) throw fail(429, 'Too Many Requests');
    next();
  };
}
