import type { Command } from 'commander';
import { readSettings } from '#libs/runtime/src/settings.ts';
import { outboxPending, outboxSetAside, retrySetAside } from '#libs/storage/src/outbox.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { existingStack, withDatabase } from './connections.ts';
import type { Shell } from './shell.ts';

interface Flags {
  json?: boolean;
}

/** `outbox` and `outbox retry`: what waits to be published, and what no topic took. They work whether or not a pipeline runs. */
export function addOutboxCommands(program: Command, { print }: Pick<Shell, 'print'>): void {
  const outbox = program
    .command('outbox')
    .description('events that wait to be published, and those set aside because no topic took them')
    .option('--json', 'print exactly one JSON document on stdout')
    .action(async ({ json }: Flags) => {
      const found = await onDatabase(async (database) => ({
        pending: await outboxPending(database),
        setAside: await outboxSetAside(database),
      }));
      const aside = found.setAside.map(({ topic, events }) => `\nSet aside: ${events} for ${topic}`).join('');
      print(json, found, `Waiting: ${found.pending}${aside}`);
    });
  outbox
    .command('retry')
    .description(
      'publish once more what was set aside, after its cause is mended (a topic with a smaller max.message.bytes)',
    )
    .action(async (_flags: Flags, command: Command) => {
      const { json } = command.optsWithGlobals<Flags>();
      const events = await onDatabase(retrySetAside);
      print(json, { events }, events === 0 ? 'Nothing is set aside.' : `Put back: ${events}`);
    });
}

async function onDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabase(await existingStack(readSettings(process.env)), work);
}
