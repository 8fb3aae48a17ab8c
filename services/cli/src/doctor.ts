import { createCodec } from '#libs/kafka/src/codec.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { MAX_RECORD_BYTES, TOPICS } from '#libs/contracts/src/topics.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { kafkaOf, registryOf } from '#libs/runtime/src/platform.ts';
import { readSettings, type Settings } from '#libs/runtime/src/settings.ts';
import { databaseAddress } from '#libs/storage/src/address.ts';
import type { StackInfo } from '#testcontainers/stack/stack.ts';
import { lockRoom, locksWanted } from '#libs/storage/src/locks.ts';
import { outboxSetAside } from '#libs/storage/src/outbox.ts';
import { withClients } from './accounts.ts';
import { existingStack, withDatabase } from './connections.ts';
import { testSalesforce } from './salesforce-test.ts';
import { ghlAccess, orgAccess, readRunning } from './session.ts';

/** One thing that was looked at. */
export interface Check {
  what: string;
  ok: boolean;
  /** What was found, or what is wrong and which setting or step mends it. */
  detail: string;
}

/** Checks settings, stack, topics, schemas, migrations and every GoHighLevel location and the Salesforce org. Nothing is changed. */
export async function diagnose(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const checks: Check[] = [];
  async function check<T>(what: string, work: () => Promise<{ detail: string; value: T }>): Promise<T | undefined> {
    try {
      const { detail, value } = await work();
      checks.push({ what, ok: true, detail });
      return value;
    } catch (error) {
      const failure = toAppError(error);
      checks.push({ what, ok: false, detail: `${failure.code}: ${failure.message}` });
      return undefined;
    }
  }
  const settings = await check('settings', async () => ({
    detail: 'every setting is readable',
    value: readSettings(env),
  }));
  if (settings === undefined) return checks;
  const stack = await check('stack', async () => {
    const found = await existingStack(settings);
    return { detail: `${found.kind}${describeAccess(found)}`, value: found };
  });
  const logger = createLogger({ name: 'doctor', level: 'silent' });
  if (stack !== undefined) {
    await check('kafka topics', async () => {
      const offsets = await topicOffsets(
        kafkaOf(stack, 'tributary-doctor', logger, { retries: 3 }),
        Object.keys(TOPICS),
      );
      const present = new Set(offsets.map(({ topic }) => topic));
      const missing = Object.keys(TOPICS).filter((topic) => !present.has(topic));
      if (missing.length > 0)
        throw new AppError('topic_missing', `${missing.join(', ')}: run \`npm run -s tributary -- deploy\``);
      return { detail: `${present.size} topics on ${stack.kafkaBrokers}`, value: present };
    });
    await check('schema registry', async () => {
      const types = Object.values(TOPICS).flatMap(({ events }) => [...events]);
      await createCodec(registryOf(stack)).ready(types);
      return { detail: `${new Set(types).size} schemas registered`, value: types };
    });
    await check('database', async () => {
      const { openOrm, pendingMigrations } = await import('#libs/storage/src/orm.ts');
      const orm = await openOrm(stack.databaseUrl);
      try {
        const pending = await pendingMigrations(orm);
        if (pending.length > 0)
          throw new AppError(
            'config_invalid',
            `migrations are missing (${pending.join(', ')}): run \`npm run -s tributary -- deploy\``,
          );
        const locks = locksWanted(await lockRoom(orm));
        if (locks !== undefined)
          throw new AppError(
            'config_invalid',
            `PostgreSQL has room for too few locks, a first load of many contacts would wait for ever: set its max_locks_per_transaction to ${locks} and restart it`,
          );
        return { detail: 'reachable, migrations current', value: pending };
      } finally {
        await orm.close(true);
      }
    });
    await check('outbox', () => checkOutbox(stack));
  }
  for (const { what, work } of ghlChecks(settings)) await check(what, work);
  checks.push(...(await salesforceChecks(settings)));
  return checks;
}

/** Throws where events were set aside: their topic takes less than what `deploy` gives it. */
async function checkOutbox(stack: StackInfo): Promise<{ detail: string; value: null }> {
  const aside = await withDatabase(stack, outboxSetAside);
  if (aside.length === 0) return { detail: 'nothing is set aside', value: null };
  const which = aside.map(({ topic, events }) => `${events} for ${topic}`).join(', ');
  throw new AppError(
    'record_too_large',
    `events that no topic took are set aside (${which}): raise max.message.bytes of the topic to ${MAX_RECORD_BYTES}, then run \`npm run -s tributary -- outbox retry\``,
  );
}

/** How each service is spoken to, for an external stack; never a secret. */
function describeAccess({ kind, databaseUrl, schemaRegistryUrl, kafkaSecurity, registrySecurity }: StackInfo): string {
  if (kind === 'embedded') return '';
  const { ssl } = databaseAddress(databaseUrl);
  const isProved = ssl !== false && ssl.rejectUnauthorized !== false;
  const database = ssl === false ? 'plain text' : isProved ? 'TLS' : 'TLS without a check of the certificate';
  const sasl = kafkaSecurity?.sasl === undefined ? '' : `, SASL ${kafkaSecurity.sasl.mechanism}`;
  const kafka = `${kafkaSecurity?.ssl === undefined ? 'plain text' : 'TLS'}${sasl}`;
  const registry = `${new URL(schemaRegistryUrl).protocol.slice(0, -1)}${registrySecurity?.login === undefined ? '' : ', with a login'}`;
  return `; PostgreSQL: ${database}; Kafka: ${kafka}; schema registry: ${registry}`;
}

/** Salesforce is looked at where an org is set, or a simulator stands in. */
async function salesforceChecks(settings: Settings): Promise<Check[]> {
  try {
    const org = orgAccess(settings, readRunning(settings.DATA_DIR));
    if (org === undefined) return [];
    return (await testSalesforce(settings, org)).map((check) => ({ ...check, what: `Salesforce ${check.what}` }));
  } catch (error) {
    const { code, message } = toAppError(error);
    return [{ what: 'Salesforce', ok: false, detail: `${code}: ${message}` }];
  }
}

function ghlChecks(settings: Settings): { what: string; work: () => Promise<{ detail: string; value: unknown }> }[] {
  try {
    const { baseUrl, accounts, simulated } = ghlAccess(settings, readRunning(settings.DATA_DIR));
    if (accounts.length === 0) {
      return [
        {
          what: 'GoHighLevel',
          work: async () => ({
            detail: 'no location is set (GHL_LOCATION_ID, GHL_PRIVATE_TOKEN): `npm start` uses the simulator',
            value: null,
          }),
        },
      ];
    }
    return accounts.map((account) => ({
      what: `GoHighLevel ${account.locationId}${simulated ? ' (simulator)' : ''}`,
      work: () =>
        withClients(settings, { baseUrl, accounts: [account] }, async (clientOf) => {
          const client = clientOf(account);
          const { name } = await client.getLocation();
          const { total } = await client.searchPage(1, undefined);
          return { detail: `${name ?? 'unnamed'}, ${total ?? 'an unknown number of'} contacts`, value: null };
        }),
    }));
  } catch (error) {
    return [
      {
        what: 'GoHighLevel',
        work: async () => {
          throw error;
        },
      },
    ];
  }
}

/** The diagnosis for people. */
export function renderDiagnosis(checks: readonly Check[]): string {
  return checks.map(({ what, ok, detail }) => `${ok ? 'ok  ' : 'FAIL'}  ${what}: ${detail}`).join('\n');
}
