import { userInfo } from 'node:os';
import { Option, type Command } from 'commander';
import { DEAD_LETTER_TOPICS } from '#libs/contracts/src/topics.ts';
import { discard, redrive, waiting, type ActResult } from '#libs/runtime/src/dead-letters/act.ts';
import { showLetter, type LetterView } from '#libs/runtime/src/dead-letters/show.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { onStopSignal } from '#libs/runtime/src/host.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { readSettings } from '#libs/runtime/src/settings.ts';
import { findLetters, LETTER_STATES, type LetterFilter, type LetterRow } from '#libs/storage/src/dead-letters.ts';
import { existingStack } from './connections.ts';
import type { Shell } from './shell.ts';
import { askToRun } from './sync.ts';
import { inLine } from './terminal.ts';

interface FilterFlags {
  topic?: string;
  group?: string;
  code?: string;
  account?: string;
  scan?: string;
  since?: string;
  until?: string;
  id?: string[];
  state?: string;
  limit: string;
  json?: boolean;
}

interface ActFlags extends FilterFlags {
  dryRun?: boolean;
  yes?: boolean;
  rate: string;
  reason: string;
}

type Talk = Pick<Shell, 'say' | 'print'>;

/** `dead-letters list|show|redrive|discard`. They work whether or not a pipeline runs; what is redriven is handled when one does. */
export function addDeadLetterCommands(program: Command, talk: Talk): void {
  const letters = program
    .command('dead-letters')
    .description('records that could not be handled, and what to do with them');
  filtered(letters.command('list').description('what is there, newest first'))
    .addOption(new Option('--state <state>', 'only these').choices(LETTER_STATES))
    .action((flags: FilterFlags) => list(flags, talk));
  letters
    .command('show <id>')
    .description('one of them: headers, size and event, personal data masked')
    .option('--reveal', 'show personal data')
    .option('--json', 'print exactly one JSON document on stdout')
    .action((id: string, flags: { reveal?: boolean; json?: boolean }) => show(id, flags, talk));
  acting(letters.command('redrive').description('send them back to the topic they came from, in their original order'))
    .option('--rate <perSecond>', 'records a second', '50')
    .action((flags: ActFlags) => act(flags, talk, 'redrive'));
  acting(letters.command('discard').description('record that they will not be sent back'))
    .requiredOption('--reason <text>', 'why; kept for ever, so name no person')
    .action((flags: ActFlags) => act(flags, talk, 'discard'));
}

function filtered(command: Command): Command {
  return command
    .addOption(
      new Option('--topic <topic>', 'topic they came from').choices([
        ...new Set(DEAD_LETTER_TOPICS.map(({ topic }) => topic)),
      ]),
    )
    .option('--group <group>', 'consumer group that failed')
    .option('--code <code>', 'error code')
    .option('--account <id>', 'account they belong to')
    .option('--scan <id>', 'scan they were read in')
    .option('--since <time>', 'from this time on (ISO 8601)')
    .option('--until <time>', 'before this time (ISO 8601)')
    .option('--id <id...>', 'these alone')
    .option('--limit <n>', 'at most so many', '100')
    .option('--json', 'print exactly one JSON document on stdout');
}

function acting(command: Command): Command {
  return filtered(command).option('--dry-run', 'show which they would be; do nothing').option('--yes', 'do not ask');
}

function filterOf(flags: FilterFlags): LetterFilter {
  const { topic, group, code, account, scan: scanId, id: ids, state } = flags;
  return {
    topic,
    group,
    code,
    account,
    scanId,
    ids,
    state,
    since: timeOf('since', flags.since),
    until: timeOf('until', flags.until),
  };
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new AppError('request_invalid', `--${name} must be a time such as 2026-11-24T08:00:00Z`);
  return time;
}

function numberOf(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new AppError('request_invalid', `--${name} must be a whole number from 1 to ${max}`);
  return value;
}

