import { AppError } from '#libs/runtime/src/errors.ts';
import { NoAnswer } from '#libs/runtime/src/http-client.ts';

/** The JSON object of an answer. */
export type Body = Record<string, unknown>;

/** The JSON object in a text; undefined when it is none. */
export function parse(text: string): Body | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** Texts of an error answer. They quote our own request only, which holds no personal data but ids. */
export function messageOf(body: Body | undefined): string {
  const message = body?.['message'];
  if (Array.isArray(message)) return message.map(String).join('; ');
  return typeof message === 'string' ? message : '';
}

/** The error for a request that got no answer; anything else as it is. */
export function noAnswer(error: unknown, timeoutMs: number): unknown {
  if (!(error instanceof NoAnswer)) return error;
  if (error.reason === 'timeout')
    return new AppError(
      'ghl_timeout',
      `GoHighLevel did not answer within ${timeoutMs / 1000} s (GHL_REQUEST_TIMEOUT)`,
      { cause: error },
    );
  if (error.reason === 'truncated')
    return new AppError('ghl_truncated', 'an answer of GoHighLevel broke off', { cause: error });
  return new AppError('ghl_unavailable', 'GoHighLevel cannot be reached: check GHL_API_BASE_URL and the network', {
    cause: error,
  });
}
