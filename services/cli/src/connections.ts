import { AppError } from '#libs/runtime/src/errors.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import { chooseStack, findStack, type StackInfo } from '#testcontainers/stack/stack.ts';

/** The stack that is already there: external by settings, or the running embedded one. Never starts one. */
export async function existingStack(settings: Settings): Promise<StackInfo> {
  if (chooseStack(process.env) === 'external') {
    return {
      kind: 'external',
      kafkaBrokers: settings.KAFKA_BROKERS ?? '',
      schemaRegistryUrl: settings.SCHEMA_REGISTRY_URL ?? '',
      databaseUrl: settings.DATABASE_URL?.reveal() ?? '',
    };
  }
  const running = await findStack(settings.DATA_DIR);
  if (running !== undefined) return running;
  throw new AppError('stack_unavailable', `no stack runs in ${settings.DATA_DIR}: run \`npm start\`, or \`npm run -s tributary -- stack up\``);
}
