import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { stackAccess, type StackAccess } from '#libs/runtime/src/access.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { kafkaOf, registryOf } from '#libs/runtime/src/platform.ts';
import { readSettings } from '#libs/runtime/src/settings.ts';
import { makeCertificates, type Certificates } from '#testcontainers/certificates.ts';
import { EVENT, loopEvent, readTopic } from '#testcontainers/loop.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { chooseStack } from '#testcontainers/stack/choice.ts';
import { download } from '#testcontainers/stack/downloads.ts';
import { findJava, machineProbe } from '#testcontainers/stack/java.ts';
import { startKafka } from '#testcontainers/stack/kafka.ts';
import { freePorts } from '#testcontainers/stack/ports.ts';
import { createSupervisor, plainEnvironment, type Supervisor } from '#testcontainers/stack/processes.ts';
import { createCodec } from './codec.ts';
import { createProducer } from './producer.ts';
import { registerSchemas } from './registry.ts';
import { withAdmin } from './topics.ts';

const PASSWORD = 'canary-password';
const LOGIN = `Basic ${Buffer.from(`me:${PASSWORD}`).toString('base64')}`;

let folder: string;
let certificates: Certificates;
let supervisor: Supervisor;
let registry: Server;
let env: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(process.cwd(), 'node_modules/.access-'));
  certificates = makeCertificates(folder);
  supervisor = createSupervisor(join(folder, 'logs'), () => undefined);
  const [port, controllerPort, securePort] = (await freePorts(3)) as [number, number, number];
  registry = await startRegistryFront();
  await startSecureKafka(port, controllerPort, securePort);
  env = {
    DATABASE_URL: testStack().databaseUrl,
    KAFKA_BROKERS: `localhost:${securePort}`,
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: certificates.caFile,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'me',
    KAFKA_SASL_PASSWORD: PASSWORD,
    SCHEMA_REGISTRY_URL: `https://localhost:${(registry.address() as AddressInfo).port}`,
    SCHEMA_REGISTRY_USERNAME: 'me',
    SCHEMA_REGISTRY_PASSWORD: PASSWORD,
    SCHEMA_REGISTRY_SSL_CA_FILE: certificates.caFile,
  };
}, 60_000);

