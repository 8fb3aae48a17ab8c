import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const REGISTRY = new Registry();

interface MetricDoc {
  name: string;
  help: string;
  labelNames: readonly string[];
}

const docs: MetricDoc[] = [];

function counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
  docs.push({ name, help, labelNames });
  return new Counter({ name, help, labelNames: [...labelNames], registers: [REGISTRY] });
}

function gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  docs.push({ name, help, labelNames });
  return new Gauge({ name, help, labelNames: [...labelNames], registers: [REGISTRY] });
}

function histogram<L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: number[],
): Histogram<L> {
  docs.push({ name, help, labelNames });
  return new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [REGISTRY] });
}

/** Every metric of the product, declared here only. Labels are few and small: never ids, e-mails or offsets. */
export const METRICS = {
  sourceRequests: counter(
    'crm_source_requests_total',
    'Requests to a source by HTTP status, or timeout, truncated or network.',
    ['source', 'status'],
  ),
  sourceRefused: counter(
    'crm_source_refused_requests_total',
    'Requests that were stopped before they left, because they do more than read.',
    ['source'],
  ),
  sourceUsage: gauge(
    'crm_source_api_used_share',
    'Share of the API requests of an account that is used, by whoever, from 0 to 1.',
    ['source'],
  ),
  scanRecords: counter('crm_scan_records_total', 'Records read from a source.', ['source']),
  scanOpen: gauge('crm_scan_open', 'Scans that run now.', ['source']),
  scanDuration: histogram(
    'crm_scan_duration_seconds',
    'From the start of a scan to its result in the tables.',
    ['source'],
    [1, 5, 15, 60, 300, 900, 3600],
  ),
  scanLastSuccess: gauge('crm_scan_last_success_timestamp_seconds', 'When the last successful scan was applied.', [
    'source',
  ]),
  scanLastSuccessAge: gauge(
    'crm_scan_last_success_age_seconds',
    'Seconds since the last successful scan was applied.',
    ['source'],
  ),
  observations: counter('crm_observations_total', 'Observations the classifier published.', ['type', 'source']),
  markedMissing: counter('crm_marked_missing_total', 'Rows newly marked missing.', ['table']),
  tableRecords: counter(
    'crm_table_records_total',
    'Records of finished scans of a source that fills one table, by what became of them.',
    ['source', 'outcome'],
  ),
  deadLetters: counter('crm_dead_letters_total', 'Records sent to a dead-letter topic.', ['topic', 'code']),
  retries: counter('crm_retries_total', 'Batches that wait to be tried again.', ['topic', 'code']),
  processingLag: gauge(
    'crm_processing_lag_seconds',
    'Age of the last handled record while more wait; 0 at the end of the topic.',
    ['group', 'topic'],
  ),
  outboxPending: gauge('crm_outbox_pending', 'Events in the outbox that are not published yet.', []),
  outboxRefused: counter(
    'crm_outbox_refused_total',
    'Events that no topic takes, set aside in tributary.outbox as kind `refused`.',
    ['type', 'code'],
  ),
  sentMessages: counter('messaging_client_sent_messages_total', 'Records acknowledged by the brokers.', [
    'messaging_system',
    'messaging_destination_name',
  ]),
  consumedMessages: counter('messaging_client_consumed_messages_total', 'Records handled.', [
    'messaging_system',
    'messaging_destination_name',
    'messaging_consumer_group_name',
  ]),
  processDuration: histogram(
    'messaging_process_duration_seconds',
    'Time to handle one batch.',
    ['messaging_system', 'messaging_destination_name', 'messaging_consumer_group_name'],
    [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  ),
  httpRequests: counter('http_server_requests_total', 'Requests to the HTTP API.', ['route', 'method', 'status']),
} as const;

/** Name, help and labels of every metric, for the README. */
export function describeMetrics(): readonly MetricDoc[] {
  return docs;
}

let defaults = false;

/** What /metrics answers, in the Prometheus text format. Ages are counted at this moment. */
export async function renderMetrics(nowMs: number): Promise<{ contentType: string; body: string }> {
  if (!defaults) {
    defaults = true;
    collectDefaultMetrics({ register: REGISTRY });
  }
  for (const { labels, value } of (await METRICS.scanLastSuccess.get()).values) {
    METRICS.scanLastSuccessAge.set(labels, Math.max(0, nowMs / 1000 - value));
  }
  return { contentType: REGISTRY.contentType, body: await REGISTRY.metrics() };
}
