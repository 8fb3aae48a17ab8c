import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '#libs/runtime/src/errors.ts';
import { download, type Downloads } from './downloads.ts';
import { findJava, machineProbe } from './java.ts';
import { startKafka } from './kafka.ts';
import { acquireLock, isAlive, markOf, signalProcess, waitForLock } from './lock.ts';
import { answers, choosePorts } from './ports.ts';
import { postgresUrl, startPostgres } from './postgres.ts';
import {
  createSupervisor,
  plainEnvironment,
  type ExitListener,
  type ServerProcess,
  type Supervisor,
} from './processes.ts';
import { registryAnswers, registryUrl, startRegistry } from './registry.ts';
import {
  liveServers,
  readStackFile,
  removeStackFile,
  writeStackFile,
  type Ports,
  type StackFile,
  type StackInfo,
} from './stack-file.ts';

/** Where and how the servers are started. */
export interface EmbeddedOptions {
  /** Absolute. */
  dataDir: string;
  downloadsDir: string;
  env: NodeJS.ProcessEnv;
  log(this: void, line: string): void;
  /** Gives durability, and speed in the long run, up for less work: for tests only. */
  fast: boolean;
}

/** Servers that this process started and answers for. */
export interface OwnedServers {
  info: StackInfo;
  /** Kafka and the registry first, PostgreSQL last, since the registry writes to it. May be called again. */
  stop(this: void): Promise<void>;
  onExit(this: void, listener: ExitListener): void;
  /** Kills a server with a signal and starts it again with its data; resolves while it still starts. */
  restart(this: void, part: 'kafka' | 'registry' | 'postgres', signal: NodeJS.Signals): Promise<ServerProcess>;
}

const LEFTOVER_KILL_AFTER_MS = 12_000;
const UNREACHABLE_AFTER_MS = 10_000;

/** The embedded stack of a data folder, if its owner lives and its servers answer. */
export async function findEmbedded(dataDir: string): Promise<StackInfo | undefined> {
  const file = readStackFile(dataDir);
  if (file?.ready !== true || !isAlive(file.owner)) return undefined;
  const { info, ports } = file;
  const reachable = await Promise.all([
    answers('127.0.0.1', ports.postgres),
    answers('127.0.0.1', ports.kafka),
    registryAnswers(info.schemaRegistryUrl),
  ]);
  return reachable.every(Boolean) ? info : undefined;
}

/** Starts the servers of a data folder, or waits for another process that is just doing so and gives its address. */
export async function startEmbedded(options: EmbeddedOptions): Promise<OwnedServers | StackInfo> {
  const claim = await claimDataDir(options);
  if (typeof claim !== 'function') return claim;
  try {
    await endLeftovers(options.dataDir);
    return await startServers(options, claim);
  } catch (error) {
    claim();
    throw error;
  }
}

/** One process at a time owns the servers of a data folder. */
async function claimDataDir({ dataDir, log }: EmbeddedOptions): Promise<(() => void) | StackInfo> {
  let seenReady = 0;
  for (let told = false; ; told = true) {
    const lock = acquireLock(join(dataDir, 'stack.lock'));
    if (typeof lock === 'function') return lock;
    const info = await findEmbedded(dataDir);
    if (info !== undefined) return info;
    if (readStackFile(dataDir)?.ready !== true) seenReady = 0;
    else if (seenReady === 0) seenReady = Date.now();
    else if (Date.now() - seenReady > UNREACHABLE_AFTER_MS) {
      throw new AppError(
        'stack_unavailable',
        `process ${lock.pid} owns the stack of ${dataDir}, but its servers do not answer: stop that process first`,
      );
    }
    if (!told) log(`Waiting for process ${lock.pid}, which starts or stops the stack of ${dataDir}`);
    await wait(100);
  }
}

/** Servers whose owner and guard were killed, or that the guard is just ending: PostgreSQL must be gone before the next one starts. */
async function endLeftovers(dataDir: string): Promise<void> {
  const file = readStackFile(dataDir);
  const deadline = Date.now() + LEFTOVER_KILL_AFTER_MS;
  for (const server of liveServers(file)) signalProcess(server, 'SIGINT');
  for (let left = liveServers(file); left.length > 0; left = liveServers(file)) {
    if (Date.now() > deadline) for (const server of left) signalProcess(server, 'SIGKILL');
    await wait(50);
  }
  removeStackFile(dataDir);
}

