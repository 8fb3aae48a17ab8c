import { AppError } from '#libs/runtime/src/errors.ts';
import { loadSettings } from '#libs/runtime/src/config.ts';
import { STACK_SETTINGS } from '#libs/runtime/src/settings.ts';
import type { StackInfo } from './stack-file.ts';

/** What the settings ask for: the addresses of an external stack, or an embedded one with its cache of downloads. */
export type StackChoice = { kind: 'external'; info: StackInfo } | { kind: 'embedded'; downloadsDir: string };

/** Which stack the settings ask for (architecture section 8): external when its three addresses are set, else embedded; STACK forces one. */
export function chooseStack(env: NodeJS.ProcessEnv): StackChoice {
  const settings = loadSettings(STACK_SETTINGS, env);
  const embedded: StackChoice = { kind: 'embedded', downloadsDir: settings.DOWNLOADS_DIR };
  const wanted = settings.STACK ?? '';
  if (wanted === 'docker') {
    throw new AppError(
      'config_invalid',
      'STACK=docker comes with a later version: use STACK=embedded (Java 21+ and Maven) or STACK=external',
    );
  }
  if (!['', 'external', 'embedded'].includes(wanted))
    throw new AppError('config_invalid', `STACK is ${wanted}: it must be external or embedded`);
  if (wanted === 'embedded') return embedded;

  const { KAFKA_BROKERS: kafkaBrokers = '', SCHEMA_REGISTRY_URL: schemaRegistryUrl = '' } = settings;
  const databaseUrl = settings.DATABASE_URL?.reveal() ?? '';
  const addresses = { KAFKA_BROKERS: kafkaBrokers, SCHEMA_REGISTRY_URL: schemaRegistryUrl, DATABASE_URL: databaseUrl };
  const missing = Object.entries(addresses).flatMap(([name, value]) => (value === '' ? [name] : []));
  if (missing.length === 0) {
    if (!URL.canParse(databaseUrl))
      throw new AppError(
        'config_invalid',
        `DATABASE_URL is no address (for example ${STACK_SETTINGS.DATABASE_URL.example ?? ''})`,
      );
    return { kind: 'external', info: { kind: 'external', kafkaBrokers, schemaRegistryUrl, databaseUrl } };
  }
  if (wanted === 'external' || missing.length < Object.keys(addresses).length) {
    throw new AppError(
      'config_invalid',
      `an external stack needs ${missing.join(' and ')} as well (or set STACK=embedded to start one here)`,
    );
  }
  return embedded;
}
