import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { requestAndFollow } from '#services/cli/src/sync.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { inChild, NODE_FLAGS } from './child.ts';
import { copyAlone } from './copying.ts';
import { cpuSeconds, cpuUse, peakBytesOf, perRow } from './machine.ts';
import type { Addresses, Bench } from './main.ts';
import type { Replayed, Replaying } from './replaying.ts';

const TOPIC = 'crm.raw.salesforce.v1';

interface Members {
  simulator: ChildProcess;
  connector?: ChildProcess;
  projector?: ChildProcess;
}

/**
 * Contacts of a Salesforce org by the Bulk API, with services as processes of their own: org -> Kafka -> table, the same again, org ->
 * topic and topic -> table alone, and a replay. CPU and peak memory of each process.
 */
export async function benchSalesforce(bench: Bench): Promise<void> {
  const { addresses, platform, rows, say } = bench;
  const simulator = fork(join(import.meta.dirname, 'simulating.ts'), { execArgv: ['--no-warnings'] });
  simulator.send({ contacts: rows });
  const [{ baseUrl }] = (await once(simulator, 'message')) as [{ baseUrl: string }];
  const start = (service: string, account: string): Promise<ChildProcess> =>
    startService(service, account, baseUrl, addresses);
  let both: Members = {
    simulator,
    projector: await start('projector', 'first'),
    connector: await start('connector', 'first'),
  };
  for (const name of ['first load', 'all unchanged']) await measure(bench, name, both, () => sync(bench, 'first'));
  await stop(both.projector);
  await stop(both.connector);
  both = { simulator, connector: await start('connector', 'second') };
  const syncId = await measure(bench, 'org -> topic', both, () => read(bench, 'second'));
  await stop(both.connector);
  both = { simulator, projector: await start('projector', 'second') };
  await measure(bench, 'topic -> table', both, () => followRun(platform.database, syncId, () => undefined));
  await stop(both.projector);
  simulator.disconnect();
  await platform.database.query('vacuum (analyze) sf_contacts');
  const { seconds, records, equal, peakBytes } = await inChild<Replaying, Replayed>('replaying.ts', {
    addresses,
    tables: ['sf_contacts'],
  });
  say(
    `replay           ${records} records in ${seconds} s, ${equal ? 'equal' : 'DIFFERENT'}   peak ${Math.round(peakBytes / 2 ** 20)} MiB`,
  );
  const offsets = await topicOffsets(platform.kafka, [TOPIC]);
  const events = offsets.reduce((sum, { low, high }) => sum + high - low, 0);
  const { rows: counted } = await platform.database.query<{ count: number }>(
    'select count(*) as count from sf_contacts',
  );
  say(`events on the topic ${events}, rows in the table ${counted[0]!.count} of two orgs of ${rows} contacts`);
  await copyAlone(bench, 'sf_contacts');
}

async function startService(
  service: string,
  account: string,
  baseUrl: string,
  addresses: Addresses,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...NODE_FLAGS, `services/${service}/src/main.ts`], {
    env: {
      ...process.env,
      HTTP_PORT: '0',
      LOG_LEVEL: 'error',
      KAFKA_BROKERS: addresses.kafkaBrokers,
      SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
      DATABASE_URL: addresses.databaseUrl,
      SALESFORCE_DOMAIN: account,
      SALESFORCE_LOGIN_URL: baseUrl,
      SALESFORCE_CLIENT_ID: SIMULATED_CREDENTIALS.clientId,
      SALESFORCE_CLIENT_SECRET: SIMULATED_CREDENTIALS.clientSecret,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  return child;
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

const order = (account: string) => ({
  ...ASKED_NOTHING,
  api: 'bulk',
  source: 'salesforce',
  account,
  mode: 'full',
  dryRun: false,
  requestedBy: 'bench',
});

async function sync({ platform }: Bench, account: string): Promise<RunView> {
  const run = await requestAndFollow(platform, order(account), { onChange: () => undefined });
  if (run.success !== true) throw new Error(`the sync did not succeed: ${run.message ?? 'no word'}`);
  return run;
}

/** Follows a sync until the org is read; nobody applies it. */
async function read({ platform }: Bench, account: string): Promise<string> {
  let syncId = '';
  const isRead = new AbortController();
  await requestAndFollow(platform, order(account), {
    signal: isRead.signal,
    onRequested: (id) => (syncId = id),
    onChange: () => void scanState(platform, syncId).then((state) => state === 'read' && isRead.abort()),
  }).catch((error: unknown) => {
    if (!isRead.signal.aborted) throw error;
  });
  return syncId;
}

async function scanState({ database }: Bench['platform'], syncId: string): Promise<string | undefined> {
  const { rows } = await database.query<{ state: string }>('select state from scans where scan_id = $1', [syncId]);
  return rows[0]?.state;
}

async function measure<T>(
  { serverPids, rows, say }: Bench,
  name: string,
  members: Members,
  work: () => Promise<T>,
): Promise<T> {
  const processes = Object.entries(members) as [string, ChildProcess][];
  const used = (): Map<string, number> => new Map(processes.map(([part, { pid }]) => [part, cpuSeconds(pid!)]));
  const before = { own: used(), servers: cpuUse(serverPids), at: performance.now() };
  const result = await work();
  const seconds = (performance.now() - before.at) / 1000;
  const now = used();
  const servers = perRow(before.servers, cpuUse(serverPids), rows);
  const cpu = [
    ...processes.map(([part]) => `${part} ${(((now.get(part)! - before.own.get(part)!) * 1e6) / rows).toFixed(0)}`),
    `postgres ${servers.postgres.toFixed(0)}`,
    `java ${servers.java.toFixed(0)}`,
  ];
  const peaks = processes.map(([part, { pid }]) => `${part} ${Math.round(peakBytesOf(pid!) / 2 ** 20)}`);
  say(
    `${name.padEnd(16)} ${seconds.toFixed(1)} s   ${Math.round(rows / seconds)} contacts/s   CPU us/contact: ${cpu.join(', ')}   peak MiB: ${peaks.join(', ')}`,
  );
  return result;
}
