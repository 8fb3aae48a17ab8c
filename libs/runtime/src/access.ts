import { readFileSync } from 'node:fs';
import type { KafkaSecurity, SASLOptions } from '#libs/kafka/src/client.ts';
import type { RegistrySecurity } from '#libs/kafka/src/registry-client.ts';
import { choice, file, flag, secretText, text, type Values } from './config.ts';
import { AppError } from './errors.ts';
import type { Secret } from './secret.ts';

const SASL = ['none', 'plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** What proves to the services of an external stack who we are, and to us who answers. */
export const ACCESS_SETTINGS = {
  DATABASE_SSL_CA_FILE: file('PEM of the authorities that PostgreSQL is trusted by; asks for TLS with verify-full', {
    example: '/etc/tributary/database-ca.pem',
  }),
  KAFKA_SSL: flag('Whether the brokers are spoken to by TLS', { fallback: 'false' }),
  KAFKA_SSL_CA_FILE: file('PEM of the authorities that the brokers are trusted by; by default those of Node', {
    example: '/etc/tributary/kafka-ca.pem',
  }),
  KAFKA_SSL_CERT_FILE: file('PEM of the client certificate, where the brokers ask for one'),
  KAFKA_SSL_KEY_FILE: file('PEM of the key of the client certificate'),
  KAFKA_SASL_MECHANISM: choice('How the brokers ask for the password', SASL, { fallback: 'none' }),
  KAFKA_SASL_USERNAME: text('User at the brokers'),
  KAFKA_SASL_PASSWORD: secretText('Password at the brokers'),
  SCHEMA_REGISTRY_USERNAME: text('User at the schema registry'),
  SCHEMA_REGISTRY_PASSWORD: secretText('Password at the schema registry'),
  SCHEMA_REGISTRY_SSL_CA_FILE: file('PEM of the authorities that the schema registry is trusted by over https'),
};

/** How to reach the three services, and all that they ask for: one value that is handed to whatever connects. */
export interface StackAccess {
  /** Comma-separated host:port list. */
  kafkaBrokers: string;
  /** The Confluent-compatible API. */
  schemaRegistryUrl: string;
  /** It holds a password and the TLS parameters: never log it. */
  databaseUrl: string;
  /** Absent for the embedded stack, which listens on this machine only. */
  kafkaSecurity?: KafkaSecurity;
  registrySecurity?: RegistrySecurity;
}

type AccessSettings = Values<typeof ACCESS_SETTINGS> & {
  KAFKA_BROKERS: string | undefined;
  SCHEMA_REGISTRY_URL: string | undefined;
  DATABASE_URL: Secret | undefined;
};

/** The stack that the settings name; otherwise the names of the addresses that are missing. */
export function stackAccess(settings: AccessSettings): StackAccess | { missing: string[] } {
  const { KAFKA_BROKERS: kafkaBrokers, SCHEMA_REGISTRY_URL: schemaRegistryUrl, DATABASE_URL: database } = settings;
  if (kafkaBrokers === undefined || schemaRegistryUrl === undefined || database === undefined) {
    const names = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL'] as const;
    return { missing: names.filter((name) => settings[name] === undefined) };
  }
  checkAccess(settings);
  const kafkaSecurity = kafkaSecurityOf(settings);
  const registrySecurity = registrySecurityOf(settings);
  return {
    kafkaBrokers,
    schemaRegistryUrl,
    databaseUrl: withCa(database.reveal(), settings.DATABASE_SSL_CA_FILE),
    ...(kafkaSecurity === undefined ? {} : { kafkaSecurity }),
    ...(registrySecurity === undefined ? {} : { registrySecurity }),
  };
}

function kafkaSecurityOf(settings: AccessSettings): KafkaSecurity | undefined {
  const { KAFKA_SSL: isTls, KAFKA_SASL_MECHANISM: mechanism } = settings;
  const login = {
    username: settings.KAFKA_SASL_USERNAME ?? '',
    password: settings.KAFKA_SASL_PASSWORD?.reveal() ?? '',
  };
  const ssl = {
    ca: pemOf(settings.KAFKA_SSL_CA_FILE),
    cert: pemOf(settings.KAFKA_SSL_CERT_FILE),
    key: pemOf(settings.KAFKA_SSL_KEY_FILE),
  };
  if (!isTls && mechanism === 'none') return undefined;
  return {
    ...(isTls ? { ssl } : {}),
    ...(mechanism === 'none' ? {} : { sasl: { mechanism, ...login } as SASLOptions }),
  };
}

function registrySecurityOf(settings: AccessSettings): RegistrySecurity | undefined {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password } = settings;
  const ca = pemOf(settings.SCHEMA_REGISTRY_SSL_CA_FILE);
  if (ca === undefined && username === undefined) return undefined;
  return {
    ...(username === undefined || password === undefined ? {} : { login: { username, password } }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** The file becomes part of the address, so that whatever opens the address finds it. */
function withCa(databaseUrl: string, caFile: string | undefined): string {
  if (caFile === undefined || !URL.canParse(databaseUrl)) return databaseUrl;
  const url = new URL(databaseUrl);
  url.searchParams.set('sslrootcert', caFile);
  return url.href;
}

function pemOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8');
}

/** Reports settings of access that need others which are absent, all at once, as config_invalid. */
export function checkAccess(settings: AccessSettings): void {
  const isSet = (name: keyof AccessSettings): boolean => settings[name] !== undefined;
  const registry = settings.SCHEMA_REGISTRY_URL;
  const faults: string[] = [];
  const fault = (wrong: boolean, text: string): void => void (wrong && faults.push(text));
  for (const name of ['KAFKA_SSL_CA_FILE', 'KAFKA_SSL_CERT_FILE', 'KAFKA_SSL_KEY_FILE'] as const)
    fault(isSet(name) && !settings.KAFKA_SSL, `${name} is set, but KAFKA_SSL is not true`);
  for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const) {
    const isAsked = settings.KAFKA_SASL_MECHANISM !== 'none';
    fault(isSet(name) && !isAsked, `${name} is set, but KAFKA_SASL_MECHANISM is not`);
    fault(!isSet(name) && isAsked, `KAFKA_SASL_MECHANISM is set, but ${name} is not`);
  }
  for (const [one, other] of [
    ['KAFKA_SSL_CERT_FILE', 'KAFKA_SSL_KEY_FILE'],
    ['SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD'],
  ] as const) {
    fault(isSet(one) && !isSet(other), `${one} is set, but ${other} is not`);
    fault(isSet(other) && !isSet(one), `${other} is set, but ${one} is not`);
  }
  fault(
    isSet('SCHEMA_REGISTRY_SSL_CA_FILE') && registry?.startsWith('https:') !== true,
    'SCHEMA_REGISTRY_SSL_CA_FILE is set, but SCHEMA_REGISTRY_URL is no https address',
  );
  fault(
    registry !== undefined && /^https?:\/\/[^/]*@/.test(registry),
    'SCHEMA_REGISTRY_URL holds a login: set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD instead',
  );
  if (faults.length > 0) throw new AppError('config_invalid', `wrong settings:\n  ${faults.join('\n  ')}`);
}
