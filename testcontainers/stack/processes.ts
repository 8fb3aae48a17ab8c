import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A server process of the stack. */
export interface ServerProcess {
  name: string;
  pid: number;
  logFile: string;
  /** Exit code once it ended; null when a signal ended it. */
  ended: Promise<number | null>;
  running(this: void): boolean;
}

/** What to run. */
export interface ServerCommand {
  name: string;
  command: string;
  args: string[];
  /** The whole environment: a server inherits nothing else, least of all the secrets of its owner. */
  env: NodeJS.ProcessEnv;
  /** Ends by itself and is waited for: it keeps this process alive, and its end is no event. */
  task?: true;
  uid?: number;
  gid?: number;
}

/** Starts and stops servers; whatever becomes of this process, none of them outlives it (a guard process watches). */
export interface Supervisor {
  start(this: void, command: ServerCommand): ServerProcess;
  /** Ends a server at once, as a fault and not as a stop, and starts the same again. */
  restart(this: void, name: string, signal: NodeJS.Signals): Promise<ServerProcess>;
  /** Stops what still runs: all but `last` side by side, then `last`; killed when it takes too long. */
  stopAll(this: void, last: string): Promise<void>;
  /** Told of a server or the guard that ended unasked. */
  onExit(this: void, listener: ExitListener): void;
}

/** Hears which part ended and its exit code (null: ended by a signal). */
export type ExitListener = (part: string, code: number | null) => void;

const STOP_WITHIN_MS = 10_000;

/** A supervisor whose servers log to files of `logDir`; `started` is told of every process the moment it is there. */
export function createSupervisor(logDir: string, started: (server: ServerProcess) => void): Supervisor {
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  const listeners = new Set<ExitListener>();
  const children = new Map<ServerProcess, ChildProcess>();
  const commands = new Map<string, ServerCommand>();
  let stopping = false;
  const report = (part: string, code: number | null): void => {
    if (!stopping) for (const listener of listeners) listener(part, code);
  };
  const guard = startGuard((code) => report('guard', code));

  async function stop(server: ServerProcess): Promise<void> {
    const child = children.get(server);
    if (child === undefined || !server.running()) return;
    child.ref();
    // SIGINT is PostgreSQL's fast shutdown, and Java ends on it as well.
    child.kill('SIGINT');
    const late = new AbortController();
    const timer = wait(STOP_WITHIN_MS, 'late', { signal: late.signal }).catch(() => 'ended');
    if ((await Promise.race([server.ended, timer])) === 'late') child.kill('SIGKILL');
    await server.ended;
    late.abort();
  }

  function start(command: ServerCommand): ServerProcess {
    commands.set(command.name, command);
    const logFile = join(logDir, `${command.name}.log`);
    const child = spawnServer(command, logFile);
    const { pid } = child;
    if (pid === undefined)
      throw new AppError('stack_unavailable', `${command.name} could not be started: is ${command.command} installed?`);
    guard.tell(`+${pid}`);
    let running = true;
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => {
        running = false;
        guard.tell(`-${pid}`);
        resolve(code);
        if (command.task !== true) report(command.name, code);
      });
    });
    if (command.task !== true) child.unref();
    const server: ServerProcess = { name: command.name, pid, logFile, ended, running: () => running };
    children.set(server, child);
    started(server);
    return server;
  }

  return {
    start,
    async restart(name, signal) {
      for (const [server, child] of children) {
        if (server.name !== name || !server.running()) continue;
        child.ref();
        child.kill(signal);
        await server.ended;
      }
      return start(commands.get(name)!);
    },
    async stopAll(last) {
      stopping = true;
      const servers = [...children.keys()];
      await Promise.all(servers.filter(({ name }) => name !== last).map(stop));
      await Promise.all(servers.filter(({ name }) => name === last).map(stop));
      guard.end();
    },
    onExit: (listener) => void listeners.add(listener),
  };
}

function startGuard(ended: (code: number | null) => void): {
  tell(this: void, line: string): void;
  end(this: void): void;
} {
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.mjs')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  });
  guard.once('exit', ended);
  guard.once('error', () => ended(null));
  // A guard that died is reported by its exit; the broken pipe adds nothing.
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?(): void }).unref?.();
  return { tell: (line) => void guard.stdin.write(`${line}\n`), end: () => void guard.stdin.end() };
}

/** A process group of its own: Ctrl-C in the terminal reaches us alone, and we stop the servers in order. */
function spawnServer({ command, args, env, uid, gid }: ServerCommand, logFile: string): ChildProcess {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  try {
    const ids = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    const child = spawn(command, args, { stdio: ['ignore', log, log], detached: true, env, cwd: '/', ...ids });
    // Without a listener a missing program would end this process; the caller sees it by the absent pid.
    child.on('error', () => undefined);
    return child;
  } finally {
    closeSync(log);
  }
}

/** Waits until a server answers; fails with the end of its log when it ends first or time runs out. */
export async function untilReady(
  server: ServerProcess,
  ready: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ready()) || !server.running()) {
    if (!server.running() || Date.now() > deadline) {
      throw new AppError(
        'stack_unavailable',
        `${server.name} did not start; see ${server.logFile}, which ends with:\n${logTail(server.logFile)}`,
      );
    }
    await wait(30);
  }
}

/** The last lines of a log, those that name a cause first in line. */
export function logTail(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const causes = lines.filter((line) => /caused by|fatal|error/i.test(line)).slice(-4);
  return (causes.length > 0 ? causes : lines.slice(-4)).map((line) => line.slice(0, 300)).join('\n');
}

/** What a server needs of the owner's environment, and nothing else. */
export function plainEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'LD_LIBRARY_PATH'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
