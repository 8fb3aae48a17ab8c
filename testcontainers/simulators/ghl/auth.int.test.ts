import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { caller, type Call, type Caller } from './caller.fixture.ts';
import { APP } from './oauth-routes.ts';
import { startGhlSimulator, type GhlSimulator } from './simulator.ts';
import { emptyWorld, makeWorld, type World } from './world.ts';

const SCOPE = 'The token is not authorized for this scope.';
const FOREIGN = 'The token does not have access to this location.';

let simulator: GhlSimulator;
let world: World;
let other: World;
let call: Caller;

beforeEach(async () => {
  world = makeWorld({ seed: 1, contacts: 12 });
  other = Object.assign(makeWorld({ seed: 2, contacts: 7 }), { companyId: world.companyId, name: 'Second Location' });
  simulator = await startGhlSimulator({ world, others: [other] });
  call = caller(simulator);
});

afterEach(async () => {
  await simulator.stop();
});

/** Status and message of a search in the first location. */
async function asked(more: Call = {}): Promise<[number, unknown]> {
  const { status, body } = await call('POST', '/contacts/search', {
    body: { locationId: world.locationId, pageLimit: 1, ...(more.body as object) },
    ...(more.token === undefined ? {} : { token: more.token }),
    ...(more.version === undefined ? {} : { version: more.version }),
  });
  return [status, body['message']];
}

describe('a token', () => {
  it.each<[string, () => string, string]>([
    ['nobody knows', () => 'nonsense', 'Invalid JWT'],
    ['that looks like a private integration', () => 'pit-nonsense', 'Invalid Private Integration token'],
    [
      'that was revoked',
      () => (simulator.tokens.revoke(world.token), world.token),
      'Invalid Private Integration token',
    ],
    [
      'that has expired',
      () => simulator.tokens.issue(world, { seconds: -1 }).token,
      'Invalid token: access token is invalid',
    ],
    ['without the scope', () => simulator.tokens.issue(world, { scopes: ['users.readonly'] }).token, SCOPE],
    [
      'of the agency',
      () => simulator.tokens.issue(world, { authClass: 'Company', seconds: 60 }).token,
      'This authClass type is not allowed to access this scope. Please contact support',
    ],
  ])('%s is refused', async (_what, token, message) => {
    expect(await asked({ token: token() })).toEqual([401, message]);
  });

  it('is looked at first, then the version, then the scope, then the tenant, then the body', async () => {
    const weak = simulator.tokens.issue(world, { scopes: [] }).token;
    const foreign = { locationId: other.locationId };
    expect(await asked({ token: 'x', version: null, body: foreign })).toEqual([401, 'Invalid JWT']);
    expect(await asked({ token: weak, version: null, body: foreign })).toEqual([401, 'version header was not found.']);
    expect(await asked({ token: weak, version: '2020-01-01', body: foreign })).toEqual([
      401,
      'version header is invalid',
    ]);
    expect(await asked({ token: weak, body: foreign })).toEqual([401, SCOPE]);
    expect(await asked({ body: { ...foreign, odd: 1 } })).toEqual([403, FOREIGN]);
    expect(await asked({ body: { odd: 1 } })).toEqual([422, ['property odd should not exist']]);
  });

  it.each(['2021-07-28', '2021-04-15', '2023-02-21', 'v3'])('is good with version %s', async (version) => {
    expect(await asked({ version })).toEqual([200, undefined]);
  });

  it('is good in its own location only', async () => {
    const mine = [...world.contacts.keys()][0]!;
    const theirs = [...other.contacts.keys()][0]!;
    const statuses = async (token: string): Promise<number[]> =>
      Promise.all(
        [
          `/contacts/${mine}`,
          `/contacts/${theirs}`,
          `/locations/${world.locationId}`,
          `/locations/${other.locationId}`,
        ].map(async (path) => (await call('GET', path, { token })).status),
      );
    expect(await statuses(world.token)).toEqual([200, 403, 200, 403]);
    expect(await statuses(other.token)).toEqual([403, 200, 403, 200]);
  });
});

