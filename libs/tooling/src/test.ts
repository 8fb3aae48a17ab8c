/**
 * `npm test`: every check there is, one summary. Static checks and unit tests take what the tests against the stacks leave of the
 * machine: those wait a lot, and are the longer ones. The last line is `N passed, N failed, N skipped`; a static check counts as one test.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { chooseStack } from '#testcontainers/stack/choice.ts';
import { startStack } from '#testcontainers/stack/stack.ts';
import { onStopSignal } from '#libs/runtime/src/host.ts';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { name: string; message: string; assertionResults: { status: string; fullName: string }[] }[];
}

const ROOT = resolve(import.meta.dirname, '../../..');
const BIN = join(ROOT, 'node_modules/.bin');
const JEST = ['--no-warnings', '--experimental-vm-modules', join(ROOT, 'node_modules/jest/bin/jest.js')];
/** Tests of whole processes: the command, the stack, and crashes. They take as long as all the other end-to-end tests. */
const PROCESSES = 'services/cli/src/(cli|salesforce)\\.e2e\\.test|(stack|chaos)\\.e2e\\.test|crash\\.int\\.test';
const OTHERS = ['--runInBand', '--testPathIgnorePatterns', PROCESSES];
/** What tests start again and again is compiled once. */
process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'node_modules/.cache/node');
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

const CHECKS: [name: string, command: string, args: string[]][] = [
  ['types', 'tsc', ['--noEmit']],
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  [
    'architecture',
    'depcruise',
    ['libs', 'services', 'testcontainers', '--config', '.dependency-cruiser.cjs', '--output-type', 'err'],
  ],
  ['schemas', process.execPath, ['--no-warnings', 'libs/tooling/src/contracts.ts', 'check']],
  ['readme', process.execPath, ['--no-warnings', 'libs/tooling/src/readme.ts', 'check']],
];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What jest is given after its report, and altogether: more than a machine that is slow by far needs. */
const LINGER_MS = 15_000;
const LIMIT_MS = 25 * 60_000;

function execute(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
  watch?: (child: ChildProcess) => void,
): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    const file = command.includes('/') ? command : join(BIN, command);
    const child = spawn(file, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    watch?.(child);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', (error) => done({ code: 1, output: error.message }));
    child.once('close', (code) => done({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

async function check(
  name: string,
  command: string,
  args: string[],
  watch: (child: ChildProcess) => void,
): Promise<void> {
  const started = performance.now();
  const { code, output } = await execute(command, args, process.env, watch);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) tally.passed += 1;
  else {
    tally.failed += 1;
    failures.push(`check ${name}`);
    say(output.trimEnd());
  }
  say(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name} (${seconds} s)`);
}

/** Kills a jest that does not end: its tests have left something open, or wait for what never comes. */
function killWhenStuck(child: ChildProcess, report: string, stuck: (reason: string) => void): void {
  const started = performance.now();
  let reported: number | undefined;
  const timer = setInterval(() => {
    const now = performance.now();
    if (reported === undefined && existsSync(report)) reported = now;
    const lingers = reported !== undefined && now - reported > LINGER_MS;
    if (!lingers && now - started < LIMIT_MS) return;
    stuck(lingers ? 'left something open that kept their process alive' : 'took too long and were killed');
    child.kill('SIGKILL');
    clearInterval(timer);
  }, 1_000);
  child.once('exit', () => clearInterval(timer));
}

/** Runs the jest tests of some costs and adds them to the tally. */
async function jest(
  name: string,
  pattern: string,
  env: NodeJS.ProcessEnv,
  more: string[] = [],
  watch: (child: ChildProcess) => void = () => undefined,
): Promise<void> {
  const started = performance.now();
  const folder = mkdtempSync(join(ROOT, 'node_modules/.tests-'));
  const report = join(folder, 'report.json');
  try {
    const { output } = await execute(
      process.execPath,
      [...JEST, '--testPathPatterns', pattern, '--json', '--outputFile', report, '--silent', ...more],
      env,
      (child) => {
        watch(child);
        killWhenStuck(child, report, (reason) => {
          tally.failed += 1;
          failures.push(`${name} tests ${reason}`);
        });
      },
    );
    const results = readReport(report);
    if (results === undefined) {
      tally.failed += 1;
      failures.push(`${name} tests did not run`);
      say(output.trimEnd());
      return;
    }
    add(results);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(
      `${results.numFailedTests + results.numRuntimeErrorTestSuites === 0 ? 'ok  ' : 'FAIL'}  ${name} tests: ${results.numPassedTests} passed (${seconds} s)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function add(results: JestReport): void {
  tally.passed += results.numPassedTests;
  tally.failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  tally.skipped += results.numPendingTests;
  for (const suite of results.testResults) {
    if (suite.message !== '') say(suite.message);
    for (const { status, fullName } of suite.assertionResults) {
      if (status === 'failed') failures.push(fullName);
      // The reason stands in the name of the test or of its group.
      if (status === 'pending') say(`skip  ${fullName}`);
    }
    if (suite.assertionResults.length === 0) failures.push(suite.name);
  }
}

/** Stacks start one after the other: the first one downloads what is missing. */
let lastStart: Promise<unknown> = Promise.resolve();

/** Starts an embedded stack, or looks up the external one that the settings name, and works with it. */
async function withStack(work: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(ROOT, 'node_modules/.stack-'));
  const starting = lastStart.then(() => startStack({ dataDir, env: process.env, log: say, fast: true }));
  lastStart = starting.catch(() => undefined);
  // Who waits for it below hears why it did not start.
  const stopping = starting.then(
    (stack) => () => stack.stop(),
    () => () => Promise.resolve(),
  );
  const restore = onStopSignal(() => {
    void stopping.then((stop) => stop()).then(() => process.exit(130));
  });
  try {
    const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = (await starting).info;
    await work({
      ...process.env,
      STACK: 'external',
      KAFKA_BROKERS: kafkaBrokers,
      SCHEMA_REGISTRY_URL: schemaRegistryUrl,
      DATABASE_URL: databaseUrl,
    });
  } catch (error) {
    stackFailed(error);
  } finally {
    await (
      await stopping
    )();
    restore();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The static checks, then the tests without a server; one at a time, and what waits for a stack goes first. */
async function checkAndTestUnits(): Promise<void> {
  const behind = (child: ChildProcess): void => {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  };
  for (const each of CHECKS) await check(...each, behind);
  await jest('unit', 'unit\\.test', process.env, [], behind);
}

const GROUPS = [
  (env: NodeJS.ProcessEnv) => jest('integration', 'int\\.test', env, OTHERS),
  (env: NodeJS.ProcessEnv) => jest('end-to-end', 'e2e\\.test', env, OTHERS),
  (env: NodeJS.ProcessEnv) => jest('process', PROCESSES, env, ['--runInBand']),
];

/** Each group on an embedded stack of its own; one after the other where there is one stack for all. */
async function testOnStacks(): Promise<void> {
  if (chooseStack(process.env).kind === 'external') for (const group of GROUPS) await withStack(group);
  else await Promise.all(GROUPS.map(withStack));
}

function stackFailed(error: unknown): void {
  tally.failed += 1;
  failures.push(`the stack: ${(error as Error).message}`);
}

const started = performance.now();
await Promise.all([checkAndTestUnits(), testOnStacks().catch(stackFailed)]);
for (const failure of failures) say(`FAILED ${failure}`);
say(`${((performance.now() - started) / 1000).toFixed(0)} s`);
say(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 ? 0 : 1;
