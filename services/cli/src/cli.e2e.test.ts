import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findKey, readKeys } from '#libs/runtime/src/keys.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy } from '#libs/runtime/src/platform.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { ended, launch, launchScript, ROOT, tributary as runTributary, type Ended } from '#testcontainers/command.ts';
import { testStack } from '#testcontainers/addresses.ts';

let dataDir: string;
let database: Database;
let taken: Server;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'tributary-cli-'));
  const stack = testStack();
  await deploy({ stack, logger: createLogger({ name: 'test', level: 'silent' }), service: 'test', replication: 1 });
  database = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', max: 2 });
  // The made-up business imports its rows only where there are none.
  await database.query('delete from vendors');
  await database.query('delete from leads');
  taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = String((taken.address() as AddressInfo).port);
  env = { ...process.env, STACK: 'external', DATA_DIR: dataDir, HTTP_PORT: port, GHL_RATE_LIMIT_DELAY: '0' };
  for (const name of ['GHL_PRIVATE_TOKEN', 'GHL_LOCATION_ID', 'GHL_ACCOUNTS_FILE']) delete env[name];
}, 60_000);

afterAll(async () => {
  await database.end();
  taken.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const start = (args: string[], more: NodeJS.ProcessEnv = {}): ChildProcess =>
  launch(['services/dev/src/main.ts', ...args], { ...env, ...more });
const tributary = (args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runTributary(args, { ...env, ...more });

async function tables(): Promise<unknown[]> {
  const { rows } = await database.query<{ row: unknown }>(
    `select to_jsonb(v) || jsonb_build_object('xmin', v.xmin::text) as row from vendors v
     union all select to_jsonb(l) || jsonb_build_object('xmin', l.xmin::text) from leads l
     union all select to_jsonb(c) || jsonb_build_object('xmin', c.xmin::text) from sf_contacts c order by 1`,
  );
  return rows.map(({ row }) => row);
}

/** Everything on stdout up to a text; fails with it when the process ends before. */
function said(child: ChildProcess, text: string): Promise<string> {
  let heard = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes(text)) resolve(heard);
    });
    child.once('close', () => reject(new Error(`it never said "${text}":\n${heard}`)));
  });
}

/** More than an index of PostgreSQL takes, and incompressible. */
const LONG = Array.from({ length: 300 }, (_, index) => createHash('sha256').update(String(index)).digest('hex')).join(
  '',
);

describe('npm start -- --once', () => {
  it('tells the key it makes and ends with the result of the first sync; the second time it changes no row', async () => {
    const first = await ended(start(['--once']));
    expect(first.stdout).toContain('a simulator with 2000 made-up contacts stands in');
    expect(first.stdout.match(/^Success: yes$/gm)).toHaveLength(2);
    expect(first.stdout).toMatch(/Sync of Salesforce org simulated[^]*Total retrieved: 1,999[^]*Errors: 0/);
    expect(first.stdout).toMatch(/ghl_contacts_fetched +2000/);
    expect(first.code).toBe(0);
    const [key, ...others] = first.stdout.match(/trb_[\w-]+/g) ?? [];
    const keys = readKeys(join(dataDir, 'api-keys.json'));
    expect([findKey(keys, key ?? '')?.id, others]).toEqual(['development', []]);
    const before = await tables();
    expect(before.length).toBeGreaterThan(3_000);
    const second = await ended(start(['--once']));
    expect(second.stdout).toContain('created 0 vendors and 0 leads, updated 0 and 0');
    expect(second.stdout).not.toContain('trb_');
    expect(second.stdout).toContain('created 0, updated 0, marked 0 deleted, restored 0');
    expect(second.code).toBe(0);
    expect(await tables()).toEqual(before);
  }, 120_000);

  it('ends at once and names every setting that is wrong', async () => {
    const { code, stderr } = await ended(start(['--once'], { SEARCH_PAGE_LIMIT: '501', MISSING_MAX_SHARE: 'x' }));
    expect(code).toBe(2);
    expect(stderr).toContain('SEARCH_PAGE_LIMIT');
    expect(stderr).toContain('MISSING_MAX_SHARE');
  }, 20_000);
});

