import { join } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';
import { onStopSignal } from '#libs/runtime/src/host.ts';
import { ensureDevelopmentKey, readKeys, type ApiKey } from '#libs/runtime/src/keys.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { salesforceAccess, type SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { ghlAccounts, readSettings, requireOauthApp, runsSource, type Settings } from '#libs/runtime/src/settings.ts';
import { worstExitCode } from '#services/cli/src/follow.ts';
import { describeResult } from '#services/cli/src/progress.ts';
import { ghlAccess, orgAccess, writeRunning, type RunningFile } from '#services/cli/src/session.ts';
import { requestAndFollow } from '#services/cli/src/sync.ts';
import { forTerminal } from '#services/cli/src/terminal.ts';
import { acquireOwnerLock } from '#testcontainers/stack/lock.ts';
import { startStack, type RunningStack } from '#testcontainers/stack/stack.ts';
import { startGhlDemo, startSalesforceDemo, type GhlDemo, type SalesforceDemo } from './demo.ts';
import { startPipeline, type Pipeline } from './pipeline.ts';

/** What `npm start` was asked for. */
export interface DevelopmentOptions {
  /** End after the first sync, with its exit code. */
  once: boolean;
  /** Perform the first full sync of each source. */
  sync: boolean;
}

/** Everything `npm start` does (architecture section 8). Returns the exit code; nothing that it started is left behind. */
export async function runDevelopment(options: DevelopmentOptions): Promise<number> {
  const settings = readSettings(process.env);
  // Half-set credentials are told before anything starts.
  const accounts = ghlAccounts(settings);
  const salesforce = salesforceAccess(settings);
  // A simulator stands in where nothing at all is set: made-up rows have no place beside an org's own.
  const configured = accounts.length > 0 || salesforce !== undefined;
  if (accounts.some(({ token }) => token === null)) requireOauthApp(settings);
  const lock = acquireOwnerLock(settings.DATA_DIR);
  if (typeof lock !== 'function') {
    throw new AppError(
      'config_invalid',
      `npm start runs already in ${settings.DATA_DIR} (process ${lock.pid}): use it, stop it, or set another DATA_DIR`,
    );
  }
  const stopping = new AbortController();
  const interrupted: { signal?: NodeJS.Signals } = {};
  const restore = onStopSignal((signal) => {
    interrupted.signal = signal;
    say(`\n${signal}: stopping ...`);
    stopping.abort();
  });
  const opened: (() => Promise<unknown>)[] = [];
  try {
    const code = await run(options, settings, configured, stopping.signal, opened);
    return interrupted.signal === 'SIGINT' && options.once ? 130 : code;
  } catch (error) {
    if (interrupted.signal === undefined) throw error;
    return interrupted.signal === 'SIGINT' ? 130 : 0;
  } finally {
    for (const close of opened.reverse()) await close();
    lock();
    restore();
  }
}

function say(line: string): void {
  process.stdout.write(`${forTerminal(line)}\n`);
}

async function run(
  options: DevelopmentOptions,
  settings: Settings,
  configured: boolean,
  signal: AbortSignal,
  opened: (() => Promise<unknown>)[],
): Promise<number> {
  const logger = createLogger({
    name: 'tributary',
    level: settings.LOG_LEVEL === 'info' ? 'warn' : settings.LOG_LEVEL,
  });
  const stack = await startStack({ dataDir: settings.DATA_DIR, env: process.env, log: say });
  opened.push(() => stack.stop());
  signal.throwIfAborted();
  await deploy({ stack: stack.info, logger, service: 'dev', replication: settings.TOPIC_REPLICATION });
  signal.throwIfAborted();
  const demo = configured || !runsSource(settings, 'ghl') ? undefined : await startGhlDemo(say);
  if (demo !== undefined) opened.push(() => demo.stop());
  const orgDemo = configured || !runsSource(settings, 'salesforce') ? undefined : await startSalesforceDemo(say);
  if (orgDemo !== undefined) opened.push(() => orgDemo.stop());
  const running: RunningFile = {
    pid: process.pid,
    apiUrl: '',
    simulator: demo?.access ?? null,
    salesforceSimulator: orgDemo?.org ?? null,
  };
  const ghl = ghlAccess(settings, running);
  const salesforce = orgAccess(settings, running);
  running.sources = [...(ghl.accounts.length > 0 ? ['ghl'] : []), ...(salesforce === undefined ? [] : ['salesforce'])];
  const { keys, told } = keysOf(settings);
  const pipeline = await startPipeline({
    settings,
    stack: stack.info,
    ghl,
    salesforce,
    logger,
    api: { keys, port: settings.HTTP_PORT, nextFree: true },
  });
  opened.push(() => pipeline.stop());
  opened.push(async () => writeRunning(settings.DATA_DIR, { ...running, apiUrl: pipeline.url })());
  writeRunning(settings.DATA_DIR, { ...running, apiUrl: pipeline.url });
  const died = watch(stack, pipeline);
  if (demo !== undefined) await demo.prepare(pipeline.platform, say);
  const first = options.sync
    ? await Promise.race([
        firstSyncs(
          pipeline,
          ghl.accounts.map(({ locationId }) => locationId),
          salesforce,
          signal,
        ),
        died,
      ])
    : 0;
  if (first instanceof AppError) throw first;
  if (options.once) return first;
  printAddresses(pipeline, told, { ghl: demo, salesforce: orgDemo });
  const end = await Promise.race([died, aborted(signal)]);
  if (end instanceof AppError) throw end;
  return 0;
}

