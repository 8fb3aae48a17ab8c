import { statistics } from '#libs/domain/src/table-result.ts';
import type { RunView } from '#libs/storage/src/reads.ts';

/** Shows how far a run is: one line that is rewritten on a terminal, a plain line per phase and every few seconds elsewhere. */
export interface Progress {
  show(run: RunView | undefined): void;
  end(): void;
}

const PLAIN_EVERY_MS = 5_000;
const PHASES: Record<string, string> = {
  list: 'reading contacts',
  job: 'waiting for the bulk job',
  bulk: 'reading contacts by the Bulk API',
  rest: 'reading contacts by REST',
  keys: 'listing the ids of all contacts',
  fate: 'looking up known contacts that did not appear',
  email: 'looking up e-mails',
  single: 'reading one contact',
  confirm: 'looking up known contacts that did not appear',
  applying: 'applying to the tables',
};

/** Progress on a stream, in lines where it is no terminal or `plain`; `now` is the time in milliseconds. */
export function createProgress(
  stream: NodeJS.WriteStream,
  { plain = false, now = Date.now }: { plain?: boolean; now?(): number } = {},
): Progress {
  const isTerminal = stream.isTTY && !plain && process.env['NO_COLOR'] === undefined;
  let plainAt = 0;
  let plainPhase = '';
  let shown = false;
  return {
    show(run) {
      const line = describeProgress(run);
      const phase = run?.phase ?? run?.status ?? 'waiting';
      if (isTerminal) {
        stream.write(`\r\u001b[2K${line.slice(0, (stream.columns || 80) - 1)}`);
        shown = true;
      } else if (phase !== 'done' && (phase !== plainPhase || now() - plainAt >= PLAIN_EVERY_MS)) {
        plainAt = now();
        plainPhase = phase;
        stream.write(`${line}\n`);
      }
    },
    end() {
      if (shown) stream.write('\r\u001b[2K');
    },
  };
}

/** One line: phase, count, rate, time to go, and how far the later stages are behind. */
export function describeProgress(run: RunView | undefined): string {
  if (run === undefined || run.status === 'queued') return 'Sync: waiting for a connector ...';
  const name = `Sync ${run.source} ${run.account}`;
  if (run.status === 'joined') return `${name}: joined sync ${run.joinedTo}, which asks for the same`;
  const { progress } = run;
  if (progress === null || progress.phase === 'done') return `${name}: ${PHASES[run.phase ?? ''] ?? 'started'}`;
  const { phase, done, total, ratePerSecond, etaSeconds, requests, read, applied } = progress;
  const what = run.status === 'paused' ? 'paused' : (PHASES[phase] ?? 'started');
  const share =
    total === null || total === 0 ? '' : ` of ${total} (${Math.min(100, Math.floor((100 * done) / total))} %)`;
  const rate = ratePerSecond === null ? '' : `, ${ratePerSecond.toFixed(0)}/s`;
  const eta = etaSeconds === null || etaSeconds === 0 ? '' : `, about ${etaSeconds} s to go`;
  return `${name}: ${what}, ${done}${share}${rate}${eta}, ${requests} requests, ${applied} of ${read} records applied`;
}

/** The result for people: message, duration and every counter that is not zero, or the statistics of a source that fills one table. */
export function describeResult(run: RunView): string {
  const errors = (run.fieldErrors ?? [])
    .slice(0, 5)
    .map(({ contactId, field, code }) => `  ${contactId} ${field}: ${code}`);
  return [
    `Success: ${run.success === true ? 'yes' : 'no'}`,
    `Message: ${run.message ?? run.error?.message ?? ''}`,
    `Duration: ${run.duration === null ? '-' : `${run.duration.toFixed(1)} s`}`,
    ...describeStats(run),
    ...(errors.length === 0
      ? []
      : [`Field errors (first ${errors.length} of ${run.stats?.['field_errors'] ?? errors.length}):`, ...errors]),
    ...describeFields(run.fields),
  ].join('\n');
}

const FIELDS_TOLD = 10;

/** How the fields differ from those that are mapped: nothing where they do not. */
function describeFields(fields: RunView['fields']): string[] {
  if (fields === null) return [];
  const { missing, changed, unreadable, unmapped } = fields;
  const told: [what: string, names: string[]][] = [
    ['Not visible, so left as they are', missing],
    ['Changed, so that values may not fit', changed.map(({ field, was, is }) => `${field} is ${is}, not ${was}`)],
    ['Not there or not visible (SALESFORCE_EXTRA_FIELDS)', unreadable],
    ['Custom fields that are not read (SALESFORCE_EXTRA_FIELDS)', unmapped],
  ];
  return told
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => {
      const more = names.length > FIELDS_TOLD ? ` and ${names.length - FIELDS_TOLD} more` : '';
      return `${what}: ${names.slice(0, FIELDS_TOLD).join(', ')}${more}`;
    });
}

function describeStats({ stats, tableStats, duration }: RunView): string[] {
  if (tableStats !== null) return [statistics(tableStats, duration)];
  const counts = Object.entries(stats ?? {}).filter(([, value]) => value !== 0);
  const width = Math.max(0, ...counts.map(([name]) => name.length));
  const lines = counts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return lines.length === 0 ? [] : ['Stats:', ...lines];
}
