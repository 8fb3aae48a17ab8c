import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { createPool } from '#libs/storage/src/pool.ts';
import { sendRequest, type HttpRequest } from './http-client.ts';
import { closeServer, createApp, listen } from './http.ts';
import { allows, findKey, hashKey, type ApiKey } from './keys.ts';
import { createLogger } from './logger.ts';
import { route } from './route.ts';
import { describeMetrics, METRICS, renderMetrics } from './metrics.ts';

const KEYS: ApiKey[] = [
  { id: 'reader', hash: hashKey('read-key'), scope: 'read' },
  { id: 'operator', hash: hashKey('operate-key'), scope: 'operate' },
];

const EDGE = { rates: { perAddress: 1_000, perKey: 1_000 }, trustedProxies: 0, metricsPublic: true };

const away = createPool({ databaseUrl: 'postgresql://nobody@127.0.0.1:9/nothing', applicationName: 'test', max: 1 });

const ROUTES = [
  route({
    method: 'post',
    path: '/echo',
    summary: 'Answers what it is told.',
    scope: 'operate',
    body: z.looseObject({}),
    response: z.looseObject({}),
    handle: async ({ body }) => body,
  }),
  route({
    method: 'get',
    path: '/things/:id',
    summary: 'Answers the id.',
    scope: 'open',
    params: z.strictObject({ id: z.string() }),
    response: z.strictObject({ id: z.string() }),
    handle: async ({ params }) => params,
  }),
  route({
    method: 'get',
    path: '/defect',
    summary: 'Has a defect.',
    scope: 'open',
    response: z.strictObject({}),
    handle: async () => {
      throw new TypeError('cannot read canary@example.test');
    },
  }),
  route({
    method: 'get',
    path: '/late',
    summary: 'Waits for a database that is down.',
    scope: 'open',
    response: z.strictObject({}),
    handle: async () => (await away.query<Record<string, never>>('select 1')).rows,
  }),
];

