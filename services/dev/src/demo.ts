import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { importFile } from '#services/cli/src/import.ts';
import type { RunningFile } from '#services/cli/src/session.ts';
import { startGhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld, worldRows } from '#testcontainers/simulators/ghl/world.ts';

/** The GoHighLevel simulator standing in where no token is set. */
export interface Demo {
  access: NonNullable<RunningFile['simulator']>;
  /** Imports local rows that belong to the simulated location, where there are none yet. */
  prepare(platform: Platform, say: (line: string) => void): Promise<void>;
  stop(): Promise<void>;
}

const CONTACTS = 2_000;
const SEED = 7;

/** Starts the simulator over a made-up location; the same one at every start. */
export async function startDemo(say: (line: string) => void): Promise<Demo> {
  const world = makeWorld({ seed: SEED, contacts: CONTACTS });
  const simulator = await startGhlSimulator({ world });
  say(`GoHighLevel: no GHL_PRIVATE_TOKEN is set, a simulator with ${CONTACTS} made-up contacts stands in`);
  return {
    access: { baseUrl: simulator.baseUrl, locationId: world.locationId, token: world.token },
    async prepare(platform, tell) {
      const { rows } = await platform.database.query<{ known: boolean }>(
        'select exists (select from vendors) or exists (select from leads) as known',
      );
      if (rows[0]?.known === true) return;
      const files = worldRows(world);
      const folder = mkdtempSync(join(tmpdir(), 'tributary-demo-'));
      try {
        for (const table of ['vendors', 'leads'] as const) {
          const file = join(folder, `${table}.csv`);
          writeFileSync(file, files[table]);
          const { inserted } = await importFile(platform, table, world.locationId, file);
          tell(`Imported ${inserted} ${table} that the made-up business knows already`);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    stop: () => simulator.stop(),
  };
}
