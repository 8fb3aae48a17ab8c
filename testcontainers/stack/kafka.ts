import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '#libs/runtime/src/errors.ts';
import { MAX_RECORD_BYTES } from '#libs/contracts/src/topics.ts';
import { sharedClasses } from './java.ts';
import { answers } from './ports.ts';
import { untilReady, type ServerProcess, type Supervisor } from './processes.ts';

/** What the broker needs to run. */
export interface KafkaOptions {
  dataDir: string;
  java: string;
  /** Folder of Kafka's jars. */
  jars: string;
  port: number;
  controllerPort: number;
  /** Compiles quickly rather than well: for tests, which end before a better compilation has paid for itself. */
  fast?: boolean;
  env: NodeJS.ProcessEnv;
  /** Properties beside or instead of ours, and arguments of the format: for a broker with other listeners. */
  more?: { properties: Record<string, string>; format: string[] };
}

const LOG4J = join(import.meta.dirname, '../../deploy/embedded/log4j2.properties');

/** Starts one Kafka node, broker and controller (KRaft), formatted at its first start. */
export async function startKafka(supervisor: Supervisor, options: KafkaOptions): Promise<ServerProcess> {
  const { dataDir, java, jars, port, fast = false, env } = options;
  const folder = join(dataDir, 'kafka');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'server.properties');
  const logs = join(folder, 'logs');
  writeFileSync(config, properties(options, logs));
  const classpath = join(jars, '*');
  if (!existsSync(join(logs, 'meta.properties'))) await format(options, classpath, config);
  const server = supervisor.start({
    name: 'kafka',
    command: java,
    args: [
      '-Xmx512m',
      '-Xms128m',
      '-XX:+UseSerialGC',
      ...sharedClasses(`${jars}.jsa`),
      ...(fast ? ['-XX:TieredStopAtLevel=1'] : []),
      `-Dlog4j2.configurationFile=${LOG4J}`,
      '-cp',
      classpath,
      'kafka.Kafka',
      config,
    ],
    env,
  });
  await untilReady(server, () => answers('127.0.0.1', port), 60_000);
  return server;
}

async function format({ java, env, more }: KafkaOptions, classpath: string, config: string): Promise<void> {
  const args = [
    '-XX:TieredStopAtLevel=1',
    `-Dlog4j2.configurationFile=${LOG4J}`,
    '-cp',
    classpath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId(),
    '-c',
    config,
    ...(more?.format ?? []),
  ];
  await promisify(execFile)(java, args, { env }).catch((error: { stderr?: string }) => {
    const reason = (error.stderr ?? '').trim().split('\n')[0] ?? '';
    throw new AppError('stack_unavailable', `Kafka's data folder could not be made: ${reason}`, { cause: error });
  });
}

/** Kafka's form of a random UUID: 16 bytes in URL-safe base64. One in 64 would begin with a dash and pass for an option. */
export function clusterId(draw: () => Buffer = () => randomBytes(16)): string {
  const id = draw().toString('base64url');
  return id.startsWith('-') ? clusterId(draw) : id;
}

function properties({ port, controllerPort, more }: KafkaOptions, logs: string): string {
  const entries = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logs,
    'num.partitions': 6,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 2,
    'group.initial.rebalance.delay.ms': 0,
    'message.max.bytes': MAX_RECORD_BYTES,
    'replica.fetch.max.bytes': MAX_RECORD_BYTES,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
    'controlled.shutdown.enable': true,
    ...more?.properties,
  };
  return `${Object.entries(entries)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}