describe('the HTTP edge', () => {
  let server: Server;
  let url: string;
  let log = '';
  let ready = true;

  beforeAll(async () => {
    const destination = { write: (line: string) => void (log += line) };
    const app = createApp({
      keys: KEYS,
      ...EDGE,
      bodyLimit: 2_048,
      logger: createLogger({ name: 'test', level: 'info', destination }),
      readiness: async () => [{ part: 'x', ready, ...(ready ? {} : { reason: 'starting' }) }],
      routes: ROUTES,
    });
    const listening = await listen(app, { host: '127.0.0.1', port: 0, nextFree: false });
    server = listening.server;
    url = `http://127.0.0.1:${listening.port}`;
  });

  afterAll(() => closeServer(server));

  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/echo`, {
      method: 'POST',
      body,
      headers: { authorization: 'Bearer operate-key', 'content-type': 'application/json', ...headers },
    });

  it.each<[string, () => Promise<Response>, number, string]>([
    ['no key', () => post('{}', { authorization: '' }), 401, 'unauthenticated'],
    ['a wrong key', () => post('{}', { authorization: 'Bearer x' }), 401, 'unauthenticated'],
    ['another scheme', () => post('{}', { authorization: 'Basic operate-key' }), 401, 'unauthenticated'],
    ['a key with less scope', () => post('{}', { authorization: 'Bearer read-key' }), 403, 'forbidden'],
    ['malformed JSON', () => post('{'), 400, 'request_invalid'],
    ['JSON that is no object', () => post('"x"'), 400, 'request_invalid'],
    ['a body over the limit', () => post(JSON.stringify({ x: 'x'.repeat(4_000) })), 413, 'body_too_large'],
    [
      'an unknown charset',
      () => post('{}', { 'content-type': 'application/json; charset=ebcdic' }),
      415,
      'media_type_unsupported',
    ],
    ['an unknown encoding', () => post('{}', { 'content-encoding': 'zip' }), 415, 'media_type_unsupported'],
    ['a body that is no gzip', () => post('{}', { 'content-encoding': 'gzip' }), 400, 'request_invalid'],
    ['a malformed path', () => fetch(`${url}/things/%E0%A4%A`), 400, 'request_invalid'],
    ['a NUL character in the path', () => fetch(`${url}/things/%00`), 400, 'request_invalid'],
    ['a NUL character in the body', () => post('{"a":{"b":["c\\u0000"]}}'), 400, 'request_invalid'],
    ['a NUL character in a name', () => post('{"a\\u0000":1}'), 400, 'request_invalid'],
    ['an unknown route', () => fetch(`${url}/absent`), 404, 'not_found'],
    ['a service that is down', () => fetch(`${url}/late`), 503, 'database_unavailable'],
    ['a defect of ours', () => fetch(`${url}/defect`), 500, 'internal'],
  ])('answers %s with a problem document', async (_what, call, status, code) => {
    const response = await call();
    const body = (await response.json()) as Record<string, unknown>;
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: `urn:tributary:error:${code}`,
      title: code.replaceAll('_', ' '),
      status,
      detail: expect.any(String),
      code,
      requestId: response.headers.get('x-request-id'),
    });
    expect(JSON.stringify(body)).not.toMatch(/canary|node_modules|\.ts:/);
  });

  it('tells the log what it does not tell the caller, without personal data', async () => {
    log = '';
    await fetch(`${url}/defect`);
    expect(log).toContain('http.int.test.ts');
    expect(log).toContain('cannot read [email]');
    expect(log).not.toContain('canary');
  });

  it.each([
    ['keeps a request id that is one', 'abc-1.2_3', true],
    ['makes one for a text that is none', 'a b"c', false],
    ['makes one for a text without end', 'x'.repeat(101), false],
  ])('%s', async (_what, id, kept) => {
    const response = await fetch(`${url}/healthz`, { headers: { 'x-request-id': id } });
    expect(response.headers.get('x-request-id') === id).toBe(kept);
    expect(response.headers.get('x-request-id')).toBeTruthy();
  });

  it('names neither its framework nor lets itself be framed', async () => {
    const { headers } = await fetch(`${url}/healthz`);
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain('frame-ancestors');
  });

  it('readyz says why it is not ready', async () => {
    ready = false;
    const response = await fetch(`${url}/readyz`);
    ready = true;
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: 'not ready',
      parts: [{ part: 'x', ready: false, reason: 'starting' }],
    });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('a port that is taken is named by its setting, or passed over when told to', async () => {
    const { port } = server.address() as AddressInfo;
    const taken = { host: '127.0.0.1', port };
    const app = createApp({
      keys: [],
      ...EDGE,
      bodyLimit: 1,
      logger: createLogger({ name: 't', level: 'silent' }),
      readiness: async () => [],
      routes: [],
    });
    await expect(listen(app, { ...taken, nextFree: false })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining('HTTP_PORT'),
    });
    const next = await listen(app, { ...taken, nextFree: true });
    expect(next.port).toBeGreaterThan(port);
    await closeServer(next.server);
  });
});

describe('the HTTP client', () => {
  let server: Server;
  let answer: (response: ServerResponse) => void = () => undefined;
  let base: string;

  beforeAll(async () => {
    server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => closeServer(server));

  const send = (more: Partial<HttpRequest> = {}) =>
    sendRequest({ url: base, method: 'GET', headers: {}, timeoutMs: 2_000, ...more });

  it('gives status, headers and text as they are, errors of the server too', async () => {
    answer = (response) => response.writeHead(503, { 'x-a': 'b' }).end('später');
    const { status, headers, text } = await send();
    expect([status, headers.get('x-a'), text]).toEqual([503, 'b', 'später']);
  });

  it.each<[string, typeof answer, string]>([
    ['no answer', () => undefined, 'timeout'],
    ['a body that never ends', (response) => void response.writeHead(200).write('x'), 'timeout'],
    [
      'a body that breaks off',
      (response) => {
        response.writeHead(200, { 'content-length': '9' }).write('x', () => response.destroy());
      },
      'truncated',
    ],
    ['a connection that breaks', (response) => void response.destroy(), 'network'],
  ])('%s is no answer, and says how', async (_what, bad, reason) => {
    answer = bad;
    await expect(send({ timeoutMs: 150 })).rejects.toMatchObject({ name: 'NoAnswer', reason });
  });

  it('ends when the caller gives up', async () => {
    answer = () => undefined;
    const giveUp = new AbortController();
    const sending = send({ signal: giveUp.signal });
    giveUp.abort();
    await expect(sending).rejects.toMatchObject({ name: 'NoAnswer' });
  });

  it('reads no more than the limit', async () => {
    answer = (response) => response.end('x'.repeat(1_001));
    await expect(send({ limitBytes: 1_000 })).rejects.toMatchObject({ code: 'response_too_large' });
    expect((await send({ limitBytes: 1_001 })).text).toHaveLength(1_001);
  });

  it.each([301, 302, 307, 308])('refuses a redirect (%i), so that the token stays where it belongs', async (status) => {
    const asked: string[] = [];
    answer = (response) => {
      asked.push(response.req.url ?? '');
      response.writeHead(status, { location: '/elsewhere' }).end();
    };
    await expect(send()).rejects.toMatchObject({ code: 'redirect_refused', kind: 'config' });
    expect(asked).toEqual(['/']);
  });
});

describe('keys', () => {
  it('are found by their hash alone, compared in constant time against every one', () => {
    expect(findKey(KEYS, 'operate-key')?.id).toBe('operator');
    expect(findKey(KEYS, hashKey('operate-key'))).toBeUndefined();
    expect(findKey(KEYS, '')).toBeUndefined();
    expect(findKey([], 'operate-key')).toBeUndefined();
  });

  it('may do what their scope includes', () => {
    const able = (scope: ApiKey['scope']) =>
      (['read', 'operate', 'admin'] as const).map((wanted) => allows({ id: 'x', hash: '', scope }, wanted));
    expect([able('read'), able('operate'), able('admin')]).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });
});

describe('metrics', () => {
  it('are exactly those of the catalogue, in the words of Prometheus', async () => {
    const names = describeMetrics().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(Object.keys(METRICS)).toHaveLength(names.length);
    for (const { name, help, labelNames } of describeMetrics()) {
      expect(name).toMatch(/^(crm|messaging|http)_[a-z_]+$/);
      expect(help).toMatch(/\.$/);
      for (const label of labelNames) expect(label).not.toMatch(/(^|_)(id|email|offset|contact|scan)$/);
    }
    const { body } = await renderMetrics(0);
    const rendered = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
    expect(rendered.filter((name) => !/^(process|nodejs)_/.test(name)).sort()).toEqual([...names].sort());
  });

  it.each([
    'crm_source_requests_total',
    'crm_scan_records_total',
    'crm_scan_duration_seconds',
    'crm_scan_open',
    'crm_scan_last_success_timestamp_seconds',
    'crm_observations_total',
    'crm_marked_missing_total',
    'crm_dead_letters_total',
    'crm_outbox_pending',
    'messaging_client_sent_messages_total',
    'messaging_client_consumed_messages_total',
    'messaging_process_duration_seconds',
  ])('%s, which dashboards depend on, is there', (name) => {
    expect(describeMetrics().map((metric) => metric.name)).toContain(name);
  });
});
