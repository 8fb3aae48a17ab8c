import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { endScans } from '#libs/storage/src/scan-control.ts';
import { ended, followOutput, launch, launchCommand, tributary, type Ended } from '#testcontainers/command.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';

/** Contact of every world that lacks a last name. */
const NAMELESS = 5;

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

const sync = (args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  tributary(['sync', 'salesforce', ...args], { ...env, ...more });

async function contacts(): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    'select count(*) as count from sf_contacts where account_id = $1',
    [env['SALESFORCE_DOMAIN']],
  );
  return rows[0]!.count;
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

  it('syncs what is there, what changed since and nothing, and ends with the statistics people know', async () => {
    simulator.schema.show('NPI__c');
    const { world } = simulator;
    world.changeContact(makeId(PREFIXES.Contact, NAMELESS), { LastName: 'Now Named' });
    world.advance(3_600_000);
    const dry = await sync(['--mode', 'bulk', '--full', '--dry-run', '--json']);
    expect([dry.code, await contacts()]).toEqual([0, 0]);
    const { changes } = JSON.parse(dry.stdout) as { changes: { total: number; items: object[] } };
    const first = await sync(['--mode', 'bulk', '--full', '--json']);
    const { stats } = JSON.parse(first.stdout) as { stats: Record<string, number> };
    expect(first.code).toBe(0);
    expect(stats).toMatchObject({ errors: 0, quarantined_records: 0, final_database_count: stats['new_records'] });
    expect(stats['new_records']).toBeGreaterThan(40);
    expect([changes.total, changes.items.length]).toEqual([stats['new_records'], stats['new_records']]);
    expect(changes.items[0]).toMatchObject({ table: 'sf_contacts', outcome: 'created' });
    world.changeContact(makeId(PREFIXES.Contact, NAMELESS), { FirstName: 'Ada' });
    world.deleteContact(makeId(PREFIXES.Contact, 0));
    world.advance(3_600_000);
    const second = await sync(['--incremental']);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/Updated records: 1\n +Unchanged records: \d+\n +Deleted records: 1/);
    expect(await contacts()).toBe(stats['new_records']);
  }, 120_000);

  it('counts a contact that lacks its last name as quarantined, and does not call that a success', async () => {
    simulator.world.changeContact(makeId(PREFIXES.Contact, NAMELESS), { LastName: null });
    simulator.world.advance(3_600_000);
    const { code, stdout } = await sync(['--incremental', '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([3, { success: false, stats: { quarantined_records: 1 } }]);
    const { fieldErrors } = JSON.parse(stdout) as { fieldErrors: object[] };
    const nameless = { contactId: makeId(PREFIXES.Contact, NAMELESS), field: 'last_name', code: 'required' };
    expect(fieldErrors).toContainEqual(nameless);
  }, 60_000);

  it('tells of fields that are hidden, new, or asked for and not there, and reads what there is', async () => {
    simulator.schema.hide('NPI__c');
    simulator.schema.add('Region__c', 255);
    const more = { SALESFORCE_EXTRA_FIELDS: 'Nope__c' };
    const tested = await sync(['--test'], more);
    expect([tested.code, tested.stdout]).toEqual([2, expect.stringMatching(/FAIL +fields: .*EXTRA_FIELDS .*Nope__c/)]);
    const { code, stdout } = await sync(['--mode', 'rest', '--limit', '5', '--json'], more);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { success: true, fields: { missing: ['NPI__c'], unmapped: ['Region__c'], unreadable: ['Nope__c'] } },
    ]);
    simulator.schema.show('NPI__c');
  }, 60_000);

  it('the documented functions give the same statistics, and the rows', async () => {
    simulator.world.changeContact(makeId(PREFIXES.Contact, NAMELESS), { LastName: 'Named Again' });
    simulator.world.advance(3_600_000);
    const script = `import { bulkSyncContacts, syncContacts } from './services/cli/src/salesforce-sync.ts';
      const stats = await bulkSyncContacts();
      const rows = await syncContacts({ limit: 3 });
      process.stdout.write(JSON.stringify({ stats, rows: rows.length }));`;
    const { code, stdout, stderr } = await ended(launch(['--input-type=module-typescript', '--eval', script], env));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ stats: { success: true, updated_records: 1, errors: 0 }, rows: 3 });
  }, 120_000);

  it('--continuous syncs again after its pause until Ctrl-C ends it with 130', async () => {
    const change = (values: { LastName: string }): void => {
      simulator.world.changeContact(makeId(PREFIXES.Contact, NAMELESS), values);
      simulator.world.advance(3_600_000);
    };
    change({ LastName: 'One' });
    const child = launchCommand(['sync', 'salesforce', '--continuous', '--every', '10'], env);
    const end = ended(child);
    const said = followOutput(child);
    await said(/Updated records: 1\n[^]*Final database count/);
    change({ LastName: 'Two' });
    await said(/(Updated records: 1\n[^]*){2}Final database count/);
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
  }, 60_000);

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
