/**
 * `npm run bench`: topic -> table, rows a second, on a stack of its own with durability on.
 *
 *   npm run bench -- [--rows 300000] [--rounds 3]
 *
 * Prints for first load, all changed and all unchanged the median of the rounds, with the machine's size and the peak memory.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { createCodec } from '#libs/kafka/src/codec.ts';
import { startConsumer } from '#libs/kafka/src/consumer.ts';
import type { OutgoingEvent } from '#libs/kafka/src/producer.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { ghlProjection } from '#services/projector/src/ghl/processor.ts';
import { startStack } from '#testcontainers/stack/stack.ts';

const TOPIC = 'crm.observation.v1';
const ACCOUNT = 'BenchmarkLocation000';
const CHUNK = 5_000;

interface Phase {
  name: string;
  version: number;
  known: boolean;
}

const PHASES: Phase[] = [
  { name: 'first load', version: 1, known: false },
  { name: 'all changed', version: 2, known: true },
  { name: 'all unchanged', version: 2, known: true },
];

/** A vendor as the classifier writes it: every column filled. */
function observation(index: number, { version, known }: Phase, scanId: string): VendorObserved {
  const text = (what: string): string => `${what} ${index} v${version}`;
  return {
    account: ACCOUNT,
    scanId,
    scanNumber: 0,
    dryRun: false,
    contactId: `contact${String(index).padStart(13, '0')}`,
    mode: 'full',
    observedAt: 1_750_000_000_000 + version,
    dateUpdated: 1_740_000_000_000 + version,
    email: `vendor${index}@example.test`,
    knownAs: {
      vendorById: known,
      vendorByEmail: known,
      leadById: false,
      leadByEmail: false,
      leadByOpportunity: false,
      leadOpportunityIds: [],
    },
    signals: true,
    name: text('Name'),
    nameIsStandIn: false,
    phone: `+1555${String(index).padStart(7, '0')}`,
    companyName: text('Company'),
    ghlUserId: `user${String(index).padStart(16, '0')}`,
    serviceCategories: ['Plumbing', text('Category')],
    servicesOffered: ['Pipes', text('Service')],
    serviceZipCodes: 'Broward, FL; Palm Beach, FL',
    coverageType: 'county',
    coverageStates: ['FL'],
    coverageCounties: ['Broward, FL', 'Palm Beach, FL'],
    takingNewWork: index % 2 === 0,
    lastLeadAssigned: 1_700_000_000_000 + index,
    leadClosePercentage: (index % 100) + version / 10,
    primaryServiceCategory: text('Primary'),
    tagStatus: 'active',
    fieldErrors: [],
  };
}

async function publish(platform: Platform, rows: number, phase: Phase): Promise<void> {
  const scanId = randomUUID();
  const numbers = new Map<number, number>();
  const { partitionOf } = await import('#libs/kafka/src/producer.ts');
  for (let from = 0; from < rows; from += CHUNK) {
    const events: OutgoingEvent[] = [];
    for (let index = from; index < Math.min(rows, from + CHUNK); index += 1) {
      const value = observation(index, phase, scanId);
      const key = `${ACCOUNT}:contact:${value.contactId}`;
      const partition = partitionOf(key, 6);
      const scanNumber = (numbers.get(partition) ?? 0) + 1;
      numbers.set(partition, scanNumber);
      value.scanNumber = scanNumber;
      events.push({
        topic: TOPIC,
        key,
        partition,
        type: 'crm.observation.v1.VendorObserved',
        value,
        id: randomUUID(),
        scanId,
        scanNumber,
        correlationId: scanId,
      });
    }
    await platform.producer.send(events);
  }
}

/** Runs the projector until it has handled everything; returns rows a second from the first batch on. */
async function project(platform: Platform, registryUrl: string, rows: number, concurrency: number): Promise<number> {
  const logger = createLogger({ name: 'bench', level: 'warn' });
  let first = 0;
  let handled = 0;
  let done: (() => void) | undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const consumer = await startConsumer({
    kafka: platform.kafka,
    codec: createCodec({ registryUrl }),
    producer: platform.producer,
    checkpoints: platform.checkpoints,
    processor: ghlProjection({
      database: platform.database,
      rulesFor: () => DEFAULT_GHL_RULES,
      onOutbox: () => undefined,
    }),
    logger,
    partitionsConcurrently: concurrency,
    onDead: (error) => {
      throw error;
    },
    hooks: {
      onHandled(_processor, _topic, count, seconds) {
        if (first === 0) first = performance.now() - seconds * 1000;
        handled += count;
        if (handled >= rows) done?.();
      },
    },
  });
  await finished;
  const seconds = (performance.now() - first) / 1000;
  await consumer.stop();
  return rows / seconds;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function walBytes(platform: Platform): Promise<number> {
  const { rows } = await platform.database.query<{ lsn: number }>(`select pg_current_wal_lsn() - '0/0'::pg_lsn as lsn`);
  return Number(rows[0]!.lsn);
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '2' },
  },
  allowPositionals: true,
});
const rows = Number(values.rows);
const dataDir = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const stack = await startStack({ dataDir, env: { ...process.env, STACK: 'embedded' }, log: say });
let peak = 0;
const sampler = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 100);
try {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.info;
  const options = {
    kafkaBrokers,
    schemaRegistryUrl,
    databaseUrl,
    logger: createLogger({ name: 'bench', level: 'warn' }),
    service: 'bench',
  };
  await deploy({ ...options, replication: 1 });
  const platform = await openPlatform({ ...options, databasePool: 8 });
  const results = new Map<string, number[]>();
  const wal = new Map<string, number[]>();
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    await platform.database.query('truncate vendors');
    await platform.database.query('truncate tributary.sightings, tributary.scan_partitions, tributary.scan_states');
    for (const phase of PHASES) {
      await publish(platform, rows, phase);
      const before = await walBytes(platform);
      const rate = await project(platform, schemaRegistryUrl, rows, Number(values.connections));
      results.set(phase.name, [...(results.get(phase.name) ?? []), rate]);
      wal.set(phase.name, [...(wal.get(phase.name) ?? []), (await walBytes(platform)) - before]);
      say(`round ${round}  ${phase.name.padEnd(14)} ${Math.round(rate)} rows/s`);
    }
  }
  const offsets = await topicOffsets(platform.kafka, [TOPIC]);
  const { rows: counted } = await platform.database.query<{ count: number }>('select count(*) as count from vendors');
  say('');
  say(
    `topic -> table vendors (29 columns, 4 indexes), ${rows} rows a phase, median of ${values.rounds}, ${values.connections} connections`,
  );
  for (const phase of PHASES) {
    const rates = results.get(phase.name) ?? [];
    say(
      `${phase.name.padEnd(14)} ${String(Math.round(median(rates))).padStart(7)} rows/s   WAL ${(median(wal.get(phase.name) ?? []) / 1e6).toFixed(0)} MB`,
    );
  }
  say(
    `events on the topic ${offsets.reduce((sum, { low, high }) => sum + high - low, 0)}, rows in the table ${counted[0]!.count}`,
  );
  say(
    `machine: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, broker, registry and database on it; Node ${process.version}`,
  );
  say(`peak memory of this process (producer included): ${Math.round(peak / 2 ** 20)} MiB`);
  await platform.close();
} finally {
  clearInterval(sampler);
  await stack.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
