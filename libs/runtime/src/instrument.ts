import { METRICS } from './metrics.ts';

const TABLE_OUTCOMES = ['created', 'updated', 'unchanged', 'deleted', 'restored', 'quarantined', 'errors'];
const SYSTEM = { messaging_system: 'kafka' };

/** Everything the parts report; this file alone knows which metric it is. */
export const instrument = {
  sourceRequest: (source: string, status: string): void => METRICS.sourceRequests.inc({ source, status }),
  sourceRefused: (source: string): void => METRICS.sourceRefused.inc({ source }),
  /** Requests that the source says were used of those allowed; a limit of 0 is none. */
  sourceUsage: (source: string, used: number, max: number): void =>
    METRICS.sourceUsage.set({ source }, max > 0 ? used / max : 0),
  scanRecords: (source: string, count: number): void => METRICS.scanRecords.inc({ source }, count),
  scanOpen: (source: string, change: 1 | -1): void => METRICS.scanOpen.inc({ source }, change),
  observation: (type: string, source: string): void =>
    METRICS.observations.inc({ type: type.split('.').at(-1) ?? type, source }),
  sent: (topic: string, count: number): void =>
    METRICS.sentMessages.inc({ ...SYSTEM, messaging_destination_name: topic }, count),
  handled(group: string, topic: string, count: number, seconds: number): void {
    const labels = { ...SYSTEM, messaging_destination_name: topic, messaging_consumer_group_name: group };
    METRICS.consumedMessages.inc(labels, count);
    METRICS.processDuration.observe(labels, seconds);
  },
  lag: (group: string, topic: string, seconds: number): void => METRICS.processingLag.set({ group, topic }, seconds),
  deadLetter: (topic: string, code: string): void => METRICS.deadLetters.inc({ topic, code }),
  retry: (topic: string, code: string): void => METRICS.retries.inc({ topic, code }),
  outboxPending: (count: number): void => METRICS.outboxPending.set(count),
  outboxRefused: (type: string, code: string): void =>
    METRICS.outboxRefused.inc({ type: type.split('.').at(-1) ?? type, code }),
  /** The final word on a scan: how long it took, what it marked, and when it last went well. Times in milliseconds. */
  scanApplied(scan: {
    source: string;
    success: boolean;
    startedAt: number;
    appliedAt: number;
    counters: Record<string, number>;
    tableCounters: object | null;
  }): void {
    const { source, success, startedAt, appliedAt, counters, tableCounters } = scan;
    METRICS.scanDuration.observe({ source }, Math.max(0, appliedAt - startedAt) / 1000);
    METRICS.markedMissing.inc({ table: 'vendors' }, counters['vendors_missing_in_ghl'] ?? 0);
    METRICS.markedMissing.inc({ table: 'leads' }, counters['leads_deleted'] ?? 0);
    for (const outcome of TABLE_OUTCOMES)
      METRICS.tableRecords.inc({ source, outcome }, (tableCounters as Record<string, number> | null)?.[outcome] ?? 0);
    if (success) instrument.lastSuccess(source, appliedAt);
  },
  /** When the last successful scan of a source was applied, in milliseconds. */
  lastSuccess: (source: string, at: number): void => METRICS.scanLastSuccess.set({ source }, at / 1000),
};
