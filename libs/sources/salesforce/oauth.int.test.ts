import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadSettings } from '#libs/runtime/src/config.ts';
import type { AppError } from '#libs/runtime/src/errors.ts';
import { salesforceAccess, SALESFORCE_SETTINGS } from '#libs/runtime/src/salesforce-settings.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';
import { systemClock } from '../kit/rate-limit.ts';
import { createSalesforceClient, type SalesforceClient } from './client.ts';
import { createSessions, type Login, type Session, type SessionsOptions } from './oauth.ts';
import { hastyClock } from './reading.fixture.ts';
import { createUsageBudget } from './usage.ts';

const { clientId, username, refreshToken } = SIMULATED_CREDENTIALS;
const clientSecret = secret(SIMULATED_CREDENTIALS.clientSecret);
const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

let simulator: SalesforceSimulator;
beforeAll(async () => {
  simulator = await startSalesforceSimulator({
    world: makeWorld({ contacts: 10 }),
    credentials: { jwtPublicKey: publicKey },
  });
});
afterAll(() => simulator.stop());

const sessionsOf = (login: Login, more: Partial<SessionsOptions> = {}): ReturnType<typeof createSessions> =>
  createSessions({ loginUrl: simulator.baseUrl, login, timeoutMs: 2_000, ...more });

function clientOf(login: Login, onRefused?: (refusal: AppError) => void): SalesforceClient {
  return createSalesforceClient({
    sessions: sessionsOf(login),
    version: 'v58.0',
    usage: createUsageBudget({ warnShare: 0.8, ceilingShare: 0.95 }),
    timeoutMs: 2_000,
    patienceMs: 60_000,
    clock: hastyClock,
    ...(onRefused === undefined ? {} : { onRefused }),
  });
}

const jwt: Login = {
  flow: 'jwt',
  clientId,
  username,
  privateKey: secret(privateKey),
  audience: 'https://login.salesforce.com',
};
const credentials: Login = { flow: 'client-credentials', clientId, clientSecret };

