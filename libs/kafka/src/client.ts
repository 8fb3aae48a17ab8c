import type { Socket } from 'node:net';
import { Kafka, logLevel, type KafkaConfig, type LogEntry, type ISocketFactory, type SASLOptions } from 'kafkajs';
import createSocketFactory from 'kafkajs/src/network/socketFactory.js';
import type { ConnectionOptions } from 'node:tls';
import { AppError } from '#libs/runtime/src/errors.ts';
import { tlsFault } from '#libs/runtime/src/tls.ts';
import { guardRecordFormat } from './record-format.ts';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** What kafkajs says goes here. */
export interface KafkaLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type { SASLOptions } from 'kafkajs';

/** What proves to the brokers who we are, and to us who answers. */
export interface KafkaSecurity {
  ssl?: ConnectionOptions;
  sasl?: SASLOptions;
}

/** How to reach the brokers. */
export interface KafkaOptions {
  /** Comma-separated host:port list (KAFKA_BROKERS). */
  brokers: string;
  clientId: string;
  logger: KafkaLogger;
  /** Absent: plain text, and nobody asks who we are. */
  security?: KafkaSecurity | undefined;
  /** How often kafkajs tries by itself; few for a look that somebody waits for. */
  retries?: number;
  /** Makes the connections, so that a proxy can stand between; kafkajs's own by default. */
  socketFactory?: ISocketFactory;
}

/** What a client was made with, and the connections that are open. */
const clients = new WeakMap<Kafka, { config: KafkaConfig; open: Set<Socket> }>();

/** A kafkajs client, the only kind made here; nobody outside libs/kafka sees kafkajs. */
export function createKafka({ brokers, clientId, logger, security, retries = 8, socketFactory }: KafkaOptions): Kafka {
  guardTimers();
  guardRecordFormat();
  const open = new Set<Socket>();
  const connect = socketFactory ?? createSocketFactory();
  const config: KafkaConfig = {
    clientId,
    brokers: brokers.split(',').map((broker) => broker.trim()),
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, factor: 0.2, multiplier: 2, retries },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(logger, entry),
    ...security,
    socketFactory(options) {
      const socket = connect(options);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      return socket;
    },
  };
  const kafka = new Kafka(config);
  clients.set(kafka, { config, open });
  return kafka;
}

/** A client for one consumer, and the end of the fetch it waits in. */
export interface FetchingClient {
  kafka: Kafka;
  /** Breaks the connections it fetches by, and every later fetch; those by which it speaks to its group stay. */
  endFetching(): void;
}

/**
 * A client of the same brokers for one consumer. kafkajs stops a consumer when the broker has answered its last fetch, which takes
 * as long as an idle consumer waits: its fetches have connections of their own, so they can be broken without the others.
 */
export function fetchingClient(kafka: Kafka): FetchingClient {
  const { config } = clients.get(kafka)!;
  const fetching = new Set<Socket>();
  let mayFetch = true;
  const fetcher = new Kafka({
    ...config,
    socketFactory(options) {
      const socket = config.socketFactory!(options);
      const write: (request: Buffer) => boolean = socket.write.bind(socket);
      socket.write = (request: Buffer): boolean => {
        if (!isFetch(request)) return write(request);
        fetching.add(socket);
        if (!mayFetch) breakAll([socket]);
        return mayFetch && write(request);
      };
      socket.once('close', () => fetching.delete(socket));
      return socket;
    },
  });
  const endFetching = (): void => {
    mayFetch = false;
    breakAll(fetching);
  };
  return { kafka: fetcher, endFetching };
}

/** Kafka's protocol, request header: the length in four bytes, then the number of what is asked for. */
function isFetch(request: Buffer): boolean {
  return request.length >= 6 && request.readInt16BE(4) === FETCH;
}

const FETCH = 1;

/**
 * Breaks what is still open once everything over a client has stopped: kafkajs forgets connections that were made while it gave up
 * others (brokers that go and come back), and each would keep the process alive for ever.
 */
export function closeConnections(kafka: Kafka): void {
  breakAll(clients.get(kafka)?.open ?? []);
}

function breakAll(sockets: Iterable<Socket>): void {
  // Of an error kafkajs hears, and clears the timers of the connection too.
  for (const socket of sockets) socket.destroy(new Error(STOPPED));
}

/**
 * The AppError for what kafkajs threw: access_refused when more of the same would not help, else kafka_unavailable with the given
 * message. kafkajs's own text stays in the cause.
 */
export function kafkaError(error: unknown, otherwise: string): AppError {
  if (error instanceof AppError) return error;
  const fault = isUnauthenticated(error)
    ? 'they refuse the user or the password: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM'
    : withSettings(tlsFault(error));
  return fault === undefined
    ? new AppError('kafka_unavailable', otherwise, { cause: error })
    : new AppError('access_refused', `no access to the brokers: ${fault}`, { cause: error });
}

function withSettings(fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${fault}: check KAFKA_BROKERS, KAFKA_SSL_CA_FILE and KAFKA_SSL_CERT_FILE`;
}

function isUnauthenticated(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name, cause } = error as { name?: string; cause?: unknown };
  return name === 'KafkaJSSASLAuthenticationError' || isUnauthenticated(cause);
}

/** What a connection is told that we close ourselves. */
const STOPPED = 'the client has stopped';

function forward(logger: KafkaLogger, { level, namespace, log }: LogEntry): void {
  const { message, error } = log as { message: string; error?: string };
  const fields = { component: `kafkajs ${namespace}`, ...(error === undefined ? {} : { reason: error }) };
  // Refused responses are tried again by kafkajs itself, and consumers are started again; what stays wrong reaches our callers as an error.
  const passes =
    message.startsWith('Response ') ||
    message.startsWith('Restarting the consumer') ||
    message.includes('coordinator is loading') ||
    message.endsWith(STOPPED);
  if (level === logLevel.ERROR && !passes) logger.warn(fields, message);
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
