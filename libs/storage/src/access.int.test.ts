import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeCertificates, type Certificates } from '#testcontainers/certificates.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { serverAccount } from '#testcontainers/stack/account.ts';
import { freePorts } from '#testcontainers/stack/ports.ts';
import { postgresUrl, startPostgres } from '#testcontainers/stack/postgres.ts';
import { createSupervisor, plainEnvironment, type Supervisor } from '#testcontainers/stack/processes.ts';
import { migrate } from './orm.ts';
import { createPool, databaseError } from './pool.ts';

const PASSWORD = 'canary-password';

let folder: string;
let certificates: Certificates;
let supervisor: Supervisor;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(process.cwd(), 'node_modules/.access-'));
  certificates = makeCertificates(folder);
  const account = serverAccount([folder]);
  account.own(certificates.keyFile);
  supervisor = createSupervisor(join(folder, 'logs'), () => undefined);
  const [port] = await freePorts(1);
  await startPostgres(supervisor, {
    dataDir: folder,
    port: port!,
    password: PASSWORD,
    fast: true,
    env: plainEnvironment(process.env),
    more: ['ssl=on', `ssl_cert_file=${certificates.certFile}`, `ssl_key_file=${certificates.keyFile}`],
  });
  url = postgresUrl({ port: port!, password: PASSWORD }, 'tributary').replace('127.0.0.1', 'localhost');
}, 60_000);

afterAll(async () => {
  await supervisor.stopAll('postgres');
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** Whether the connection of an address is encrypted. */
async function isEncrypted(databaseUrl: string): Promise<boolean> {
  const pool = createPool({ databaseUrl, applicationName: 'test', max: 1 });
  try {
    const { rows } = await pool.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    return rows[0]!.ssl;
  } catch (error) {
    throw databaseError(error);
  } finally {
    await pool.end();
  }
}

it('verify-full lets in with the right authority, for our own SQL and for the ORM', async () => {
  const address = `${url}?sslmode=verify-full&sslrootcert=${certificates.caFile}`;
  expect(await isEncrypted(address)).toBe(true);
  expect(await migrate(address)).toContain('20261124-foundation');
});

it('speaks plain text only when nobody asks for TLS', async () => {
  expect(await isEncrypted(url)).toBe(false);
  expect(await isEncrypted(`${url}?sslmode=no-verify`)).toBe(true);
});

it.each([
  [
    'a wrong password',
    (c: Certificates) => `${url.replace(PASSWORD, 'canary-wrong')}?sslrootcert=${c.caFile}`,
    /28P01/,
  ],
  [
    'an authority that is not the one',
    (c: Certificates) => `${url}?sslrootcert=${c.strangerFile}`,
    /nobody who is trusted/,
  ],
  ['require without an authority', () => `${url}?sslmode=require`, /nobody who is trusted/],
  [
    'another host name',
    (c: Certificates) => `${url.replace('localhost', '127.0.0.1')}?sslrootcert=${c.caFile}`,
    /another host/,
  ],
])('%s is told as configuration, without the password', async (_what, address, message) => {
  for (const work of [isEncrypted, migrate]) {
    const failure = await work(address(certificates)).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'access_refused', kind: 'config', message: expect.stringMatching(message) });
    expect((failure as Error).message).toMatch(/DATABASE_URL/);
    expect((failure as Error).message).not.toMatch(/canary/);
  }
});

it('a server without TLS is no answer to who asks for it', async () => {
  await expect(isEncrypted(`${testStack().databaseUrl}?sslmode=verify-full`)).rejects.toMatchObject({
    code: 'access_refused',
    message: expect.stringContaining('speaks no TLS'),
  });
});