describe('a login', () => {
  it.each<Login>([
    credentials,
    {
      flow: 'password',
      clientId,
      clientSecret,
      username,
      password: secret('simulated-password'),
      securityToken: secret('SIMULATEDTOKEN'),
    },
    jwt,
    { flow: 'refresh-token', clientId, clientSecret, refreshToken: secret(refreshToken) },
  ])('by $flow gives a session of the org', async (login) => {
    const session = await sessionsOf(login).current();
    expect(session).toMatchObject({ instanceUrl: simulator.baseUrl, orgId: simulator.world.orgId });
    expect(JSON.stringify(session)).not.toContain(session.token.reveal());
  });

  it.each<[string, Login]>([
    ['a wrong secret', { ...credentials, clientSecret: secret('wrong') }],
    ['a wrong password', { flow: 'password', clientId, clientSecret, username, password: secret('wrong') }],
    ['an unknown client', { ...credentials, clientId: 'unknown' }],
    ['an assertion for a sandbox', { ...jwt, audience: 'https://test.salesforce.com' }],
    ['a stale refresh token', { flow: 'refresh-token', clientId, clientSecret, refreshToken: secret('stale') }],
  ])('with %s is refused without a word of the secret', async (_name, login) => {
    const error = await sessionsOf(login)
      .current()
      .then(
        () => undefined,
        (thrown: unknown) => thrown as AppError,
      );
    expect(error).toMatchObject({ code: 'salesforce_unauthorized', kind: 'config' });
    expect(error!.message).not.toMatch(/wrong|stale/);
  });

  it('by JWT is for the login host of Salesforce, whatever the address of the org', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'salesforce-key-'));
    const keyFile = join(folder, 'key.pem');
    writeFileSync(keyFile, privateKey);
    const env = {
      SALESFORCE_CLIENT_ID: clientId,
      SALESFORCE_USERNAME: username,
      SALESFORCE_JWT_KEY_FILE: keyFile,
      SALESFORCE_LOGIN_URL: simulator.baseUrl,
    };
    const sessionOf = (more: Record<string, string> = {}): Promise<Session> => {
      const { loginUrl, login } = salesforceAccess(loadSettings(SALESFORCE_SETTINGS, { ...env, ...more }))!;
      return sessionsOf(login, { loginUrl }).current();
    };
    try {
      await sessionOf();
      await expect(sessionOf({ SALESFORCE_JWT_AUDIENCE: simulator.baseUrl })).rejects.toMatchObject({
        code: 'salesforce_unauthorized',
        message: expect.stringMatching(/audience is invalid.*SALESFORCE_JWT_AUDIENCE/),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('whose assertion is late is refused', async () => {
    const late = sessionsOf(jwt, { now: () => Date.now() - 3_600_000 });
    await expect(late.current()).rejects.toMatchObject({ code: 'salesforce_unauthorized' });
  });

  it('at a generic host is refused for client credentials', async () => {
    simulator.knobs.isGenericLoginHost = true;
    await expect(sessionsOf(credentials).current()).rejects.toMatchObject({ code: 'salesforce_unauthorized' });
    simulator.knobs.isGenericLoginHost = false;
  });

  it.each(['orgId', 'limits'] as const)('that is not answered is tried again, whoever needs it (%s)', async (call) => {
    simulator.faults.add({ kind: '503', match: '/oauth2/token', times: 8 });
    await clientOf(credentials)[call]();
  });

  it('at an address where nobody listens says so', async () => {
    const nobody = sessionsOf(credentials, { loginUrl: 'http://127.0.0.1:9' });
    await expect(nobody.current()).rejects.toMatchObject({ code: 'salesforce_unavailable' });
  });
});

describe('a session that ends', () => {
  it('is renewed once for all who met its end', async () => {
    const client = clientOf(credentials);
    await client.limits();
    const before = simulator.counters.refreshes;
    simulator.sessions.clear();
    await Promise.all(Array.from({ length: 10 }, () => client.limits()));
    expect(simulator.counters.refreshes).toBe(before + 1);
  });

  it('again right after it was renewed is an error', async () => {
    simulator.faults.add({ kind: '401', match: '/limits', times: 2 });
    await expect(clientOf(credentials).limits()).rejects.toMatchObject({ code: 'salesforce_unauthorized' });
  });
});

describe('the guard', () => {
  it('stops what could write before anything is sent, and counts it', async () => {
    const refused: AppError[] = [];
    const client = clientOf(credentials, (refusal) => refused.push(refusal));
    await client.limits();
    const before = simulator.requests.length;
    await expect(client.query('SELECT Id FROM Contact FOR VIEW', false)).rejects.toMatchObject({
      code: 'salesforce_request_refused',
    });
    await expect(client.createJob('DELETE FROM Contact', true)).rejects.toMatchObject({
      code: 'salesforce_request_refused',
    });
    await expect(client.more('/services/apexrest/x')).rejects.toMatchObject({ code: 'salesforce_request_refused' });
    await expect(client.deleteJob('../../sobjects/Contact/003')).rejects.toMatchObject({
      code: 'salesforce_request_refused',
    });
    expect([refused.length, simulator.requests.length - before, simulator.counters.writes]).toEqual([4, 0, 0]);
  });
});

it('waits end with the signal', async () => {
  const stop = new AbortController();
  const client = createSalesforceClient({
    sessions: sessionsOf(credentials),
    version: 'v58.0',
    usage: createUsageBudget({ warnShare: 0.8, ceilingShare: 0.95 }),
    timeoutMs: 60_000,
    patienceMs: 60_000,
    clock: systemClock,
    signal: stop.signal,
  });
  await client.limits();
  simulator.faults.add({ kind: 'hang', match: '/limits', times: 1 });
  const before = simulator.requests.length;
  const waiting = client.limits();
  while (simulator.requests.length === before) await turn();
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'scan_cancelled' });
});
