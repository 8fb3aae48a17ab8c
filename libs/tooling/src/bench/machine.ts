import { readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** CPU seconds that processes have used, by what they are; empty where the kernel does not tell (no /proc). */
export type CpuUse = Record<'node' | 'postgres' | 'java', number>;

const TICKS_PER_SECOND = 100;
const KINDS: Record<string, keyof CpuUse> = { postgres: 'postgres', java: 'java' };

/** CPU seconds used so far by this process and by the servers whose data or jars lie in the data folder. */
export function cpuUse(pids: readonly number[]): CpuUse {
  const { user, system } = process.cpuUsage();
  const use: CpuUse = { node: (user + system) / 1e6, postgres: 0, java: 0 };
  for (const { name, ticks } of family(pids)) {
    const kind = KINDS[name];
    if (kind !== undefined) use[kind] += ticks / TICKS_PER_SECOND;
  }
  return use;
}

/** CPU seconds that one process has used so far. */
export function cpuSeconds(pid: number): number {
  return (statOf(pid)?.ticks ?? 0) / TICKS_PER_SECOND;
}

/** Most memory that one process has held so far, in bytes; 0 where the kernel does not tell. */
export function peakBytesOf(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0; // No /proc on this system, or it has ended.
  }
}

/** What was used between two readings, in microseconds for each of `rows`. */
export function perRow(before: CpuUse, after: CpuUse, rows: number): CpuUse {
  const each = (kind: keyof CpuUse): number => ((after[kind] - before[kind]) * 1e6) / rows;
  return { node: each('node'), postgres: each('postgres'), java: each('java') };
}

/** Servers and their children; the ticks of children that ended are counted with their parents. */
function family(roots: readonly number[]): { name: string; ticks: number }[] {
  const members = new Set(roots);
  const found: { name: string; ticks: number }[] = [];
  for (const pid of pidsOf()) {
    const stat = statOf(pid);
    if (stat === undefined) continue;
    const isRoot = roots.includes(pid);
    if (!isRoot && !members.has(stat.parent)) continue;
    members.add(pid);
    found.push({ name: stat.name, ticks: stat.ticks + (isRoot ? stat.childTicks : 0) });
  }
  return found;
}

function pidsOf(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return []; // No /proc on this system.
  }
}

function statOf(pid: number): { name: string; parent: number; ticks: number; childTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    const fields = stat
      .slice(end + 2)
      .split(' ')
      .map(Number);
    return {
      name: stat.slice(stat.indexOf('(') + 1, end),
      parent: fields[1]!,
      ticks: fields[11]! + fields[12]!,
      childTicks: fields[13]! + fields[14]!,
    };
  } catch {
    return undefined; // Ended while we looked.
  }
}

/** The machine's size, for people who compare figures. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  return `${cpus().length} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}`;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
