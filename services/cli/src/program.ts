import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { asyncApiDocument } from '#libs/contracts/src/asyncapi.ts';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { onStopSignal } from '#libs/runtime/src/host.ts';
import { createLogger, type Logger } from '#libs/runtime/src/logger.ts';
import { readSettings, type Settings } from '#libs/runtime/src/settings.ts';
import type { ControlAction } from '#libs/sources/kit/requests.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { addAccountCommands } from './accounts.ts';
import { addDeadLetterCommands } from './dead-letters.ts';
import { diagnose, renderDiagnosis } from './doctor.ts';
import { isHeld, resultOf, worstExitCode } from './follow.ts';
import { historyOf, renderHistory } from './history.ts';
import { importFile, type ImportResult } from './import.ts';
import { changesOf, describeChanges } from './changes.ts';
import { addOutboxCommands } from './outbox.ts';
import { describeProgress, describeResult } from './progress.ts';
import { renderReplay, runReplay, type ReplayFlags } from './replay.ts';
import { addSalesforceSync } from './salesforce.ts';
import { addStackCommands } from './stack.ts';
import { renderStatus, statusOf } from './status.ts';
import { askToRun, controlAndFollow, requestAndFollowAll } from './sync.ts';
import { forTerminal } from './terminal.ts';
import { renderTopics, topicsOf } from './topics.ts';
import { chooseAccounts, openWork, requireAccount, type Work } from './work.ts';

interface Session {
  settings: Settings;
  logger: Logger;
}

/** Settings and a quiet logger: a command talks by itself. */
function openSession(): Session {
  const settings = readSettings(process.env);
  return {
    settings,
    logger: createLogger({ name: 'cli', level: process.env['LOG_LEVEL'] === undefined ? 'error' : settings.LOG_LEVEL }),
  };
}

function say(line: string): void {
  process.stderr.write(`${forTerminal(line)}\n`);
}

/** Prints the result: exactly one JSON document with --json, else the text. */
function print(json: boolean | undefined, value: object, text: string): void {
  process.stdout.write(`${forTerminal(json === true ? JSON.stringify(value) : text)}\n`);
}

const JSON_FLAG = '--json';
const JSON_DOC = 'print exactly one JSON document on stdout';

/** The `tributary` command. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 incomplete or awaiting confirmation, 130 interrupted. */
export function buildProgram(): Command {
  const program = new Command('tributary');
  program
    .description('Keeps CRMs and your own database in step')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(forTerminal(text)) })
    .showHelpAfterError('(add --help for what there is)');
  addSync(program);
  addImport(program);
  addReads(program);
  addAccountCommands(program, print);
  addDeadLetterCommands(program, { say, print });
  addOutboxCommands(program, { print });
  addReplay(program);
  addStackCommands(program, say);
  return program;
}

