import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AppError } from '#libs/runtime/src/errors.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { createBudget } from '../kit/rate-limit.ts';
import { createGhlClient, type GhlClient, type GhlClientOptions } from './client.ts';
import { fixedToken } from './tokens.ts';

const TOKEN = 'pit-11111111-2222-3333-4444-555555555555';

interface Asked {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

type Answer = (response: ServerResponse) => void;

let server: Server;
let baseUrl: string;
/** What the server answers, in turn; the last one again and again. */
let answers: Answer[] = [];
let asked: Asked[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

beforeEach(() => {
  answers = [];
  asked = [];
});

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const error = (status: number, message: unknown, headers: Record<string, string> = {}): Answer =>
  json(status, { statusCode: status, message, traceId: 't' }, headers);
const html =
  (status: number): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html><h1>Bad Gateway</h1></html>');
const truncated: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"contacts":[', () => response.destroy());
};
const hang: Answer = () => undefined;
const reset: Answer = (response) => response.destroy();
const page = json(200, { contacts: [{ id: 'c1', searchAfter: [1, 'c1'] }], total: 1 });
const location = json(200, { location: { name: 'Somewhere' } });
const deleted = json(200, { contact: { id: 'c1', deleted: true } });

function client(more: Partial<GhlClientOptions> = {}): GhlClient {
  return createGhlClient({
    baseUrl,
    tokens: fixedToken(secret(TOKEN)),
    locationId: 'L',
    budget: createBudget(),
    timeoutMs: 5_000,
    patienceMs: 5_000,
    ...more,
  });
}

describe('requests', () => {
  it('carry token, version and the search of the documentation', async () => {
    answers = [page];
    const first = await client().searchPage(500, undefined);
    expect(first).toEqual({ contacts: [{ id: 'c1', searchAfter: [1, 'c1'] }], total: 1, cursor: [1, 'c1'] });
    await client().searchPage(500, first.cursor);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: '/contacts/search',
      headers: { authorization: `Bearer ${TOKEN}`, version: '2021-07-28', 'content-type': 'application/json' },
    });
    expect(asked.map(({ body }) => body)).toEqual([
      { locationId: 'L', pageLimit: 500, sort: [{ field: 'dateAdded', direction: 'asc' }] },
      { locationId: 'L', pageLimit: 500, sort: [{ field: 'dateAdded', direction: 'asc' }], searchAfter: [1, 'c1'] },
    ]);
  });

  it('keep an id in its place, whatever is in it', async () => {
    answers = [error(400, 'Contact with id x not found'), location];
    await client().getContact('a/../b?c=d e');
    expect(asked[0]!.url).toBe('/contacts/a%2F..%2Fb%3Fc%3Dd%20e');
  });

  it('are counted and told by status', async () => {
    const told: string[] = [];
    answers = [html(502), truncated, reset, page];
    const counting = client({ onRequest: (status) => told.push(status) });
    await counting.searchPage(1, undefined);
    expect(told).toEqual(['502', 'truncated', 'network', '200']);
    expect(counting.requests()).toBe(4);
  });
});

describe('an API that refuses the order', () => {
  it.each([
    [422, ['sort.0.field must be one of the following values']],
    [400, 'Invalid field dateAdded'],
  ])('is asked without it, and stays so (%i)', async (status, message) => {
    answers = [error(status, message), page];
    const once = client();
    await once.searchPage(10, undefined);
    await once.searchPage(10, [1, 'c1']);
    expect(asked.map(({ body }) => 'sort' in body)).toEqual([true, false, false]);
  });

  it('is asked without it by a resumed scan too', async () => {
    answers = [error(422, ['sort must not be there']), page];
    await client().searchPage(10, [1, 'c1']);
    expect(asked.map(({ body }) => ['sort' in body, body['searchAfter']])).toEqual([
      [true, [1, 'c1']],
      [false, [1, 'c1']],
    ]);
  });

  it('in the middle is believed: the order makes the cursors', async () => {
    answers = [page, error(422, ['sort must not be there'])];
    const once = client();
    await once.searchPage(10, undefined);
    await expect(once.searchPage(10, [1, 'c1'])).rejects.toMatchObject({ code: 'ghl_bad_request' });
  });
});