describe('the command beside a running npm start', () => {
  let running: ChildProcess;
  let greeting: string;

  beforeAll(async () => {
    running = launchScript('start', ['--no-sync'], env);
    greeting = await said(running, 'Ctrl-C stops everything.');
    // One sync after the other without a pause between look-ups would wait for GoHighLevel's limits.
    const simulator = /GHL simulator +(http:\S+)/.exec(greeting)?.[1] ?? '';
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ enabled: false });
    expect((await fetch(`${simulator}/__control/limits`, { method: 'POST', headers, body })).status).toBe(200);
  }, 60_000);

  afterAll(() => {
    if (running.exitCode === null) process.kill(-running.pid!, 'SIGKILL');
  });

  it('is greeted with the addresses, on the next free port', async () => {
    const url = /API +(http:\S+?)\/v1\/vendors/.exec(greeting)?.[1] ?? '';
    expect(Number(new URL(url).port)).toBeGreaterThan(Number(env['HTTP_PORT']));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(greeting).toMatch(/API key +told at the first start; only its hash is kept/);
  });

  it('refuses a second npm start in the same folder', async () => {
    const { code, stderr } = await ended(start(['--once']));
    expect(code).toBe(2);
    expect(stderr).toContain('npm start runs already');
  }, 20_000);

  it('prints V3 result of a sync as one JSON document, all counters always there', async () => {
    const { code, stdout, stderr } = await tributary(['sync', 'ghl', '--yes', '--json']);
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as { stats: Record<string, number> };
    expect(result).toMatchObject({
      source: 'ghl',
      success: true,
      syncId: expect.any(String),
      duration: expect.any(Number),
    });
    expect(result).not.toHaveProperty('error');
    expect(result.stats).toMatchObject({
      ghl_contacts_fetched: 2000,
      vendors_created: 0,
      rebound: 0,
      dead_lettered: 0,
    });
    expect(stderr).toContain('reading contacts');
  }, 60_000);

  it('tells what a dry run would change, and writes nothing; a sync changes just that, though nothing changed in GoHighLevel', async () => {
    await database.query(
      `update vendors set name = 'Somebody Else' where id = (select min(id) from vendors where ghl_contact_id is not null)`,
    );
    const before = await tables();
    const { stdout } = await tributary(['sync', 'ghl', '--dry-run', '--json']);
    const { changes } = JSON.parse(stdout) as { changes: { total: number; leftOut: number; items: object[] } };
    expect(changes.items).toContainEqual(
      expect.objectContaining({
        table: 'vendors',
        outcome: 'updated',
        columns: expect.objectContaining({ name: { before: 'Somebody Else', after: expect.any(String) } }),
      }),
    );
    expect(changes.total).toBe(changes.items.length);
    expect(await tables()).toEqual(before);
    const real = await tributary(['sync', 'ghl', '--yes', '--json']);
    expect(JSON.parse(real.stdout)).toMatchObject({ stats: { vendors_updated: 1 } });
    const { rowCount } = await database.query(`select from vendors where name = 'Somebody Else'`);
    expect(rowCount).toBe(0);
  }, 60_000);

  it('tests the simulated org as it would the real one', async () => {
    const { code, stdout } = await tributary(['sync', 'salesforce', '--test']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('simulated is the org')]);
  }, 20_000);

  it('runs the example of syncAll in the README', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const example = /```ts\n(import \{ syncAll \}[\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const { code, stdout, stderr } = await ended(launch(['--input-type=module-typescript', '--eval', example], env));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Sync completed: created \d+ vendors.*\n\d+ vendors created, \d+ updated in [\d.]+ s\n$/);
  }, 60_000);

  it('refuses to pause a sync that is over, and names its state', async () => {
    const { rows } = await database.query<{ sync_id: string }>(
      `select sync_id from runs where status = 'completed' order by finished_at desc limit 1`,
    );
    const { code, stdout, stderr } = await tributary(['sync', 'pause', rows[0]!.sync_id, '--json']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('is completed');
  }, 30_000);

  it('does not run without a yes, and says how to give it', async () => {
    const { code, stdout, stderr } = await tributary(['sync', 'ghl']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--yes');
  }, 20_000);

  it('refuses a location nobody has a token for and names the settings', async () => {
    const { code, stdout } = await tributary(['sync', 'ghl', '--yes', '--json', '--location', 'nowhere']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ success: false, message: expect.stringContaining('GHL_LOCATION_ID') });
  }, 30_000);

  it('tells the status, the topics and the health of every connection', async () => {
    const [status, topics, doctor] = await Promise.all(
      ['status', 'topics', 'doctor'].map((command) => tributary([command, '--json'])),
    );
    expect(JSON.parse(status!.stdout)).toMatchObject({
      stack: 'external',
      pipeline: 'running',
      syncs: expect.any(Array),
    });
    expect(topics!.stdout).toContain('crm.observation.v1');
    const { checks } = JSON.parse(doctor!.stdout) as { checks: { what: string; ok: boolean }[] };
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ what }) => what)).toContainEqual(expect.stringContaining('(simulator)'));
    expect([status!.code, topics!.code, doctor!.code]).toEqual([0, 0, 0]);
  }, 60_000);

  it('names the setting of a connection that is down', async () => {
    const { code, stdout } = await tributary(['doctor'], { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9/apis/ccompat/v7' });
    expect(code).toBe(2);
    expect(stdout).toMatch(/FAIL +schema registry: registry_unavailable: .*SCHEMA_REGISTRY_URL/);
  }, 60_000);

  it.each([
    ['a header of another table', 'name,colour\nAnn,red\n', 2, 'colour'],
    [
      'a line with a fault',
      'name,email,taking_new_work\nAnn,ann@cli.test,yes\nBob,bob@cli.test,perhaps\n',
      3,
      'line 3, taking_new_work',
    ],
    ['good lines', 'email,name\nCee@CLI.test,Cee\n', 0, '1 inserted'],
    ['a user id twice', 'email,ghl_user_id\nuser1@cli.test,U1\nuser2@cli.test,U1\n', 3, 'line 3, ghl_user_id: row'],
    [
      'what no row can hold',
      `email,ghl_contact_id\nlong@cli.test,${LONG}\nshort@cli.test,s\n`,
      3,
      'line 2: cannot be written',
    ],
    ['a line that is there already', 'email,name,phone\ncee@cli.test,Other,+15550001111\n', 0, 'was merged into row'],
  ])(
    'imports a file with %s',
    async (_what, text, exitCode, told) => {
      const file = join(dataDir, 'vendors.csv');
      writeFileSync(file, text);
      const { code, stdout, stderr } = await tributary(['import', 'vendors', file]);
      expect(stdout + stderr).toContain(told);
      expect(code).toBe(exitCode);
    },
    30_000,
  );

  it('imports nothing into a location that nobody knows', async () => {
    const file = join(dataDir, 'vendors.csv');
    writeFileSync(file, 'email\nlost@cli.test\n');
    const { code, stdout, stderr } = await tributary(['import', 'vendors', file, '--location', 'TYPO']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('no GoHighLevel location TYPO is known');
  }, 30_000);

  it('tells what happened to a row, and rebuilds tables beside the live ones', async () => {
    const { rows } = await database.query<{ id: string }>(`select id from vendors where email = 'cee@cli.test'`);
    const id = rows[0]!.id;
    const told = 'select count(*) as count from lifecycle where row_id = $1';
    while ((await database.query<{ count: number }>(told, [id])).rows[0]!.count < 2) await new Promise(setImmediate);
    // What somebody put into a form of the CRM, for whoever looks at it on a terminal.
    const named = `update lifecycle set changes = replace(changes::text, '"Cee"', '"Cee\u009b2J"')::jsonb where row_id = $1`;
    await database.query(named, [id]);
    const history = await tributary(['history', 'vendors', id]);
    expect(history.stdout).toMatch(
      /VendorUpdated {2}\(import\) {2}phone = .*\n.*VendorCreated {2}\(import\) {2}.*email = "cee@cli.test"/,
    );
    expect(history.stdout).toContain('name = "Cee\\u009b2J"');
    expect(await tributary(['history', 'vendors', 'nobody'])).toMatchObject({ code: 2, stdout: '' });
    const from = new Date().toISOString();
    const { code, stdout } = await tributary(['replay', 'vendors', '--json', '--examples', '1', '--from', from]);
    expect(code).toBe(3);
    const report = JSON.parse(stdout) as { tables: { vendors: { live: number; rebuilt: number; examples: object[] } } };
    expect(report).toMatchObject({ equal: false, swapped: false, tables: { vendors: { rebuilt: 0 } } });
    expect(report.tables.vendors.live).toBeGreaterThan(0);
    expect(stdout).not.toContain('@');
    expect(await tributary(['replay', 'all', '--swap', '--from', from])).toMatchObject({ code: 2, stdout: '' });
  }, 60_000);

  it('shows its usage with exit code 2 when it is called wrongly', async () => {
    expect(await tributary(['sync', 'ghl', '--mode', 'half'])).toMatchObject({ code: 2, stdout: '' });
    const { code, stdout, stderr } = await tributary(['frobnicate\u001b[2J']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('frobnicate\\u001b[2J');
  }, 30_000);

  it('ends on Ctrl-C with nothing left behind', async () => {
    const end = ended(running);
    process.kill(-running.pid!, 'SIGINT');
    expect((await end).stdout).toContain('SIGINT: stopping ...');
    expectNothingLeft();
  }, 30_000);

  it('ends when npm is asked to end', async () => {
    running = launchScript('start', ['--no-sync'], env);
    await said(running, 'Ctrl-C stops everything.');
    // Not before the last process has let go of its output.
    const end = ended(running);
    running.kill('SIGTERM');
    expect((await end).stdout).toContain('SIGTERM: stopping ...');
    expectNothingLeft();
  }, 60_000);
});

function expectNothingLeft(): void {
  for (const file of ['running.json', 'owner.lock']) expect(() => readFileSync(join(dataDir, file))).toThrow('ENOENT');
}