/** Resolves with an error when a server or a part of the pipeline dies. */
function watch(stack: RunningStack, pipeline: Pipeline): Promise<AppError> {
  return new Promise((resolve) => {
    stack.onExit((part, code) =>
      resolve(
        new AppError('stack_unavailable', `${part} ended (${code ?? 'by a signal'}): see its log in DATA_DIR/logs`, {
          kind: 'transient',
        }),
      ),
    );
    void pipeline.host.done.then((code) => {
      if (code !== 0)
        resolve(
          new AppError('consumer_died', 'a part of the pipeline died; the log above says why', {
            kind: code === 2 ? 'config' : 'transient',
          }),
        );
    });
  });
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Every location and the org side by side; MAX_PARALLEL_SCANS of them are read at a time. An org is read whole the first time only. */
async function firstSyncs(
  { platform }: Pipeline,
  locations: string[],
  salesforce: SalesforceAccess | undefined,
  signal: AbortSignal,
): Promise<number> {
  const orders = [
    ...locations.map((account) => ({ source: 'ghl', account, mode: 'full' })),
    ...(salesforce === undefined ? [] : [{ source: 'salesforce', account: salesforce.account, mode: 'incremental' }]),
  ];
  const plain = orders.length > 1;
  const runs = await Promise.all(
    orders.map((order) =>
      requestAndFollow(platform, { ...order, dryRun: false, requestedBy: 'start' }, { signal, plain }),
    ),
  );
  for (const run of runs) {
    const what = run.source === 'ghl' ? 'GoHighLevel location' : 'Salesforce org';
    say(`\nSync of ${what} ${run.account}\n${describeResult(run)}`);
  }
  return worstExitCode(runs);
}

/** The keys of the API, and where people find them. A key that is made is told at once: nothing that happens later can lose it. */
function keysOf({ API_KEYS_FILE, DATA_DIR }: Settings): { keys: readonly ApiKey[]; told: string } {
  if (API_KEYS_FILE !== undefined) return { keys: readKeys(API_KEYS_FILE), told: `those of ${API_KEYS_FILE}` };
  const file = join(DATA_DIR, 'api-keys.json');
  const { keys, created } = ensureDevelopmentKey(file);
  if (created === undefined)
    return {
      keys,
      told: `told at the first start; only its hash is kept, in ${file} (remove that file for a new one)`,
    };
  say(`API key: ${created} (told this once; only its hash is kept, in ${file})`);
  return { keys, told: 'as told above' };
}

function printAddresses(
  pipeline: Pipeline,
  key: string,
  demo: { ghl: GhlDemo | undefined; salesforce: SalesforceDemo | undefined },
): void {
  const lines = [
    '',
    `API            ${pipeline.url}/v1/vendors, /v1/leads, /v1/syncs, POST /v1/sync-requests`,
    `API key        ${key}`,
    `Metrics        ${pipeline.url}/metrics`,
    `Health         ${pipeline.url}/healthz, ${pipeline.url}/readyz`,
    ...(demo.ghl === undefined
      ? []
      : [`GHL simulator  ${demo.ghl.access.baseUrl} (location ${demo.ghl.access.locationId})`]),
    ...(demo.salesforce === undefined ? [] : [`SF simulator   ${demo.salesforce.org.loginUrl}`]),
    'In another terminal: npm run -s tributary -- status | sync ghl | sync salesforce --full | topics | doctor',
    'Ctrl-C stops everything.',
  ];
  say(lines.join('\n'));
}
