import type { ErrorRequestHandler } from 'express';
import { AppError, toAppError, type ErrorCode } from './errors.ts';
import type { Logger } from './logger.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  request_invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  wrong_state: 409,
  operation_running: 409,
  body_too_large: 413,
  media_type_unsupported: 415,
  unknown_source: 422,
  ghl_not_connected: 422,
  ghl_unavailable: 502,
  ghl_truncated: 502,
  response_too_large: 502,
  ghl_rate_limited: 503,
  ghl_timeout: 504,
  too_many_requests: 429,
  database_unavailable: 503,
  kafka_unavailable: 503,
  registry_unavailable: 503,
};

/** HTTP status of an error code; 500 for what the caller can do nothing about. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}

/** Answers every error with a problem document (RFC 9457). What we did not foresee is told to the log, not to the caller. */
export function problems(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const failure = translate(error);
    const status = statusOf(failure.code);
    const requestId = response.get('x-request-id');
    if (status >= 500) logger.error({ err: error, path: request.path, requestId }, 'request failed');
    if (status === 401) response.set('www-authenticate', 'Bearer');
    response
      .status(status)
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: `urn:tributary:error:${failure.code}`,
          title: failure.code.replaceAll('_', ' '),
          status,
          detail:
            failure.code === 'internal' ? 'an unexpected error; the log has it under this request id' : failure.message,
          code: failure.code,
          requestId,
        }),
      );
  };
}

/** Errors of express and its body parser carry a status of their own: they are the request's fault. */
function translate(error: unknown): AppError {
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  if (type === 'entity.too.large')
    return new AppError('body_too_large', 'the request body is larger than HTTP_BODY_LIMIT');
  if (type === 'entity.parse.failed') return new AppError('request_invalid', 'the request body is not valid JSON');
  if (status === 415)
    return new AppError('media_type_unsupported', 'the request body has a charset or encoding we do not read');
  if (status !== undefined && status >= 400 && status < 500)
    return new AppError(
      'request_invalid',
      type === undefined ? 'the request is malformed' : 'the request body cannot be read',
    );
  return toAppError(error);
}