afterAll(async () => {
  await supervisor.stopAll('kafka');
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** A broker with a SASL_SSL listener beside the plain one, which its own parts use. */
async function startSecureKafka(port: number, controllerPort: number, securePort: number): Promise<void> {
  const choice = chooseStack({ ...process.env, STACK: 'embedded' });
  if (choice.kind !== 'embedded') throw new Error('no embedded stack');
  const { kafka: jars } = await download(supervisor, choice.downloadsDir, process.env, () => undefined);
  const pem = (file: string): string => readFileSync(file, 'utf8').trimEnd().replaceAll('\n', '\\n');
  await startKafka(supervisor, {
    dataDir: folder,
    java: findJava(machineProbe(process.env)),
    jars,
    port,
    controllerPort,
    fast: true,
    env: plainEnvironment(process.env),
    more: {
      format: ['--add-scram', `SCRAM-SHA-512=[name=me,password=${PASSWORD}]`],
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${port},SASL_SSL://127.0.0.1:${securePort},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${securePort}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
        'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_me="${PASSWORD}";`,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.certificate.chain': pem(certificates.certFile),
        'ssl.keystore.key': pem(certificates.keyFile),
      },
    },
  });
}

/** The registry of the stack behind https and a password. */
async function startRegistryFront(): Promise<Server> {
  const { schemaRegistryUrl } = testStack();
  const server = createServer({ cert: certificates.cert, key: certificates.key }, (incoming, answer) => {
    if (incoming.headers.authorization !== LOGIN) return void answer.writeHead(401).end();
    const { host: _host, authorization: _login, ...headers } = incoming.headers;
    const onward = request(
      `${schemaRegistryUrl}${incoming.url ?? ''}`,
      { method: incoming.method ?? 'GET', headers },
      (reply) => reply.pipe(answer.writeHead(reply.statusCode ?? 502, reply.headers)),
    );
    return void incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const logger = createLogger({ name: 'test', level: 'silent' });

function accessOf(changes: Record<string, string> = {}): StackAccess {
  const access = stackAccess(readSettings({ ...env, ...changes }));
  if ('missing' in access) throw new Error(access.missing.join());
  return access;
}

const listTopics = (access: StackAccess): Promise<string[]> =>
  withAdmin(kafkaOf(access, 'test', logger, { retries: 3 }), (admin) => admin.listTopics());

describe('with the right settings', () => {
  it.each(['scram-sha-512', 'plain'])(
    '%s over TLS: an event goes through registry and broker and back',
    async (sasl) => {
      const access = accessOf({ KAFKA_SASL_MECHANISM: sasl });
      const kafka = kafkaOf(access, 'test', logger);
      const topic = `test.access.${sasl}` as TopicName;
      await withAdmin(kafka, (admin) =>
        admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }),
      );
      await registerSchemas(registryOf(access));
      const codec = createCodec(registryOf(access));
      await codec.ready([EVENT]);
      const producer = await createProducer({ kafka, codec, source: '/test' });
      await producer.send([loopEvent(topic, 'e1', 0)]);
      await producer.stop();
      const [record] = await readTopic(kafka, topic, 1);
      expect(await createCodec(registryOf(access)).decode(record!.value!)).toMatchObject({ value: { syncId: 'e1' } });
    },
    20_000,
  );
});

describe('refused, told as configuration, without a secret', () => {
  it.each<[string, () => Record<string, string>, RegExp]>([
    ['a wrong password (SCRAM)', () => ({ KAFKA_SASL_PASSWORD: 'canary-wrong' }), /KAFKA_SASL_PASSWORD/],
    [
      'a wrong password (PLAIN)',
      () => ({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'canary-wrong' }),
      /KAFKA_SASL_PASSWORD/,
    ],
  ])(
    'brokers: %s',
    async (_what, changes, message) => {
      const access = accessOf(changes());
      const codec = createCodec(registryOf(access));
      const kafka = kafkaOf(access, 'test', logger);
      for (const work of [() => listTopics(access), () => createProducer({ kafka, codec, source: '/test' })])
        await expectRefusal(work, message);
    },
    30_000,
  );

  // kafkajs tries these again, as it does a broker that is down.
  it('brokers: another authority, another host name', async () => {
    const byAddress = env['KAFKA_BROKERS']!.replace('localhost', '127.0.0.1');
    await Promise.all([
      expectRefusal(
        () => listTopics(accessOf({ KAFKA_SSL_CA_FILE: certificates.strangerFile })),
        /nobody who is trusted.*KAFKA_SSL_CA_FILE/,
      ),
      expectRefusal(() => listTopics(accessOf({ KAFKA_BROKERS: byAddress })), /another host name.*KAFKA_BROKERS/),
    ]);
  }, 40_000);

  it.each<[string, () => Record<string, string>, RegExp]>([
    ['a wrong password', () => ({ SCHEMA_REGISTRY_PASSWORD: 'canary-wrong' }), /SCHEMA_REGISTRY_PASSWORD/],
    [
      'another authority',
      () => ({ SCHEMA_REGISTRY_SSL_CA_FILE: certificates.strangerFile }),
      /SCHEMA_REGISTRY_SSL_CA_FILE/,
    ],
    [
      'another host name',
      () => ({ SCHEMA_REGISTRY_URL: env['SCHEMA_REGISTRY_URL']!.replace('localhost', '127.0.0.1') }),
      /SCHEMA_REGISTRY_URL/,
    ],
  ])('registry: %s', async (_what, changes, message) => {
    const address = registryOf(accessOf(changes()));
    for (const work of [() => registerSchemas(address), () => createCodec(address).ready([EVENT])])
      await expectRefusal(work, message);
  });
});

async function expectRefusal(work: () => Promise<unknown>, message: RegExp): Promise<void> {
  const failure = (await work().catch((error: unknown) => error)) as Error;
  expect(failure).toMatchObject({ code: 'access_refused', kind: 'config', message: expect.stringMatching(message) });
  expect(failure.message).not.toMatch(/canary/);
}
