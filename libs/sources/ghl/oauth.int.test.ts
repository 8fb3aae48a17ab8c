import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readKeyRing, type KeyRing } from '#libs/runtime/src/key-ring.ts';
import { describeError } from '#libs/runtime/src/logger.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { readSettings, requireOauthApp, type OauthApp } from '#libs/runtime/src/settings.ts';
import { createTokenVault } from '#libs/storage/src/oauth-tokens.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { APP } from '#testcontainers/simulators/ghl/oauth-routes.ts';
import { startGhlSimulator, type GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld, type World } from '#testcontainers/simulators/ghl/world.ts';
import { createBudget } from '../kit/rate-limit.ts';
import { createGhlClient, type GhlClient } from './client.ts';
import { finishInstall, installUrl } from './install.ts';
import { createOauthClient, type OauthClient } from './oauth.ts';
import { oauthTokens } from './oauth-tokens.ts';
import type { TokenSource, TokenVault } from './tokens.ts';

const KEYS = `k1:${randomBytes(32).toString('base64')}`;
const REDIRECT = 'https://sync.example.test/oauth/ghl/callback';

let own: TestDatabase;
let databases: Database[];
let keys: KeyRing;
let app: OauthApp;
let world: World;
let other: World;
let simulator: GhlSimulator;

beforeAll(async () => {
  own = await createTestDatabase();
  // Two processes have a pool each.
  databases = [1, 2].map((process) => own.open({ applicationName: `oauth-test-${process}`, max: 3 }));
  app = requireOauthApp(
    readSettings({
      GHL_CLIENT_ID: APP.clientId,
      GHL_CLIENT_SECRET: APP.clientSecret,
      TOKEN_KEYS: KEYS,
      GHL_REDIRECT_URL: REDIRECT,
    }),
  );
  keys = app.keys;
});

afterAll(async () => {
  await own.drop();
});

beforeEach(async () => {
  [world, other] = [makeWorld({ seed: 31, contacts: 25 }), makeWorld({ seed: 32, contacts: 5 })];
  other.companyId = world.companyId;
  simulator = await startGhlSimulator({ world, others: [other], limits: { enabled: false } });
  await databases[0]!.query('delete from tributary.oauth_tokens');
});

afterEach(async () => {
  await simulator.stop();
});

/** What one process has. */
interface Process {
  vault: TokenVault;
  oauth: OauthClient;
  tokens: TokenSource;
  client: GhlClient;
}

function startProcess(index = 0, more: { vault?: TokenVault; ring?: KeyRing } = {}): Process {
  const { baseUrl } = simulator;
  const { locationId } = world;
  const vault = more.vault ?? createTokenVault(databases[index]!, more.ring ?? keys, 'ghl');
  const oauth = createOauthClient({ ...app, baseUrl, timeoutMs: 2_000 });
  const tokens = oauthTokens({ locationId, vault, oauth });
  const client = createGhlClient({
    baseUrl,
    tokens,
    locationId,
    budget: createBudget(),
    timeoutMs: 2_000,
    patienceMs: 3_000,
  });
  return { vault, oauth, tokens, client };
}

async function connect({ vault, oauth }: Process, of: World = world, asked?: string): Promise<void> {
  const state = new URL(installUrl(app, asked)).searchParams.get('state')!;
  await finishInstall({ app, oauth, vault }, { code: simulator.consent.code(of.locationId), state });
}

const calls = (path: string): number => simulator.requests.filter((request) => request.path === path).length;
const renewals = (): number =>
  simulator.requests.filter(({ body }) => (body as { grant_type?: string } | undefined)?.grant_type === 'refresh_token')
    .length;

/** From now on the token that is kept is refused. */
async function expire({ tokens }: Process): Promise<string> {
  const token = (await tokens.token()).reveal();
  simulator.tokens.expire(token);
  return token;
}

