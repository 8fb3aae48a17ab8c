import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { AppError } from './errors.ts';
import type { ApiKey } from './keys.ts';

const WINDOW_MS = 60_000;

/** Lets an address send so many requests a minute to this process, authenticated or not: guessing keys is slow. */
export function limitAddresses(perMinute: number): RequestHandler {
  return limiter('address', perMinute);
}

/** Lets a key send so many requests a minute to this process. Comes after authentication. */
export function limitKeys(perMinute: number): RequestHandler {
  return limiter('key', perMinute, (_request, response) => (response.locals as { key: ApiKey }).key.id);
}

function limiter(
  identifier: 'address' | 'key',
  limit: number,
  keyGenerator?: (request: Request, response: Response) => string,
): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit,
    identifier,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // A forwarded address is believed only as far as HTTP_TRUSTED_PROXIES says; without it the header means nothing.
    validate: { xForwardedForHeader: false },
    handler(_request, _response, next) {
      next(
        new AppError(
          'too_many_requests',
          `more than ${limit} requests a minute with one ${identifier}: see Retry-After`,
        ),
      );
    },
    ...(keyGenerator === undefined ? {} : { keyGenerator }),
  });
}
