/**
 * `npm run bench`: topic -> table, rows a second, on a stack of its own with durability on.
 *
 *   npm run bench -- [--rows 300000] [--rounds 3]
 *
 * Prints the median of the rounds for first load, all changed and all unchanged, with CPU and WAL for each row, the projector's
 * peak memory and the machine's size.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { readStackFile } from '#testcontainers/stack/stack-file.ts';
import { startStack } from '#testcontainers/stack/stack.ts';
import { describeMachine, median } from './machine.ts';
import type { Measured, Task } from './projecting.ts';
import { PHASES, publish, TOPIC } from './vendors.ts';

/** Where the stack of the benchmark is. */
export interface Addresses {
  kafkaBrokers: string;
  schemaRegistryUrl: string;
  databaseUrl: string;
}

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '300000' }, rounds: { type: 'string', default: '3' } },
});
const rows = Number(values.rows);
const rounds = Number(values.rounds);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function projectInChild(task: Task): Promise<Measured> {
  const child = fork(join(import.meta.dirname, 'projecting.ts'), { execArgv: ['--no-warnings'] });
  child.send(task);
  const [answer] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [Measured | number];
  if (typeof answer === 'number') throw new Error(`the projector ended with ${answer}`);
  await once(child, 'exit');
  return answer;
}

async function walBytes({ database }: Platform): Promise<number> {
  const { rows: found } = await database.query<{ lsn: number }>(`select pg_current_wal_lsn() - '0/0'::pg_lsn as lsn`);
  return Number(found[0]!.lsn);
}

async function run(platform: Platform, addresses: Addresses, serverPids: number[]): Promise<void> {
  const results = new Map<string, (Measured & { wal: number })[]>(PHASES.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    await platform.database.query('truncate vendors');
    await platform.database.query('truncate sightings, scan_partitions, scan_states, outbox');
    for (const phase of PHASES) {
      await publish(platform, rows, phase);
      await platform.database.query('checkpoint');
      const before = await walBytes(platform);
      const measured = await projectInChild({ addresses, rows, serverPids });
      const wal = (await walBytes(platform)) - before;
      results.get(phase.name)?.push({ ...measured, wal });
      say(`round ${round}  ${describe(phase.name, [{ ...measured, wal }])}`);
    }
  }
  const offsets = await topicOffsets(platform.kafka, [TOPIC]);
  const { rows: counted } = await platform.database.query<{ count: number }>('select count(*) as count from vendors');
  say(`\ntopic -> table vendors (29 columns, 4 indexes), ${rows} rows a phase, median of ${rounds}`);
  for (const [name, measured] of results) say(describe(name, measured));
  const events = offsets.reduce((sum, { low, high }) => sum + high - low, 0);
  say(`events on the topic ${events}, rows in the table ${counted[0]!.count}`);
  say(`machine: ${describeMachine()}; broker, registry and database on it`);
}

function describe(name: string, measured: (Measured & { wal: number })[]): string {
  const of = (pick: (one: Measured & { wal: number }) => number): number => median(measured.map(pick));
  const cpu = (['node', 'postgres', 'java'] as const).map((kind) => `${kind} ${of((m) => m.cpu[kind]).toFixed(1)}`);
  return [
    name.padEnd(14),
    `${String(Math.round(of((m) => m.rowsPerSecond))).padStart(7)} rows/s`,
    `CPU us/row: ${cpu.join(', ')}`,
    `WAL ${(of((m) => m.wal) / rows).toFixed(0)} B/row`,
    `peak ${Math.round(of((m) => m.peakBytes) / 2 ** 20)} MiB`,
  ].join('   ');
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
  await run(platform, addresses, serverPids);
  await platform.close();
} finally {
  await stack.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
