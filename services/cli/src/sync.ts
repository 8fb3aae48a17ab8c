import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import type { SyncRequested } from '#libs/contracts/src/generated/events.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { followRun } from './follow.ts';
import { createProgress } from './progress.ts';

/** What a sync is asked for with. */
export type SyncOrder = Omit<SyncRequested, 'syncId' | 'requestedAt'>;

/** How a run is followed. */
export interface FollowOptions {
  signal?: AbortSignal;
  onRequested?(syncId: string, account: string): void;
  /** Progress in lines: several runs share the terminal. */
  plain?: boolean;
}

/** Asks for a sync and follows it to its end, with progress on stderr. */
export async function requestAndFollow(
  platform: Platform,
  request: SyncOrder,
  options: FollowOptions = {},
): Promise<RunView> {
  const value: SyncRequested = { syncId: randomUUID(), requestedAt: Date.now(), ...request };
  const { syncId, source, account } = value;
  await platform.producer.send([
    {
      topic: 'crm.sync-request.v1',
      key: `${source}:${account}`,
      type: 'crm.sync.v1.SyncRequested',
      id: syncId,
      value,
      correlationId: syncId,
    },
  ]);
  options.onRequested?.(syncId, account);
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

/** Applies the missing rule that a sync held back, and follows it to its end. */
export async function confirmAndFollow(platform: Platform, syncId: string): Promise<RunView> {
  const run = await readRun(platform.database, syncId);
  if (run.status !== 'needs_confirmation')
    throw new AppError('request_invalid', `sync ${syncId} does not wait to be confirmed: it is ${run.status}`, {
      kind: 'config',
    });
  const { source, account } = run;
  await platform.producer.send([
    {
      topic: 'crm.sync-request.v1',
      key: `${source}:${account}`,
      type: 'crm.sync.v1.SyncConfirmed',
      id: randomUUID(),
      value: { syncId, source, account, requestedBy: 'cli', requestedAt: Date.now() },
      correlationId: syncId,
    },
  ]);
  for (;;) {
    const now = await followRun(platform.database, syncId, () => undefined);
    if (now.status !== 'needs_confirmation') return now;
    await new Promise((done) => setTimeout(done, 150));
  }
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