describe('refusals', () => {
  it.each<[number, unknown, string, RegExp]>([
    [401, 'Invalid Private Integration token', 'ghl_unauthorized', /GHL_PRIVATE_TOKEN/],
    [401, 'Invalid JWT', 'ghl_unauthorized', /GHL_PRIVATE_TOKEN/],
    [401, 'Invalid token: access token is invalid', 'ghl_unauthorized', /wrong, expired or revoked/],
    [401, 'version header was not found.', 'ghl_bad_version', /GHL_API_BASE_URL/],
    [401, 'version header is invalid', 'ghl_bad_version', /GHL_API_BASE_URL/],
    [401, 'The token is not authorized for this scope.', 'ghl_forbidden', /contacts\.readonly/],
    [401, "Token's user type mismatch!", 'ghl_forbidden', /agency.*GHL_LOCATION_ID/],
    [
      401,
      'This authClass type is not allowed to access this scope. Please contact support',
      'ghl_forbidden',
      /agency.*GHL_LOCATION_ID/,
    ],
    [401, 'This route is not yet supported by the IAM Service.', 'ghl_forbidden', /GHL_PRIVATE_TOKEN/],
    [403, 'The token does not have access to this location.', 'ghl_forbidden', /GHL_LOCATION_ID/],
    [400, 'Location with id L not found', 'ghl_forbidden', /GHL_LOCATION_ID/],
    [404, 'Cannot POST /contacts/search', 'ghl_bad_request', /GHL_API_BASE_URL/],
    [422, ['property x should not exist', 'pageLimit must be a number'], 'ghl_bad_request', /property x.*pageLimit/],
    [400, 'Invalid field contact_name', 'ghl_bad_request', /Invalid field/],
  ])('%i %j is %s', async (status, message, code, text) => {
    answers = [error(status, message)];
    const refused = await client()
      .searchPage(1, [1, 'x'])
      .catch((failure: unknown) => failure);
    expect(refused).toMatchObject({ code, kind: 'config', message: expect.stringMatching(text) });
    expect((refused as Error).message).not.toContain(TOKEN);
    expect(asked).toHaveLength(1);
  });

  it('a page too large to be taken names the setting that makes it smaller', async () => {
    answers = [(response) => response.end(Buffer.alloc(64 * 1024 * 1024 + 1, 32))];
    await expect(client({ timeoutMs: 30_000 }).searchPage(500, undefined)).rejects.toMatchObject({
      code: 'response_too_large',
      message: expect.stringContaining('SEARCH_PAGE_LIMIT'),
    });
    expect(asked).toHaveLength(1);
  });

  it('never follow a redirect, so that the token stays with GoHighLevel', async () => {
    answers = [(response) => response.writeHead(302, { location: 'http://127.0.0.1:1/elsewhere' }).end()];
    await expect(client().searchPage(1, undefined)).rejects.toMatchObject({ code: 'redirect_refused' });
  });
});

describe('a look-up', () => {
  it.each<[string, Answer]>([
    ['400 not found', error(400, 'Contact with id c1 not found')],
    ['400 that names nothing', error(400, 'Not found')],
    ['404', error(404, 'Not Found')],
    ['404 without a text', (response) => response.writeHead(404).end()],
    ['a contact that is deleted', deleted],
  ])('is answered not found by %s', async (_what, answer) => {
    answers = answer === deleted ? [deleted] : [answer, location, answer];
    const once = client();
    await expect(once.getContact('c1')).resolves.toEqual({ found: false });
    await expect(once.getContact('c1')).resolves.toEqual({ found: false });
    // Whether the token may read the location at all is asked once.
    expect(asked.filter(({ url }) => url === '/locations/L')).toHaveLength(answer === deleted ? 0 : 1);
  });

  it.each<[string, Answer]>([
    ['wrapped', json(200, { contact: { id: 'c1' }, traceId: 't' })],
    ['bare', json(200, { id: 'c1' })],
  ])('is answered found by a %s contact', async (_what, answer) => {
    answers = [answer];
    await expect(client().getContact('c1')).resolves.toEqual({ found: true, contact: { id: 'c1' } });
  });

  it.each<[string, Answer, string]>([
    ['a path that is not there', error(404, 'Cannot GET /contacts/c1'), 'ghl_bad_request'],
    ['the page of a proxy', html(404), 'ghl_bad_request'],
    ['another 400', error(400, 'The id is malformed'), 'ghl_bad_request'],
    ['a location that is not there', error(400, 'Location with id L not found'), 'ghl_forbidden'],
    ['a location that is not there, with 404', error(404, 'Location not found'), 'ghl_forbidden'],
    ['something else that is not there', error(400, 'Business with id b1 not found'), 'ghl_bad_request'],
    ['no contact', json(200, { contact: null }), 'ghl_truncated'],
    ['server errors', error(503, 'try later'), 'ghl_unavailable'],
    ['a missing scope', error(401, 'The token is not authorized for this scope.'), 'ghl_forbidden'],
  ])('has no answer in %s', async (_what, answer, code) => {
    answers = [answer];
    await expect(client({ patienceMs: 0 }).getContact('c1')).rejects.toMatchObject({ code });
  });
});

