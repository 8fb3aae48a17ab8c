import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { startHost, type Host } from '#libs/runtime/src/host.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { ghlRules, readSettings } from '#libs/runtime/src/settings.ts';
import { openOrm } from '#libs/storage/src/orm.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { listLeads, listRuns, listVendors } from '#libs/storage/src/reads.ts';
import { syncRequest } from '#libs/sources/kit/requests.ts';
import { applyRunEvent } from '#libs/storage/src/runs.ts';
import { classifierComponents } from '#services/classifier/src/component.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { connectorComponents } from '#services/connector/src/component.ts';
import { projectorComponents } from '#services/projector/src/component.ts';
import { createLogin, type Login } from '#testcontainers/logins.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startGhlSimulator, type GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld } from '#testcontainers/simulators/ghl/world.ts';

const SERVICES = ['api', 'classifier', 'connector', 'projector'] as const;
const logger = createLogger({ name: 'test', level: 'silent' });
const settings = readSettings({ GHL_RATE_LIMIT_DELAY: '0' });
const world = makeWorld({ seed: 16, contacts: 60, odd: false });
const logins = new Map<string, Login>();
const platforms = new Map<string, Platform>();

let admin: Database;
let simulator: GhlSimulator;
let host: Host;

const platformOf = (service: (typeof SERVICES)[number]): Platform => platforms.get(service)!;

beforeAll(async () => {
  const stack = testStack();
  await deploy({ stack, logger, service: 'test', replication: 1 });
  admin = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', max: 2 });
  simulator = await startGhlSimulator({ world, limits: { enabled: false } });
  for (const service of SERVICES) {
    const login = await createLogin(admin, stack.databaseUrl, { roles: [`tributary_${service}`] });
    logins.set(service, login);
    const own = { ...stack, databaseUrl: login.url };
    platforms.set(service, await openPlatform({ stack: own, databasePool: 6, logger, service }));
  }
  const rules = ghlRules(settings);
  const account = { locationId: world.locationId, token: secret(world.token), rules };
  const ghl = { baseUrl: simulator.baseUrl, accounts: [account] };
  host = await startHost(
    [
      ...projectorComponents(platformOf('projector'), () => rules, logger),
      ...classifierComponents(platformOf('classifier'), () => rules),
      ...connectorComponents({ settings, ghl, platform: platformOf('connector'), logger }),
    ],
    logger,
  );
}, 60_000);

afterAll(async () => {
  await host.stop();
  await Promise.all([...platforms.values()].map((platform) => platform.close()));
  for (const login of logins.values()) await login.drop();
  await simulator.stop();
  await admin.end();
}, 60_000);

it.each(['full', 'incremental', 'targeted'])(
  'every service does its part of a sync in mode %s with the rights of its own role',
  async (mode) => {
    const { producer, database } = platformOf('api');
    const account = world.locationId;
    const event = syncRequest({ source: 'ghl', account, mode, dryRun: false, requestedBy: 'test' });
    await producer.send([event]);
    await applyRunEvent(database, event.type, event.value);
    expect(await followRun(database, event.value.syncId, () => undefined)).toMatchObject({
      status: 'completed',
      success: true,
    });
  },
  60_000,
);

it('the api reads what came of it', async () => {
  const orm = await openOrm(logins.get('api')!.url);
  const query = {
    account: world.locationId,
    accounts: undefined,
    includeMissing: true,
    inactiveStatuses: [],
    sort: 'id',
    descending: false,
    limit: 500,
    offset: 0,
  };
  const [vendors, leads] = [await listVendors(orm, query), await listLeads(orm, query)];
  expect(vendors.total + leads.total).toBeGreaterThan(0);
  const runs = await listRuns(orm, { account: world.locationId, accounts: undefined, limit: 3 });
  expect(runs.map(({ mode }) => mode)).toEqual(['targeted', 'incremental', 'full']);
  await orm.close(true);
});
