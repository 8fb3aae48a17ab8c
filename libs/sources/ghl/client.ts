import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { NoAnswer, sendRequest, type HttpAnswer } from '#libs/runtime/src/http-client.ts';
import type { Secret } from '#libs/runtime/src/secret.ts';
import { systemClock, type LimitHeaders, type RequestBudget } from '../kit/rate-limit.ts';
import { withRetry } from '../kit/retry.ts';
import { messageOf, noAnswer, parse, type Body } from './answers.ts';
import { createPatience } from './patience.ts';
import type { TokenSource } from './tokens.ts';

/** A contact as the API gives it. */
export type ApiContact = Record<string, unknown>;

/** One page of the list. */
export interface ContactPage {
  /** As the answer has them: usually objects with an id. */
  contacts: unknown[];
  /** Contacts the location has, as the answer says; undefined when it does not. */
  total: number | undefined;
  /** Cursor of the next page: the last contact's; undefined when it has none. */
  cursor: unknown[] | undefined;
}

/** Answer to a by-id look-up. Anything without an answer is thrown. */
export type Lookup = { found: true; contact: ApiContact } | { found: false };

/** Narrows a list down (ghl section 2.2). */
export interface Matching {
  /** Free text of at most 75 characters over the searchable fields. */
  query?: string;
  /** Filters, all of which must hold. */
  filters?: readonly object[];
}

/** Read-only access to one location. Every call waits for the budget and is tried again while that helps. */
export interface GhlClient {
  /** A page of the list, or of what matches. */
  searchPage(pageLimit: number, cursor: unknown[] | undefined, matching?: Matching): Promise<ContactPage>;
  getContact(id: string): Promise<Lookup>;
  /** Name of the location; also the cheapest proof that token and location belong together. */
  getLocation(): Promise<{ name: string | null }>;
  /** Custom fields of contacts, as the answer has them. */
  getCustomFields(): Promise<unknown[]>;
  /** Requests sent so far, retries included. */
  requests(): number;
}

/** What a client needs. */
export interface GhlClientOptions {
  baseUrl: string;
  tokens: TokenSource;
  locationId: string;
  budget: RequestBudget;
  timeoutMs: number;
  /** Milliseconds a failing request is tried again; once nothing was answered for so long, each request is tried once. */
  patienceMs: number;
  signal?: AbortSignal;
  /** Told of every request: HTTP status, or timeout, network, truncated. */
  onRequest?(status: string): void;
}

const VERSION = '2021-07-28';
const DEFAULT_INTERVAL_MS = 10_000;

/** A 403: the location may not be read, or one contact that is of another location. */
class AccessRefused extends AppError {
  constructor() {
    super(
      'ghl_forbidden',
      'the token may not read this location: check that GHL_LOCATION_ID is the location GHL_PRIVATE_TOKEN is for',
    );
  }
}

/** No waiting of a scan's length mends a day that is used up. */
const isDaySpent = ({ code }: AppError): boolean => code === 'ghl_daily_limit';

