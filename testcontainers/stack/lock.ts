import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A process that can be told from a later one with the same number. */
export interface ProcessMark {
  pid: number;
  /** Start time as the kernel gives it; null where it gives none. */
  started: string | null;
}

/** This process, or another one. */
export function markOf(pid = process.pid): ProcessMark {
  return { pid, started: statOf(pid)?.[19] ?? null };
}

/** True while the very process of the mark lives; a dead one whose parent has not looked yet (zombie) does not count. */
export function isAlive(mark: ProcessMark): boolean {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const stat = statOf(mark.pid);
  return stat?.[0] !== 'Z' && (mark.started === null || stat?.[19] === mark.started);
}

/** Signals a process; one that ended in between is as good as stopped. */
export function signalProcess({ pid }: { pid: number }, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new AppError(
      'stack_unavailable',
      `process ${pid} of the stack cannot be stopped (${code}): it belongs to another user`,
      { cause: error },
    );
  }
}

/** Fields of /proc/PID/stat from the state on; the name before it may hold blanks and brackets. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Takes a lock file for the life of this process, or says who has it. A lock of a dead process is taken over. */
export function acquireLock(file: string): (() => void) | ProcessMark {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  // A link appears whole or not at all, so nobody reads a half-written lock.
  writeFileSync(draft, JSON.stringify(markOf()), { flag: 'wx', mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, file);
        return () => release(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readMark(file);
      if (holder !== undefined && isAlive(holder)) return holder;
      discard(file, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Takes a lock as soon as it is free; `waiting` is told once who has it. */
export async function waitForLock(file: string, waiting: (pid: number) => void): Promise<() => void> {
  let told = false;
  for (;;) {
    const lock = acquireLock(file);
    if (typeof lock === 'function') return lock;
    if (!told) waiting(lock.pid);
    told = true;
    await wait(100);
  }
}

/** The one long-running command of a data folder (`npm start`): a function that gives it back, or the process that has it. */
export function acquireOwnerLock(dataDir: string): (() => void) | { pid: number } {
  return acquireLock(join(resolve(dataDir), 'owner.lock'));
}

function release(file: string): void {
  const holder = readMark(file);
  if (holder !== undefined && sameProcess(holder, markOf())) rmSync(file, { force: true });
}

/** Moves a dead process's lock away; one that somebody else took in between is put back. */
function discard(file: string, holder: ProcessMark | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    const moved = readMark(aside);
    if (moved !== undefined && (holder === undefined || !sameProcess(moved, holder))) linkSync(aside, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'EEXIST'].includes(code)) {
      throw new AppError(
        'stack_unavailable',
        `the lock file ${file} of an ended process cannot be removed (${code}): remove it by hand`,
        { cause: error },
      );
    }
  } finally {
    rmSync(aside, { force: true });
  }
}

function sameProcess(one: ProcessMark, other: ProcessMark): boolean {
  return one.pid === other.pid && one.started === other.started;
}

function readMark(file: string): ProcessMark | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessMark;
  } catch {
    return undefined;
  }
}
