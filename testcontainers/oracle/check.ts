import { rowIdOf } from '#libs/storage/src/ids.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { contactInSearch } from '#testcontainers/simulators/ghl/shapes.ts';
import type { GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { differences, type Difference } from './differences.ts';
import { foretellFull } from './model.ts';
import { insertRows, readTables } from './tables.ts';
import type { OracleWorld, WorldScan } from './worlds.ts';

/** What the oracle needs of a running product; how it is run, and what is done to it meanwhile, is the caller's affair. */
export interface OracleStack {
  simulator: GhlSimulator;
  rules: GhlRules;
  database: Sql;
  /** Asks for a full sync of the simulator's location and resolves with its final word. */
  sync(options: { dryRun: boolean }): Promise<RunView>;
}

/** Runs a world's scans through the product and says where tables or result differ from the model; stops at the first scan that does. */
export async function checkWorld(stack: OracleStack, world: OracleWorld): Promise<Difference[]> {
  const account = stack.simulator.world.locationId;
  await insertRows(stack.database, account, world);
  for (const [index, scan] of world.scans.entries()) {
    settle(stack.simulator, scan);
    const before = await readTables(stack.database, account);
    const expected = foretellFull({
      vendors: before.vendors.map(({ row }) => row),
      leads: before.leads.map(({ row }) => row),
      contacts: scan.contacts.map((contact) => contactInSearch({ ...contact, locationId: account }, 0)),
      unanswered: new Set(scan.unanswered),
      rules: stack.rules,
      idOf: (table, contactId, turn) => rowIdOf(table === 'vendors' ? 'vendor' : 'lead', account, contactId, turn),
    });
    const run = await stack.sync({ dryRun: scan.dryRun });
    const after = await readTables(stack.database, account);
    const found = differences({ before, expected, after, run, dryRun: scan.dryRun });
    if (found.length > 0) return found.map((difference) => ({ ...difference, scan: index + 1 }));
  }
  return [];
}

/** Makes the simulator's location what the scan shall find. */
function settle({ world, faults }: GhlSimulator, { contacts, unanswered }: WorldScan): void {
  world.contacts.clear();
  for (const contact of contacts) world.contacts.set(contact.id, { ...contact, locationId: world.locationId });
  world.revision += 1;
  faults.clear();
  for (const id of unanswered) faults.add({ kind: '500', match: `GET /contacts/${id}` });
}
