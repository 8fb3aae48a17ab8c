import { createInterface } from 'node:readline/promises';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { controlRequest, syncRequest, type ControlAction, type SyncOrder } from '#libs/sources/kit/requests.ts';
import { followRun, isDone, isHeld } from './follow.ts';
import { createProgress } from './progress.ts';

/** How a run is followed. */
export interface FollowOptions {
  signal?: AbortSignal;
  onRequested?(syncId: string, account: string): void;
  /** Told what the run is now; nothing is shown then. */
  onChange?(run: RunView | undefined): void;
  /** Progress in lines: several runs share the terminal. */
  plain?: boolean;
}

/** Asks for a sync and follows it to its end, with progress on stderr unless somebody else shows it. */
export async function requestAndFollow(
  platform: Platform,
  request: SyncOrder,
  options: FollowOptions = {},
): Promise<RunView> {
  const event = syncRequest(request);
  const { syncId, account } = event.value;
  await platform.producer.send([event]);
  options.onRequested?.(syncId, account);
  if (options.onChange !== undefined) return followRun(platform.database, syncId, options.onChange, options.signal);
  const progress = createProgress(process.stderr, { plain: options.plain === true });
  try {
    return await followRun(platform.database, syncId, (run) => progress.show(run), options.signal);
  } finally {
    progress.end();
  }
}

/** The same for several accounts side by side; the connector decides how many are read at a time. */
export async function requestAndFollowAll(
  platform: Platform,
  accounts: readonly string[],
  request: Omit<SyncOrder, 'account'>,
  options: FollowOptions = {},
): Promise<RunView[]> {
  const plain = accounts.length > 1;
  return Promise.all(
    accounts.map((account) => requestAndFollow(platform, { ...request, account }, { ...options, plain })),
  );
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
      (run) => isAnswered(action, before, run),
    );
  } finally {
    progress.end();
  }
}

/** Whether what was asked of a sync has come about, or cannot any more; what it was before is no answer. */
function isAnswered(action: ControlAction, before: RunView, run: RunView): boolean {
  if (action === 'pause' && run.status === 'paused') return true;
  if (isHeld(run)) return action === 'resume' && run.pausedAt !== before.pausedAt;
  return isDone(run) && run.status !== before.status;
}

/** Asks before something is done. Without a terminal the answer must be --yes. */
export async function askToRun(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new AppError('config_invalid', 'nobody can be asked here: add --yes to go ahead without a question');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
