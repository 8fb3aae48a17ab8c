import { setTimeout as wait } from 'node:timers/promises';
import { createCodec } from '#libs/kafka/src/codec.ts';
import { createProducer } from '#libs/kafka/src/producer.ts';
import { TOPICS } from '#libs/contracts/src/topics.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, kafkaOf, registryOf } from '#libs/runtime/src/platform.ts';
import { ghlRules, readSettings } from '#libs/runtime/src/settings.ts';
import { createPool } from '#libs/storage/src/pool.ts';
import { startGhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';
import { startFleet, type Crew } from './fleet.ts';
import { CAP, PAGE, type Trouble } from './plan.ts';
import type { ChaosStack } from './round.ts';

/** Where the servers are, and how they are hurt. */
export interface Servers {
  kafkaBrokers: string;
  schemaRegistryUrl: string;
  databaseUrl: string;
  /** Takes a server away and gives it back. */
  hurt(trouble: Trouble & { kind: 'restart' | 'freeze' }): Promise<void>;
  /** Settings that lead the services to proxies instead. */
  detour?: Record<string, string>;
}

/** How long a zombie stands still: longer than its session. */
const SESSION_S = 6;
const FROZEN_MS = (SESSION_S + 2) * 1000;

/** Settings under which small worlds meet every rule, and troubles show soon. */
const SETTINGS = {
  HTTP_PORT: '0',
  KAFKA_SESSION_TIMEOUT: String(SESSION_S),
  GHL_RETRY_SECONDS: '8',
  GHL_REQUEST_TIMEOUT: '2',
  GHL_RATE_LIMIT_DELAY: '0.02',
  SEARCH_PAGE_LIMIT: String(PAGE),
  LIST_SCAN_CAP: String(CAP),
  MISSING_MIN_ROWS: '8',
};

/** Deploys, and starts the simulator and the services as processes: two connectors, a classifier and two projectors if nothing is said. */
export async function startChaos(
  servers: Servers,
  seed: number,
  logDir: string,
  crew: Crew = { connector: { count: 2 }, classifier: { count: 1 }, projector: { count: 2 } },
): Promise<ChaosStack & { stop(): Promise<string[]> }> {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = servers;
  const logger = createLogger({ name: 'chaos', level: 'silent' });
  await deploy({ stack: servers, logger, service: 'chaos', replication: 1 });
  const simulator = await startGhlSimulator({ world: emptyWorld(seed), limits: { enabled: false } });
  const database = createPool({ databaseUrl, applicationName: 'chaos', max: 3 });
  const kafka = kafkaOf(servers, 'chaos', logger);
  const codec = createCodec(registryOf(servers));
  await codec.ready([...TOPICS['crm.sync-request.v1'].events]);
  const producer = await createProducer({ kafka, codec, source: '/chaos' });
  const env = {
    ...SETTINGS,
    KAFKA_BROKERS: kafkaBrokers,
    SCHEMA_REGISTRY_URL: schemaRegistryUrl,
    DATABASE_URL: databaseUrl,
    GHL_API_BASE_URL: simulator.baseUrl,
    GHL_LOCATION_ID: simulator.world.locationId,
    GHL_PRIVATE_TOKEN: simulator.world.token,
    ...servers.detour,
  };
  const fleet = startFleet(crew, env, logDir);

  /** One hurt of a server at a time: what is just coming back cannot be taken away. */
  const hurting = new Map<string, Promise<void>>();
  function hurt(trouble: Parameters<Servers['hurt']>[0]): Promise<void> {
    const last = hurting.get(trouble.server) ?? Promise.resolve();
    const work = last.then(() => servers.hurt(trouble));
    hurting.set(trouble.server, work);
    return work;
  }

  async function suffer(trouble: Trouble): Promise<void> {
    if ('afterMs' in trouble) await wait(trouble.afterMs);
    switch (trouble.kind) {
      case 'kill':
        return fleet.kill(trouble.service, trouble.index);
      case 'zombie': {
        const thaw = fleet.freeze('projector', trouble.index);
        await wait(FROZEN_MS);
        return thaw();
      }
      case 'poison':
        return producer.sendRaw([{ topic: 'crm.raw.ghl.v1', key: null, value: Buffer.from('no Avro'), headers: {} }]);
      case 'restart':
      case 'freeze':
        return hurt(trouble);
      case 'crash':
        return undefined;
    }
  }

  return {
    simulator,
    rules: ghlRules(readSettings({ ...SETTINGS })),
    database,
    kafka,
    producer,
    fleet,
    suffer,
    async stop() {
      const left = await fleet.stop();
      await producer.stop();
      await database.end();
      await simulator.stop();
      return left;
    },
  };
}
