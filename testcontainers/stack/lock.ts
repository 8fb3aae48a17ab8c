import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A process that can be told from a later one with the same number. */
export interface ProcessMark {
  pid: number;
  /** Start time as the kernel gives it; null where it gives none. */
  started: string | null;
}

/** This process, or another one. */
export function markOf(pid = process.pid): ProcessMark {
  try {
    // Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return { pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null };
  } catch {
    return { pid, started: null };
  }
}

/** True while the very process of the mark lives. */
export function isAlive(mark: ProcessMark): boolean {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return mark.started === null || markOf(mark.pid).started === mark.started;
}

/** Takes a lock file for the life of this process, or says who has it. A lock of a dead process is taken over. */
export function acquireLock(file: string): { release(): void } | { heldBy: number } {
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(markOf()), { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readMark(file);
    if (holder !== undefined && isAlive(holder)) return { heldBy: holder.pid };
    rmSync(file, { force: true });
  }
}

function readMark(file: string): ProcessMark | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessMark;
  } catch {
    return undefined;
  }
}
