import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { createTokenVault } from '#libs/storage/src/oauth-tokens.ts';
import { readKeyRing } from '#libs/runtime/src/key-ring.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { APP } from '#testcontainers/simulators/ghl/oauth-routes.ts';
import { emptyWorld, type World } from '#testcontainers/simulators/ghl/world.ts';

const TOKEN_KEYS = `k1:${randomBytes(32).toString('base64')}`;
const FIRST = emptyWorld(6101);
const SECOND = emptyWorld(6102);
const CONTACTS = 9;
const SLOW_MS = 30_000;

let test: TestPipeline;
let logged = '';
/** Everything that nobody may read. */
const secrets = new Set<string>();

beforeAll(async () => {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  test = await startTestPipeline(
    FIRST,
    {
      SEARCH_PAGE_LIMIT: '2',
      GHL_CLIENT_ID: APP.clientId,
      GHL_CLIENT_SECRET: APP.clientSecret,
      GHL_REDIRECT_URL: 'https://sync.example.test/oauth/ghl/callback',
      TOKEN_KEYS,
    },
    {
      others: [SECOND],
      logger: createLogger({ name: 'test', level: 'debug', destination }),
      // The first location is connected through OAuth; the second has a token and rules of its own.
      accountOf: (world, rules) =>
        world === FIRST
          ? { token: null }
          : { rules: { ...rules, vendorSourceKeyword: 'Partner', defaultVendorStatus: 'fresh' } },
    },
  );
  await query('delete from tributary.oauth_tokens');
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

afterEach(async () => {
  for (const { headers, body } of test.simulator.requests) {
    const { refresh_token: refresh, code } = (body ?? {}) as Record<string, string | undefined>;
    const { authorization } = headers as Record<string, string | undefined>;
    for (const one of [authorization, refresh, code]) secrets.add((one ?? '').replace('Bearer ', ''));
  }
  secrets.add(await kept());
  secrets.delete('');
});

beforeEach(async () => {
  test.simulator.faults.clear();
  test.simulator.requests.length = 0;
  for (const world of [FIRST, SECOND]) {
    world.isActive = true;
    world.contacts.clear();
    world.revision += 1;
    for (let index = 0; index < CONTACTS; index += 1)
      world.addContact({
        email: `same${index}@example.test`,
        firstName: `Ann ${index}`,
        lastName: world === FIRST ? 'First' : 'Second',
        source: world === FIRST ? 'Vendor Application' : 'Partner',
      });
  }
  await query('delete from vendors');
  await query('delete from leads');
});

async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await test.pipeline.platform.database.query<T>(text, values)).rows;
}

const api = (path: string, key?: string): Promise<Response> =>
  fetch(`${test.pipeline.url}${path}`, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });

/** The location grants access, unless it did. */
async function installed(): Promise<void> {
  if ((await kept()) === '') await install(FIRST);
}

/** Does what an administrator and a browser would. */
async function install(world: World): Promise<Response> {
  const answer = await api(`/oauth/ghl/install?locationId=${world.locationId}`, test.apiKey);
  const { url } = (await answer.json()) as { url: string };
  const state = new URL(url).searchParams.get('state') ?? '';
  const code = test.simulator.consent.code(world.locationId);
  return api(`/oauth/ghl/callback?code=${encodeURIComponent(code)}&state=${encodeURIComponent(state)}`);
}

const kept = async (): Promise<string> => {
  const vault = createTokenVault(test.pipeline.platform.database, readKeyRing(TOKEN_KEYS), 'ghl');
  return (await vault.read(FIRST.locationId))?.access.reveal() ?? '';
};

const renewals = (): number =>
  test.simulator.requests.filter(
    ({ body }) => (body as { grant_type?: string } | undefined)?.grant_type === 'refresh_token',
  ).length;

/** The list pages that a location answered, each by its cursor. */
function pages(world: World, status: number): string[] {
  return test.simulator.requests
    .filter((request) => request.path === '/contacts/search' && request.status === status)
    .map(({ body }) => body as { locationId: string; searchAfter?: unknown })
    .filter(({ locationId }) => locationId === world.locationId)
    .map(({ searchAfter }) => JSON.stringify(searchAfter ?? null));
}

