import { Kafka, logLevel, type KafkaConfig, type LogEntry, type ISocketFactory, type SASLOptions } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** What kafkajs says goes here. */
export interface KafkaLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** How to reach the brokers. */
export interface KafkaOptions {
  /** Comma-separated host:port list (KAFKA_BROKERS). */
  brokers: string;
  clientId: string;
  logger: KafkaLogger;
  ssl?: boolean;
  sasl?: SASLOptions;
  /** Makes the connections, so that a proxy can stand between; kafkajs's own by default. */
  socketFactory?: ISocketFactory;
}

/** A kafkajs client, the only kind made here; nobody outside libs/kafka sees kafkajs. */
export function createKafka({ brokers, clientId, logger, ssl, sasl, socketFactory }: KafkaOptions): Kafka {
  guardTimers();
  const config: KafkaConfig = {
    clientId,
    brokers: brokers.split(',').map((broker) => broker.trim()),
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, factor: 0.2, multiplier: 2, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(logger, entry),
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(socketFactory === undefined ? {} : { socketFactory }),
  };
  return new Kafka(config);
}

function forward(logger: KafkaLogger, { level, namespace, log }: LogEntry): void {
  const { message, error } = log as { message: string; error?: string };
  const fields = { component: `kafkajs ${namespace}`, ...(error === undefined ? {} : { reason: error }) };
  // Refused responses are tried again by kafkajs itself; what stays wrong reaches our callers as an error.
  if (level === logLevel.ERROR && !message.startsWith('Response ')) logger.warn(fields, message);
  else logger.debug(fields, message);
}

interface RequestQueueInternals {
  throttledUntil: number;
  pending: unknown[];
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

let guarded = false;

/**
 * kafkajs 2.2.4 re-arms a timer of a negative time for every idle connection: a 1 ms loop and a TimeoutNegativeWarning on Node 24
 * (kafkajs issue 1751, never merged). Here a timer is set only while requests wait.
 */
export function guardTimers(): void {
  if (guarded) return;
  guarded = true;
  const prototype = (RequestQueue as { prototype: Record<string, unknown> }).prototype;
  prototype['scheduleCheckPendingRequests'] = function schedule(this: RequestQueueInternals): void {
    if (this.throttleCheckTimeoutId !== null && this.throttleCheckTimeoutId !== undefined) return;
    if (this.pending.length === 0) return;
    const delay = Math.max(this.throttledUntil - Date.now(), 10);
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, delay);
  };
}
