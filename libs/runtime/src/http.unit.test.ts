import type { Server } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { closeServer, createApp, listen, type HttpOptions } from './http.ts';
import { hashKey } from './keys.ts';
import { createLogger } from './logger.ts';
import { route } from './route.ts';

let server: Server | undefined;
afterEach(async () => {
  if (server !== undefined) await closeServer(server);
  server = undefined;
});

const ECHO = route({
  method: 'post',
  path: '/v1/echo',
  summary: 'Answers what it is told.',
  scope: 'operate',
  body: z.strictObject({ said: z.string().max(100) }),
  response: z.strictObject({ said: z.string() }),
  handle: async ({ body }) => body,
});

const BROKEN = route({
  method: 'get',
  path: '/v1/broken',
  summary: 'Fails.',
  scope: 'read',
  response: z.strictObject({}),
  handle: async () => {
    throw new Error('secret of the inside');
  },
});

async function edge(
  options: Partial<HttpOptions> = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const app = createApp({
    keys: ['one', 'two'].map((id) => ({ id, hash: hashKey(id), scope: 'operate' })),
    bodyLimit: 1024,
    rates: { perAddress: 1000, perKey: 1000 },
    trustedProxies: 0,
    metricsPublic: false,
    logger: createLogger({ name: 'test', level: 'silent' }),
    readiness: async () => [{ part: 'all', ready: false, reason: 'starting' }],
    routes: [ECHO, BROKEN],
    ...options,
  });
  const listening = await listen(app, { host: '127.0.0.1', port: 0, nextFree: false });
  server = listening.server;
  return (path, init = {}) => fetch(`http://127.0.0.1:${listening.port}${path}`, init);
}

const as = (key: string, headers: Record<string, string> = {}): RequestInit => ({
  headers: { authorization: `Bearer ${key}`, ...headers },
});
const say = (body: string, type = 'application/json'): RequestInit => ({
  ...as('one', { 'content-type': type }),
  method: 'POST',
  body,
});

describe('rate limits', () => {
  it('stop one key with a problem document and say when to come back, and leave other keys alone', async () => {
    const call = await edge({ rates: { perAddress: 1000, perKey: 2 } });
    const statuses = [];
    for (let times = 0; times < 3; times += 1) statuses.push((await call('/metrics', as('one'))).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await call('/metrics', as('one'));
    expect(await refused.json()).toMatchObject({ code: 'too_many_requests', status: 429 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/"key"; r=0; t=\d+/);
    expect(refused.headers.get('ratelimit-policy')).toContain('"address"; q=1000; w=60');
    expect((await call('/metrics', as('two'))).status).toBe(200);
  });

  it('stop an address that guesses keys, whatever address it claims to be; probes go on', async () => {
    const call = await edge({ rates: { perAddress: 2, perKey: 1000 } });
    const statuses = [];
    for (const guess of ['a', 'b', 'c'])
      statuses.push(
        (await call('/v1/broken', as(guess, { 'x-forwarded-for': `10.0.0.${guess.charCodeAt(0)}` }))).status,
      );
    expect(statuses).toEqual([401, 401, 429]);
    expect((await call('/healthz')).status).toBe(200);
  });

  it('count the address a trusted proxy names', async () => {
    const call = await edge({ rates: { perAddress: 1, perKey: 1000 }, trustedProxies: 1 });
    const from = (address: string): Promise<Response> => call('/metrics', as('one', { 'x-forwarded-for': address }));
    expect([(await from('203.0.113.1')).status, (await from('203.0.113.2')).status]).toEqual([200, 200]);
    expect((await from('203.0.113.1')).status).toBe(429);
  });
});

describe('requests', () => {
  it.each([
    ['an unknown key', say('{"said":"x","more":1}'), 400, 'request_invalid'],
    ['a body that is no object', say('"x"'), 400, 'request_invalid'],
    ['no body', { ...as('one'), method: 'POST' }, 400, 'request_invalid'],
    ['a body of another type', say('said=x', 'application/x-www-form-urlencoded'), 415, 'media_type_unsupported'],
    [
      'a charset nobody asked for',
      say('{"said":"x"}', 'application/json; charset=koi8-r'),
      415,
      'media_type_unsupported',
    ],
    ['a body that is too large', say(JSON.stringify({ said: 'x'.repeat(2000) })), 413, 'body_too_large'],
  ])('with %s are refused', async (_what, init, status, code) => {
    const response = await (await edge())('/v1/echo', init);
    expect(await response.json()).toMatchObject({ status, code });
    expect(response.status).toBe(status);
  });

  it('are answered under the id they came with, or one of ours when that is no id', async () => {
    const call = await edge();
    expect((await call('/healthz', { headers: { 'x-request-id': 'abc-1' } })).headers.get('x-request-id')).toBe(
      'abc-1',
    );
    const ours = (await call('/healthz', { headers: { 'x-request-id': 'a b<script>' } })).headers.get('x-request-id');
    expect(ours).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('that fail inside tell nothing of the inside', async () => {
    const text = await (await (await edge())('/v1/broken', as('one'))).text();
    expect(text).toContain('"code":"internal"');
    expect(text).not.toMatch(/secret of the inside|at \S+\.ts|node_modules/);
  });

  it('without a key are refused before their body is read', async () => {
    const response = await (
      await edge()
    )('/v1/echo', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } });
    expect(response.status).toBe(401);
  });

  it.each([
    [true, 200],
    [false, 401],
  ])('for /metrics without a key: public %s gives %i', async (metricsPublic, status) => {
    expect((await (await edge({ metricsPublic }))('/metrics')).status).toBe(status);
  });
});
