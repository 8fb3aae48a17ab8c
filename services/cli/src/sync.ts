import { createInterface } from 'node:readline/promises';
import type { SyncRequested } from '#libs/contracts/src/generated/events.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { controlRequest, syncRequest, type ControlAction } from '#libs/sources/kit/requests.ts';
import { followRun, isDone } from './follow.ts';
import { createProgress } from './progress.ts';

/** Asks for a sync and follows it to its end, with progress on stderr unless somebody else shows it. */
export async function requestAndFollow(
  platform: Platform,
  request: Omit<SyncRequested, 'syncId' | 'requestedAt'>,
  options: { signal?: AbortSignal; onRequested?(syncId: string): void; onChange?(run: RunView | undefined): void } = {},
): Promise<RunView> {
  const event = syncRequest(request);
  const { syncId } = event.value;
  await platform.producer.send([event]);
  options.onRequested?.(syncId);
  if (options.onChange !== undefined) return followRun(platform.database, syncId, options.onChange, options.signal);
  const progress = createProgress(process.stderr);
  try {
    return await followRun(platform.database, syncId, (run) => progress.show(run), options.signal);
  } finally {
    progress.end();
  }
}

/** Asks something of a known sync, and follows it until it is so: paused, or at its end. */
export async function controlAndFollow(
  platform: Platform,
  action: ControlAction,
  syncId: string,
  signal?: AbortSignal,
): Promise<RunView> {
  const before = await readRun(platform.database, syncId);
  await platform.producer.send([controlRequest(action, before, 'cli')]);
  const progress = createProgress(process.stderr);
  try {
    return await followRun(
      platform.database,
      syncId,
      (run) => progress.show(run),
      signal,
      (run) => (action === 'pause' && run.status === 'paused' ? true : isDone(run) && run.status !== before.status),
    );
  } finally {
    progress.end();
  }
}

/** Asks before a sync runs, as V3 did. Without a terminal the answer must be --yes. */
export async function askToRun(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new AppError('config_invalid', 'nobody can be asked here: add --yes to run the sync without a question');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
