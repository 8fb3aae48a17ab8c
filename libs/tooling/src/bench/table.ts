import { topicOffsets } from '#libs/kafka/src/topics.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { inChild } from './child.ts';
import { copyAlone } from './copying.ts';
import { median } from './machine.ts';
import type { Bench } from './main.ts';
import type { Measured, Task } from './projecting.ts';
import { PHASES, publish, TOPIC } from './vendors.ts';

async function walBytes({ database }: Platform): Promise<number> {
  const { rows: found } = await database.query<{ lsn: number }>(`select pg_current_wal_lsn() - '0/0'::pg_lsn as lsn`);
  return Number(found[0]!.lsn);
}

/**
 * Topic -> table, rows a second: the median of the rounds for first load, all changed and all unchanged, with CPU and WAL for each row
 * and the projector's peak memory.
 */
export function benchTable(bench: Bench): Promise<void> {
  return runPhases(bench, false);
}

/** The same records into the same table without the rules, and by COPY alone: what the machine has to give. */
export async function benchPlain(bench: Bench): Promise<void> {
  await runPhases(bench, true);
  await copyAlone(bench, 'vendors');
}

async function runPhases({ platform, addresses, serverPids, rows, rounds, say }: Bench, plain: boolean): Promise<void> {
  const results = new Map<string, (Measured & { wal: number })[]>(PHASES.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    await platform.database.query('truncate vendors');
    await platform.database.query('truncate sightings, scan_partitions, scan_states, outbox');
    for (const phase of PHASES) {
      await publish(platform, rows, phase);
      // As autovacuum does a minute after a phase: else the next one pays for what this one left.
      await platform.database.query('vacuum (analyze) vendors');
      await platform.database.query('checkpoint');
      const before = await walBytes(platform);
      const measured = await inChild<Task, Measured>('projecting.ts', { addresses, rows, serverPids, plain });
      const wal = (await walBytes(platform)) - before;
      results.get(phase.name)?.push({ ...measured, wal });
      say(`round ${round}  ${describe(phase.name, rows, [{ ...measured, wal }])}`);
    }
  }
  const offsets = await topicOffsets(platform.kafka, [TOPIC]);
  const { rows: counted } = await platform.database.query<{ count: number }>('select count(*) as count from vendors');
  say(`\ntopic -> table vendors (29 columns, 4 indexes), ${rows} rows a phase, median of ${rounds}`);
  for (const [name, measured] of results) say(describe(name, rows, measured));
  const events = offsets.reduce((sum, { low, high }) => sum + high - low, 0);
  say(`events on the topic ${events}, rows in the table ${counted[0]!.count}`);
}

function describe(name: string, rows: number, measured: (Measured & { wal: number })[]): string {
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
