import { startGhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { makeWorld } from '#testcontainers/simulators/ghl/world.ts';
import { inChild } from './child.ts';
import type { Location, Synced } from './locating.ts';
import { median } from './machine.ts';
import type { Bench } from './main.ts';

/**
 * A location in mode full, the whole path from the API to the tables: calls made, seconds and the peak memory of the process that
 * runs every component. With the limits of GoHighLevel (100 calls in 10 s) and without, and once with four times the contacts.
 */
export async function benchLocation({ addresses, rows, rounds, say }: Bench): Promise<void> {
  const sizes = [
    { contacts: rows, limited: false },
    { contacts: rows, limited: true },
    { contacts: rows * 4, limited: false },
  ];
  for (const { contacts, limited } of sizes) {
    const rounded: (Synced & { calls: number; listCalls: number })[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const world = makeWorld({ seed: contacts + round + (limited ? 1 : 0), contacts, odd: false });
      const simulator = await startGhlSimulator({ world, limits: { enabled: limited } });
      const { baseUrl, requests } = simulator;
      const { locationId, token } = world;
      for (const pass of ['first', 'second'] as const) {
        requests.length = 0;
        const synced = await inChild<Location, Synced>('locating.ts', { addresses, baseUrl, locationId, token });
        const listCalls = requests.filter(({ path }) => path === '/contacts/search').length;
        const measured = { ...synced, calls: requests.length, listCalls };
        if (pass === 'first') rounded.push(measured);
        say(`round ${round}  ${pass.padEnd(6)} ${describe(contacts, limited, [measured])}`);
      }
      await simulator.stop();
    }
    say(`median of ${rounds}   ${describe(contacts, limited, rounded)}`);
  }
}

function describe(contacts: number, limited: boolean, runs: (Synced & { calls: number; listCalls: number })[]): string {
  const of = (pick: (one: Synced & { calls: number; listCalls: number }) => number): number => median(runs.map(pick));
  return [
    `${contacts} contacts, limits ${limited ? 'on ' : 'off'}`,
    `${of((r) => r.seconds).toFixed(1)} s`,
    `${of((r) => r.listCalls)} list calls of ${of((r) => r.calls)}`,
    `${of((r) => r.rows)} rows written`,
    `peak ${Math.round(of((r) => r.peakBytes) / 2 ** 20)} MiB`,
  ].join('   ');
}