interface SyncFlags {
  mode: string;
  location?: string[];
  allLocations?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

function addSync(program: Command): void {
  const sync = program.command('sync').description('read a source and bring the tables in step');
  sync
    .command('ghl')
    .description('GoHighLevel contacts -> vendors and leads')
    .addOption(
      new Option('--mode <mode>', 'full: the whole location; targeted: what is known here; incremental: what changed')
        .choices(['full', 'targeted', 'incremental'])
        .default('full'),
    )
    .option('--location <id...>', 'location to read, where several are set; one or more')
    .option('--all-locations', 'read every location that is set, side by side')
    .option('--dry-run', 'read and report what would change; write no row')
    .option('--yes', 'do not ask')
    .option(JSON_FLAG, JSON_DOC)
    .action((flags: SyncFlags) => syncGhl(flags));
  addSalesforceSync(sync, { openSession, say, print, printRuns, onInterrupt, howToGoOn });
  for (const [action, description] of Object.entries(CONTROLS)) {
    sync
      .command(`${action} <syncId>`)
      .description(description)
      .option(JSON_FLAG, JSON_DOC)
      .action((syncId: string, flags: { json?: boolean }) => control(action as ControlAction, syncId, flags));
  }
}

const CONTROLS: Record<ControlAction, string> = {
  confirm: 'apply the missing rule that a sync held back',
  cancel: 'end a sync that waits, runs or is paused; nothing is marked missing',
  pause: 'stop a running sync after the page under way; it keeps its place',
  resume: 'go on with a paused sync, and follow it to its end',
};

async function syncGhl(flags: SyncFlags): Promise<void> {
  const { settings, logger } = openSession();
  const work = await openWork(settings, logger, say);
  const interrupted = onInterrupt();
  const requested: string[] = [];
  try {
    const accounts = chooseAccounts(work.ghl, flags);
    const dry = flags.dryRun === true ? 'dry run of ' : '';
    const where = `${accounts.length === 1 ? 'location' : 'locations'} ${accounts.join(', ')}`;
    const what = `${dry}a ${flags.mode} sync of GoHighLevel ${where}${work.ghl.simulated ? ' (simulator)' : ''}`;
    if (flags.yes !== true && flags.dryRun !== true && !(await askToRun(`Run ${what}?`))) {
      say('Nothing was done.');
      return;
    }
    const request = { source: 'ghl', mode: flags.mode, dryRun: flags.dryRun === true, requestedBy: 'cli' };
    const runs = await requestAndFollowAll(work.platform, accounts, request, {
      signal: interrupted,
      onRequested(id, account) {
        requested.push(id);
        say(`Sync ${id}: ${dry}a ${flags.mode} sync of GoHighLevel location ${account}`);
      },
    });
    await printRuns(work.platform.database, flags.json, runs);
  } catch (error) {
    if (interrupted.aborted) for (const id of requested) say(howToGoOn(id, work));
    throw error;
  } finally {
    await work.close();
  }
}

/** One result as it is; several as a list, with the worst exit code. */
async function printRuns(database: Database, json: boolean | undefined, runs: readonly RunView[]): Promise<void> {
  const told = await Promise.all(runs.map(async (run) => ({ run, changes: await changesOf(database, run) })));
  const texts = told.map(({ run, changes }) =>
    [
      ...(runs.length === 1 ? [] : [`Location ${run.account}`]),
      describeResult(run),
      ...(changes === undefined ? [] : [describeChanges(changes)]),
    ].join('\n'),
  );
  const results = told.map(({ run, changes }) => resultOf(run, changes));
  print(json, runs.length === 1 ? results[0]! : { results }, texts.join('\n\n'));
  process.exitCode = worstExitCode(runs);
}

async function control(action: ControlAction, syncId: string, flags: { json?: boolean }): Promise<void> {
  const { settings, logger } = openSession();
  const work = await openWork(settings, logger, say);
  const interrupted = onInterrupt();
  try {
    const run = await controlAndFollow(work.platform, action, syncId, interrupted);
    if (run.status === 'paused' && !isHeld(run)) print(flags.json, run, describeProgress(run));
    else print(flags.json, resultOf(run), describeResult(run));
    const isAsAsked = (action === 'cancel' && run.status === 'cancelled') || run.status === 'paused';
    process.exitCode = isAsAsked && !isHeld(run) ? 0 : worstExitCode([run]);
  } catch (error) {
    if (interrupted.aborted) say(howToGoOn(syncId, work));
    throw error;
  } finally {
    await work.close();
  }
}

/** Aborted by Ctrl-C; a second one ends the command at once. */
function onInterrupt(): AbortSignal {
  const interrupted = new AbortController();
  onStopSignal(() => interrupted.abort());
  return interrupted.signal;
}

function howToGoOn(syncId: string, { isOwn }: Work): string {
  const now = isOwn
    ? 'The sync keeps its place: the next `npm start` or `tributary sync` goes on with it.'
    : 'The sync goes on in the running pipeline; `tributary sync pause` stops it for a while.';
  return `${now} To end it: tributary sync cancel ${syncId}`;
}

function addImport(program: Command): void {
  for (const table of ['vendors', 'leads'] as const) {
    const command =
      program.commands.find((known) => known.name() === 'import') ??
      program.command('import').description('begin rows from a CSV file');
    command
      .command(`${table} <file>`)
      .description(`columns named as in the table ${table}, any subset, in any order`)
      .option('--location <id>', 'location the rows belong to, where several are set')
      .option(JSON_FLAG, JSON_DOC)
      .action((file: string, flags: { location?: string; json?: boolean }) => runImport(table, file, flags));
  }
}

async function runImport(
  table: 'vendors' | 'leads',
  file: string,
  flags: { location?: string; json?: boolean },
): Promise<void> {
  const { settings, logger } = openSession();
  const work = await openWork(settings, logger, say);
  try {
    const result = await importFile(work.platform, table, await requireAccount(work, flags.location), file);
    const errors = result.errors.map(
      ({ line, column, reason }) => `  line ${line}${column === '' ? '' : `, ${column}`}: ${reason}`,
    );
    const merged = result.merged.map(({ line, rowId }) => `  line ${line} was merged into row ${rowId}`);
    const head = `${table}: ${result.lines} lines, ${result.inserted} inserted, ${result.merged.length} merged, ${result.errors.length} errors`;
    print(flags.json, result, [head, ...merged, ...errors].join('\n'));
    process.exitCode = exitCodeOf(result);
  } finally {
    await work.close();
  }
}

/** 0 when every line is in a row, 3 when some are, 2 when none is. */
function exitCodeOf({ errors, inserted, merged }: ImportResult): number {
  if (errors.length === 0) return 0;
  return inserted + merged.length === 0 ? 2 : 3;
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('give a number from 1 on');
  return count;
}

function addReplay(program: Command): void {
  program
    .command('replay')
    .description('rebuild tables from the topics beside the live ones, and tell how they differ')
    .addArgument(new Argument('<tables>', 'what to rebuild').choices(['vendors', 'leads', 'sf_contacts', 'all']))
    .option('--from <time>', 'read only what was written since; rows of before are then not explained')
    .option('--swap', 'put the rebuilt tables in the place of the live ones if they differ')
    .option('--yes', 'do not ask')
    .option('--examples <n>', 'rows that differ to show of each table', countOf, 5)
    .option('--reveal', 'with --json: show personal data in the examples')
    .option(JSON_FLAG, JSON_DOC)
    .action(async (what: string, flags: ReplayFlags) => {
      const { settings, logger } = openSession();
      const report = await runReplay(settings, logger, what, flags, say);
      print(flags.json, report, renderReplay(report));
      process.exitCode = report.equal || report.swapped ? 0 : 3;
    });
}

function addReads(program: Command): void {
  program
    .command('status')
    .description('what runs, the last syncs, and how many rows there are')
    .option(JSON_FLAG, JSON_DOC)
    .action(async (flags: { json?: boolean }) => {
      const { settings, logger } = openSession();
      const status = await statusOf(settings, logger);
      print(flags.json, status, renderStatus(status));
    });
  program
    .command('doctor')
    .description('check every setting and connection, naming the fix')
    .option(JSON_FLAG, JSON_DOC)
    .action(async (flags: { json?: boolean }) => {
      const checks = await diagnose(process.env);
      print(flags.json, { checks }, renderDiagnosis(checks));
      process.exitCode = checks.every(({ ok }) => ok) ? 0 : 2;
    });
  const history = program.command('history').description('what happened to a row, and why');
  for (const table of ['vendors', 'leads'] as const) {
    history
      .command(`${table} <id>`)
      .description(`the changes of a row of ${table}, newest first`)
      .option('--limit <n>', 'how many at most', countOf, 50)
      .option(JSON_FLAG, JSON_DOC)
      .action(async (id: string, flags: { limit: number; json?: boolean }) => {
        const { settings } = openSession();
        const page = await historyOf(settings, table, id, flags.limit);
        print(flags.json, page, renderHistory(page));
      });
  }
  program
    .command('asyncapi')
    .description('print the AsyncAPI 3.0 document of the topics')
    .action(() => print(true, asyncApiDocument(SCHEMAS), ''));
  program
    .command('topics')
    .description('topics with their offsets, and how far each consumer is behind')
    .option(JSON_FLAG, JSON_DOC)
    .action(async (flags: { json?: boolean }) => {
      const { settings, logger } = openSession();
      const topics = await topicsOf(settings, logger);
      print(flags.json, { topics }, renderTopics(topics));
    });
}
