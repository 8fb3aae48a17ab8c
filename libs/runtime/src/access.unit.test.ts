import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseAddress } from '#libs/storage/src/address.ts';
import { stackAccess } from './access.ts';
import { readSettings } from './settings.ts';

const STACK = {
  KAFKA_BROKERS: 'kafka:9093',
  SCHEMA_REGISTRY_URL: 'https://registry/apis/ccompat/v7',
  DATABASE_URL: 'postgresql://me:canary-database@db/tributary',
};
const SECRET = /canary/;

let folder: string;
let pem: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-access-'));
  pem = join(folder, 'ca.pem');
  writeFileSync(pem, 'PEM\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const access = (env: Record<string, string>): ReturnType<typeof stackAccess> =>
  stackAccess(readSettings({ ...STACK, ...env }));

describe('access to the stack', () => {
  it('is plain text without settings, and lacks what is missing', () => {
    expect(access({})).toEqual({
      kafkaBrokers: 'kafka:9093',
      schemaRegistryUrl: 'https://registry/apis/ccompat/v7',
      databaseUrl: STACK.DATABASE_URL,
    });
    expect(access({ KAFKA_BROKERS: '', DATABASE_URL: '' })).toEqual({ missing: ['KAFKA_BROKERS', 'DATABASE_URL'] });
  });

  it('carries what the settings say, the password from a file too', () => {
    const password = join(folder, 'password');
    writeFileSync(password, 'canary-kafka\n');
    const env = {
      KAFKA_SSL: 'true',
      KAFKA_SSL_CA_FILE: pem,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD_FILE: password,
      SCHEMA_REGISTRY_USERNAME: 'reader',
      SCHEMA_REGISTRY_PASSWORD: 'canary-registry',
      SCHEMA_REGISTRY_SSL_CA_FILE: pem,
      DATABASE_SSL_CA_FILE: pem,
    };
    expect(access(env)).toMatchObject({
      kafkaSecurity: {
        ssl: { ca: 'PEM\n' },
        sasl: { mechanism: 'scram-sha-512', username: 'me', password: 'canary-kafka' },
      },
      registrySecurity: { login: { username: 'reader' }, ca: 'PEM\n' },
      databaseUrl: `${STACK.DATABASE_URL}?sslrootcert=${encodeURIComponent(pem)}`,
    });
  });

  it.each([
    [{ KAFKA_SASL_MECHANISM: 'plain' }, ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']],
    [{ KAFKA_SASL_PASSWORD: 'canary' }, ['KAFKA_SASL_MECHANISM']],
    [{ KAFKA_SASL_MECHANISM: 'gssapi' }, ['KAFKA_SASL_MECHANISM: must be one of none, plain']],
    [{ KAFKA_SSL_CA_FILE: 'PEM' }, ['KAFKA_SSL is not true']],
    [{ KAFKA_SSL: 'true', KAFKA_SSL_CERT_FILE: 'PEM' }, ['KAFKA_SSL_KEY_FILE']],
    [{ KAFKA_SSL: 'true', KAFKA_SSL_CA_FILE: '/nowhere' }, ['KAFKA_SSL_CA_FILE', 'ENOENT']],
    [{ SCHEMA_REGISTRY_PASSWORD: 'canary' }, ['SCHEMA_REGISTRY_USERNAME']],
    [{ SCHEMA_REGISTRY_URL: 'http://r', SCHEMA_REGISTRY_SSL_CA_FILE: 'PEM' }, ['no https address']],
    [{ SCHEMA_REGISTRY_URL: 'https://me:canary@r' }, ['SCHEMA_REGISTRY_URL holds a login']],
  ])('%j is half-set, and told by name without a secret', (env: Record<string, string>, words) => {
    const real = Object.entries(env).map(([name, value]) => [name, value === 'PEM' ? pem : value]);
    const failure = failureOf(() => access(Object.fromEntries(real) as Record<string, string>));
    expect(failure).toMatchObject({ code: 'config_invalid' });
    for (const word of words) expect(failure.message).toContain(word);
    expect(failure.message).not.toMatch(SECRET);
  });
});

describe('the address of the database', () => {
  const url = STACK.DATABASE_URL;

  it.each([
    ['', false],
    ['?sslmode=disable', false],
    ['?sslmode=require', { host: 'db' }],
    ['?sslmode=verify-full', { host: 'db' }],
    ['?sslmode=verify-ca', { host: 'db', checkServerIdentity: expect.any(Function) }],
    ['?sslmode=no-verify', { host: 'db', rejectUnauthorized: false }],
  ])('%s', (query, ssl) => {
    expect(databaseAddress(`${url}${query}`)).toEqual({ connectionString: url, ssl });
  });

  it('asks for verify-full with a CA alone', () => {
    expect(databaseAddress(`${url}?sslrootcert=${pem}`).ssl).toEqual({ host: 'db', ca: 'PEM\n' });
  });

  it.each([
    ['?sslmode=prefer', /sslmode must be one of/],
    ['?sslmode=disable&sslrootcert=PEM', /sslmode=disable checks nothing/],
    ['?sslmode=no-verify&sslrootcert=PEM', /sslmode=no-verify checks nothing/],
    ['?sslcert=PEM', /sslkey/],
    ['?sslrootcert=/nowhere', /cannot be read/],
  ])('%s is a fault of the setting', (query, message) => {
    const failure = failureOf(() => databaseAddress(`${url}${query.replace('PEM', pem)}`));
    expect(failure).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(message) });
    expect(failure.message).not.toMatch(SECRET);
  });

  it('that is none is never shown', () => {
    expect(failureOf(() => databaseAddress('canary@host')).message).not.toMatch(SECRET);
  });
});

function failureOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}