describe('trouble on the way', () => {
  it.each<[string, Answer]>([
    ['500', error(500, 'Internal server error')],
    ['502 in HTML', html(502)],
    ['408', error(408, 'Request Timeout')],
    ['an empty 503', (response) => response.writeHead(503).end()],
    ['HTML with status 200', html(200)],
    ['a body that breaks off', truncated],
    ['a connection that breaks', reset],
    ['JSON without contacts', json(200, { traceId: 't' })],
    ['JSON that is a list', json(200, [])],
  ])('is got over: %s', async (_what, answer) => {
    answers = [answer, answer, page];
    await expect(client().searchPage(1, undefined)).resolves.toMatchObject({ total: 1 });
    expect(asked).toHaveLength(3);
  });

  it('is got over: no answer in time', async () => {
    answers = [hang, page];
    await expect(client({ timeoutMs: 60 }).searchPage(1, undefined)).resolves.toMatchObject({ total: 1 });
  });

  it.each<[string, Answer, string]>([
    ['no answer in time', hang, 'ghl_timeout'],
    ['a body that breaks off', truncated, 'ghl_truncated'],
    ['server errors', error(500, 'x'), 'ghl_unavailable'],
  ])('ends with its own code when patience ends: %s', async (_what, answer, code) => {
    answers = [answer];
    // Short only where nothing is ever answered: a loaded machine takes its time.
    const timeoutMs = answer === hang ? 50 : 5_000;
    await expect(client({ timeoutMs, patienceMs: 100 }).searchPage(1, undefined)).rejects.toMatchObject({
      code,
      kind: 'transient',
    });
  });

  it('costs its patience once, not once for each of many requests, and an answer renews it', async () => {
    const once = client({ patienceMs: 1_000 });
    const lookUp = (): Promise<string> =>
      once.getContact('c1').then(
        () => 'answered',
        ({ code }: AppError) => code,
      );
    answers = [error(500, 'x')];
    const before = performance.now();
    for (let turn = 0; turn < 30; turn += 1) expect(await lookUp()).toBe('ghl_unavailable');
    expect(performance.now() - before).toBeLessThan(10_000);
    answers = [error(500, 'x'), json(200, { contact: { id: 'c1' } })];
    expect([await lookUp(), await lookUp()]).toEqual(['ghl_unavailable', 'answered']);
    answers = [error(500, 'x'), json(200, { contact: { id: 'c1' } })];
    expect(await lookUp()).toBe('answered');
  });

  it('ends at once when the scan is stopped', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    answers = [() => arrive()];
    const stop = new AbortController();
    const waiting = client({ signal: stop.signal }).searchPage(1, undefined);
    await arrived;
    stop.abort(new Error('stop'));
    await expect(waiting).rejects.toMatchObject({ code: 'scan_cancelled' });
  });
});

describe('limits', () => {
  it('a 429 waits for the interval that the answer names', async () => {
    answers = [error(429, 'Too Many Requests', { 'x-ratelimit-interval-milliseconds': '150' }), page];
    const before = performance.now();
    await client().searchPage(1, undefined);
    expect(performance.now() - before).toBeGreaterThanOrEqual(145);
  });

  it.each([
    ['seconds', () => '1'],
    ['a date', () => new Date(Date.now() + 1_900).toUTCString()],
  ])('a 429 honours Retry-After in %s', async (_what, retryAfter) => {
    answers = [error(429, 'Too Many Requests', { 'retry-after': retryAfter() }), page];
    const before = performance.now();
    await client().searchPage(1, undefined);
    expect(performance.now() - before).toBeGreaterThanOrEqual(800);
  });

  it('a 429 that asks for more than patience ends at once, for everybody on the budget', async () => {
    answers = [error(429, 'Too Many Requests', { 'retry-after': '3600' }), page];
    const budget = createBudget();
    await expect(client({ budget }).searchPage(1, undefined)).rejects.toMatchObject({
      code: 'ghl_rate_limited',
      message: expect.stringMatching(/3600 s.*GHL_RETRY_SECONDS/),
    });
    await expect(client({ budget }).getContact('c1')).rejects.toMatchObject({ code: 'ghl_rate_limited' });
    expect(asked).toHaveLength(1);
  });

  it('the day that is used up ends at once and says when it goes on', async () => {
    const headers = { 'x-ratelimit-daily-remaining': '0', 'x-ratelimit-daily-reset': '7200000' };
    answers = [json(200, { contacts: [], total: 0 }, headers)];
    const once = client();
    await once.searchPage(1, undefined);
    await expect(once.searchPage(1, undefined)).rejects.toMatchObject({
      code: 'ghl_daily_limit',
      message: expect.stringContaining('about 120 minutes'),
    });
    expect(asked).toHaveLength(1);
  });
});
