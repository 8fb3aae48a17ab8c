import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';
import { download } from './downloads.ts';
import { findJava } from './java.ts';
import { startKafka } from './kafka.ts';
import { isAlive, markOf, type ProcessMark } from './lock.ts';
import { answers, freePort, isFree } from './ports.ts';
import { postgresUrl, startPostgres } from './postgres.ts';
import { createSupervisor, type ServerProcess, type Supervisor } from './processes.ts';
import { registryAnswers, registryUrl, startRegistry } from './registry.ts';

/** How to reach the three services. */
export interface StackInfo {
  kind: 'embedded' | 'external';
  /** Value of KAFKA_BROKERS. */
  kafkaBrokers: string;
  /** Value of SCHEMA_REGISTRY_URL: the Confluent-compatible API. */
  schemaRegistryUrl: string;
  /** Value of DATABASE_URL. */
  databaseUrl: string;
}

/** A stack to work with. */
export interface RunningStack {
  info: StackInfo;
  /** True when this process started the servers; only then does stop() stop them. */
  owned: boolean;
  stop(): Promise<void>;
  /** Told of a server that ended unasked. */
  onExit(listener: (part: string, code: number | null) => void): void;
}

/** Where and how a stack is started. */
export interface StackOptions {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  /** Talk for people, a line at a time. */
  log(line: string): void;
  /** Gives durability up for speed: for tests only. */
  fast?: boolean;
}

interface StackFile extends StackInfo {
  owner: ProcessMark;
  ports: Ports;
  parts: { name: string; pid: number }[];
}

interface Ports {
  postgres: number;
  kafka: number;
  controller: number;
  registry: number;
}

const FIRST_PORTS: Ports = { postgres: 54320, kafka: 59092, controller: 59192, registry: 58081 };

/** Which stack the settings ask for (architecture section 8): external when its three addresses are set, else embedded. */
export function chooseStack(env: NodeJS.ProcessEnv): 'external' | 'embedded' {
  const addresses = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL'];
  const given = addresses.filter((name) => (env[name] ?? '') !== '');
  const wanted = env['STACK'] ?? '';
  if (wanted === 'embedded') return 'embedded';
  if (wanted === 'docker') throw new AppError('config_invalid', 'STACK=docker comes with a later version: use STACK=embedded or STACK=external');
  if (wanted !== '' && wanted !== 'external') throw new AppError('config_invalid', `STACK is ${wanted}: it must be external or embedded`);
  if (given.length === addresses.length) return 'external';
  if (wanted === 'external' || given.length > 0) {
    const missing = addresses.filter((name) => !given.includes(name));
    throw new AppError('config_invalid', `an external stack needs ${missing.join(' and ')} as well (or STACK=embedded to start one here)`);
  }
  return 'embedded';
}

/** Finds or starts the stack and says which. */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { env, log } = options;
  if (chooseStack(env) === 'external') {
    log('Stack: external (KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL)');
    return borrowed({
      kind: 'external',
      kafkaBrokers: env['KAFKA_BROKERS'] ?? '',
      schemaRegistryUrl: env['SCHEMA_REGISTRY_URL'] ?? '',
      databaseUrl: env['DATABASE_URL'] ?? '',
    });
  }
  const dataDir = resolve(options.dataDir);
  const running = await findStack(dataDir);
  if (running !== undefined) {
    log(`Stack: embedded, already running (${dataDir})`);
    return borrowed(running);
  }
  return startEmbedded({ ...options, dataDir });
}

function borrowed(info: StackInfo): RunningStack {
  return { info, owned: false, stop: async () => undefined, onExit: () => undefined };
}

/** The embedded stack of a data folder, if its owner lives and its servers answer. */
export async function findStack(dataDir: string): Promise<StackInfo | undefined> {
  const file = readStackFile(resolve(dataDir));
  if (file === undefined || !isAlive(file.owner)) return undefined;
  const reachable = await Promise.all([
    answers('127.0.0.1', file.ports.postgres),
    answers('127.0.0.1', file.ports.kafka),
    registryAnswers(file.schemaRegistryUrl),
  ]);
  const { kind, kafkaBrokers, schemaRegistryUrl, databaseUrl } = file;
  return reachable.every(Boolean) ? { kind, kafkaBrokers, schemaRegistryUrl, databaseUrl } : undefined;
}

