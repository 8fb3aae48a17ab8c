import { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { askRegistry, createRegistry, type RegistryAddress } from './registry-client.ts';

/** How long one registration may take, in milliseconds. */
const TIMEOUT_MS = 20_000;

const CONFLICT = 409;

/**
 * The one deploy step that registers schemas: each under its full name, FULL_TRANSITIVE, in any order and any number of times.
 * A change that would break a reader is refused with the registry's list of differences.
 */
export async function registerSchemas(address: RegistryAddress): Promise<number> {
  const registry = createRegistry(address, TIMEOUT_MS);
  const compatibility = COMPATIBILITY.FULL_TRANSITIVE;
  for (const [subject, schema] of Object.entries(SCHEMAS)) {
    const register = () =>
      askRegistry(TIMEOUT_MS, () => registry.register(schema as never, { subject, compatibility }));
    try {
      // Where two set the compatibility of a new subject at once, Apicurio tells one of them that it exists; so it may when it is slow.
      await register().catch((error: unknown) => {
        if ((error as { status?: number }).status === CONFLICT) return register();
        throw error;
      });
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('schema_not_registered', `the registry refuses ${subject}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return Object.keys(SCHEMAS).length;
}
