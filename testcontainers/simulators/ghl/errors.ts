/** An error answer in GoHighLevel's form. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;

  constructor(status: number, body: Record<string, unknown>) {
    super(String(body['message']));
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

/** The usual error body: statusCode, message, error. */
export function fail(status: number, message: string | string[], more: Record<string, unknown> = {}): ApiError {
  return new ApiError(status, { statusCode: status, message, error: NAMES[status] ?? 'Error', ...more });
}

/** 422 with one line per key that the route does not know (strict whitelist). */
export function refuseUnknown(body: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(body).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw fail(
      422,
      unknown.map((key) => `property ${key} should not exist`),
    );
}
