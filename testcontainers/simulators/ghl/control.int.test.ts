import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { caller, type Caller } from './caller.fixture.ts';
import { FAULT_KINDS } from './faults.ts';
import { startGhlSimulator, type GhlSimulator } from './simulator.ts';
import { makeWorld, type World } from './world.ts';

let simulator: GhlSimulator;
let world: World;
let other: World;
let call: Caller;

beforeEach(async () => {
  [world, other] = [makeWorld({ seed: 1, contacts: 30 }), makeWorld({ seed: 2, contacts: 10 })];
  simulator = await startGhlSimulator({ world, others: [other] });
  call = caller(simulator);
});

afterEach(async () => {
  await simulator.stop();
});

const control = (method: string, path: string, body?: object): Promise<Response> =>
  fetch(`${simulator.baseUrl}/__control${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const where = (): string => `${simulator.baseUrl}/locations/${world.locationId}`;
const ask = (token = world.token, url = where()): Promise<Response> =>
  fetch(url, {
    headers: { authorization: `Bearer ${token}`, version: '2021-07-28' },
    signal: AbortSignal.timeout(150),
  });

describe('faults', () => {
  it.each<[string, object, number, string]>([
    ['429 without Retry-After', { kind: '429' }, 429, 'Too Many Requests'],
    ['500', { kind: '500' }, 500, 'Internal server error'],
    ['502 in HTML', { kind: '502-html' }, 502, '<h1>502 Bad Gateway</h1>'],
    ['an empty 503', { kind: '503-empty' }, 503, ''],
    ['an expired token', { kind: 'token-expired' }, 401, 'Invalid token: access token is invalid'],
    ['a revoked token', { kind: 'token-revoked' }, 401, 'Invalid Private Integration token'],
    ['a scope that is missing', { kind: 'forbidden-scope' }, 401, 'not authorized for this scope'],
    ['422', { kind: 'commit-422' }, 422, 'could not be read back'],
  ])('%s meets the request that it was meant for, as often as it was meant', async (_what, fault, status, text) => {
    await control('POST', '/faults', { ...fault, match: 'GET /locations/', after: 1, times: 1 });
    const [first, second, third] = [await ask(), await ask(), await ask()];
    expect([first.status, second.status, third.status]).toEqual([200, status, 200]);
    expect(await second.text()).toContain(text);
    expect(second.headers.get('retry-after')).toBeNull();
  });

  it('429 says how long to wait when it is told to', async () => {
    await control('POST', '/faults', { kind: '429', retryAfter: 7 });
    expect((await ask()).headers.get('retry-after')).toBe('7');
  });

  it.each(['hang', 'reset', 'commit-hang', 'truncated'])('%s gives no whole answer', async (kind) => {
    await control('POST', '/faults', { kind, times: 1 });
    await expect(ask().then((response) => response.text())).rejects.toThrow();
    expect((await ask()).status).toBe(200);
  });

  it.each(['commit-hang', 'commit-422'])('%s has done what was asked all the same', async (kind) => {
    await control('POST', '/faults', { kind, match: 'POST /contacts/', times: 1 });
    const body = { locationId: world.locationId, email: 'kept@example.test' };
    const sent = fetch(`${simulator.baseUrl}/contacts/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.token}`, version: '2021-07-28', 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(150),
    });
    await sent
      .then((response) => expect(response.status).toBe(422))
      .catch((error: Error) => expect(error.name).toBe('TimeoutError'));
    expect([...world.contacts.values()].filter(({ email }) => email === body.email)).toHaveLength(1);
  });

  it('of one location spare the others', async () => {
    await control('POST', '/faults', { kind: '500', locationId: other.locationId });
    const theirs = await ask(other.token, `${simulator.baseUrl}/locations/${other.locationId}`);
    expect([(await ask()).status, theirs.status]).toEqual([200, 500]);
  });

  it('end when they are cleared; an unknown one is refused with the list of all', async () => {
    await control('POST', '/faults', { kind: '500' });
    await control('DELETE', '/faults');
    expect((await ask()).status).toBe(200);
    const refused = await control('POST', '/faults', { kind: 'earthquake' });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(FAULT_KINDS.join(', '))]);
  });
});

describe('a scan that is disturbed', () => {
  const page = async (cursor?: unknown[]): Promise<{ id: string; searchAfter: unknown[] }[]> => {
    const sort = [{ field: 'dateAdded', direction: 'asc' }];
    const { body } = await call('POST', '/contacts/search', {
      body: {
        locationId: world.locationId,
        pageLimit: 10,
        sort,
        ...(cursor === undefined ? {} : { searchAfter: cursor }),
      },
    });
    return body['contacts'] as { id: string; searchAfter: unknown[] }[];
  };

  it('has its cursor repeated', async () => {
    const first = await page();
    await control('POST', '/faults', { kind: 'repeat-cursor' });
    expect(await page(first.at(-1)!.searchAfter)).toEqual(first);
  });

  it('sees contacts added, changed and deleted after a page, of its own location only', async () => {
    const ids = [...world.contacts.values()].sort((a, b) => a.dateAdded - b.dateAdded).map(({ id }) => id);
    await control('POST', `/after-page/2`, {
      add: [{ id: 'Added', email: 'added@example.test' }],
      change: [{ id: ids[25], city: 'Changed' }],
      delete: [ids[22]],
    });
    await control('POST', `/after-page/1?locationId=${other.locationId}`, { delete: [...other.contacts.keys()] });
    const first = await page();
    const second = await page(first.at(-1)!.searchAfter);
    expect(second.map(({ id }) => id)).toEqual(ids.slice(10, 20));
    const third = await page(second.at(-1)!.searchAfter);
    expect(third.map(({ id }) => id)).toEqual([...ids.slice(20, 22), ...ids.slice(23), 'Added']);
    expect(third.find(({ id }) => id === ids[25])).toMatchObject({ city: 'Changed' });
    expect(other.contacts.size).toBe(10);
  });

  it('loses its token in the middle', async () => {
    await control('POST', '/tokens/revoke', {});
    expect((await ask()).status).toBe(401);
    const issued = simulator.tokens.issue(world, { seconds: 60 }).token;
    expect((await ask(issued)).status).toBe(200);
    await control('POST', '/tokens/expire', { token: issued });
    expect(await (await ask(issued)).json()).toMatchObject({ message: 'Invalid token: access token is invalid' });
  });
});

describe('the control endpoint', () => {
  it('lists the locations, and keeps their contacts apart', async () => {
    const { id } = (await (
      await control('POST', `/contacts?locationId=${other.locationId}`, { city: 'There' })
    ).json()) as {
      id: string;
    };
    expect(await (await control('GET', '/locations')).json()).toMatchObject({
      locations: [
        { locationId: world.locationId, contacts: 30 },
        { locationId: other.locationId, contacts: 11 },
      ],
    });
    await control('PATCH', `/contacts/${id}?locationId=${other.locationId}`, { city: 'Elsewhere' });
    expect(other.contacts.get(id)).toMatchObject({ city: 'Elsewhere' });
    await control('DELETE', `/contacts/${id}?locationId=${other.locationId}`);
    expect(other.contacts.has(id)).toBe(false);
    expect((await control('POST', '/contacts?locationId=nowhere', {})).status).toBe(404);
  });

  it('turns limits and knobs, and tells what was asked', async () => {
    expect(await (await control('POST', '/limits', { max: 5 })).json()).toMatchObject({ max: 5, daily: 200_000 });
    expect(await (await control('POST', '/knobs', { indexLagMs: 9 })).json()).toMatchObject({ indexLagMs: 9 });
    await ask();
    expect(await (await control('GET', '/requests')).json()).toMatchObject({
      total: 1,
      requests: [
        { method: 'GET', path: `/locations/${world.locationId}`, status: 200, headers: { version: '2021-07-28' } },
      ],
    });
    await control('DELETE', '/requests');
    expect(await (await control('GET', '/requests')).json()).toEqual({ total: 0, requests: [] });
  });
});
