import { Agent } from 'node:https';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Secret } from '#libs/runtime/src/secret.ts';

/** What proves to the registry who we are, and to us who answers. */
export interface RegistrySecurity {
  login?: { username: string; password: Secret };
  /** PEM of the authorities that are trusted; by default those of Node. */
  ca?: string;
}

/** Where a registry is, and how to be let in. */
export interface RegistryAddress {
  registryUrl: string;
  security?: RegistrySecurity | undefined;
}

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number];

/** What Node says of a certificate: the client turns it into status 400 and keeps the words only. */
const TLS_FAULT = /status 400: (.*(certificate|altname|SSL).*)/i;

/** Answers that are the registry's own word: not there, incompatible, invalid. */
const REFUSALS = new Set([404, 409, 422]);

/**
 * A registry client that does not repeat by itself: our callers do, with their own patience. Every request ends in bounded time,
 * because the client shares one request among all who ask for an id, so that one without an answer would block that id for ever.
 */
export function createRegistry({ registryUrl, security = {} }: RegistryAddress, timeoutMs: number): SchemaRegistry {
  const { login, ca } = security;
  const bounded: Middleware = () => ({
    prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }),
  });
  return new SchemaRegistry({
    host: registryUrl,
    retry: { retries: 0 },
    middlewares: [bounded],
    ...(login === undefined ? {} : { auth: { username: login.username, password: login.password.reveal() } }),
    ...(ca === undefined ? {} : { agent: new Agent({ ca }) }),
  });
}

/**
 * Asks the registry in bounded time. Its refusals are thrown as they are; everything else is registry_unavailable (the
 * client calls a broken connection status 400), but for what the settings must change: a refused password or certificate.
 */
export async function askRegistry<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable('no answer in time')), timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (error instanceof AppError || isRefusal(error)) throw error;
    const { status, message = '' } = error as { status?: number; message?: string };
    if (status === 401 || status === 403)
      throw refused(
        'it refuses the user or the password: check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
        error,
      );
    const fault = TLS_FAULT.exec(message)?.[1];
    if (fault !== undefined)
      throw refused(`${fault}: check SCHEMA_REGISTRY_URL and SCHEMA_REGISTRY_SSL_CA_FILE`, error);
    throw unavailable(status === undefined || status === 400 ? 'no connection' : `answer ${status}`, error);
  } finally {
    clearTimeout(timer);
  }
}

const ATTEMPTS = 3;
const CONFLICT = 409;

/** Asks again where the registry did not answer, and where two set up one subject at once: Apicurio tells one of them that it exists. */
export async function patiently<T>(ask: () => Promise<T>, attempts = ATTEMPTS): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { code, status } = error as { code?: string; status?: number };
    if (attempts === 1 || (code !== 'registry_unavailable' && status !== CONFLICT)) throw error;
    return patiently(ask, attempts - 1);
  }
}

/** Whether the registry said no; the client's own verdict on a schema it was given counts as well. */
function isRefusal(error: unknown): boolean {
  const { name, status } = error as { name?: string; status?: number };
  return status === undefined ? name?.startsWith('ConfluentSchemaRegistry') === true : REFUSALS.has(status);
}

function refused(reason: string, cause: unknown): AppError {
  return new AppError('access_refused', `no access to the schema registry: ${reason}`, { cause });
}

function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError(
    'registry_unavailable',
    `the schema registry is not available (${reason}): check SCHEMA_REGISTRY_URL`,
    { cause },
  );
}
