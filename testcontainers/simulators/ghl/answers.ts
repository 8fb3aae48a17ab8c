import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Response } from 'express';

/** An error answer in GoHighLevel's form. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;

  constructor(status: number, body: Record<string, unknown>) {
    super(String(body['message'] ?? body['error']));
    this.status = status;
    this.body = body;
  }
}

const NAMES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
};

/** The usual error body: statusCode, message, error. A 422 always lists its faults. */
export function fail(status: number, message: string | string[], more: Record<string, unknown> = {}): ApiError {
  return new ApiError(status, { statusCode: status, message, error: NAMES[status] ?? 'Error', ...more });
}

/** Answers JSON; every answer carries a traceId (ghl section 1). */
export function answer(response: Response, body: Record<string, unknown>, status = 200): void {
  response.status(status).json({ ...body, traceId: randomUUID() });
}

/** Turns what a route threw into an answer; a body that is no JSON is a 400, as the framework of the real API has it. */
export function answerError(): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof ApiError) return answer(response, error.body, error.status);
    const status = (error as { status?: unknown } | null)?.status;
    const failure = status === 400 || status === 413 ? fail(status, (error as Error).message) : undefined;
    const { body } = failure ?? fail(500, 'Internal server error');
    answer(response, body, failure?.status ?? 500);
  };
}
