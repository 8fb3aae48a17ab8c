import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { NODE_FLAGS } from './child.ts';
import { cpuSeconds } from './machine.ts';
import type { Bench } from './main.ts';

const SETTLE_MS = 10_000;
const MEASURE_MS = 30_000;

/** What the Node process of `npm start` uses while nothing happens, in percent of one core, once its first sync is over. */
export async function benchIdle({ addresses, rounds, say }: Bench): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tributary-idle-'));
  const child = spawn(process.execPath, [...NODE_FLAGS, 'services/dev/src/main.ts'], {
    env: {
      ...process.env,
      STACK: 'external',
      DATA_DIR: dataDir,
      KAFKA_BROKERS: addresses.kafkaBrokers,
      SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
      DATABASE_URL: addresses.databaseUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  try {
    for await (const line of createInterface(child.stdout)) if (line.includes('http://')) break;
    child.stdout.resume();
    // The figure is of time passing.
    await wait(SETTLE_MS);
    for (let round = 1; round <= rounds; round += 1) {
      const before = cpuSeconds(child.pid!);
      await wait(MEASURE_MS);
      const percent = ((cpuSeconds(child.pid!) - before) / (MEASURE_MS / 1000)) * 100;
      say(`round ${round}  npm start idle: ${percent.toFixed(2)} % of one core over ${MEASURE_MS / 1000} s`);
    }
  } finally {
    child.kill('SIGTERM');
    await gone;
    rmSync(dataDir, { recursive: true, force: true });
  }
}
