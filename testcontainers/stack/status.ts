import pg from 'pg';
import { resolve } from 'node:path';
import { databaseAddress } from '#libs/storage/src/address.ts';
import { chooseStack } from './choice.ts';
import { isAlive } from './lock.ts';
import { answers } from './ports.ts';
import { registryVersion } from './registry.ts';
import { readStackFile, type StackFile, type StackInfo } from './stack-file.ts';

/** State of one part of a stack, for `stack status` and `doctor`. */
export interface PartStatus {
  part: 'postgres' | 'kafka' | 'registry';
  reachable: boolean;
  /** host:port; null when no stack is known. */
  address: string | null;
  port: number | null;
  /** Null when it is not ours. */
  pid: number | null;
  /** Null when it does not tell. */
  version: string | null;
}

/** What is reachable of the stack that the settings and the data folder name. Never throws for a part that is down. */
export async function stackStatus(
  dataDir: string,
  env: NodeJS.ProcessEnv,
): Promise<{ kind: 'embedded' | 'external'; parts: PartStatus[] }> {
  const choice = chooseStack(env);
  const file = choice.kind === 'embedded' ? readStackFile(resolve(dataDir)) : undefined;
  const info = choice.kind === 'external' ? choice.info : file?.info;
  const parts = await Promise.all([postgresStatus(info), kafkaStatus(info, file), registryStatus(info)]);
  return { kind: choice.kind, parts: parts.map((part) => ({ ...part, pid: pidOf(file, part.part) })) };
}

/** Addresses of an external stack that do not answer, as settings; empty when all do. */
export async function unreachable(info: StackInfo): Promise<string[]> {
  const [database, broker, registry] = [
    endpointOf(info.databaseUrl),
    brokerOf(info),
    endpointOf(info.schemaRegistryUrl),
  ];
  const parts = [
    { setting: 'DATABASE_URL', ...database },
    { setting: 'KAFKA_BROKERS', ...broker },
    { setting: 'SCHEMA_REGISTRY_URL', ...registry },
  ];
  const up = await Promise.all(parts.map(({ host, port }) => answers(host, port, 3_000)));
  return parts.flatMap(({ setting, host, port }, index) =>
    up[index] === true ? [] : [`${setting} (${host}:${port})`],
  );
}

type Status = Omit<PartStatus, 'pid'>;

const UNKNOWN = { reachable: false, address: null, port: null, version: null };

async function postgresStatus(info: StackInfo | undefined): Promise<Status> {
  if (info === undefined) return { part: 'postgres', ...UNKNOWN };
  const { host, port } = endpointOf(info.databaseUrl);
  const version = await postgresVersion(info.databaseUrl);
  return { part: 'postgres', reachable: version !== null, address: `${host}:${port}`, port, version };
}

async function postgresVersion(databaseUrl: string): Promise<string | null> {
  const client = new pg.Client({ ...databaseAddress(databaseUrl), connectionTimeoutMillis: 3_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? null;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function kafkaStatus(info: StackInfo | undefined, file: StackFile | undefined): Promise<Status> {
  if (info === undefined) return { part: 'kafka', ...UNKNOWN };
  const { host, port } = brokerOf(info);
  return {
    part: 'kafka',
    reachable: await answers(host, port, 3_000),
    address: `${host}:${port}`,
    port,
    version: file?.versions.kafka ?? null,
  };
}

async function registryStatus(info: StackInfo | undefined): Promise<Status> {
  if (info === undefined) return { part: 'registry', ...UNKNOWN };
  const { host, port } = endpointOf(info.schemaRegistryUrl);
  return {
    part: 'registry',
    reachable: await answers(host, port, 3_000),
    address: `${host}:${port}`,
    port,
    version: await registryVersion(info.schemaRegistryUrl),
  };
}

function pidOf(file: StackFile | undefined, part: PartStatus['part']): number | null {
  const server = file?.servers.find(({ name }) => name === part);
  return server !== undefined && isAlive(server) ? server.pid : null;
}

const DEFAULT_PORTS: Record<string, number> = { 'postgresql:': 5432, 'postgres:': 5432, 'http:': 80, 'https:': 443 };

function endpointOf(address: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (DEFAULT_PORTS[protocol] ?? 80) : Number(port) };
}

/** The first broker. */
function brokerOf({ kafkaBrokers }: StackInfo): { host: string; port: number } {
  const [host = '', port] = kafkaBrokers.split(/[:,]/);
  return { host, port: Number(port) };
}
