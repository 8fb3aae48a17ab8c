import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../package.json'), 'utf8')) as {
  scripts: { start: string };
};

/** Flags of Node.js that `npm start` runs with, so that memory and CPU are measured as they are used. */
export const NODE_FLAGS: readonly string[] = scripts.start.split(' ').filter((word) => word.startsWith('--'));

/** Gives a task to a script of this folder in a process of its own, so that its memory and CPU are its own; resolves with its answer. */
export async function inChild<Task extends object, Answer extends object>(script: string, task: Task): Promise<Answer> {
  const child = fork(join(import.meta.dirname, script), { execArgv: [...NODE_FLAGS] });
  child.send(task);
  const [answer] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [Answer | number];
  if (typeof answer === 'number') throw new Error(`${script} ended with ${answer}`);
  await once(child, 'exit');
  return answer;
}

/** The other end: answers the one task that comes, and ends. */
export function answerTask<Task, Answer extends object>(work: (task: Task) => Promise<Answer>): void {
  process.once('message', (task: Task) => {
    void work(task).then(
      (answer) => process.send?.(answer, () => process.disconnect()),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      },
    );
  });
}

/** Watches the memory of this process; the result stops it and gives the peak in bytes. */
export function watchPeak(): () => number {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const sampler = setInterval(look, 50);
  return () => {
    clearInterval(sampler);
    look();
    return peak;
  };
}
