/**
 * Writes the generated tables of README.md (settings, topics, metrics, error codes) between their markers.
 *
 *   readme.ts generate   rewrite them
 *   readme.ts check      fail when one is not current
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import prettier from 'prettier';
import { CONSUMER_GROUPS, TOPICS } from '#libs/contracts/src/topics.ts';
import type { Declarations } from '#libs/runtime/src/config.ts';
import { ERROR_CODES } from '#libs/runtime/src/errors.ts';
import { describeMetrics } from '#libs/runtime/src/metrics.ts';
import { SALESFORCE_SETTINGS } from '#libs/runtime/src/salesforce-settings.ts';
import { GHL_SETTINGS, PROCESS_SETTINGS, STACK_SETTINGS } from '#libs/runtime/src/settings.ts';

const README = join(import.meta.dirname, '../../../README.md');
const DAY = 24 * 60 * 60 * 1000;

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function settingsTable(): string {
  const rows = (declarations: Declarations): string[][] =>
    Object.entries(declarations).map(([name, { fallback, doc, example, secret }]) => [
      `\`${name}\``,
      fallback === undefined
        ? example === undefined
          ? '-'
          : `- (such as \`${example}\`)`
        : fallback === ''
          ? 'empty'
          : `\`${fallback}\``,
      `${doc}${secret ? ' (secret)' : ''}`,
    ]);
  return table(
    ['setting', 'default', 'meaning'],
    [...rows(GHL_SETTINGS), ...rows(SALESFORCE_SETTINGS), ...rows(STACK_SETTINGS), ...rows(PROCESS_SETTINGS)],
  );
}

function topicsTable(): string {
  const readers = (topic: string): string =>
    Object.entries(CONSUMER_GROUPS)
      .filter(([, topics]) => (topics as readonly string[]).includes(topic))
      .map(([group]) => group)
      .join(', ');
  const rows = Object.entries(TOPICS).map(([topic, { key, partitions, retentionMs, events, doc }]) => [
    `\`${topic}\``,
    key,
    String(partitions),
    retentionMs < 0 ? 'for ever' : `${retentionMs / DAY} d`,
    events.map((event) => event.split('.').at(-1)).join(', '),
    readers(topic) || '-',
    doc,
  ]);
  return table(['topic', 'key', 'partitions', 'kept', 'events', 'consumer groups', 'what it is'], rows);
}

const SECTIONS: Record<string, () => string> = {
  settings: settingsTable,
  topics: topicsTable,
  metrics: () =>
    table(
      ['metric', 'labels', 'meaning'],
      describeMetrics().map(({ name, labelNames, help }) => [`\`${name}\``, labelNames.join(', ') || '-', help]),
    ),
  errors: () =>
    table(
      ['code', 'kind', 'what to do'],
      Object.entries(ERROR_CODES).map(([code, { kind, doc }]) => [`\`${code}\``, kind, doc]),
    ),
};

/** README text with every generated section current. */
async function render(readme: string): Promise<string> {
  let text = readme;
  for (const [name, body] of Object.entries(SECTIONS)) {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md lacks the markers ${begin} and ${end}`);
    const formatted = await prettier.format(body(), { parser: 'markdown', printWidth: 120 });
    text = `${text.slice(0, from + begin.length)}\n\n${formatted}\n${text.slice(to)}`;
  }
  return text;
}

const present = readFileSync(README, 'utf8');
const current = await render(present);
if (process.argv[2] === 'generate') writeFileSync(README, current);
else if (present !== current) {
  process.stderr.write('README.md: a generated table is not current: run `npm run readme:generate` and commit\n');
  process.exitCode = 1;
} else process.stdout.write('README.md: generated tables are current\n');
