/**
 * `npm run chaos`: random worlds through killed processes and servers, compared with the model, on a stack of its own with durability on.
 *
 *   npm run chaos -- [--rounds 20] [--seed 1] [--round K] [--rows N] [--mode full|targeted|both]
 *
 * Prints what each round suffered and what differed; exit code 1 when anything did.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEmbedded, type OwnedServers } from '#testcontainers/stack/embedded.ts';
import { readStackFile } from '#testcontainers/stack/stack-file.ts';
import { stackStatus } from '#testcontainers/stack/status.ts';
import type { Difference } from '../differences.ts';
import { planRound, type Round, type Trouble } from './plan.ts';
import { runRound } from './round.ts';
import { startChaos, type Servers } from './stack.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    round: { type: 'string' },
    rows: { type: 'string' },
    mode: { type: 'string', default: 'both' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const FROZEN_MS = 5_000;

function serversOf(owned: OwnedServers, dataDir: string): Servers {
  return {
    ...owned.info,
    async hurt(trouble) {
      if (trouble.kind === 'freeze') {
        const { pid } = readStackFile(dataDir)!.servers.findLast(({ name }) => name === trouble.server)!;
        process.kill(pid, 'SIGSTOP');
        await wait(FROZEN_MS);
        process.kill(pid, 'SIGCONT');
        return;
      }
      // PostgreSQL's children outlive a killed parent for a moment; SIGQUIT ends them with it, and recovery is the same.
      const server = await owned.restart(trouble.server, trouble.server === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
      while (!(await isUp(dataDir, trouble.server))) {
        if (!server.running()) throw new Error(`${trouble.server} did not come back: see ${server.logFile}`);
        await wait(100);
      }
    },
  };
}

async function isUp(dataDir: string, part: string): Promise<boolean> {
  const { parts } = await stackStatus(dataDir, { STACK: 'embedded' });
  return parts.find((one) => one.part === part)?.reachable === true;
}

function describeRound({ number, seed, mode, world, contacts, troubles, faults, breaks, ...round }: Round): string {
  const unanswered = round.unanswered.length + round.unansweredEmails.length;
  const source = [
    ...faults.map(({ kind, times }) => `${kind} x${times ?? 'ever'}`),
    ...(breaks === undefined ? [] : [`${breaks.kind} after ${breaks.pages} pages`]),
    ...(unanswered === 0 ? [] : [`${unanswered} unanswered`]),
    ...(round.unindexed.length === 0 ? [] : [`${round.unindexed.length} not indexed`]),
    ...(round.drifts ? ['drift'] : []),
  ];
  const size = `${contacts.length} contacts, ${world.vendors.length + world.leads.length} rows`;
  return `round ${number} (world ${seed}, ${mode}${round.dryRun ? ', dry run' : ''}, ${size}): ${troubles.map(name).join(', ')}; source: ${source.join(', ') || 'well'}`;
}

function name(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'kill':
      return `kill ${trouble.service}${trouble.index === undefined ? 's' : ''} at ${trouble.afterMs} ms`;
    case 'crash':
      return `${trouble.service} dies ${trouble.point}`;
    case 'zombie':
      return `projector stopped at ${trouble.afterMs} ms`;
    case 'restart':
    case 'freeze':
      return `${trouble.kind} ${trouble.server} at ${trouble.afterMs} ms`;
    case 'poison':
      return 'poison';
  }
}

function show({ scan, where, rule, expected, actual }: Difference): string {
  return `    scan ${scan ?? '-'}, ${where} (${rule}): the model ${JSON.stringify(expected)}, the product ${JSON.stringify(actual)}`;
}

function again(number: number): string {
  return `--seed ${seed} --round ${number}${rows === undefined ? '' : ` --rows ${rows}`} --mode ${mode}`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-'));
const dataDir = join(folder, 'data');
const seed = Number(values.seed);
const mode = values.mode as 'full' | 'targeted' | 'both';
const rows = values.rows === undefined ? undefined : Number(values.rows);
const first = Number(values.round ?? 1);
const last = values.round === undefined ? Number(values.rounds) : first;
const downloadsDir = process.env['DOWNLOADS_DIR'] ?? '.data/downloads';
const owned = (await startEmbedded({ dataDir, downloadsDir, env: process.env, log: say, fast: false })) as OwnedServers;
let differing = 0;
try {
  const chaos = await startChaos(serversOf(owned, dataDir), seed, join(folder, 'services'));
  const { deaths } = chaos.fleet;
  try {
    for (let number = first; number <= last; number += 1) {
      const round = planRound(seed, number, { rules: chaos.rules, rows, mode });
      say(describeRound(round));
      const started = Date.now();
      const killed = deaths.killed;
      const found = await runRound(chaos, round);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      say(`  ${seconds} s, ${deaths.killed - killed} kills, ${found.length} differences`);
      for (const difference of found) say(show(difference));
      if (found.length > 0) say(`  again: npm run chaos -- ${again(number)}`);
      differing += found.length;
    }
  } finally {
    const left = await chaos.stop();
    if (left.length > 0) say(`did not stop when asked to: ${left.join(', ')}`);
    if (deaths.refused > 0) say(`${deaths.refused} processes ended as if their settings were wrong`);
    differing += left.length + deaths.refused;
  }
  const rounds = `${last - first + 1} rounds, ${deaths.killed} kills`;
  say(`${rounds}, ${deaths.ended} processes ended by themselves, ${differing} differences`);
} finally {
  await owned.stop();
}
if (differing === 0) rmSync(folder, { recursive: true, force: true });
else say(`Logs: ${folder}`);
process.exitCode = differing === 0 ? 0 : 1;
