import { AppError } from '#libs/runtime/src/errors.ts';
import { NoAnswer } from '#libs/runtime/src/http-client.ts';

/** The JSON of an answer; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Why there was no answer at all. */
export function noAnswer(error: unknown, timeoutMs: number): unknown {
  if (!(error instanceof NoAnswer)) return error;
  const cause = { cause: error };
  if (error.reason === 'timeout')
    return new AppError('salesforce_timeout', `Salesforce did not answer within ${timeoutMs / 1000} s`, cause);
  if (error.reason === 'truncated')
    return new AppError('salesforce_truncated', 'an answer of Salesforce broke off', cause);
  return new AppError(
    'salesforce_unavailable',
    'Salesforce cannot be reached: check the network and SALESFORCE_LOGIN_URL',
    cause,
  );
}

/** Error codes of the data API that mean one thing whatever the status (salesforce A8). */
const BY_CODE: Record<string, ConstructorParameters<typeof AppError>[0]> = {
  REQUEST_LIMIT_EXCEEDED: 'salesforce_request_limit',
  LIMIT_EXCEEDED: 'salesforce_request_limit',
  INVALID_FIELD: 'salesforce_invalid_field',
  QUERY_TIMEOUT: 'salesforce_query_timeout',
  INVALID_QUERY_LOCATOR: 'salesforce_gone',
  INVALID_LOCATOR: 'salesforce_gone',
  API_DISABLED_FOR_ORG: 'salesforce_forbidden',
  INSUFFICIENT_ACCESS: 'salesforce_forbidden',
  TXN_SECURITY_METERING_ERROR: 'salesforce_forbidden',
};
const LARGEST_MESSAGE = 200;

/**
 * What an answer that is not good means (salesforce A8). Messages of Salesforce that quote the query are left out of ours: a
 * query may hold Ids, but never more.
 */
export function failureOf(status: number, text: string): AppError {
  const { errorCode, message } = firstError(text);
  const told = `Salesforce answers ${errorCode} (${status})`;
  // Not used up: free again as soon as one of them ends.
  if (errorCode === 'REQUEST_LIMIT_EXCEEDED' && /^concurrent/i.test(message))
    return new AppError('salesforce_unavailable', `${told}: too many long requests run in the org at a time`);
  const known = BY_CODE[errorCode];
  if (known !== undefined) return new AppError(known, `${told}${detail(errorCode, message)}`);
  if (status === 401) return new AppError('salesforce_unauthorized', 'Salesforce refuses the session, also a new one');
  if (status === 403) return new AppError('salesforce_forbidden', `Salesforce forbids it (${errorCode || status})`);
  if (status === 404) return new AppError('salesforce_gone', 'Salesforce does not know it (any more)');
  // 204 and 412 say that a job is not done yet; 406 comes without a body when a server is in trouble.
  if ([204, 406, 412, 420, 429].includes(status) || status >= 500)
    return new AppError('salesforce_unavailable', `Salesforce answers with status ${status}`);
  return new AppError('salesforce_bad_request', `Salesforce refuses the request (${status} ${errorCode})`);
}

/** What is used up, by the code that says so. */
const SPENT: Record<string, string> = {
  REQUEST_LIMIT_EXCEEDED: 'the API requests of the org are',
  LIMIT_EXCEEDED: 'a limit of the Bulk API (10,000 query jobs in 24 hours) is',
};

/** The one message that a person needs: which field, or what to do. */
function detail(errorCode: string, message: string): string {
  const spent = SPENT[errorCode];
  if (spent !== undefined)
    return `: ${spent} used up; the scan waits at its position and is tried again by itself (SALESFORCE_HOLD)`;
  const field = errorCode === 'INVALID_FIELD' ? /No such column '(\w+)'/.exec(message)?.[1] : undefined;
  return field === undefined ? '' : `: ${field}`;
}

function firstError(text: string): { errorCode: string; message: string } {
  const body = parseJson(text);
  const first = (Array.isArray(body) ? body[0] : body) as { errorCode?: unknown; message?: unknown } | null | undefined;
  return {
    errorCode: typeof first?.errorCode === 'string' ? first.errorCode : '',
    message: typeof first?.message === 'string' ? first.message : '',
  };
}

/** What the token endpoint means; its answers have another form (salesforce A2). */
export function loginFailureOf(status: number, text: string): AppError {
  const { error, error_description: description } = (parseJson(text) ?? {}) as {
    error?: unknown;
    error_description?: unknown;
  };
  if (typeof error !== 'string' && (status >= 500 || status === 420 || status === 429))
    return new AppError('salesforce_unavailable', `the login of Salesforce answers with status ${status}`);
  const said = [error, description].filter((part) => typeof part === 'string').join(': ');
  const remedy = /audience/i.test(said) ? ': set SALESFORCE_JWT_AUDIENCE to whom the JWT is for' : '';
  return new AppError(
    'salesforce_unauthorized',
    `Salesforce refuses the login (${said.slice(0, LARGEST_MESSAGE) || status})${remedy}`,
  );
}
