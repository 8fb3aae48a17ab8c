import { Option, type Command } from 'commander';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import { renderDiagnosis } from './doctor.ts';
import { runRounds } from './rounds.ts';
import { salesforceOrder, type SalesforceFlags, type SalesforceOrder } from './salesforce-order.ts';
import { testSalesforce } from './salesforce-test.ts';
import { requireOrg } from './session.ts';
import type { Shell } from './shell.ts';
import { requestAndFollow } from './sync.ts';
import { openWork, requireReads, type Work } from './work.ts';

type Flags = SalesforceFlags & { json?: boolean };

/** Adds `sync salesforce`: the flags of the old service and what was missing in it (salesforce B2). */
export function addSalesforceSync(sync: Command, shell: Shell): void {
  sync
    .command('salesforce')
    .description('Salesforce contacts -> sf_contacts; the last 7 days if nothing else is said')
    .addOption(
      new Option('--mode <api>', 'API to read by; auto takes the Bulk API for many contacts').choices([
        'auto',
        'bulk',
        'rest',
      ]),
    )
    .option('--full', 'every contact')
    .option('--incremental', 'what changed since the last sync; every contact the first time')
    .option('--days <n>', 'what changed in the last n days')
    .option('--start-date <date>', 'what changed from then on, in UTC: 2024-01-31, or 2024-01-31T08:00:00Z')
    .option('--end-date <date>', 'with --start-date: until then; a day belongs to the range')
    .option('--daily', 'preset for a daily run: --mode bulk --days 1')
    .option('--weekly', 'preset for a weekly run: --mode bulk --days 7')
    .option('--continuous', 'preset for a service: --incremental again and again, until it is stopped')
    .option('--every <seconds>', 'with --continuous: pause between two rounds (300)')
    .option(
      '--reconcile',
      'the ids of all contacts against what is known: finds what was deleted for good, hidden, or shared again',
    )
    .option('--limit <n>', 'contacts at most, by REST')
    .option('--batch-size <n>', 'rows of the Bulk API that are held at a time')
    .option('--test', 'test login, APIs, memory, speed and fields; read nothing')
    .option('--dry-run', 'read and report what would change; write no row')
    .option('--json', 'print exactly one JSON document on stdout')
    .action((flags: Flags) => syncSalesforce(flags, shell));
}

async function syncSalesforce({ json, ...flags }: Flags, shell: Shell): Promise<void> {
  const order = salesforceOrder(flags, Date.now());
  if (order?.everyMs != null && json === true)
    throw new AppError('request_invalid', '--json has no meaning with --continuous: there is no last result');
  const { settings, logger } = shell.openSession();
  const org = requireOrg(settings);
  if (order === undefined) {
    const checks = await testSalesforce(settings, org);
    shell.print(json, { checks }, renderDiagnosis(checks));
    process.exitCode = checks.every(({ ok }) => ok) ? 0 : 2;
    return;
  }
  const work = await openWork(settings, logger, shell.say);
  try {
    requireReads(work, 'salesforce');
    await runOrder(work, org.account, order, json, shell);
  } finally {
    await work.close();
  }
}

/** One sync, or one after the other until it is stopped. */
async function runOrder(
  work: Work,
  account: string,
  { request, what, everyMs }: SalesforceOrder,
  json: boolean | undefined,
  shell: Shell,
): Promise<void> {
  const signal = shell.onInterrupt();
  let syncId: string | undefined;
  async function round(): Promise<RunView> {
    const run = await requestAndFollow(
      work.platform,
      { ...request, source: 'salesforce', account, requestedBy: 'cli' },
      {
        signal,
        onRequested(id) {
          syncId = id;
          shell.say(`Sync ${id}: ${request.dryRun ? 'dry run of ' : ''}Salesforce ${account}, ${what}`);
        },
      },
    );
    await tell(work, run, json, shell);
    syncId = undefined;
    return run;
  }
  try {
    await runRounds({ everyMs, round, say: shell.say, signal });
  } catch (error) {
    if (signal.aborted && syncId !== undefined) shell.say(shell.howToGoOn(syncId, work));
    throw error;
  }
}

async function tell(work: Work, run: RunView, json: boolean | undefined, shell: Shell): Promise<void> {
  await shell.printRuns(work.platform.database, json, [run]);
  if (run.status === 'paused')
    shell.say(
      `The sync keeps its place and is tried again by itself while a connector runs; at once: tributary sync resume ${run.syncId}`,
    );
}
