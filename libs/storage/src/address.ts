import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A DATABASE_URL as the driver takes it. */
export interface DatabaseAddress {
  /** The address without its TLS parameters. */
  connectionString: string;
  /** False for plain text. */
  ssl: ConnectionOptions | false;
}

/** libpq's parameters of TLS; the files are PEM. */
const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const;

const CHECKS: Record<string, ConnectionOptions | false> = {
  disable: false,
  require: {},
  'verify-full': {},
  'verify-ca': { checkServerIdentity: () => undefined },
  'no-verify': { rejectUnauthorized: false },
};

/**
 * Reads the TLS parameters of an address as libpq names them, with one difference: whoever asks for TLS gets all of it. `require` is
 * `verify-full`, a CA alone asks for TLS, and `prefer` and `allow`, which anybody on the way can talk down, are refused.
 */
export function databaseAddress(databaseUrl: string): DatabaseAddress {
  // The error of URL itself would carry the password.
  if (!URL.canParse(databaseUrl))
    throw new AppError(
      'config_invalid',
      'DATABASE_URL is no address (for example postgresql://user:password@host:5432/tributary)',
    );
  const url = new URL(databaseUrl);
  const given = new Map(TLS_PARAMETERS.map((name) => [name, url.searchParams.get(name)]));
  for (const name of TLS_PARAMETERS) url.searchParams.delete(name);
  const files = { ca: given.get('sslrootcert'), cert: given.get('sslcert'), key: given.get('sslkey') };
  const isAsked = Object.values(files).some((file) => file != null);
  const mode = given.get('sslmode') ?? (isAsked ? 'verify-full' : 'disable');
  const check = CHECKS[mode];
  if (check === undefined)
    throw new AppError(
      'config_invalid',
      `DATABASE_URL: sslmode must be one of ${Object.keys(CHECKS).join(', ')} (require checks the certificate, as verify-full does)`,
    );
  if (isAsked && (check === false || check.rejectUnauthorized === false))
    throw new AppError('config_invalid', `DATABASE_URL: sslmode=${mode} checks nothing, yet a certificate is given`);
  if ((files.cert == null) !== (files.key == null))
    throw new AppError('config_invalid', 'DATABASE_URL: sslcert and sslkey belong together: one of them is missing');
  const pem = Object.entries(files).flatMap(([option, file]) => (file == null ? [] : [[option, readPem(file)]]));
  return {
    connectionString: url.href,
    // The driver names no host for an IP address, and Node would then check the certificate against `localhost`.
    ssl: check === false ? false : { host: hostOf(url), ...check, ...(Object.fromEntries(pem) as ConnectionOptions) },
  };
}

function hostOf({ hostname, searchParams }: URL): string {
  return searchParams.get('host') ?? hostname.replace(/^\[|\]$/g, '');
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AppError('config_invalid', `DATABASE_URL names a certificate file that cannot be read (${file})`, {
      cause: error,
    });
  }
}
