import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError, ERROR_CODES, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { chooseStack } from './choice.ts';
import { findStack } from './stack.ts';
import type { StackInfo } from './stack-file.ts';

/** What the daemon says while it starts. */
export type DaemonMessage = { log: string } | { ready: StackInfo } | { failed: { code: ErrorCode; message: string } };

/** An error as the daemon sends it to the command that started it. */
export function describeFailure(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/**
 * `stack up`: starts the embedded stack in a process of its own, which outlives this one, and returns when it is ready. When it
 * runs already, it is left as it is (`started` false).
 */
export async function stackUp({
  dataDir,
  env,
  log,
}: {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  log(this: void, line: string): void;
}): Promise<{
  info: StackInfo;
  started: boolean;
}> {
  if (chooseStack(env).kind === 'external')
    throw new AppError(
      'config_invalid',
      'the stack is external here: there is nothing to start (STACK=embedded forces one)',
    );
  const folder = resolve(dataDir);
  const running = await findStack(folder);
  if (running !== undefined) return { info: running, started: false };
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  const output = openSync(join(folder, 'logs', 'daemon.log'), 'a', 0o600);
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'daemon.ts'), folder], {
    detached: true,
    env,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  try {
    const info = await new Promise<StackInfo>((done, failed) => {
      child.on('message', (message: DaemonMessage) => {
        if ('log' in message) log(message.log);
        else if ('ready' in message) done(message.ready);
        else
          failed(
            new AppError(message.failed.code in ERROR_CODES ? message.failed.code : 'internal', message.failed.message),
          );
      });
      child.once('error', failed);
      child.once('exit', (code) =>
        failed(
          new AppError(
            'stack_unavailable',
            `the stack's process ended (${code ?? 'by a signal'}); see ${join(folder, 'logs')}`,
          ),
        ),
      );
    });
    return { info, started: true };
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}