describe('an install', () => {
  it('keeps the tokens of the location, encrypted, under the key of the ring', async () => {
    const process = startProcess();
    await connect(process, world, world.locationId);
    expect(await process.client.getLocation()).toEqual({ name: world.name });
    const { rows } = await databases[0]!.query<Record<string, unknown>>('select * from tributary.oauth_tokens');
    expect(rows).toMatchObject([{ provider: 'ghl', account: world.locationId, key_id: 'k1' }]);
    const token = (await process.tokens.token()).reveal();
    for (const cell of [rows[0]!['access_token'], rows[0]!['refresh_token']] as Buffer[]) {
      expect(cell.toString('latin1')).not.toContain(token.slice(0, 12));
      expect(cell.toString('latin1')).not.toContain('refresh.');
    }
  });

  it('by the agency is exchanged for the location that was named', async () => {
    const process = startProcess();
    const code = simulator.consent.code(world.locationId, 'Company');
    const granted = await process.oauth.exchange(code, REDIRECT, other.locationId);
    expect(granted.locationId).toBe(other.locationId);
    expect(calls('/oauth/locationToken')).toBe(1);
    expect(simulator.tokens.find(granted.tokens.access.reveal())).toMatchObject({
      authClass: 'Location',
      locationId: other.locationId,
    });
    const nameless = process.oauth.exchange(simulator.consent.code(world.locationId, 'Company'), REDIRECT, undefined);
    await expect(nameless).rejects.toMatchObject({
      code: 'request_invalid',
      message: expect.stringContaining('say which'),
    });
  });

  it('into another location than the one that was named keeps nothing', async () => {
    const process = startProcess();
    await expect(connect(process, other, world.locationId)).rejects.toMatchObject({ code: 'request_invalid' });
    expect(await process.vault.read(other.locationId)).toBeUndefined();
  });

  it('works once, for a while, and only with a state of ours', async () => {
    const { vault, oauth } = startProcess();
    const parts = { app, oauth, vault };
    const code = (): string => simulator.consent.code(world.locationId);
    const stateOf = (url: string): string => new URL(url).searchParams.get('state')!;
    const state = stateOf(installUrl(app, undefined));
    const twice = await Promise.allSettled([
      finishInstall(parts, { code: code(), state }),
      finishInstall(parts, { code: code(), state }),
    ]);
    expect(twice.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [text, signature] = stateOf(installUrl(app, undefined)).split('.') as [string, string];
    const forged = Buffer.from(JSON.stringify({ id: randomUUID(), expiresAt: Date.now() + 60_000 })).toString(
      'base64url',
    );
    const old = stateOf(installUrl(app, undefined, Date.now() - 3_600_000));
    for (const [wrong, message] of [
      [`${forged}.${signature}`, 'not ours'],
      [`${text}.`, 'not ours'],
      ['', 'not ours'],
      [old, 'too long'],
    ] as const) {
      const refused = finishInstall(parts, { code: code(), state: wrong });
      await expect(refused).rejects.toMatchObject({
        code: 'request_invalid',
        message: expect.stringContaining(message),
      });
    }
  });

  it('replaces a token that no key opens any more', async () => {
    const lost = startProcess(0, { ring: readKeyRing(`lost:${randomBytes(32).toString('base64')}`) });
    await connect(lost);
    const process = startProcess();
    await expect(process.client.getLocation()).rejects.toMatchObject({ code: 'token_unreadable' });
    await connect(process);
    expect(await process.client.getLocation()).toEqual({ name: world.name });
  });

  it('asks for consent at the page of the settings with everything it needs', () => {
    const url = new URL(installUrl(app, world.locationId));
    expect(url.origin + url.pathname).toBe('https://marketplace.gohighlevel.com/v2/oauth/chooselocation');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: APP.clientId,
      redirect_uri: REDIRECT,
      scope: 'contacts.readonly locations.readonly locations/customFields.readonly',
    });
    expect(url.href).not.toContain(APP.clientSecret);
  });
});

