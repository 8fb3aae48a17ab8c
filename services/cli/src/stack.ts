import type { Command } from 'commander';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { readSettings } from '#libs/runtime/src/settings.ts';
import { stackEnv, stackStatus, stopStack } from '#testcontainers/stack/stack.ts';
import { stackUp } from '#testcontainers/stack/up.ts';
import { existingStack } from './connections.ts';

/** `stack up|down|status|env` and `deploy`. */
export function addStackCommands(program: Command, say: (line: string) => void): void {
  const stackCommand = program.command('stack').description('the embedded stack: PostgreSQL, Kafka, schema registry');
  stackCommand
    .command('up')
    .description('start it in the background, or find it running')
    .action(async () => {
      const settings = readSettings(process.env);
      const { started } = await stackUp({ dataDir: settings.DATA_DIR, env: process.env, log: say });
      say(
        started
          ? 'Running in the background; `tributary stack env` prints how to reach it, `stack down` stops it.'
          : 'It runs already.',
      );
    });
  stackCommand
    .command('down')
    .description('stop it; its data stay')
    .action(async () => {
      const stopped = await stopStack(readSettings(process.env).DATA_DIR);
      say(stopped ? 'Stopped.' : 'No embedded stack runs.');
    });
  stackCommand
    .command('env')
    .description('print shell exports that point other commands at it')
    .action(async () => {
      process.stdout.write(`${stackEnv(await existingStack(readSettings(process.env)))}\n`);
    });
  stackCommand
    .command('status')
    .description('what is reachable, and where')
    .option('--json', 'print exactly one JSON document on stdout')
    .action(async (flags: { json?: boolean }) => {
      const { kind, parts } = await stackStatus(readSettings(process.env).DATA_DIR, process.env);
      const lines = parts.map(
        ({ part, reachable, address, pid }) =>
          `${part.padEnd(9)} ${reachable ? 'up  ' : 'down'} ${address ?? '-'}${pid === null ? '' : ` pid ${pid}`}`,
      );
      const text = [`${kind}${parts.length === 0 ? ': not running' : ''}`, ...lines].join('\n');
      process.stdout.write(flags.json === true ? `${JSON.stringify({ kind, parts })}\n` : `${text}\n`);
      process.exitCode = parts.length > 0 && parts.every(({ reachable }) => reachable) ? 0 : 3;
    });
  program
    .command('deploy')
    .description('the deploy step: migrations, topics, schemas')
    .action(async () => {
      const settings = readSettings(process.env);
      const stack = await existingStack(settings);
      const logger = createLogger({ name: 'cli', level: 'warn' });
      const done = await deploy({
        stack,
        logger,
        service: 'cli',
        replication: settings.TOPIC_REPLICATION,
      });
      if (done.roles.length > 0)
        say(
          `Warning: the database roles are not complete, because the user of DATABASE_URL may not make them. Let an administrator run this, then deploy again:\n${done.roles.map((statement) => `  ${statement};`).join('\n')}`,
        );
      say(
        `${done.migrations.length} migrations applied, ${done.topics.length} topics created, ${done.schemas} schemas registered`,
      );
    });
}
