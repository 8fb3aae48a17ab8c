import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { secret } from '#libs/runtime/src/secret.ts';
import { createGhlClient } from '#libs/sources/ghl/client.ts';
import { fixedToken } from '#libs/sources/ghl/tokens.ts';
import { createBudget } from '#libs/sources/kit/rate-limit.ts';
import {
  answerDifferences,
  hasOpenapi,
  operationOf,
  readOperations,
  requestDifferences,
  type Difference,
  type Exchange,
  type Operation,
} from './openapi.fixture.ts';
import { everyRoute } from './openapi-traffic.fixture.ts';
import { caller, type Caller } from './caller.fixture.ts';
import { isWaived, WAIVERS, type Waiver } from './openapi-waivers.fixture.ts';
import { startGhlSimulator, type GhlSimulator } from './simulator.ts';
import { everyType } from './fields.ts';
import { createRandom } from './random.ts';
import { makeWorld } from './world.ts';

const suite = hasOpenapi ? describe : describe.skip;
const where = hasOpenapi ? '' : ' (skipped: ../shared/openapi/ghl with the official files is not here)';

suite(`the official OpenAPI files${where}`, () => {
  let simulator: GhlSimulator;
  let call: Caller;
  let operations: Operation[];
  /** Requests of our own client, as the simulator got them. */
  let ours: Exchange[];
  let differences: Difference[];

  beforeAll(async () => {
    operations = readOperations();
    const world = makeWorld({ seed: 21, contacts: 40, odd: false });
    world.addContact({ firstName: 'Every', lastName: 'Type', customFields: everyType(createRandom(3)) });
    simulator = await startGhlSimulator({ world, limits: { enabled: false } });
    ours = await requestsOfOurClient(simulator);
    call = caller(simulator);
    await everyRoute(simulator, call);
    differences = [...ours, ...call.exchanges].flatMap((exchange) => {
      const operation = operationOf(operations, exchange.request);
      if (operation === undefined) throw new Error(`no file has ${exchange.request.method} ${exchange.request.path}`);
      const isAccepted = exchange.status < 300 || ours.includes(exchange);
      return [
        ...(isAccepted ? requestDifferences(operation, exchange) : []),
        ...(ours.includes(exchange) ? [] : answerDifferences(operation, exchange)),
      ];
    });
  });

  afterAll(async () => {
    await simulator.stop();
  });

  it('have every route of the simulator, and every one of them was answered with success', () => {
    const answered = new Set(
      call.exchanges
        .filter(({ status }) => status < 300)
        .map(({ request }) =>
          operationOf(operations, request)
            ?.name.replace(/\{\w+\}/g, '*')
            .replace(/\/$/, ''),
        ),
    );
    const routes = simulator.routes.map((route) => route.replace(/:\w+/g, '*').replace(/\/$/, ''));
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.filter((route) => !answered.has(route))).toEqual([]);
  });

  it('agree with every answer of the simulator and with every request, but for what is waived', () => {
    const open = differences.filter((difference) => !WAIVERS.some((waiver) => isWaived(waiver, difference)));
    const lines = open.map(({ operation, side, status, at, fault }) => `${side} ${status} ${operation} ${at} ${fault}`);
    expect([...new Set(lines)].sort()).toEqual([]);
  });

  it('agree with every request of our client, without any waiver', () => {
    expect(ours.map(({ request }) => `${request.method} ${request.path.split('/')[1]}`)).toEqual([
      'GET locations',
      'POST contacts',
      'POST contacts',
      'GET contacts',
      'GET contacts',
    ]);
    const found = ours.flatMap((exchange) => requestDifferences(operationOf(operations, exchange.request)!, exchange));
    expect(found).toEqual([]);
  });

  it('notice what is wrong', () => {
    const good = call.exchanges.find(({ request, status }) => request.path === '/contacts/' && status === 200)!;
    const operation = operationOf(operations, good.request)!;
    const request = { ...good.request, query: { limit: 'many', startedAfter: '1' }, headers: { version: 'v9' } };
    expect(requestDifferences(operation, { ...good, request }).map(({ at, fault }) => `${at} ${fault}`)).toEqual([
      '?Version must be equal to one of the allowed values',
      '?startedAfter unknown parameter',
      '?locationId is missing',
      '?limit must be number',
    ]);
    const answer = { contacts: [{ id: 7, adress: 'x' }], count: '1' };
    expect(answerDifferences(operation, { ...good, answer }).map(({ at, fault }) => `${at} ${fault}`)).toEqual([
      '/contacts/* unknown key adress',
      '/contacts/*/id must be string',
      '/count must be number',
    ]);
    expect(answerDifferences(operation, { ...good, answer: { contacts: [] } })).toMatchObject([
      { at: '/', fault: 'key count is missing' },
    ]);
    expect(answerDifferences(operation, { ...good, status: 418 })).toMatchObject([
      { fault: 'status 418 is not documented' },
    ]);
  });

  it('ask for the scopes that the simulator asks for', async () => {
    for (const { request, status } of call.exchanges.filter((exchange) => exchange.status < 300)) {
      const { scopes } = operationOf(operations, request)!;
      if (scopes.length === 0) continue;
      const authClass = scopes[0]!.startsWith('oauth') ? 'Company' : 'Location';
      const { token } = simulator.tokens.issue(simulator.world, { authClass, scopes: ['other'], seconds: 60 });
      const refused = await caller(simulator)(request.method, request.path, { token });
      expect([request.path, status, refused.body['message']]).toEqual([
        request.path,
        status,
        'The token is not authorized for this scope.',
      ]);
      const granted = simulator.tokens.issue(simulator.world, { authClass, scopes, seconds: 60 });
      const taken = await caller(simulator)(request.method, request.path, { token: granted.token });
      expect([request.path, taken.status]).not.toEqual([request.path, 401]);
    }
  });

  it('differ in every point that is waived: a waiver that nobody needs has to go', () => {
    const isNeeded = (waiver: Waiver): boolean => differences.some((difference) => isWaived(waiver, difference));
    expect(WAIVERS.filter((waiver) => !isNeeded(waiver))).toEqual([]);
  });
});

/** Everything the client can ask, in the order of a scan. */
async function requestsOfOurClient({ baseUrl, world, requests }: GhlSimulator): Promise<Exchange[]> {
  const client = createGhlClient({
    baseUrl,
    tokens: fixedToken(secret(world.token)),
    locationId: world.locationId,
    budget: createBudget(),
    timeoutMs: 5_000,
    patienceMs: 0,
  });
  await client.getLocation();
  const { cursor } = await client.searchPage(20, undefined);
  await client.searchPage(20, cursor);
  await client.getContact([...world.contacts.keys()][0]!);
  await client.getContact('NobodyNobodyNobody00');
  return requests.map((request) => ({ request, status: request.status, answer: undefined }));
}
