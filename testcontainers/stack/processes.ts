import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
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
  running(): boolean;
}

/** What to run. */
export interface ServerCommand {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** How a clean stop is asked for. */
  stopSignal: NodeJS.Signals;
}

/** Starts and stops servers; whatever becomes of this process, none of them outlives it (a guard process watches). */
export interface Supervisor {
  start(command: ServerCommand): ServerProcess;
  stop(server: ServerProcess): Promise<void>;
  /** Told of a server or the guard that ended unasked. */
  onExit(listener: (part: string, code: number | null) => void): void;
  close(): void;
}

const STOP_WITHIN_MS = 15_000;

/** A supervisor whose servers log to files of `logDir`. */
export function createSupervisor(logDir: string): Supervisor {
  const listeners = new Set<(part: string, code: number | null) => void>();
  const signals = new Map<ServerProcess, NodeJS.Signals>();
  const children = new Map<ServerProcess, ChildProcess>();
  const stopping = new Set<string>();
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.mjs')], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  guard.stdin.on('error', () => undefined);
  (guard.stdin as unknown as { unref?(): void }).unref?.();
  guard.once('exit', (code) => report('guard', code));

  function report(part: string, code: number | null): void {
    if (stopping.has(part)) return;
    for (const listener of listeners) listener(part, code);
  }

  return {
    start({ name, command, args, env, uid, gid, stopSignal }) {
      const logFile = join(logDir, `${name}.log`);
      const log = openSync(logFile, 'a', 0o600);
      stopping.delete(name);
      // A process group of its own: Ctrl-C in the terminal reaches us alone, and we stop the servers in order.
      const child = spawn(command, args, {
        stdio: ['ignore', log, log],
        detached: true,
        env: { ...process.env, ...env },
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
      });
      closeSync(log);
      const { pid } = child;
      if (pid === undefined) throw new AppError('stack_unavailable', `${name} could not be started: ${command} is not there or not executable`);
      guard.stdin.write(`+${pid}\n`);
      let running = true;
      const ended = new Promise<number | null>((resolve) => {
        child.once('exit', (code) => {
          running = false;
          guard.stdin.write(`-${pid}\n`);
          report(name, code);
          resolve(code);
        });
      });
      child.unref();
      const server: ServerProcess = { name, pid, logFile, ended, running: () => running };
      signals.set(server, stopSignal);
      children.set(server, child);
      return server;
    },
    async stop(server) {
      stopping.add(server.name);
      if (!server.running()) return;
      children.get(server)?.ref();
      process.kill(server.pid, signals.get(server) ?? 'SIGTERM');
      const late = wait(STOP_WITHIN_MS, 'late', { ref: false });
      if ((await Promise.race([server.ended, late])) === 'late') {
        process.kill(server.pid, 'SIGKILL');
        await server.ended;
      }
    },
    onExit: (listener) => void listeners.add(listener),
    close() {
      stopping.add('guard');
      guard.stdin.end();
    },
  };
}

/** Waits until a server answers; fails with the end of its log when it ends first or time runs out. */
export async function untilReady(server: ServerProcess, ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ready())) {
    if (!server.running() || Date.now() > deadline) {
      const tail = readFileSync(server.logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
      throw new AppError('stack_unavailable', `${server.name} did not start; see ${server.logFile}, which ends with:\n${tail}`);
    }
    await wait(50);
  }
}
