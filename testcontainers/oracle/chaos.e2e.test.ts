import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testStack } from '#testcontainers/addresses.ts';
import { startProxy, type Proxy } from '#testcontainers/proxy.ts';
import { CRASHES, planRound, type Round, type Trouble } from './chaos/plan.ts';
import { runRound } from './chaos/round.ts';
import { startChaos } from './chaos/stack.ts';

const SEED = 15;
const CUT_MS = 2_500;
type Server = 'kafka' | 'registry' | 'postgres';

let chaos: Awaited<ReturnType<typeof startChaos>>;
let proxies: Record<Server, Proxy>;
const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-'));

beforeAll(async () => {
  const stack = testStack();
  const [database, registry] = [new URL(stack.databaseUrl), new URL(stack.schemaRegistryUrl)];
  const [host = '', port = ''] = stack.kafkaBrokers.split(':');
  proxies = {
    kafka: await startProxy({ host, port: Number(port) }),
    registry: await startProxy({ host: registry.hostname, port: Number(registry.port) }),
    postgres: await startProxy({ host: database.hostname, port: Number(database.port) }),
  };
  database.port = String(proxies.postgres.port);
  registry.port = String(proxies.registry.port);
  const detour = {
    DATABASE_URL: database.href,
    SCHEMA_REGISTRY_URL: registry.href,
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'chaos/detour.fixture.mjs')}`,
    DETOUR_FROM: port,
    DETOUR_TO: String(proxies.kafka.port),
  };
  const hurt = async ({ server }: { server: Server }): Promise<void> => {
    proxies[server].cut();
    // How long the cut lasts is what is tried: nothing tells when it has been long enough.
    await wait(CUT_MS);
    proxies[server].heal();
  };
  chaos = await startChaos({ ...stack, detour, hurt }, SEED, folder, {
    connector: { count: 1, point: 'after-publish-before-save' },
    classifier: { count: 1, point: 'after-send-before-checkpoint' },
    projector: { count: 2, point: 'after-commit-before-resolve' },
  });
}, 60_000);

afterAll(async () => {
  const late = await chaos.stop();
  await Promise.all(Object.values(proxies).map((proxy) => proxy.stop()));
  rmSync(folder, { recursive: true, force: true });
  expect(late).toEqual([]);
}, 60_000);

/** A round of a fixed world whose source is well: what goes wrong is given. */
function round(number: number, mode: 'full' | 'targeted', troubles: Trouble[]): Round {
  const { seed, world, contacts, deletedAs } = planRound(SEED, number, { rules: chaos.rules, rows: 40, mode });
  const calm = {
    unanswered: [],
    unansweredEmails: [],
    faults: [],
    unindexed: [],
    dryRun: false,
    drifts: mode === 'full',
  };
  return { ...calm, deletedAs, number, seed, mode, world, contacts, troubles };
}

it('each component dies in the middle of its work, and tables, counters and positions are as if none had', async () => {
  expect(await runRound(chaos, round(1, 'full', []))).toEqual([]);
}, 120_000);

it('and between a message and what says that it was sent', async () => {
  const troubles: Trouble[] = [
    { kind: 'crash', service: 'connector', point: 'after-marker-partial' },
    { kind: 'crash', service: 'classifier', point: 'after-dead-letter-before-checkpoint' },
    { kind: 'crash', service: 'projector', point: 'after-outbox-publish-before-delete' },
    { kind: 'poison' },
  ];
  expect(await runRound(chaos, round(2, 'targeted', troubles))).toEqual([]);
}, 120_000);

it('a projector that was stopped past its session writes nothing when it comes back', async () => {
  const troubles: Trouble[] = [
    { kind: 'crash', service: 'connector', point: 'after-markers-before-finish' },
    { kind: 'zombie', index: 0, afterMs: 300 },
  ];
  expect(await runRound(chaos, round(3, 'full', troubles))).toEqual([]);
}, 120_000);

it('each server is cut off while a service starts and a scan runs', async () => {
  const troubles: Trouble[] = [
    { kind: 'kill', service: 'classifier', afterMs: 0 },
    { kind: 'restart', server: 'registry', afterMs: 100 },
    { kind: 'restart', server: 'kafka', afterMs: 400 },
    { kind: 'restart', server: 'postgres', afterMs: 1_200 },
  ];
  expect(await runRound(chaos, round(4, 'targeted', troubles))).toEqual([]);
}, 120_000);

it('every crash point was met, and no process gave up its settings', () => {
  expect([...chaos.fleet.met].sort()).toEqual([...new Set(CRASHES.map(([point]) => point))].sort());
  expect(chaos.fleet.deaths.refused).toBe(0);
});
