import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CrashPoint } from '#libs/runtime/src/crash-point.ts';
import { plainEnvironment } from '#testcontainers/stack/processes.ts';

/** Services that a fleet runs, each as a process of its own. */
export type ServiceName = 'connector' | 'classifier' | 'projector';

/** The services as processes that may be killed: a supervisor starts again whatever dies. */
export interface Fleet {
  /** Kills the processes of a service; only one of them when an index is given, counted round and round. */
  kill(service: ServiceName, index?: number): void;
  /** Starts a service anew, to die when it comes to the point. */
  arm(service: ServiceName, point: CrashPoint): Promise<void>;
  /** Takes back what is armed and was not met. */
  disarm(): Promise<void>;
  /** Points at which a process has died. */
  met: Set<CrashPoint>;
  /** Stops a process where it stands; the result lets it go on. */
  freeze(service: ServiceName, index: number): () => void;
  /** How many processes were killed, by us or at a crash point, and how many ended by themselves. */
  deaths: { killed: number; ended: number; refused: number };
  /** Ends every process as an operator would; resolves with those that, now or before, had to be killed for it, and what they said. */
  stop(): Promise<string[]>;
}

interface Member {
  service: ServiceName;
  name: string;
  child: ChildProcess;
  gone: Promise<void>;
  point?: CrashPoint;
}

const ROOT = join(import.meta.dirname, '../../..');
const RESTART_AFTER_MS = 150;
const STOP_WITHIN_MS = 40_000;

/** How many processes of a service there are, and the point at which the first ones die. */
export type Crew = Record<ServiceName, { count: number; point?: CrashPoint }>;

/** Starts a fleet with its settings; the processes log to files of `logDir`. */
export function startFleet(crew: Crew, env: Record<string, string>, logDir: string): Fleet {
  mkdirSync(logDir, { recursive: true });
  const members = new Map<string, Member>();
  const deaths = { killed: 0, ended: 0, refused: 0 };
  const late: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let stopping = false;
  const met = new Set<CrashPoint>();

  function launch(service: ServiceName, name: string, point?: CrashPoint): void {
    const log = openSync(join(logDir, `${name}.log`), 'a');
    const child = spawn(process.execPath, ['--no-warnings', join(ROOT, `services/${service}/src/main.ts`)], {
      env: { ...plainEnvironment(process.env), ...env, ...(point === undefined ? {} : { CRASH_AT: point }) },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const gone = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        if (signal === 'SIGKILL') deaths.killed += 1;
        if (point !== undefined && signal === 'SIGKILL') met.add(point);
        resolve();
        // One that was replaced has ended because it was asked to.
        if (stopping || members.get(name)?.child !== child) return;
        if (signal !== 'SIGKILL') deaths[code === 2 ? 'refused' : 'ended'] += 1;
        again(service, name, signal === 'SIGKILL' ? undefined : point);
      });
    });
    members.set(name, { service, name, child, gone, ...(point === undefined ? {} : { point }) });
  }

  function again(service: ServiceName, name: string, point: CrashPoint | undefined): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopping) launch(service, name, point);
    }, RESTART_AFTER_MS);
    timers.add(timer);
  }

  /** Ends a process and starts it anew at once; its end is no event. */
  async function replace(member: Member, point?: CrashPoint): Promise<void> {
    members.delete(member.name);
    launch(member.service, member.name, point);
    await end(member);
  }

  async function end({ name, child, gone }: Member): Promise<void> {
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      late.push(`${name}, which said last: ${lastLines(name)}`);
      child.kill('SIGKILL');
    }, STOP_WITHIN_MS);
    await gone;
    clearTimeout(timer);
  }

  const lastLines = (name: string): string =>
    readFileSync(join(logDir, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-5)
      .join('\n');

  const of = (service: ServiceName): Member[] => [...members.values()].filter((member) => member.service === service);

  for (const [service, { count, point }] of Object.entries(crew) as [ServiceName, Crew[ServiceName]][]) {
    for (let index = 0; index < count; index += 1) launch(service, `${service}-${index}`, point);
  }
  // Whatever ends us, nobody is left behind.
  process.once('exit', () => {
    for (const { child } of members.values()) child.kill('SIGKILL');
  });
  return {
    deaths,
    met,
    kill(service, index) {
      const all = of(service);
      const chosen = index === undefined ? all : [all[index % all.length]!];
      for (const { child } of chosen) child.kill('SIGKILL');
    },
    async arm(service, point) {
      await Promise.all(of(service).map((member) => replace(member, point)));
    },
    async disarm() {
      const armed = [...members.values()].filter(({ point, child }) => point !== undefined && child.exitCode === null);
      await Promise.all(armed.filter(({ child }) => child.signalCode === null).map((member) => replace(member)));
    },
    freeze(service, index) {
      const member = of(service)[index]!;
      member.child.kill('SIGSTOP');
      return () => void member.child.kill('SIGCONT');
    },
    async stop() {
      stopping = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...members.values()].map(end));
      return late;
    },
  };
}