describe('a token that GoHighLevel refuses', () => {
  it('is renewed, saved, and the same request is sent once more', async () => {
    const process = startProcess();
    await connect(process);
    const old = await expire(process);
    expect((await process.client.searchPage(10, undefined)).contacts).toHaveLength(10);
    expect(simulator.requests.filter(({ path }) => path === '/contacts/search').map(({ status }) => status)).toEqual([
      401, 200,
    ]);
    expect(renewals()).toBe(1);
    const kept = await process.vault.read(world.locationId);
    expect(kept?.access.reveal()).toBe((await process.tokens.token()).reveal());
    expect(kept?.access.reveal()).not.toBe(old);
  });

  it('is renewed by exactly one of two processes and of all their requests', async () => {
    const first = startProcess(0);
    await connect(first);
    const second = startProcess(1);
    await expire(first);
    await second.tokens.token();
    const ids = [...world.contacts.keys()].slice(0, 6);
    const found = await Promise.all(ids.map((id, index) => [first, second][index % 2]!.client.getContact(id)));
    expect(found.every((one) => one.found)).toBe(true);
    expect(renewals()).toBe(1);
    const shown = await Promise.all([first, second].map(({ tokens }) => tokens.token()));
    expect(shown[0]!.reveal()).toBe(shown[1]!.reveal());
  });

  it('again and again ends with the advice to connect again, after one repetition', async () => {
    const process = startProcess();
    await connect(process);
    simulator.faults.add({ kind: 'token-revoked', match: '/locations/' });
    await expect(process.client.getLocation()).rejects.toMatchObject({
      code: 'ghl_unauthorized',
      message: expect.stringContaining('tributary accounts install'),
    });
    expect(calls(`/locations/${world.locationId}`)).toBe(2);
  });

  it('for want of a scope is not renewed', async () => {
    const process = startProcess();
    await connect(process);
    simulator.faults.add({ kind: 'forbidden-scope', match: '/locations/' });
    await expect(process.client.getLocation()).rejects.toMatchObject({ code: 'ghl_forbidden' });
    expect(renewals()).toBe(0);
  });
});

describe('a renewal', () => {
  it('spends each refresh token once, time after time', async () => {
    const process = startProcess();
    await connect(process);
    simulator.knobs.refreshGraceMs = 0;
    for (let round = 1; round <= 3; round += 1) {
      await expire(process);
      await process.client.getLocation();
      expect(renewals()).toBe(round);
    }
  });

  it('whose connection died between the answer and the save is healed by the grace of 30 s', async () => {
    const process = startProcess();
    await connect(process);
    await expire(process);
    let deaths = 0;
    const dying: TokenVault = {
      ...startProcess(1).vault,
      change: (locationId, decide) =>
        startProcess(1).vault.change(locationId, async (kept) => {
          const tokens = await decide(kept);
          if ((deaths += 1) > 1) return tokens;
          const { rowCount } = await databases[0]!.query(
            `select pg_terminate_backend(pid, 5000) from pg_stat_activity
             where application_name = 'oauth-test-2' and state = 'idle in transaction'`,
          );
          expect(rowCount).toBe(1);
          return tokens;
        }),
    };
    expect(await startProcess(1, { vault: dying }).client.getLocation()).toEqual({ name: world.name });
    expect([deaths, renewals()]).toEqual([2, 2]);
    simulator.knobs.refreshGraceMs = 0;
    await expire(startProcess());
    expect(await startProcess().client.getLocation()).toEqual({ name: world.name });
  });

  it('that comes after the grace says what to do', async () => {
    const process = startProcess();
    await connect(process);
    simulator.knobs.refreshGraceMs = 0;
    const kept = await process.vault.read(world.locationId);
    await process.oauth.refresh(kept!.refresh, world.locationId);
    await expire(process);
    await expect(process.client.getLocation()).rejects.toMatchObject({
      code: 'ghl_not_connected',
      kind: 'config',
      message: expect.stringContaining('tributary accounts install'),
    });
  });

  it('for a suspended location says so', async () => {
    const process = startProcess();
    await connect(process);
    await expire(process);
    world.isActive = false;
    const refused = process.client.getLocation();
    await expect(refused).rejects.toMatchObject({
      code: 'ghl_not_connected',
      message: expect.stringContaining('not active'),
    });
  });

  it('is tried again while the endpoint is in trouble, and loses nothing when an answer is lost', async () => {
    const process = startProcess();
    await connect(process);
    await expire(process);
    simulator.faults.add({ kind: '500', match: '/oauth/token', times: 1 });
    simulator.faults.add({ kind: 'reset', match: '/oauth/token', times: 1 });
    expect(await process.client.getLocation()).toEqual({ name: world.name });
  });

  it('comes before the end of a token, and the old one goes on while the endpoint is down', async () => {
    simulator.knobs.tokenSeconds = 600;
    const process = startProcess();
    await connect(process);
    const first = (await process.vault.read(world.locationId))!;
    let now = first.expiresAt - 50_000;
    const clock = { now: () => now, sleep: async (ms: number) => void (now += ms) };
    const early = oauthTokens({ locationId: world.locationId, vault: process.vault, oauth: process.oauth, clock });
    simulator.faults.add({ kind: '503-empty', match: '/oauth/token' });
    expect((await early.token()).reveal()).toBe(first.access.reveal());
    simulator.faults.clear();
    simulator.knobs.tokenSeconds = 86_399;
    const again = oauthTokens({ locationId: world.locationId, vault: process.vault, oauth: process.oauth, clock });
    expect((await again.token()).reveal()).not.toBe(first.access.reveal());
  });

  it('under a new key of the ring seals with it, and the old key may go', async () => {
    const process = startProcess();
    await connect(process);
    const fresh = `k2:${randomBytes(32).toString('base64')}`;
    const rotated = startProcess(1, { ring: readKeyRing(`${fresh},${KEYS}`) });
    await expire(rotated);
    await rotated.client.getLocation();
    expect(await startProcess(0, { ring: readKeyRing(fresh) }).client.getLocation()).toEqual({ name: world.name });
    await expect(startProcess(0).client.getLocation()).rejects.toMatchObject({
      code: 'token_unreadable',
      message: expect.stringContaining('lacks the key k2'),
    });
  });
});

