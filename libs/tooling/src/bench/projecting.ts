/** Child process of the benchmark: the projector alone, so that its memory and CPU are its own. Speaks over IPC. */
import type { EventBatch } from '#libs/kafka/src/processor.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { openPlatform } from '#libs/runtime/src/platform.ts';
import { ghlProjection } from '#services/projector/src/ghl/processor.ts';
import { answerTask, watchPeak } from './child.ts';
import type { Addresses } from './main.ts';
import { plainProjection } from './plain.ts';
import { cpuUse, perRow, type CpuUse } from './machine.ts';

/** What the child is asked for. */
export interface Task {
  addresses: Addresses;
  rows: number;
  serverPids: number[];
  /** Without the rules, for comparison. */
  plain: boolean;
}

/** What it found. */
export interface Measured {
  rowsPerSecond: number;
  /** Microseconds of CPU for each row. */
  cpu: CpuUse;
  peakBytes: number;
}

async function project({ addresses, rows, serverPids, plain }: Task): Promise<Measured> {
  const logger = createLogger({ name: 'bench', level: 'warn' });
  const platform = await openPlatform({ stack: addresses, databasePool: 8, logger, service: 'bench' });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let before: { at: number; cpu: CpuUse } | undefined;
  let handled = 0;
  const peak = watchPeak();
  const { database } = platform;
  const processor = plain
    ? plainProjection(database)
    : ghlProjection({ database, rulesFor: () => DEFAULT_GHL_RULES, onOutbox: () => undefined });
  const component = platform.consumer({
    ...processor,
    async handle(batch: EventBatch) {
      before ??= { at: performance.now(), cpu: cpuUse(serverPids) };
      await processor.handle(batch);
      handled += batch.events.length;
      if (handled >= rows) resolve();
    },
  });
  await component.start(reject);
  await promise;
  const seconds = (performance.now() - before!.at) / 1000;
  const cpu = perRow(before!.cpu, cpuUse(serverPids), rows);
  const peakBytes = peak();
  await component.stop();
  await platform.close();
  return { rowsPerSecond: rows / seconds, cpu, peakBytes };
}

answerTask(project);
