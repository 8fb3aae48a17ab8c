import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { secret } from '#libs/runtime/src/secret.ts';
import { startGhlSimulator, type GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld, type World } from '#testcontainers/simulators/ghl/world.ts';
import { createBudget } from '../kit/rate-limit.ts';
import { createGhlClient, type GhlClient, type GhlClientOptions } from './client.ts';
import { fixedToken } from './tokens.ts';

let simulator: GhlSimulator;
let world: World;
let other: World;

beforeEach(async () => {
  [world, other] = [makeWorld({ seed: 1, contacts: 95 }), makeWorld({ seed: 2, contacts: 45 })];
  simulator = await startGhlSimulator({ world, others: [other], limits: { intervalMs: 200 } });
});

afterEach(async () => {
  await simulator.stop();
});

function client(of: World = world, more: Partial<GhlClientOptions> = {}): GhlClient {
  return createGhlClient({
    baseUrl: simulator.baseUrl,
    tokens: fixedToken(secret(of.token)),
    locationId: of.locationId,
    budget: createBudget(),
    timeoutMs: 2_000,
    patienceMs: 5_000,
    ...more,
  });
}

/** Ids of all pages of ten, in the order in which they came. */
async function list(from: GhlClient): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: unknown[] | undefined; ;) {
    const page = await from.searchPage(10, cursor);
    ids.push(...(page.contacts as { id: string }[]).map(({ id }) => id));
    cursor = page.cursor;
    if (page.contacts.length < 10) return ids;
  }
}

describe('the client and an API that behaves', () => {
  it('reads every contact once, oldest first', async () => {
    const ids = await list(client());
    const expected = [...world.contacts.values()].sort((a, b) => a.dateAdded - b.dateAdded || (a.id < b.id ? -1 : 1));
    expect(ids).toEqual(expected.map(({ id }) => id));
  });

  it('reads two locations at once, each with its own budget, and only their own contacts', async () => {
    const [mine, theirs] = await Promise.all([list(client()), list(client(other))]);
    expect(new Set(mine)).toEqual(new Set(world.contacts.keys()));
    expect(new Set(theirs)).toEqual(new Set(other.contacts.keys()));
  });

  it.each(['400', '404', '200'] as const)('takes a deleted contact for gone, answered with %s', async (deletedAs) => {
    simulator.knobs.deletedAs = deletedAs;
    const [id = ''] = world.contacts.keys();
    world.deleteContact(id);
    await expect(client().getContact(id)).resolves.toEqual({ found: false });
  });

  it('takes a contact of another location for no answer, never for gone, and asks once whether the location may be read', async () => {
    const [one = '', two = ''] = other.contacts.keys();
    const mine = client();
    for (const id of [one, two])
      await expect(mine.getContact(id)).rejects.toMatchObject({
        code: 'ghl_bad_request',
        message: expect.stringContaining('another location'),
      });
    expect(simulator.requests.map(({ status }) => status)).toEqual([403, 200, 403]);
  });

  it('knows a location that may not be read from a contact that may not', async () => {
    const [id = ''] = other.contacts.keys();
    await expect(client(world, { locationId: other.locationId }).getContact(id)).rejects.toMatchObject({
      code: 'ghl_forbidden',
      message: expect.stringContaining('GHL_LOCATION_ID'),
    });
  });
});

describe('limits that are really there', () => {
  it('keep a fast reader just below them: nobody is refused', async () => {
    Object.assign(simulator.limits, { max: 5, intervalMs: 150 });
    expect(await list(client())).toHaveLength(95);
    expect(simulator.requests.filter(({ status }) => status === 429)).toEqual([]);
  });

  it('that another user of the token has used up are waited for', async () => {
    Object.assign(simulator.limits, { max: 5, intervalMs: 300 });
    const headers = { authorization: `Bearer ${world.token}`, version: '2021-07-28' };
    for (let index = 0; index < 5; index += 1)
      await fetch(`${simulator.baseUrl}/locations/${world.locationId}`, { headers });
    const told: string[] = [];
    await client(world, { onRequest: (status) => told.push(status) }).getLocation();
    expect([told[0], told.at(-1)]).toEqual(['429', '200']);
  });

  it('of the day, met by a 429, end at once with the time they are reset, whatever patience is left', async () => {
    simulator.limits.daily = 0;
    await expect(client(world, { patienceMs: 60_000 }).getLocation()).rejects.toMatchObject({
      code: 'ghl_daily_limit',
      message: expect.stringContaining('minutes'),
    });
    expect(simulator.requests).toHaveLength(1);
  });

  it('of the day, met by a 429 that asks for more than patience, are still named', async () => {
    Object.assign(simulator.limits, { daily: 0, intervalMs: 10_000 });
    await expect(client(world, { patienceMs: 100 }).getLocation()).rejects.toMatchObject({ code: 'ghl_daily_limit' });
  });

  it('of one location do not slow another one down', async () => {
    simulator.limits.daily = 3;
    const [mine, theirs] = [client(), client(other)];
    await expect(list(mine)).rejects.toMatchObject({ code: 'ghl_daily_limit' });
    await expect(theirs.getLocation()).resolves.toEqual({ name: other.name });
  });
});

describe('tokens that end in the middle of a list', () => {
  it.each([
    ['revoked', () => simulator.tokens.revoke(world.token)],
    ['expired', () => simulator.tokens.expire(world.token)],
  ])('%s: no further request is tried', async (_what, end) => {
    simulator.faults.afterPage(3, end);
    await expect(list(client())).rejects.toMatchObject({ code: 'ghl_unauthorized', kind: 'config' });
    expect(simulator.requests).toHaveLength(4);
  });

  it('of the agency and without scope are told apart', async () => {
    const agency = simulator.tokens.issue(world, { authClass: 'Company', seconds: 60 });
    const weak = simulator.tokens.issue(world, { scopes: ['users.readonly'] });
    const asked = (token: string): Promise<unknown> =>
      client(world, { tokens: fixedToken(secret(token)) }).searchPage(1, undefined);
    await expect(asked(agency.token)).rejects.toMatchObject({ message: expect.stringContaining('agency') });
    await expect(asked(weak.token)).rejects.toMatchObject({ message: expect.stringContaining('lacks a scope') });
    const blind = simulator.tokens.issue(world, { scopes: ['locations.readonly'] });
    const [id = ''] = world.contacts.keys();
    await expect(client(world, { tokens: fixedToken(secret(blind.token)) }).getContact(id)).rejects.toMatchObject({
      code: 'ghl_forbidden',
      message: expect.stringContaining('lacks a scope'),
    });
  });
});

describe('an index that lags', () => {
  it('hides a new contact from the list, not from a look-up by id', async () => {
    simulator.knobs.indexLagMs = 30_000;
    const { id } = world.addContact({});
    expect(await list(client())).not.toContain(id);
    await expect(client().getContact(id)).resolves.toMatchObject({ found: true });
  });
});
