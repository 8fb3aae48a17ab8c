import { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { askRegistry, createRegistry, patiently, type RegistryAddress } from './registry-client.ts';

/** How long one registration may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * The one deploy step that registers schemas: each under its full name, FULL_TRANSITIVE, in any order and any number of times.
 * A change that would break a reader is refused with the registry's list of differences.
 */
export async function registerSchemas(address: RegistryAddress, timeoutMs = TIMEOUT_MS): Promise<number> {
  const registry = createRegistry(address, timeoutMs);
  const compatibility = COMPATIBILITY.FULL_TRANSITIVE;
  for (const [subject, schema] of Object.entries(SCHEMAS)) {
    try {
      await patiently(() =>
        askRegistry(timeoutMs, () => registry.register(schema as never, { subject, compatibility })),
      );
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('schema_not_registered', `the registry refuses ${subject}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return Object.keys(SCHEMAS).length;
}
