import { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { createRegistry } from './codec.ts';

/**
 * The one deploy step that registers schemas: each under its full name, FULL_TRANSITIVE, in any order and any number of times.
 * A change that would break a reader is refused with the registry's list of differences.
 */
export async function registerSchemas(registryUrl: string): Promise<number> {
  const registry = createRegistry(registryUrl);
  for (const [subject, schema] of Object.entries(SCHEMAS)) {
    await registry
      .register(schema as never, { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE })
      .catch((error: unknown) => {
        const { status, message } = error as { status?: number; message?: string };
        if (status !== undefined && status >= 400 && status < 500) {
          throw new AppError('schema_not_registered', `the registry refuses ${subject}: ${message ?? status}`, {
            cause: error,
          });
        }
        throw new AppError(
          'registry_unavailable',
          `the schema registry does not take ${subject}: check SCHEMA_REGISTRY_URL`,
          { cause: error },
        );
      });
  }
  return Object.keys(SCHEMAS).length;
}