describe('two locations', () => {
  it('are not read before access is granted, and the way to grant it is told', async () => {
    const run = await test.sync();
    expect(run).toMatchObject({ success: false, exitCode: 2, error: { code: 'ghl_not_connected' } });
    expect(run.message).toContain('tributary accounts install');
  });

  it('are installed by an administrator, through a state that works once', async () => {
    expect((await api('/oauth/ghl/install')).status).toBe(401);
    const done = await install(FIRST);
    expect(done.status).toBe(200);
    expect(await done.json()).toEqual({ locationId: FIRST.locationId, connected: true, configured: true });
    const refused = await api('/oauth/ghl/callback?code=x&state=y');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'request_invalid' });
    const denied = await api('/oauth/ghl/callback?error=access_denied&state=y');
    expect(await denied.json()).toMatchObject({ code: 'request_invalid' });
  });

  it('are told when GoHighLevel cannot turn the code into tokens, with a status that the document has', async () => {
    const document = (await (await api('/openapi.json')).json()) as {
      paths: Record<string, { get: { responses: Record<string, { description: string }> } }>;
    };
    const { responses } = document.paths['/oauth/ghl/callback']!.get;
    for (const [kind, status, code] of [
      ['429', 503, 'ghl_rate_limited'],
      ['truncated', 502, 'ghl_truncated'],
    ] as const) {
      test.simulator.faults.add({ kind, match: '/oauth/token', times: 1 });
      const failed = await install(FIRST);
      expect(failed.status).toBe(status);
      expect(await failed.json()).toMatchObject({ code });
      expect(responses[status]!.description.split(', ')).toContain(code);
      expect(await (await fetch(failed.url)).json()).toMatchObject({
        code: 'request_invalid',
        detail: expect.stringContaining('tried already: start it again'),
      });
    }
  });

  it(
    'are read side by side; a token that expires in mid-scan loses no page and reads none twice',
    async () => {
      await installed();
      const old = await kept();
      test.simulator.faults.afterPage(2, () => test.simulator.tokens.expire(old), FIRST.locationId);
      // Neither is through before the other has begun.
      for (const { locationId } of [FIRST, SECOND])
        test.simulator.faults.add({ kind: '429', match: '/contacts/search', locationId, times: 3 });
      const both = await Promise.all([test.sync(), test.sync({ account: SECOND.locationId })]);
      for (const run of both)
        expect(run).toMatchObject({
          success: true,
          exitCode: 0,
          stats: { ghl_contacts_fetched: CONTACTS, vendors_created: CONTACTS, conflicts: 0 },
        });
      expect(Math.max(...both.map(({ startedAt }) => startedAt!))).toBeLessThan(
        Math.min(...both.map(({ finishedAt }) => finishedAt!)),
      );
      const good = pages(FIRST, 200);
      expect(new Set(good).size).toBe(good.length);
      expect(pages(FIRST, 401)).toHaveLength(1);
      expect(good).toContain(pages(FIRST, 401)[0]);
      expect(pages(SECOND, 401)).toEqual([]);
      expect(renewals()).toBe(1);
      expect(await kept()).not.toBe(old);
    },
    SLOW_MS,
  );

  it(
    'never share a row, whatever e-mails they have in common, and each has its own rules',
    async () => {
      await installed();
      await Promise.all([test.sync(), test.sync({ account: SECOND.locationId })]);
      const rows = await query<{ account_id: string; email: string; name: string; status: string }>(
        'select account_id, email, name, status from vendors order by account_id, email',
      );
      expect(rows).toHaveLength(2 * CONTACTS);
      for (const { account_id: account, name, status } of rows) {
        const isFirst = account === FIRST.locationId;
        expect(name).toContain(isFirst ? 'First' : 'Second');
        expect(status).toBe(isFirst ? 'pending' : 'fresh');
      }
      SECOND.contacts.clear();
      SECOND.revision += 1;
      await test.sync({ account: SECOND.locationId });
      const missing = await query<{ account_id: string; count: number }>(
        `select account_id, count(*) as count from vendors where status = 'inactive_ghl_deleted' group by 1`,
      );
      expect(missing).toEqual([{ account_id: SECOND.locationId, count: CONTACTS }]);
    },
    SLOW_MS,
  );

  it(
    'of which one is suspended in mid-scan: that scan ends incomplete and says so, the other one is done',
    async () => {
      await installed();
      const old = await kept();
      test.simulator.faults.afterPage(
        2,
        () => {
          test.simulator.tokens.expire(old);
          FIRST.isActive = false;
        },
        FIRST.locationId,
      );
      const [first, second] = await Promise.all([test.sync(), test.sync({ account: SECOND.locationId })]);
      expect(first).toMatchObject({ success: false, exitCode: 3, error: { code: 'ghl_not_connected' } });
      expect(first.message).toContain('not active');
      expect(first.stats).toMatchObject({ vendors_missing_in_ghl: 0 });
      expect(second).toMatchObject({ success: true, exitCode: 0 });
    },
    SLOW_MS,
  );

  it('leave no secret in logs, tables or answers', async () => {
    for (const one of [APP.clientSecret, SECOND.token, TOKEN_KEYS.slice(3)]) secrets.add(one);
    // Both tokens of the first location, the code of its install, the refresh token that was spent, and the three above.
    expect(secrets.size).toBeGreaterThanOrEqual(7);
    const rows = await query(
      'select to_jsonb(r) as row from runs r union all select to_jsonb(t) from tributary.oauth_tokens t',
    );
    const metrics = await (await api('/metrics')).text();
    const seen = `${logged}${JSON.stringify(rows)}${metrics}`;
    for (const one of secrets) expect(seen).not.toContain(one);
  });
});