async function connected<T>(work: (platform: Platform) => Promise<T>): Promise<T> {
  const settings = readSettings(process.env);
  const stack = await existingStack(settings);
  const logger = createLogger({
    name: 'cli',
    level: process.env['LOG_LEVEL'] === undefined ? 'error' : settings.LOG_LEVEL,
  });
  const platform = await openPlatform({
    stack,
    databasePool: 4,
    logger,
    service: 'cli',
  });
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}

async function list(flags: FilterFlags, { print }: Talk): Promise<void> {
  const limit = numberOf('limit', flags.limit, 10_000);
  const found = await connected(({ database }) => findLetters(database, filterOf(flags), { limit, order: 'newest' }));
  print(flags.json, found, renderLetters(found));
}

async function show(id: string, flags: { reveal?: boolean; json?: boolean }, { print }: Talk): Promise<void> {
  const view = await connected((platform) => showLetter(platform, id, { reveal: flags.reveal === true }));
  print(flags.json, view, renderLetter(view));
}

async function act(flags: ActFlags, { say, print }: Talk, kind: 'redrive' | 'discard'): Promise<void> {
  const [filter, limit] = [filterOf(flags), numberOf('limit', flags.limit, 10_000)];
  const ratePerSecond = kind === 'redrive' ? numberOf('rate', flags.rate, 10_000) : 1;
  const stopping = new AbortController();
  onStopSignal(() => stopping.abort());
  await connected(async (platform) => {
    const meant = await waiting(platform, { filter, limit });
    if (flags.dryRun === true || meant.items.length === 0) {
      print(flags.json, { dryRun: flags.dryRun === true, ...meant }, renderLetters(meant));
      return;
    }
    say(renderLetters(meant));
    const question = `${kind === 'redrive' ? 'Redrive' : 'Discard'} these ${meant.items.length}?`;
    if (flags.yes !== true && !(await askToRun(question))) {
      say('Nothing was done.');
      return;
    }
    // What was shown is what is done: letters that come in the meantime wait for the next time.
    const shown = { filter: { ids: meant.items.map(({ id }) => id) }, limit, by: `cli:${userInfo().username}` };
    const result =
      kind === 'discard'
        ? await discard(platform, { ...shown, reason: flags.reason })
        : await redrive(platform, { ...shown, ratePerSecond, signal: stopping.signal });
    print(flags.json, result, renderResult(kind, result));
    process.exitCode = result.expired.length > 0 ? 3 : 0;
  });
}

function renderResult(kind: 'redrive' | 'discard', { done, expired }: ActResult): string {
  const head = `${done.length} ${kind === 'redrive' ? 'redriven' : 'discarded'}`;
  return expired.length === 0
    ? head
    : `${head}; ${expired.length} are no longer kept by Kafka and can only be discarded:\n  ${expired.join('\n  ')}`;
}

/** The letters for people. */
export function renderLetters({ items, total }: { items: readonly LetterRow[]; total: number }): string {
  if (total === 0) return 'No dead letters.';
  const lines = items.map(({ id, at, state, code, message }) =>
    inLine([new Date(at).toISOString(), state.padEnd(9), code.padEnd(19), id, message ?? ''].join('  ').trimEnd()),
  );
  return [...lines, ...(items.length < total ? [`... and ${total - items.length} more`] : [])].join('\n');
}

function renderLetter({ record, ...row }: LetterView): string {
  const facts = Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(
      ([name, value]) =>
        `${name.padEnd(13)} ${name === 'at' || name === 'actedAt' ? new Date(Number(value)).toISOString() : inLine(String(value))}`,
    );
  if (record === null) return [...facts, 'The bytes are no longer kept by Kafka.'].join('\n');
  const headers = Object.entries(record.headers).map(([name, value]) => inLine(`  ${name}: ${value}`));
  const event = record.undecodable ?? JSON.stringify(record.event, null, 2);
  return [...facts, `bytes         ${record.bytes}`, 'headers', ...headers, 'event', event].join('\n');
}
