import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { tributary as runTributary, type Ended } from '#testcontainers/command.ts';
import { startGhlSimulator, type GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { emptyWorld, type World } from '#testcontainers/simulators/ghl/world.ts';

const SLOW_MS = 120_000;

let folder: string;
let file: string;
let first: World;
let second: World;
let simulator: GhlSimulator;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-accounts-'));
  file = join(folder, 'accounts.json');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  [first, second] = [emptyWorld(7101), emptyWorld(7102)];
  simulator = await startGhlSimulator({ world: first, others: [second], limits: { enabled: false } });
  writeAccounts();
});

afterEach(async () => {
  await simulator.stop();
});

function writeAccounts(): void {
  const rules = { defaultVendorStatus: 'fresh', vendorTags: ['Mixed Case'] };
  const entries = [
    { locationId: first.locationId, token: first.token, customFields: { leadZip: 'kept' } },
    { locationId: second.locationId, token: second.token, rules },
  ];
  writeFileSync(file, JSON.stringify(entries));
  chmodSync(file, 0o644);
}

const entries = (): Record<string, unknown>[] => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[];

const tributary = (args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runTributary(args, {
    ...process.env,
    DATA_DIR: folder,
    GHL_ACCOUNTS_FILE: file,
    GHL_API_BASE_URL: simulator.baseUrl,
    ...more,
  });

describe('tributary accounts check', () => {
  it(
    'finds every field of every location, writes the mapping for the owner only, and keeps what else is in the file',
    async () => {
      const link = join(folder, 'link.json');
      symlinkSync(file, link);
      const { code, stdout } = await tributary(['accounts', 'check', '--write', link, '--json']);
      expect(code).toBe(0);
      const { accounts } = JSON.parse(stdout) as { accounts: { locationId: string; customFields: object }[] };
      expect(accounts.map(({ locationId }) => locationId)).toEqual([first.locationId, second.locationId]);
      expect(entries()).toEqual([
        { locationId: first.locationId, token: first.token, customFields: DEFAULT_GHL_RULES.customFields },
        {
          locationId: second.locationId,
          token: second.token,
          rules: { defaultVendorStatus: 'fresh', vendorTags: ['Mixed Case'] },
          customFields: DEFAULT_GHL_RULES.customFields,
        },
      ]);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(stdout).not.toContain(first.token);
    },
    SLOW_MS,
  );

  it(
    'ends with 3 when one is missing, ambiguous or of a wrong type, and writes the others',
    async () => {
      const { companyName, takingNewWork, lastLeadAssigned } = DEFAULT_GHL_RULES.customFields;
      first.customFields.delete(companyName);
      first.customFields.set('twin', {
        ...first.customFields.get(takingNewWork)!,
        id: 'twin',
        name: 'taking new work',
      });
      first.customFields.set(lastLeadAssigned, { ...first.customFields.get(lastLeadAssigned)!, dataType: 'TEXT' });
      const { code, stdout } = await tributary(['accounts', 'check', '--location', first.locationId, '--write', file]);
      expect(code).toBe(3);
      expect(stdout).toMatch(/Vendor Company Name +MISSING/);
      expect(stdout).toMatch(new RegExp(`Taking New Work\\? +AMBIGUOUS: ${takingNewWork}, twin`));
      expect(stdout).toMatch(new RegExp(`Last Lead Assigned +WRONG TYPE: ${lastLeadAssigned} is TEXT`));
      const written = entries()[0]!['customFields'] as object;
      expect(Object.keys(written)).not.toContain('companyName');
      expect(Object.keys(written)).toContain('ghlUserId');
    },
    SLOW_MS,
  );

  it(
    'ends with 2 for settings that are wrong, and writes nothing',
    async () => {
      const unknown = await tributary(['accounts', 'check', '--location', 'nowhere']);
      expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining(first.locationId) });
      simulator.tokens.revoke(first.token);
      const before = readFileSync(file, 'utf8');
      const refused = await tributary(['accounts', 'check', '--write', file]);
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('ghl_unauthorized') });
      expect(refused.stderr).not.toContain(first.token);
      expect(readFileSync(file, 'utf8')).toBe(before);
    },
    SLOW_MS,
  );
});

describe('tributary accounts install', () => {
  it(
    'prints where to grant access, or every setting that lacks',
    async () => {
      const app = {
        GHL_CLIENT_ID: 'app-1',
        GHL_CLIENT_SECRET: 'canary',
        TOKEN_KEYS: `k:${Buffer.alloc(32, 1).toString('base64')}`,
        GHL_REDIRECT_URL: 'https://sync.example.test/oauth/ghl/callback',
      };
      const { code, stdout } = await tributary(['accounts', 'install', '--json'], app);
      expect(code).toBe(0);
      const url = new URL((JSON.parse(stdout) as { url: string }).url);
      expect(url.searchParams.get('client_id')).toBe('app-1');
      expect(stdout).not.toContain('canary');
      expect(await tributary(['accounts', 'install'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('set GHL_CLIENT_ID, GHL_CLIENT_SECRET, TOKEN_KEYS'),
      });
    },
    SLOW_MS,
  );
});

describe('tributary sync ghl over several locations', () => {
  it(
    'asks which, and with --all-locations prints one document with a result for each',
    async () => {
      for (const world of [first, second]) {
        const contact = { email: 'same@example.test', firstName: 'Ann', source: 'Vendor Application' };
        world.addContact(contact);
      }
      const which = await tributary(['sync', 'ghl', '--yes']);
      expect(which).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--all-locations') });
      const { code, stdout } = await tributary(['sync', 'ghl', '--yes', '--json', '--all-locations']);
      expect(code).toBe(0);
      const { results } = JSON.parse(stdout) as { results: Record<string, unknown>[] };
      const result = { success: true, stats: expect.objectContaining({ ghl_contacts_fetched: 1, vendors_created: 1 }) };
      expect(results).toMatchObject([
        { ...result, account: first.locationId },
        { ...result, account: second.locationId },
      ]);
    },
    SLOW_MS,
  );
});