async function startEmbedded({ dataDir, env, log, fast = false }: StackOptions): Promise<RunningStack> {
  const logDir = join(dataDir, 'logs');
  mkdirSync(logDir, { recursive: true });
  const java = findJava();
  const files = await download(env['DOWNLOADS_DIR'] ?? join('.data', 'downloads'), log);
  const ports = await choosePorts(dataDir, log);
  const password = databasePassword(dataDir);
  log(`Stack: embedded, starting PostgreSQL :${ports.postgres}, Kafka :${ports.kafka}, schema registry :${ports.registry} (data in ${dataDir})`);
  const supervisor = createSupervisor(logDir);
  const servers: ServerProcess[] = [];
  try {
    const kafka = startKafka(supervisor, { dataDir, java, jars: files.kafka, port: ports.kafka, controllerPort: ports.controller });
    // Both are awaited below; a failure of the first must not leave the second unheard.
    kafka.catch(() => undefined);
    servers.push(await startPostgres(supervisor, { dataDir, port: ports.postgres, password, fast }));
    servers.push(await startRegistry(supervisor, { java, folder: files.registry, port: ports.registry, postgresPort: ports.postgres, password }));
    servers.push(await kafka);
  } catch (error) {
    await stopServers(supervisor, servers);
    throw error;
  }
  const info: StackInfo = {
    kind: 'embedded',
    kafkaBrokers: `127.0.0.1:${ports.kafka}`,
    schemaRegistryUrl: registryUrl(ports.registry),
    databaseUrl: postgresUrl({ port: ports.postgres, password }, 'tributary'),
  };
  const parts = servers.map(({ name, pid }) => ({ name, pid }));
  writeFileSync(stackFile(dataDir), JSON.stringify({ ...info, owner: markOf(), ports, parts } satisfies StackFile, null, 2), { mode: 0o600 });
  return {
    info,
    owned: true,
    onExit: (listener) => supervisor.onExit(listener),
    async stop() {
      rmSync(stackFile(dataDir), { force: true });
      writeFileSync(join(dataDir, 'ports.json'), JSON.stringify(ports));
      await stopServers(supervisor, servers);
    },
  };
}

/** Kafka and the registry first, PostgreSQL last: the registry writes to it. */
async function stopServers(supervisor: Supervisor, servers: ServerProcess[]): Promise<void> {
  await Promise.all(servers.filter(({ name }) => name !== 'postgres').map((server) => supervisor.stop(server)));
  await Promise.all(servers.filter(({ name }) => name === 'postgres').map((server) => supervisor.stop(server)));
  supervisor.close();
}

async function choosePorts(dataDir: string, log: (line: string) => void): Promise<Ports> {
  const wanted = readJson<Ports>(join(dataDir, 'ports.json')) ?? FIRST_PORTS;
  const taken = new Set<number>();
  const ports = { ...wanted };
  for (const name of Object.keys(FIRST_PORTS) as (keyof Ports)[]) {
    if (!taken.has(wanted[name]) && (await isFree(wanted[name]))) taken.add(wanted[name]);
    else {
      ports[name] = await freePort(wanted[name], taken);
      log(`Port ${wanted[name]} is in use, ${name} takes ${ports[name]}`);
    }
  }
  writeFileSync(join(dataDir, 'ports.json'), JSON.stringify(ports));
  return ports;
}

function databasePassword(dataDir: string): string {
  const file = join(dataDir, 'postgres-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}

/** State of each part of a stack, for `stack status` and `doctor`. */
export interface PartStatus {
  part: 'postgres' | 'kafka' | 'registry';
  reachable: boolean;
  address: string;
  pid: number | null;
}

/** What is reachable of the stack that the settings and the data folder name. */
export async function stackStatus(dataDir: string, env: NodeJS.ProcessEnv): Promise<{ kind: string; parts: PartStatus[] }> {
  const kind = chooseStack(env);
  const file = readStackFile(resolve(dataDir));
  if (kind === 'embedded' && file === undefined) return { kind, parts: [] };
  const info: StackInfo = file !== undefined && kind === 'embedded' ? file : (await startStack({ dataDir, env, log: () => undefined })).info;
  const pidOf = (name: string): number | null => (kind === 'embedded' ? (file?.parts.find((part) => part.name === name)?.pid ?? null) : null);
  const database = new URL(info.databaseUrl);
  const [broker = ''] = info.kafkaBrokers.split(',');
  const [host = '', port = '9092'] = broker.split(':');
  return {
    kind,
    parts: [
      {
        part: 'postgres',
        reachable: await answers(database.hostname, Number(database.port || 5432)),
        address: database.host,
        pid: pidOf('postgres'),
      },
      { part: 'kafka', reachable: await answers(host, Number(port)), address: broker, pid: pidOf('kafka') },
      { part: 'registry', reachable: await registryAnswers(info.schemaRegistryUrl), address: new URL(info.schemaRegistryUrl).host, pid: pidOf('registry') },
    ],
  };
}

/** Asks the owner of an embedded stack to stop it and waits for its end; false when none runs. */
export async function stopStack(dataDir: string): Promise<boolean> {
  const file = readStackFile(resolve(dataDir));
  if (file === undefined || !isAlive(file.owner)) return false;
  process.kill(file.owner.pid, 'SIGTERM');
  while (isAlive(file.owner)) await new Promise((done) => setTimeout(done, 100));
  return true;
}

/** Shell exports that point other commands at the stack. */
export function stackEnv(info: StackInfo): string {
  const values = {
    STACK: 'external',
    KAFKA_BROKERS: info.kafkaBrokers,
    SCHEMA_REGISTRY_URL: info.schemaRegistryUrl,
    DATABASE_URL: info.databaseUrl,
  };
  return Object.entries(values)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join('\n');
}

function stackFile(dataDir: string): string {
  return join(dataDir, 'stack.json');
}

function readStackFile(dataDir: string): StackFile | undefined {
  return readJson<StackFile>(stackFile(dataDir));
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
