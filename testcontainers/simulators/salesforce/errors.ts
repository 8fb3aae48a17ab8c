/** An error answer of the data API: an array of messages (salesforce A8), or the object form of the token endpoint (A2). */
export class ApiError extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown, message: string) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** The array form: `[{message, errorCode}]`. */
export function fail(status: number, errorCode: string, message: string): ApiError {
  return new ApiError(status, [{ message, errorCode }], message);
}

/** The form of the token endpoint: `{error, error_description}`. */
export function denied(error: string, description: string, status = 400): ApiError {
  return new ApiError(status, { error, error_description: description }, description);
}