/** A client of one location. */
export function createGhlClient(options: GhlClientOptions): GhlClient {
  const { baseUrl, tokens, locationId, budget, timeoutMs, patienceMs, signal, onRequest } = options;
  const patience = createPatience(patienceMs, systemClock);
  let requests = 0;
  // Oldest first, so that contacts added while we read come at the end; left out where the API refuses it.
  let sort: { field: string; direction: string }[] | undefined = [{ field: 'dateAdded', direction: 'asc' }];
  let isSortTaken = false;
  /** That token and location belong together. */
  let proof: Promise<unknown> | undefined;

  /** A refused token is renewed, where it can be, and the same request sent once more. */
  async function send(method: 'GET' | 'POST', path: string, body: unknown): Promise<Body> {
    const token = await tokens.token();
    try {
      return await sendAs(token, method, path, body);
    } catch (error) {
      const isRefused = error instanceof AppError && error.code === 'ghl_unauthorized';
      if (!isRefused || !(await tokens.refused(token))) throw error;
      return sendAs(await tokens.token(), method, path, body);
    }
  }

  async function sendAs(token: Secret, method: 'GET' | 'POST', path: string, body: unknown): Promise<Body> {
    if (budget.heldMs() > patience.leftMs()) throw slowDown(budget.heldMs());
    await budget.take(signal);
    requests += 1;
    const answer = await sendRequest({
      url: `${baseUrl}${path}`,
      method,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        version: VERSION,
        accept: 'application/json',
        'content-type': 'application/json',
      },
      body,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => {
      if (error instanceof NoAnswer) onRequest?.(error.reason);
      throw noAnswer(error, timeoutMs);
    });
    onRequest?.(String(answer.status));
    budget.learn(limitsOf(answer.headers));
    if (answer.status === 429) {
      // No waiting mends a day that is used up: that is told, not the wait that the answer asks for.
      budget.refuseSpentDay();
      budget.hold(retryAfterMs(answer.headers));
      throw slowDown(budget.heldMs());
    }
    return read(answer, tokens.remedy);
  }

  /** Sends until an answer is one; `accept` refuses, as truncated, what is not. */
  function call<T>(method: 'GET' | 'POST', path: string, body: unknown, accept: (answer: Body) => T): Promise<T> {
    const once = { totalMs: patience.leftMs(), signal, heldMs: () => budget.heldMs(), isFinal: isDaySpent };
    return withRetry(once, async () => noting(async () => accept(await send(method, path, body))));
  }

  /** Notes whether there was an answer: a refusal is one. */
  async function noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      patience.heard();
      return answer;
    } catch (error) {
      if (toAppError(error).kind === 'transient') patience.unheard();
      else patience.heard();
      throw error;
    }
  }

  async function search(pageLimit: number, cursor: unknown[] | undefined, matching: Matching): Promise<ContactPage> {
    const body = {
      locationId,
      pageLimit,
      ...matching,
      ...(cursor === undefined ? {} : { searchAfter: cursor }),
      ...(sort === undefined ? {} : { sort }),
    };
    try {
      const page = await call('POST', '/contacts/search', body, pageOf);
      isSortTaken = true;
      proof ??= Promise.resolve();
      return page;
    } catch (error) {
      // An order that was taken once makes the cursors: it stays.
      if (sort === undefined || isSortTaken || !isAboutSort(error)) throw error;
      sort = undefined;
      return search(pageLimit, cursor, matching);
    }
  }

  async function getLocation(): Promise<{ name: string | null }> {
    const path = `/locations/${encodeURIComponent(locationId)}`;
    return call('GET', path, undefined, nameOf).catch(asUnknownLocation);
  }

  /** Throws unless token and location belong together; asked once, and only where a refusal must be understood. */
  async function prove(): Promise<void> {
    proof ??= getLocation();
    await proof.catch((error: unknown) => {
      proof = undefined;
      throw error;
    });
  }

  return {
    requests: () => requests,

    async searchPage(pageLimit, cursor, matching = {}) {
      return search(pageLimit, cursor, matching).catch(asUnknownLocation).catch(asLargePage);
    },

    async getContact(id) {
      try {
        const contact = await call('GET', `/contacts/${encodeURIComponent(id)}`, undefined, contactOf);
        return contact['deleted'] === true ? { found: false } : { found: true, contact };
      } catch (error) {
        const isUnknown = toAppError(error).code === 'not_found';
        if (!isUnknown && !(error instanceof AccessRefused)) throw error;
        // A token of another location knows none of our contacts; and a contact of another location is refused like a location.
        await prove();
        if (isUnknown) return { found: false };
        throw new AppError('ghl_bad_request', 'the contact is not shown to the token: it may be of another location');
      }
    },

    async getLocation() {
      const location = await getLocation();
      proof = Promise.resolve();
      return location;
    },

    async getCustomFields() {
      const path = `/locations/${encodeURIComponent(locationId)}/customFields?model=contact`;
      return call('GET', path, undefined, fieldsOf).catch(asUnknownLocation);
    },
  };
}

function pageOf({ contacts, total }: Body): ContactPage {
  if (!Array.isArray(contacts)) throw new AppError('ghl_truncated', 'a list answer of GoHighLevel has no contacts');
  const last = (contacts as (ApiContact | null)[]).at(-1)?.['searchAfter'];
  return {
    contacts,
    total: typeof total === 'number' ? total : undefined,
    cursor: Array.isArray(last) && last.length > 0 ? (last as unknown[]) : undefined,
  };
}

function contactOf(answer: Body): ApiContact {
  const contact = 'contact' in answer ? answer['contact'] : answer;
  if (contact === null || typeof contact !== 'object')
    throw new AppError('ghl_truncated', 'a contact answer of GoHighLevel has no contact');
  return contact as ApiContact;
}

function nameOf(answer: Body): { name: string | null } {
  const { location } = answer as { location?: { name?: unknown } | null };
  return { name: typeof location?.name === 'string' ? location.name : null };
}

function fieldsOf({ customFields }: Body): unknown[] {
  if (!Array.isArray(customFields))
    throw new AppError('ghl_truncated', 'an answer of GoHighLevel has no custom fields');
  return customFields;
}

function isAboutSort(error: unknown): boolean {
  return error instanceof AppError && error.code === 'ghl_bad_request' && /sort|dateAdded/i.test(error.message);
}

/** Not found means the location here, and that is a setting. */
function asUnknownLocation(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  throw unknownLocation(error);
}

