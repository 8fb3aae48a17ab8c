/** Child process of the benchmark: every component over one location, and one sync of it. Speaks over IPC. */
import { createLogger } from '#libs/runtime/src/logger.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { ghlRules, readSettings } from '#libs/runtime/src/settings.ts';
import { requestAndFollow } from '#services/cli/src/sync.ts';
import { startPipeline } from '#services/dev/src/pipeline.ts';
import { answerTask, watchPeak } from './child.ts';
import type { Addresses } from './main.ts';

/** The location to sync. */
export interface Location {
  addresses: Addresses;
  baseUrl: string;
  locationId: string;
  token: string;
}

/** What the sync took. */
export interface Synced {
  seconds: number;
  rows: number;
  peakBytes: number;
}

async function sync({ addresses, baseUrl, locationId, token }: Location): Promise<Synced> {
  const settings = readSettings({});
  const account = { locationId, token: secret(token), rules: ghlRules(settings) };
  const pipeline = await startPipeline({
    settings,
    stack: addresses,
    ghl: { baseUrl, accounts: [account] },
    logger: createLogger({ name: 'bench', level: 'error' }),
  });
  const peak = watchPeak();
  const started = performance.now();
  const request = { source: 'ghl', account: locationId, mode: 'full', dryRun: false, requestedBy: 'bench' };
  const run = await requestAndFollow(pipeline.platform, request, { onChange: () => undefined });
  const seconds = (performance.now() - started) / 1000;
  const peakBytes = peak();
  await pipeline.stop();
  if (run.success !== true) throw new Error(`the sync did not succeed: ${run.message ?? 'no word'}`);
  const {
    vendors_created: v = 0,
    leads_created: l = 0,
    vendors_updated: vu = 0,
    leads_updated: lu = 0,
  } = run.stats ?? {};
  return { seconds, rows: v + l + vu + lu, peakBytes };
}

answerTask(sync);
