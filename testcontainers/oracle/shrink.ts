import type { OracleWorld } from './worlds.ts';

/**
 * Cuts a failing world down: scans, contacts, rows and faults are left out, halves first, as long as the world still fails and
 * `tries` last. Deterministic for one product and one world.
 */
export async function shrinkWorld(
  world: OracleWorld,
  fails: (smaller: OracleWorld) => Promise<boolean>,
  tries = 60,
): Promise<OracleWorld> {
  let smallest = world;
  let left = tries;
  const attempt = async (smaller: OracleWorld): Promise<boolean> => {
    if (left <= 0 || smaller.scans.length === 0) return false;
    left -= 1;
    if (!(await fails(smaller))) return false;
    smallest = smaller;
    return true;
  };
  for (let size = namesOf(world).length; size >= 1 && left > 0; size = Math.floor(size / 2)) {
    const names = namesOf(smallest);
    for (let from = 0; from < names.length; from += size) {
      await attempt(without(smallest, new Set(names.slice(from, from + size))));
    }
  }
  return smallest;
}

/** Everything that can be left out, by a name of its own. */
function namesOf({ vendors, leads, scans }: OracleWorld): string[] {
  const contacts = scans.flatMap((scan) => scan.contacts.map(({ id }) => `contact ${id}`));
  return [
    ...scans.map((_, index) => `scan ${index}`),
    ...new Set(contacts),
    ...vendors.map(({ id }) => `vendor ${id}`),
    ...leads.map(({ id }) => `lead ${id}`),
    ...new Set(scans.flatMap(({ unanswered }) => unanswered.map((id) => `unanswered ${id}`))),
  ];
}

function without({ seed, vendors, leads, scans }: OracleWorld, names: ReadonlySet<string>): OracleWorld {
  return {
    seed,
    vendors: vendors.filter(({ id }) => !names.has(`vendor ${id}`)),
    leads: leads.filter(({ id }) => !names.has(`lead ${id}`)),
    scans: scans
      .filter((_, index) => !names.has(`scan ${index}`))
      .map((scan) => ({
        ...scan,
        contacts: scan.contacts.filter(({ id }) => !names.has(`contact ${id}`)),
        unanswered: scan.unanswered.filter((id) => !names.has(`unanswered ${id}`)),
      })),
  };
}