/** A page has as many contacts as we ask for. */
function asLargePage(error: unknown): never {
  const { code, message } = toAppError(error);
  if (code !== 'response_too_large') throw error;
  throw new AppError(code, `${message}: lower SEARCH_PAGE_LIMIT`, { cause: error });
}

function unknownLocation(cause?: unknown): AppError {
  return new AppError('ghl_forbidden', 'GoHighLevel does not know the location: check GHL_LOCATION_ID', { cause });
}

function slowDown(ms: number): AppError {
  return new AppError(
    'ghl_rate_limited',
    `GoHighLevel asks to slow down (for ${Math.ceil(ms / 1000)} s) and patience ended (GHL_RETRY_SECONDS)`,
  );
}

function limitsOf(headers: Headers): LimitHeaders {
  const number = (name: string): number | undefined => {
    const text = headers.get(name);
    return text !== null && /^-?\d+$/.test(text) ? Number(text) : undefined;
  };
  return {
    max: number('x-ratelimit-max'),
    remaining: number('x-ratelimit-remaining'),
    intervalMs: number('x-ratelimit-interval-milliseconds'),
    dailyRemaining: number('x-ratelimit-daily-remaining'),
    dailyResetMs: number('x-ratelimit-daily-reset'),
  };
}

/** How long a 429 asks to wait: Retry-After in seconds or as a date, else one interval of the limit. */
function retryAfterMs(headers: Headers): number {
  const text = headers.get('retry-after');
  if (text !== null && /^\d+$/.test(text)) return Number(text) * 1000;
  if (text !== null && !Number.isNaN(Date.parse(text))) return Math.max(0, Date.parse(text) - Date.now());
  const interval = headers.get('x-ratelimit-interval-milliseconds');
  return interval !== null && /^\d+$/.test(interval) ? Number(interval) : DEFAULT_INTERVAL_MS;
}

/** The JSON of a good answer, or the error that status and message text mean (ghl section 4: 401 alone has four meanings). */
function read({ status, text }: HttpAnswer, remedy: string): Body {
  const body = parse(text);
  if (status >= 200 && status < 300) {
    if (body === undefined) throw new AppError('ghl_truncated', 'an answer of GoHighLevel is no JSON or broke off');
    return body;
  }
  const message = messageOf(body);
  // No answer about a record: a path that is not there, or a page of somebody in between.
  if (status === 404 && (/^Cannot [A-Z]+ \//.test(message) || text.trimStart().startsWith('<')))
    throw new AppError('ghl_bad_request', 'GoHighLevel has no such path: is GHL_API_BASE_URL the right address?');
  if (status === 404 || status === 400) refuseUnknown(status, message);
  if (status === 401) throw unauthorized(message, remedy);
  if (status === 403) throw new AccessRefused();
  if (status === 408 || status >= 500)
    throw new AppError('ghl_unavailable', `GoHighLevel answers with status ${status}`);
  throw new AppError('ghl_bad_request', `GoHighLevel refuses the request (${status}): ${message.slice(0, 300)}`);
}

/** What is not known is told by the text (ghl section 4): that another thing is not found says nothing of a contact. */
function refuseUnknown(status: 400 | 404, message: string): void {
  if (/\bcontact\b.*not found/i.test(message)) throw new AppError('not_found', 'GoHighLevel does not know it');
  if (/\blocation\b.*not found/i.test(message)) throw unknownLocation();
  if (status === 404 || /^not found/i.test(message)) throw new AppError('not_found', 'GoHighLevel does not know it');
}

function unauthorized(message: string, remedy: string): AppError {
  if (/version/i.test(message))
    return new AppError(
      'ghl_bad_version',
      'GoHighLevel refuses the Version header: is GHL_API_BASE_URL the right address?',
    );
  // Before the scopes: the text for a wrong class of token speaks of a scope as well.
  if (/user type|authclass/i.test(message)) {
    return new AppError(
      'ghl_forbidden',
      'the token is of the agency: GHL_PRIVATE_TOKEN must be made in the sub-account (location) GHL_LOCATION_ID itself',
    );
  }
  if (/scope/i.test(message)) {
    return new AppError(
      'ghl_forbidden',
      'the token lacks a scope: give GHL_PRIVATE_TOKEN contacts.readonly and locations.readonly',
    );
  }
  if (/not yet supported/i.test(message)) {
    return new AppError(
      'ghl_forbidden',
      'GoHighLevel does not open this route to the token: make GHL_PRIVATE_TOKEN a private integration token of the location',
    );
  }
  return new AppError('ghl_unauthorized', `GoHighLevel refuses the token: it is wrong, expired or revoked; ${remedy}`);
}