async function startServers(options: EmbeddedOptions, releaseDataDir: () => void): Promise<OwnedServers> {
  const { dataDir, env, log } = options;
  const java = findJava(machineProbe(env));
  const servers: ServerProcess[] = [];
  const draft: Partial<StackFile> = { owner: markOf(), ready: false };
  const supervisor = createSupervisor(join(dataDir, 'logs'), (server) => {
    servers.push(server);
    saveDraft(dataDir, draft, servers);
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopServers(supervisor, dataDir, releaseDataDir));
  // Nobody would end the servers after a SIGKILL any more: better none than such ones.
  supervisor.onExit((part) => void (part === 'guard' && stop()));
  try {
    const releaseMachine = await waitForLock(join(resolve(options.downloadsDir), 'starting.lock'), (pid) =>
      log(`Waiting for process ${pid}, which downloads or starts another stack`),
    );
    try {
      const downloads = await download(supervisor, options.downloadsDir, env, log);
      const ports = await choosePorts(dataDir, log);
      const password = databasePassword(dataDir);
      const info = describe(ports, password);
      Object.assign(draft, { info, ports, versions: downloads.versions });
      log(
        `Stack: embedded (PostgreSQL :${ports.postgres}, Kafka :${ports.kafka}, schema registry :${ports.registry}; data in ${dataDir})`,
      );
      await launch(supervisor, options, { java, downloads, ports, password });
      const dead = servers.find((server) => server.name !== 'download' && !server.running());
      if (dead !== undefined)
        throw new AppError('stack_unavailable', `${dead.name} ended while the others started; see ${dead.logFile}`);
      draft.ready = true;
      saveDraft(dataDir, draft, servers);
      return { info, stop, onExit: supervisor.onExit, restart: supervisor.restart };
    } finally {
      releaseMachine();
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Launch {
  java: string;
  downloads: Downloads;
  ports: Ports;
  password: string;
}

/** Kafka needs nobody; the registry needs PostgreSQL. Settles only when every start has settled. */
async function launch(
  supervisor: Supervisor,
  { dataDir, env, fast }: EmbeddedOptions,
  { java, downloads, ports, password }: Launch,
): Promise<void> {
  const plain = plainEnvironment(env);
  const kafka = startKafka(supervisor, {
    dataDir,
    java,
    jars: downloads.kafka,
    port: ports.kafka,
    controllerPort: ports.controller,
    fast,
    env: plain,
  });
  const storage = startPostgres(supervisor, { dataDir, port: ports.postgres, password, fast, env: plain }).then(() =>
    startRegistry(supervisor, {
      java,
      folder: downloads.registry,
      port: ports.registry,
      managementPort: ports.registryManagement,
      postgresPort: ports.postgres,
      password,
      env: plain,
    }),
  );
  await Promise.all([kafka, storage]).catch(async (error: unknown) => {
    await supervisor.stopAll('postgres');
    await Promise.allSettled([kafka, storage]);
    throw error;
  });
}

async function stopServers(supervisor: Supervisor, dataDir: string, releaseDataDir: () => void): Promise<void> {
  const file = readStackFile(dataDir);
  if (file !== undefined) writeStackFile(dataDir, { ...file, ready: false });
  await supervisor.stopAll('postgres');
  removeStackFile(dataDir);
  releaseDataDir();
}

function saveDraft(dataDir: string, draft: Partial<StackFile>, servers: ServerProcess[]): void {
  // Maven runs before anything is known that the file is for; the guard knows it.
  if (draft.info === undefined) return;
  const alive = servers.filter((server) => server.running());
  writeStackFile(dataDir, {
    ...(draft as StackFile),
    servers: alive.map(({ name, pid }) => ({ name, ...markOf(pid) })),
  });
}

function describe(ports: Ports, password: string): StackInfo {
  return {
    kind: 'embedded',
    kafkaBrokers: `127.0.0.1:${ports.kafka}`,
    schemaRegistryUrl: registryUrl(ports.registry),
    databaseUrl: postgresUrl({ port: ports.postgres, password }, 'tributary'),
  };
}

function databasePassword(dataDir: string): string {
  const file = join(dataDir, 'postgres-password');
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}