describe('a row of tokens', () => {
  it('that is moved to another location does not open there', async () => {
    const process = startProcess();
    await connect(process, other);
    await databases[0]!.query('update tributary.oauth_tokens set account = $1', [world.locationId]);
    await expect(process.client.getLocation()).rejects.toMatchObject({ code: 'token_unreadable', kind: 'config' });
  });

  it('that is not there is told with what to do', async () => {
    await expect(startProcess().client.getLocation()).rejects.toMatchObject({
      code: 'ghl_not_connected',
      message: expect.stringContaining('tributary accounts install'),
    });
  });

  it('is commented in the database', async () => {
    const { rows } = await databases[0]!.query<{ doc: string }>(
      `select obj_description('tributary.oauth_tokens'::regclass) as doc`,
    );
    expect(rows[0]?.doc).toMatch(/AES-256-GCM/);
  });
});

describe('the token endpoint that misbehaves', () => {
  const CANARY = 'canary-4711';
  let server: Server;
  let reply: (response: ServerResponse) => void;
  let oauth: OauthClient;

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      request.on('end', () => reply(response));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clientSecret = secret(`client-${CANARY}`);
    oauth = createOauthClient({ baseUrl, clientId: 'app', clientSecret, timeoutMs: 200 });
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it.each<[string, string, (response: ServerResponse) => void]>([
    [
      'redirects',
      'redirect_refused',
      (response) => response.writeHead(307, { location: 'http://localhost:1/x' }).end(),
    ],
    ['hangs', 'ghl_timeout', () => undefined],
    ['sends too much', 'response_too_large', (response) => response.end(CANARY.repeat(100_000))],
    ['answers HTML', 'ghl_truncated', (response) => response.end(`<html>${CANARY}</html>`)],
    [
      'leaves the refresh token out',
      'ghl_truncated',
      (response) => response.end(JSON.stringify({ access_token: CANARY, expires_in: 9 })),
    ],
    ['is down', 'ghl_unavailable', (response) => response.writeHead(502).end(CANARY)],
    ['is busy', 'ghl_rate_limited', (response) => response.writeHead(429).end(CANARY)],
    [
      'quotes what it was sent',
      'ghl_not_connected',
      (response) => response.writeHead(400).end(JSON.stringify({ message: `bad ${CANARY}` })),
    ],
    [
      'answers for another location',
      'ghl_not_connected',
      (response) =>
        response.end(JSON.stringify({ access_token: CANARY, refresh_token: CANARY, expires_in: 9, locationId: 'X' })),
    ],
  ])('%s: %s, and no secret is in the error', async (_what, code, misbehave) => {
    reply = misbehave;
    const error = await oauth.refresh(secret(`refresh-${CANARY}`), 'L').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(describeError(error))).not.toContain(CANARY);
  });
});
