import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import { together, type Component } from '#libs/runtime/src/host.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import type { OutboxEvent } from '#libs/storage/src/outbox.ts';
import { lastSuccesses } from '#libs/storage/src/runs.ts';
import { ghlProjection } from './ghl/processor.ts';
import { deadLettersProjection, operationsProjection } from './dead-letters.ts';
import { startRelay, type Relay } from './relay.ts';
import { lifecycleProjection } from './lifecycle.ts';
import { runsProjection } from './runs.ts';
import { salesforceProjection } from './salesforce/processor.ts';

/** The projections and the relay of their outbox as parts of a host. */
export function projectorComponents(
  platform: Pick<Platform, 'database' | 'producer' | 'consumer'>,
  rulesFor: (account: string) => GhlRules,
  logger: Logger,
): Component[] {
  const { database, producer } = platform;
  let relay: Relay | undefined;
  return [
    {
      name: 'outbox relay',
      async start() {
        for (const { source, at } of await lastSuccesses(database)) instrument.lastSuccess(source, at);
        const { outboxPending: onPending, outboxRefused: onRefused } = instrument;
        relay = startRelay({ database, producer, logger, onPending, onPublished: report, onRefused });
      },
      readiness: () => [],
      stop: async () => relay?.stop(),
    },
    together('projections', [
      platform.consumer(ghlProjection({ database, rulesFor, onOutbox: () => relay?.wake() })),
      platform.consumer(salesforceProjection({ database, onOutbox: () => relay?.wake() })),
      platform.consumer(runsProjection(database)),
      platform.consumer(deadLettersProjection(database)),
      platform.consumer(operationsProjection(database)),
      platform.consumer(lifecycleProjection(database)),
    ]),
  ];
}

function report(events: readonly OutboxEvent[]): void {
  for (const { type, value } of events) {
    if (type !== 'crm.scan.v1.ScanApplied') continue;
    const { source, exitCode, startedAt, appliedAt, counters, tableCounters } = value as ScanApplied;
    instrument.scanApplied({ source, success: exitCode === 0, startedAt, appliedAt, counters, tableCounters });
  }
}
