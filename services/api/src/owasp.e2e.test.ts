import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hashKey, type ApiKey } from '#libs/runtime/src/keys.ts';
import { sendRequest } from '#libs/runtime/src/http-client.ts';
import { findLetters, type LetterRow } from '#libs/storage/src/dead-letters.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { APP } from '#testcontainers/simulators/ghl/oauth-routes.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';

/** One test for each risk of the OWASP API Security Top 10 of 2023; deploy/security/owasp-api-top-10.md says what we do about it. */

const ROOT = join(import.meta.dirname, '../../..');
const FOREIGN = 'ForeignLocationForei';
const key = (id: string, scope: ApiKey['scope'], accounts?: string[]): ApiKey => ({
  id,
  hash: hashKey(id),
  scope,
  accounts,
});

interface Operation {
  parameters: { name: string; schema: Record<string, unknown> }[];
  requestBody?: { content: Record<string, { schema: { properties: Record<string, unknown> } }> };
  'x-scope'?: ApiKey['scope'];
}

let test: TestPipeline;
let operations: { method: string; path: string; operation: Operation }[];
let letter: LetterRow;
let syncId: string;
let vendorId: string;

const call = (path: string, as: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${test.pipeline.url}${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${as}`,
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...init.headers,
    },
  });
const post = (path: string, as: string, body?: object): Promise<Response> =>
  call(path, as, { method: 'POST', ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

/** A call of a route that would be good with the right key. */
function attempt(method: string, path: string, as: string): Promise<Response> {
  const url = path
    .replace('{id}', path.includes('dead-letters') ? letter.id : syncId)
    .replace('{contactId}', 'NobodyNobodyNobodyNo');
  if (path === '/oauth/ghl/install') return call(`${url}?locationId=${test.world.locationId}`, as);
  if (method === 'get') return call(path.endsWith('/status') ? `${url}?job_id=${syncId}` : url, as);
  if (path.startsWith('/v1/syncs/')) return post(url, as);
  if (/sync-(database|single)/.test(path)) return post(url, as, { account: test.world.locationId });
  if (path.endsWith('/bulk-action')) return post(url, as, { action: 'delete', vendor_ids: [vendorId] });
  if (path.endsWith('/sync-requests'))
    return post(url, as, { source: 'ghl', account: test.world.locationId, dryRun: true });
  return post(url, as, path.endsWith('/discard') ? { ids: [letter.id], reason: 'of no use' } : { ids: [letter.id] });
}

beforeAll(async () => {
  const world = emptyWorld(1023);
  world.addContact({
    firstName: 'Ann',
    lastName: 'Lee',
    email: 'ann@owasp.test',
    source: 'Vendor Application',
    tags: [],
  });
  const keys = [
    key('reader', 'read'),
    key('operator', 'operate'),
    key('foreigner', 'admin', [FOREIGN]),
    key('local', 'admin', [world.locationId]),
  ];
  const oauth = {
    GHL_CLIENT_ID: APP.clientId,
    GHL_CLIENT_SECRET: APP.clientSecret,
    GHL_REDIRECT_URL: 'https://sync.example.test/oauth/ghl/callback',
    TOKEN_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  };
  test = await startTestPipeline(world, { HTTP_RATE_PER_KEY: '300', METRICS_PUBLIC: 'false', ...oauth }, { keys });
  const document = (await (await fetch(`${test.pipeline.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  syncId = (await test.sync()).syncId;
  const vendors = await (await call('/v1/vendors', 'local')).json();
  vendorId = (vendors as { items: { id: string }[] }).items[0]!.id;
  await test.pipeline.platform.producer.sendRaw([
    {
      topic: 'crm.raw.ghl.v1',
      key: Buffer.from(`${world.locationId}:contact:X`),
      value: Buffer.from('?'),
      headers: { ce_id: randomUUID() },
    },
  ]);
  const { database } = test.pipeline.platform;
  let found: LetterRow | undefined;
  while (found === undefined)
    [found] = (
      await findLetters(database, { account: world.locationId, state: 'waiting' }, { limit: 1, order: 'newest' })
    ).items;
  letter = found;
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

describe('OWASP API Security Top 10', () => {
  it('API1 object level: a key limited to other accounts sees and touches nothing on any route', async () => {
    const guarded = operations.filter(({ operation }) => operation['x-scope'] !== undefined);
    expect(guarded.length).toBeGreaterThanOrEqual(24);
    for (const { method, path } of guarded) {
      const response = await attempt(method, path, 'foreigner');
      const text = await response.text();
      const given = {
        path,
        status: response.status,
        leaks: text.includes('ann@owasp.test') || /"accountId":/.test(text),
      };
      const asks = /sync-(requests|database|single-vendor\/\{contactId\})$/.test(path);
      const refused = path.includes('{id}') ? 404 : asks ? 422 : path.startsWith('/oauth/') ? 403 : undefined;
      expect(given).toEqual({ path, status: refused ?? (path.endsWith('/bulk-action') ? 202 : 200), leaks: false });
      // Metrics name no account.
      if (path === '/metrics') expect(text).not.toContain(test.world.locationId);
      else if (refused === undefined)
        expect(text).toMatch(/"(items|done|vendors|leads)":\[\]|"processed":0,|"status":"unknown"/);
    }
    const asked = await call(`/v1/vendors?account=${test.world.locationId}`, 'foreigner');
    expect(await asked.json()).toMatchObject({ items: [], total: 0 });
    const own = await call(`/v1/vendors?email=ann@owasp.test`, 'local');
    expect(await own.json()).toMatchObject({ total: 1 });
    expect((await call(`/v1/dead-letters/${letter.id}`, 'local')).status).toBe(200);
    expect((await attempt('get', '/oauth/ghl/install', 'local')).status).toBe(200);
    expect((await call('/oauth/ghl/install', 'local')).status).toBe(403);
  });

  it('API2 authentication: no route with data answers without a key, with a wrong one, or with one in the address', async () => {
    const guarded = operations.filter(({ operation }) => operation['x-scope'] !== undefined);
    expect(guarded.map(({ path }) => path)).toContain('/metrics');
    for (const { method, path } of guarded) {
      for (const bad of ['', 'wrong', hashKey('reader')]) expect((await attempt(method, path, bad)).status).toBe(401);
    }
    expect((await fetch(`${test.pipeline.url}/v1/vendors?key=reader`)).status).toBe(401);
    const basic = { authorization: `Basic ${Buffer.from('reader:reader').toString('base64')}` };
    expect((await fetch(`${test.pipeline.url}/v1/vendors`, { headers: basic })).headers.get('www-authenticate')).toBe(
      'Bearer',
    );
  });

  it('API3 property level: nothing undeclared is taken, and personal data of a dead letter is for admins', async () => {
    expect((await post('/v1/sync-requests', 'operator', { source: 'ghl', requestedBy: 'root' })).status).toBe(400);
    expect((await post('/v1/dead-letters/discard', 'operator', { reason: 'mine', by: 'somebody else' })).status).toBe(
      400,
    );
    expect((await call(`/v1/dead-letters/${letter.id}?reveal=true`, 'operator')).status).toBe(403);
    expect((await call(`/v1/dead-letters/${letter.id}?reveal=true`, 'local')).status).toBe(200);
  });

  it('API4 resources: pages, bodies and requests a minute are bounded', async () => {
    for (const query of ['limit=501', 'limit=0', 'offset=-1', 'limit=1e9', `email=${'x'.repeat(400)}`])
      expect({ query, status: (await call(`/v1/vendors?${query}`, 'reader')).status }).toEqual({ query, status: 400 });
    const tooMuch = await post('/v1/sync-requests', 'operator', { source: 'x'.repeat(2_000_000) });
    expect(tooMuch.status).toBe(413);
    expect((await post('/v1/dead-letters/redrive', 'operator', { limit: 1000, ratePerSecond: 1 })).status).toBe(400);
    const policy = (await call('/v1/syncs', 'reader')).headers.get('ratelimit-policy');
    expect(policy).toMatch(/"address"; q=1200.*"key"; q=300/);
  });

  it('API5 function level: a key that may only read changes nothing, on any route that changes something', async () => {
    const changing = operations.filter(
      ({ path, operation }) => /operate|admin/.test(operation['x-scope'] ?? '') && !path.startsWith('/oauth/'),
    );
    expect(changing.map(({ method }) => method)).toEqual(changing.map(() => 'post'));
    for (const { method, path } of changing) expect((await attempt(method, path, 'reader')).status).toBe(403);
    expect(
      operations.filter(
        ({ method, operation }) => method !== 'get' && !/operate|admin/.test(operation['x-scope'] ?? ''),
      ),
    ).toEqual([]);
  });

  it('API6 sensitive flows: acts on dead letters happen once, and say who did them', async () => {
    const body = { ids: [letter.id], reason: 'of no use' };
    const both = await Promise.all([
      post('/v1/dead-letters/discard', 'operator', body),
      post('/v1/dead-letters/discard', 'local', body),
    ]);
    const done = (await Promise.all(both.map((response) => response.json()))) as { done?: string[]; code?: string }[];
    expect(done.flatMap((result) => result.done ?? [])).toEqual([letter.id]);
    const shown = await (await call(`/v1/dead-letters/${letter.id}`, 'local')).json();
    expect(shown).toMatchObject({
      state: 'discarded',
      reason: 'of no use',
      actedBy: expect.stringMatching(/^api:(operator|local)$/),
    });
    expect((await post(`/v1/syncs/${syncId}/confirm`, 'operator')).status).toBe(409);
  });

  it('API7 forged requests: no route takes an address, and answers that lead elsewhere are not followed', async () => {
    const named = operations.flatMap(({ operation: { parameters, requestBody } }) => [
      ...parameters.map(({ name }) => name),
      ...Object.keys(requestBody?.content['application/json']?.schema.properties ?? {}),
    ]);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => /url|uri|host|address|callback|webhook/i.test(name))).toEqual([]);
    const elsewhere = createServer((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    );
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    await expect(sendRequest({ url, method: 'GET', headers: {}, timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'redirect_refused',
    });
    elsewhere.close();
  });

  it('API8 configuration: headers are safe, other sites are not invited, metrics are closed, errors show no inside', async () => {
    const response = await call('/v1/nothing', 'reader', { headers: { origin: 'https://evil.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(response.headers.get('strict-transport-security')).toContain('max-age');
    expect(await response.text()).not.toMatch(/\.ts:\d|node_modules|Error:/);
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    };
    expect(
      (await fetch(`${test.pipeline.url}/v1/sync-requests`, preflight)).headers.get('access-control-allow-methods'),
    ).toBeNull();
    expect((await fetch(`${test.pipeline.url}/metrics`)).status).toBe(401);
    expect((await call('/metrics', 'reader')).status).toBe(200);
  });

  it('API9 inventory: one version is served, and nothing beside what the document describes', async () => {
    const own = operations.map(({ path }) => path).filter((path) => !path.startsWith('/v1/'));
    expect(own.sort()).toEqual([
      '/api/v1/admin/leads/filtered',
      '/api/v1/admin/sync-database',
      '/api/v1/admin/sync-database/status',
      '/api/v1/admin/sync-single-vendor/{contactId}',
      '/api/v1/admin/vendors/bulk-action',
      '/api/v1/admin/vendors/filtered',
      '/api/v1/admin/vendors/missing-in-ghl',
      '/healthz',
      '/metrics',
      '/oauth/ghl/callback',
      '/oauth/ghl/install',
      '/openapi.json',
      '/readyz',
    ]);
    for (const path of [
      '/v2/vendors',
      '/v0/vendors',
      '/v1',
      '/admin',
      '/debug',
      '/.env',
      '/v1/vendors/../../etc/passwd',
    ])
      expect((await call(path, 'local')).status).toBe(404);
  });

  it('API10 other APIs: answers of a source are bounded in time and size and never trusted to be JSON', async () => {
    const endless = createServer((request, response) => {
      if (request.url === '/slow') return;
      response.writeHead(200);
      for (let sent = 0; sent < 64; sent += 1) response.write('x'.repeat(1024));
      response.end();
    });
    endless.listen(0, '127.0.0.1');
    await once(endless, 'listening');
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
    const request = { method: 'GET', headers: {}, timeoutMs: 200, limitBytes: 10_000 } as const;
    await expect(sendRequest({ ...request, url })).rejects.toMatchObject({ code: 'response_too_large' });
    await expect(sendRequest({ ...request, url: `${url}/slow` })).rejects.toMatchObject({ reason: 'timeout' });
    endless.closeAllConnections();
    endless.close();
    test.simulator.faults.add({ kind: '502-html', times: 2 });
    expect(await test.sync()).toMatchObject({ exitCode: 0 });
  }, 30_000);

  it('is listed with what we do and the tests that prove it, and every test named there exists', () => {
    const list = readFileSync(join(ROOT, 'deploy/security/owasp-api-top-10.md'), 'utf8');
    const named = [...list.matchAll(/\[`([^`]+)`\]\(([^)]+)\)/g)];
    expect(named.length).toBeGreaterThanOrEqual(10);
    for (const [, name, file] of named)
      expect({ name, found: readFileSync(join(ROOT, 'deploy/security', file!), 'utf8').includes(name!) }).toEqual({
        name,
        found: true,
      });
    for (let risk = 1; risk <= 10; risk += 1) expect(list).toContain(`[\`API${risk} `);
  });
});
