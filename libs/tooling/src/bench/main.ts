/**
 * `npm run bench`: what the pipeline does a second, on a stack of its own with durability on.
 *
 *   npm run bench                       topic -> table: first load, all changed, all unchanged
 *   npm run bench -- plain              the same without the rules, and COPY alone: the least that keeps a table like its topic, for comparison
 *   npm run bench -- location           a location in mode full, with the limits of GoHighLevel and without
 *   npm run bench -- rebuild            replay of the topics into a shadow table
 *   npm run bench -- salesforce         an org's contacts by the Bulk API: to the table, to the topic, from the topic, replay
 *   npm run bench -- idle               what `npm start` uses while nothing happens
 *
 * --rows N (contacts of a location, rows of a table) and --rounds N. The machine's size is printed with the figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { readStackFile } from '#testcontainers/stack/stack-file.ts';
import { startStack } from '#testcontainers/stack/stack.ts';
import { benchIdle } from './idle.ts';
import { benchLocation } from './location.ts';
import { describeMachine } from './machine.ts';
import { benchRebuild } from './rebuild.ts';
import { benchSalesforce } from './salesforce.ts';
import { benchPlain, benchTable } from './table.ts';

/** Where the stack of the benchmark is. */
export interface Addresses {
  kafkaBrokers: string;
  schemaRegistryUrl: string;
  databaseUrl: string;
}

/** What a benchmark works with. */
export interface Bench {
  platform: Platform;
  addresses: Addresses;
  /** Processes of the servers. */
  serverPids: number[];
  rows: number;
  rounds: number;
  say(line: string): void;
}

/** The benchmarks by name, with what they run with if nothing is said. */
const BENCHES: Record<string, { run(bench: Bench): Promise<void>; rows: number; rounds: number }> = {
  table: { run: benchTable, rows: 300_000, rounds: 3 },
  plain: { run: benchPlain, rows: 300_000, rounds: 3 },
  location: { run: benchLocation, rows: 15_000, rounds: 3 },
  rebuild: { run: benchRebuild, rows: 600_000, rounds: 1 },
  salesforce: { run: benchSalesforce, rows: 600_000, rounds: 1 },
  idle: { run: benchIdle, rows: 2_000, rounds: 1 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'string' }, rounds: { type: 'string' } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const [name = 'table'] = positionals;
const chosen = BENCHES[name];
if (chosen === undefined) {
  process.stderr.write(`there is no benchmark ${name}: there are ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}

const dataDir = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
const stack = await startStack({ dataDir, env: { ...process.env, STACK: 'embedded' }, log: say });
try {
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.info;
  const addresses = { kafkaBrokers, schemaRegistryUrl, databaseUrl };
  const options = { stack: addresses, logger: createLogger({ name: 'bench', level: 'warn' }), service: 'bench' };
  await deploy({ ...options, replication: 1 });
  const platform = await openPlatform({ ...options, databasePool: 8 });
  const serverPids = (readStackFile(dataDir)?.servers ?? []).map(({ pid }) => pid);
  const rows = Number(values.rows ?? chosen.rows);
  const rounds = Number(values.rounds ?? chosen.rounds);
  await chosen.run({ platform, addresses, serverPids, rows, rounds, say });
  say(`machine: ${describeMachine()}; broker, registry and database on it`);
  await platform.close();
} finally {
  await stack.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