describe('limits', () => {
  const names = ['Max', 'Remaining', 'Interval-Milliseconds', 'Limit-Daily', 'Daily-Remaining', 'Daily-Reset'];

  it.each<[string, string, string, Call]>([
    ['a success', 'GET', '/contacts/search/duplicate', {}],
    ['a refused token', 'GET', '/contacts/x', { token: 'x' }],
    ['a path that is not there', 'GET', '/nowhere', {}],
    ['a fault', 'GET', '/contacts/broken', {}],
  ])('are told by every answer: %s', async (_what, method, path, more) => {
    simulator.faults.add({ kind: '500', match: 'broken' });
    const { headers } = await call(method, path, more);
    for (const name of names)
      expect([name, headers.get(`x-ratelimit-${name}`)]).toEqual([name, expect.stringMatching(/^\d+$/)]);
  });

  it('are told by the answer to a body that is no JSON, which is a 400', async () => {
    const response = await fetch(`${simulator.baseUrl}/contacts/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"locationId":',
    });
    expect([response.status, response.headers.get('x-ratelimit-max')]).toEqual([400, '100']);
  });

  it('refuse the burst with 429 and without Retry-After, and let it through in the next interval', async () => {
    Object.assign(simulator.limits, { max: 3, intervalMs: 60_000 });
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1) statuses.push((await asked())[0]);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const { headers } = await call('GET', `/locations/${world.locationId}`);
    expect([headers.get('retry-after'), headers.get('x-ratelimit-remaining')]).toEqual([null, '0']);
    simulator.limits.intervalMs = 0;
    expect(await asked()).toEqual([200, undefined]);
  });

  it('are counted for each location by itself', async () => {
    Object.assign(simulator.limits, { max: 2, intervalMs: 60_000 });
    await asked();
    await asked();
    expect((await asked())[0]).toBe(429);
    const { status, headers } = await call('GET', `/locations/${other.locationId}`, { token: other.token });
    expect([status, headers.get('x-ratelimit-remaining')]).toEqual([200, '1']);
  });

  it('of the day end it', async () => {
    simulator.limits.daily = 2;
    const left: (string | null)[] = [];
    for (let index = 0; index < 3; index += 1)
      left.push((await call('GET', `/locations/${world.locationId}`)).headers.get('x-ratelimit-daily-remaining'));
    expect(left).toEqual(['1', '0', '0']);
    expect((await asked())[0]).toBe(429);
  });
});

describe('OAuth', () => {
  const client = { client_id: APP.clientId, client_secret: APP.clientSecret };
  const exchange = (form: Record<string, string>): ReturnType<Caller> =>
    call('POST', '/oauth/token', { form: { ...client, ...form } });
  const byCode = (code: string): ReturnType<Caller> => exchange({ grant_type: 'authorization_code', code });
  const refresh = (token: unknown): ReturnType<Caller> =>
    exchange({ grant_type: 'refresh_token', refresh_token: String(token) });

  it('gives a token for a code, once', async () => {
    const code = simulator.consent.code(world.locationId);
    const { status, body } = await byCode(code);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        token_type: 'Bearer',
        expires_in: 86_399,
        userType: 'Location',
        locationId: world.locationId,
      }),
    ]);
    expect(await asked({ token: String(body['access_token']) })).toEqual([200, undefined]);
    expect(await byCode(code)).toMatchObject({
      status: 401,
      body: { error_description: 'Authorization code not found' },
    });
  });

  it('looks at the code before the credentials of the client', async () => {
    const wrong = { client_secret: 'wrong', grant_type: 'authorization_code' };
    expect(await exchange({ ...wrong, code: 'x' })).toMatchObject({
      status: 401,
      body: { error_description: 'Authorization code not found' },
    });
    const code = simulator.consent.code(world.locationId);
    expect(await exchange({ ...wrong, code })).toMatchObject({
      status: 401,
      body: { error_description: 'Invalid client credentials' },
    });
  });

  it('rotates refresh tokens: one use, and the same pair again within the grace', async () => {
    const { body: first } = await byCode(simulator.consent.code(world.locationId));
    const { body: second } = await refresh(first['refresh_token']);
    expect(second['refresh_token']).not.toBe(first['refresh_token']);
    const { body: again } = await refresh(first['refresh_token']);
    expect(again['access_token']).toBe(second['access_token']);
    simulator.knobs.refreshGraceMs = -1;
    expect((await refresh(first['refresh_token'])).status).toBe(401);
    expect((await refresh(second['refresh_token'])).status).toBe(200);
    expect((await refresh(second['refresh_token'])).status).toBe(401);
  });

  it('lets access tokens expire', async () => {
    simulator.knobs.tokenSeconds = 0;
    const { body } = await byCode(simulator.consent.code(world.locationId));
    expect(await asked({ token: String(body['access_token']) })).toEqual([
      401,
      'Invalid token: access token is invalid',
    ]);
  });

  it('refuses a suspended location', async () => {
    const { body } = await byCode(simulator.consent.code(world.locationId));
    world.isActive = false;
    expect(await refresh(body['refresh_token'])).toMatchObject({
      status: 400,
      body: { message: 'Location is not active' },
    });
  });

  it('gives an agency its locations and a token for each, with 201', async () => {
    const { body: agency } = await byCode(simulator.consent.code(world.locationId, 'Company'));
    expect(agency).toMatchObject({ userType: 'Company', companyId: world.companyId });
    expect(agency).not.toHaveProperty('locationId');
    const token = String(agency['access_token']);
    const { companyId } = world;
    const { body: list } = await call('GET', '/oauth/installedLocations', {
      token,
      query: { companyId, appId: APP.appId },
    });
    expect(list).toMatchObject({ count: 2, locations: [{ _id: world.locationId }, { _id: other.locationId }] });
    const minted = await call('POST', '/oauth/locationToken', {
      token,
      form: { companyId, locationId: other.locationId },
    });
    expect(minted).toMatchObject({ status: 201, body: { locationId: other.locationId, appId: APP.appId } });
    const { status } = await call('GET', `/locations/${other.locationId}`, {
      token: String(minted.body['access_token']),
    });
    expect(status).toBe(200);
  });

  it('gives an agency the users of all its locations, and a location its own', async () => {
    const { token: agency } = simulator.tokens.issue(world, { authClass: 'Company', seconds: 60 });
    const { companyId } = world;
    const count = async (token: string, query: Record<string, string> = {}): Promise<unknown> =>
      (await call('GET', '/users/search', { token, query: { companyId, ...query } })).body['count'];
    expect(await count(agency)).toBe(world.users.length + other.users.length);
    expect(await count(agency, { locationId: other.locationId })).toBe(other.users.length);
    expect(await count(world.token)).toBe(world.users.length);
    const { status } = await call('GET', `/users/${other.users[0]!.id}`, { token: world.token });
    expect(status).toBe(400);
    expect(await call('GET', '/users/search', { query: { companyId: 'another' } })).toMatchObject({ status: 403 });
  });

  it.each<[string, () => string, string]>([
    ['a private integration token', () => world.token, SCOPE],
    [
      'an OAuth token of a location',
      () => simulator.tokens.issue(world, { seconds: 60 }).token,
      "Token's user type mismatch!",
    ],
  ])('mints no location token for %s', async (_what, token, message) => {
    const form = { companyId: world.companyId, locationId: world.locationId };
    expect(await call('POST', '/oauth/locationToken', { token: token(), form })).toMatchObject({
      status: 401,
      body: { message },
    });
  });

  it('lets nobody into the locations of another agency', async () => {
    const stranger = emptyWorld(99);
    const { token } = simulator.tokens.issue(stranger, { authClass: 'Company', seconds: 60 });
    const form = { companyId: stranger.companyId, locationId: world.locationId };
    expect(await call('POST', '/oauth/locationToken', { token, form })).toMatchObject({ status: 403 });
  });
});
