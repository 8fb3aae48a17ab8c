import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chooseStack } from './choice.ts';
import { findEmbedded, startEmbedded } from './embedded.ts';
import { acquireLock, isAlive, signalProcess, type ProcessMark } from './lock.ts';
import type { ExitListener } from './processes.ts';
import { liveServers, readStackFile, type StackInfo } from './stack-file.ts';
import { unreachable } from './status.ts';

export { acquireOwnerLock } from './lock.ts';
export { stackStatus, type PartStatus } from './status.ts';
export type { StackInfo } from './stack-file.ts';

/** A stack to work with. */
export interface RunningStack {
  info: StackInfo;
  /** True when this process started the servers; only then does stop() stop them. */
  owned: boolean;
  /** Ends within seconds and leaves no process; may be called again. */
  stop(this: void): Promise<void>;
  /** Told of an owned server that ended unasked; when it is the guard, the stack is already stopping. */
  onExit(this: void, listener: ExitListener): void;
}

/** Where and how a stack is started. */
export interface StackOptions {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  /** Talk for people, a line at a time. */
  log(this: void, line: string): void;
  /** Gives durability up for speed: for tests only. */
  fast?: boolean;
}

const STOP_WITHIN_MS = 30_000;

/** Finds or starts the stack that the settings ask for, and says which. */
export async function startStack({ dataDir, env, log, fast = false }: StackOptions): Promise<RunningStack> {
  const choice = chooseStack(env);
  if (choice.kind === 'external') {
    const down = await unreachable(choice.info);
    log(
      `Stack: external (KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL)${down.length === 0 ? '' : `; no answer from ${down.join(', ')}`}`,
    );
    return borrowed(choice.info);
  }
  const folder = resolve(dataDir);
  mkdirSync(folder, { recursive: true });
  const running =
    (await findEmbedded(folder)) ??
    (await startEmbedded({ dataDir: folder, downloadsDir: choice.downloadsDir, env, log, fast }));
  if ('stop' in running) return { ...running, owned: true };
  log(`Stack: embedded, already running (data in ${folder})`);
  return borrowed(running);
}

function borrowed(info: StackInfo): RunningStack {
  return { info, owned: false, stop: async () => undefined, onExit: () => undefined };
}

/** The running embedded stack of a data folder; undefined when there is none that answers. */
export function findStack(dataDir: string): Promise<StackInfo | undefined> {
  return findEmbedded(resolve(dataDir));
}

/**
 * Ends the embedded stack of a data folder with the process that owns it, be it the daemon of `stack up` or an `npm start`, and
 * waits until every server is gone. False when none runs.
 */
export async function stopStack(dataDir: string): Promise<boolean> {
  const folder = resolve(dataDir);
  const file = readStackFile(folder);
  const owner = file?.owner ?? lockHolder(folder);
  if (owner === undefined || (!isAlive(owner) && liveServers(file).length === 0)) return false;
  const deadline = Date.now() + STOP_WITHIN_MS;
  const signal = (name: NodeJS.Signals): void => {
    for (const target of isAlive(owner) ? [owner] : liveServers(file)) signalProcess(target, name);
  };
  signal('SIGTERM');
  while (isAlive(owner) || liveServers(file).length > 0) {
    if (Date.now() > deadline) signal('SIGKILL');
    await wait(50);
  }
  return true;
}

/** Who is about to start a stack that has no file yet (it downloads). */
function lockHolder(folder: string): ProcessMark | undefined {
  const lock = acquireLock(join(folder, 'stack.lock'));
  if (typeof lock !== 'function') return lock;
  lock();
  return undefined;
}

/** Shell exports that point other commands at the stack. They hold the database's password. */
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
