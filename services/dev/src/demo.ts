import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { importFile } from '#services/cli/src/import.ts';
import type { RunningFile, SimulatedOrg } from '#services/cli/src/session.ts';
import { startGhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld, worldRows } from '#testcontainers/simulators/ghl/world.ts';
import { startSalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { makeWorld as makeOrg, type World } from '#testcontainers/simulators/salesforce/world.ts';

/** The GoHighLevel simulator standing in where no token is set. */
export interface GhlDemo {
  access: NonNullable<RunningFile['simulator']>;
  /** Imports local rows that belong to the simulated location, where there are none yet. */
  prepare(platform: Platform, say: (line: string) => void): Promise<void>;
  stop(): Promise<void>;
}

const CONTACTS = 2_000;
const SEED = 7;

/** Starts the GoHighLevel simulator over a made-up location; the same one at every start. */
export async function startGhlDemo(say: (line: string) => void): Promise<GhlDemo> {
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

/** The Salesforce simulator standing in where no org is set. */
export interface SalesforceDemo {
  org: SimulatedOrg;
  stop(): Promise<void>;
}

/** Starts the Salesforce simulator over a made-up org; the same one at every start. */
export async function startSalesforceDemo(say: (line: string) => void): Promise<SalesforceDemo> {
  const world = makeOrg({ contacts: CONTACTS, seed: SEED });
  nameAll(world);
  const simulator = await startSalesforceSimulator({ world });
  say(`Salesforce: no SALESFORCE_CLIENT_ID is set, a simulator with ${CONTACTS} made-up contacts stands in`);
  const { clientId, clientSecret } = SIMULATED_CREDENTIALS;
  return {
    org: { account: 'simulated', loginUrl: simulator.baseUrl, clientId, clientSecret },
    stop: () => simulator.stop(),
  };
}

/** The worlds of tests have contacts that no org accepts any more, which would end every first sync as incomplete. */
function nameAll(world: World): void {
  const view = world.view();
  for (let index = 0; index < view.contacts; index += 1) {
    if (view.contactValue(index, 'LastName') === null)
      world.changeContact(makeId(PREFIXES.Contact, index), { LastName: 'Nameless' });
  }
}
