import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** The root of the project, where commands are run. */
export const ROOT = resolve(import.meta.dirname, '..');
const CLI = 'services/cli/src/main.ts';

/** What a process that ended has said. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts Node in the root of the project, as people do; the environment is taken as it is. */
export function launch(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', ...args], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Starts an npm script as a terminal does, in a process group of its own: Ctrl-C is a signal to the whole group. */
export function launchScript(name: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn('npm', ['run', '-s', name, '--', ...args], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Waits for the end of a process that was just launched. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.on('data', (chunk: Buffer) => (texts[stream] += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

/** Starts a `tributary` command. */
export function launchCommand(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return launch([CLI, ...args], env);
}

/** Runs a `tributary` command to its end. */
export function tributary(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return ended(launchCommand(args, env));
}

/** Follows what a process that was just launched says on both streams; the function it returns resolves once it has said so. */
export function followOutput(child: ChildProcess): (what: RegExp) => Promise<void> {
  let text = '';
  const lookers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const look of lookers) look();
    });
  return (what) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!what.test(text)) return;
        lookers.delete(look);
        resolve();
      };
      lookers.add(look);
      child.once('close', () => reject(new Error(`the process ended without ${what}: ${text.slice(-2_000)}`)));
      look();
    });
}
