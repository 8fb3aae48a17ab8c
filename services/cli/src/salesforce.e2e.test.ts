import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { endScans } from '#libs/storage/src/scan-control.ts';
import { testStack } from '#testcontainers/pipeline.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

let dataDir: string;
let database: Database;
let simulator: SalesforceSimulator;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'tributary-salesforce-'));
  const stack = testStack();
  await deploy({ stack, logger: createLogger({ name: 'test', level: 'silent' }), service: 'test', replication: 1 });
  database = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', max: 2 });
  simulator = await startSalesforceSimulator({ world: makeWorld({ contacts: 50 }) });
  env = {
    ...process.env,
    STACK: 'external',
    DATA_DIR: dataDir,
    SALESFORCE_DOMAIN: `org-${randomUUID()}`,
    SALESFORCE_LOGIN_URL: simulator.baseUrl,
    SALESFORCE_CLIENT_ID: SIMULATED_CREDENTIALS.clientId,
    SALESFORCE_CLIENT_SECRET: SIMULATED_CREDENTIALS.clientSecret,
  };
  for (const name of ['GHL_PRIVATE_TOKEN', 'GHL_LOCATION_ID', 'GHL_ACCOUNTS_FILE']) delete env[name];
});

afterAll(async () => {
  await database.end();
  await simulator.stop();
  rmSync(dataDir, { recursive: true, force: true });
  expect(simulator.counters.writes).toBe(0);
});

async function sync(args: string[], more: NodeJS.ProcessEnv = {}) {
  const command = ['--no-warnings', 'services/cli/src/main.ts', 'sync', 'salesforce', ...args];
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk: Buffer) => (texts[stream] += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

describe('tributary sync salesforce', () => {
  it('refuses contradictory flags with exit code 2, before anything is started', async () => {
    const { code, stdout, stderr } = await sync(['--mode', 'bulk', '--limit', '5', '--full', '--days', '3']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/only one of --full, --days[^]*--limit needs --mode rest/);
  });

  it('says what to set where no org is set', async () => {
    const { code, stderr } = await sync(['--full'], { SALESFORCE_CLIENT_ID: '', SALESFORCE_CLIENT_SECRET: '' });
    expect([code, /set SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID/.test(stderr)]).toEqual([2, true]);
  });

  it('--test gives the diagnoses', async () => {
    const { code, stdout } = await sync(['--test', '--json']);
    const { checks } = JSON.parse(stdout) as { checks: { what: string; ok: boolean; detail: string }[] };
    expect([code, checks.map(({ what }) => what)]).toEqual([
      0,
      ['authentication', 'memory', 'speed', 'fields', 'REST API', 'Bulk API'],
    ]);
    expect(checks[2]?.detail).toMatch(/\d+ contacts: a full sync goes by REST/);
  });

  it('--test names the variable and the field that are wrong', async () => {
    const wrong = await sync(['--test'], { SALESFORCE_CLIENT_SECRET: 'mistyped' });
    expect([wrong.code, /FAIL +authentication: .*SALESFORCE_CLIENT_SECRET/.test(wrong.stdout)]).toEqual([2, true]);
    expect(wrong.stdout).not.toMatch(/mistyped/);
    simulator.schema.hide('NPI__c');
    const hidden = await sync(['--test']);
    expect(hidden.stdout).toMatch(/fields: .*left as they are: NPI__c/);
  }, 20_000);

  it('ends with exit code 3 when the scan waits at the API ceiling, and says how to go on', async () => {
    simulator.knobs.apiRequestsMax = 100;
    simulator.counters.apiRequests = 94;
    const { code, stdout, stderr } = await sync(['--mode', 'rest', '--full', '--json']);
    const result = JSON.parse(stdout) as { syncId: string };
    expect(result).toMatchObject({ success: false, source: 'salesforce', error: { code: 'salesforce_api_ceiling' } });
    expect(code).toBe(3);
    expect(stderr).toMatch(`tributary sync resume ${result.syncId}`);
    await endScans(database, result.syncId);
  }, 60_000);
});
