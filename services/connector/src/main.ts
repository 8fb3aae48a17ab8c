import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { onStopSignal, startHost } from '#libs/runtime/src/host.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { openPlatform } from '#libs/runtime/src/platform.ts';
import { ghlAccounts, readSettings } from '#libs/runtime/src/settings.ts';
import { connectorComponents } from './component.ts';

const service = 'connector';

async function main(): Promise<number> {
  const settings = readSettings(process.env);
  const logger = createLogger({ name: service, level: settings.LOG_LEVEL });
  const { KAFKA_BROKERS: kafkaBrokers, SCHEMA_REGISTRY_URL: schemaRegistryUrl } = settings;
  const databaseUrl = settings.DATABASE_URL?.reveal();
  const accounts = ghlAccounts(settings);
  if (kafkaBrokers === undefined || schemaRegistryUrl === undefined || databaseUrl === undefined)
    throw new AppError('config_invalid', 'set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL');
  if (accounts.length === 0)
    throw new AppError('config_invalid', 'set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or GHL_ACCOUNTS_FILE');
  const databasePool = settings.DATABASE_POOL;
  const platform = await openPlatform({ kafkaBrokers, schemaRegistryUrl, databaseUrl, databasePool, logger, service });
  try {
    const ghl = { baseUrl: settings.GHL_API_BASE_URL, accounts };
    const host = await startHost(connectorComponents({ settings, ghl, platform, logger }), logger);
    onStopSignal(() => void host.stop());
    return await host.done;
  } finally {
    await platform.close();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  const failure = toAppError(error);
  createLogger({ name: service, level: 'fatal' }).fatal({ err: error }, failure.message);
  return failure.kind === 'config' ? 2 : 1;
});
