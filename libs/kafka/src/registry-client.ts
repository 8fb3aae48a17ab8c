import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { AppError } from '#libs/runtime/src/errors.ts';

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number];

/** Answers that are the registry's own word: not there, incompatible, invalid. */
const REFUSALS = new Set([404, 409, 422]);

/**
 * A registry client that does not repeat by itself: our callers do, with their own patience. Every request ends in bounded time,
 * because the client shares one request among all who ask for an id, so that one without an answer would block that id for ever.
 */
export function createRegistry(registryUrl: string, timeoutMs: number): SchemaRegistry {
  const bounded: Middleware = () => ({
    prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }),
  });
  return new SchemaRegistry({ host: registryUrl, retry: { retries: 0 }, middlewares: [bounded] });
}

/**
 * Asks the registry in bounded time. Its refusals are thrown as they are; everything else is registry_unavailable, a refused
 * password and a broken connection too (the client calls the latter status 400).
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
    const { status } = error as { status?: number };
    throw unavailable(status === undefined || status === 400 ? 'no connection' : `answer ${status}`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the registry said no; the client's own verdict on a schema it was given counts as well. */
function isRefusal(error: unknown): boolean {
  const { name, status } = error as { name?: string; status?: number };
  return status === undefined ? name?.startsWith('ConfluentSchemaRegistry') === true : REFUSALS.has(status);
}

function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError(
    'registry_unavailable',
    `the schema registry is not available (${reason}): check SCHEMA_REGISTRY_URL`,
    { cause },
  );
}
