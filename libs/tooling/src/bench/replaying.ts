/** Child process of the benchmark: a replay. Speaks over IPC. */
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { openPlatform } from '#libs/runtime/src/platform.ts';
import { replay, type ReplayOptions } from '#services/projector/src/replay.ts';
import { answerTask, watchPeak } from './child.ts';
import type { Addresses } from './main.ts';

/** What is rebuilt. */
export interface Replaying {
  addresses: Addresses;
  tables: ReplayOptions['tables'];
}

/** What the replay found. */
export interface Replayed {
  seconds: number;
  records: number;
  equal: boolean;
  peakBytes: number;
}

async function rebuild({ addresses, tables }: Replaying): Promise<Replayed> {
  const logger = createLogger({ name: 'bench', level: 'warn' });
  const platform = await openPlatform({ stack: addresses, databasePool: 8, logger, service: 'bench' });
  const peak = watchPeak();
  const { seconds, records, equal } = await replay({
    platform,
    databaseUrl: addresses.databaseUrl,
    rulesFor: () => DEFAULT_GHL_RULES,
    tables,
    examples: 0,
    maySwap: () => Promise.resolve(false),
  });
  const peakBytes = peak();
  await platform.close();
  return { seconds, records, equal, peakBytes };
}

answerTask(rebuild);
