import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import {
  ghlAccounts,
  ghlRulesByAccount,
  inactiveStatuses,
  readSettings,
  requireOauthApp,
  type GhlAccount,
} from './settings.ts';

const TOKEN = 'pit-canary-0000-1111';
let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-accounts-'));
  file = join(folder, 'accounts.json');
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'a'), `${TOKEN}-file\n`);
  writeFileSync(join(folder, 'secrets', 'empty'), ' \n');
  writeFileSync(join(folder, 'secrets', 'odd'), `${TOKEN}\u00A0x\n`);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function accounts(content: unknown, env: Record<string, string> = {}): GhlAccount[] {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return ghlAccounts(readSettings({ GHL_ACCOUNTS_FILE: file, ...env }));
}

function fault(content: unknown): string {
  try {
    accounts(content);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config_invalid', kind: 'config' });
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

describe('GHL_ACCOUNTS_FILE', () => {
  it('makes the status of missing rows one of many', () => {
    const locations = ['gone', 'away', undefined, 'gone'].map((inactiveStatus, index) => ({
      locationId: `L${index}`,
      token: TOKEN,
      ...(inactiveStatus === undefined ? {} : { rules: { inactiveStatus } }),
    }));
    const settings = readSettings({ INACTIVE_GHL_DELETED_STATUS: 'missing' });
    expect(inactiveStatuses(settings, accounts(locations, { INACTIVE_GHL_DELETED_STATUS: 'missing' }))).toEqual([
      'missing',
      'gone',
      'away',
    ]);
  });

  it('names any number of locations, each with its own credential and rules over those of the settings', () => {
    const read = accounts(
      [
        { locationId: 'A', token: TOKEN },
        { locationId: 'B', tokenFile: 'secrets/a', customFields: { companyName: 'fieldB' } },
        {
          locationId: 'C',
          oauth: true,
          rules: {
            vendorSourceKeyword: 'Partner',
            vendorTags: ['Partner'],
            vendorTagLevels: [{ level: 9, tag: 'Gold', status: 'gold' }],
            defaultVendorStatus: 'fresh',
            leadDiscoveryTags: ['Quote'],
            emptyOverwrites: true,
            missingMaxShare: 0.1,
          },
        },
      ],
      { DEFAULT_VENDOR_STATUS: 'waiting', MISSING_MIN_ROWS: '7' },
    );
    expect(read.map(({ locationId, token }) => [locationId, token?.reveal()])).toEqual([
      ['A', TOKEN],
      ['B', `${TOKEN}-file`],
      ['C', undefined],
    ]);
    const [a, b, c] = read.map(({ rules }) => rules);
    expect(a).toEqual({ ...DEFAULT_GHL_RULES, defaultVendorStatus: 'waiting', missingMinRows: 7 });
    expect(b?.customFields).toEqual({ ...DEFAULT_GHL_RULES.customFields, companyName: 'fieldB' });
    expect(c).toEqual({
      ...DEFAULT_GHL_RULES,
      vendorSourceKeyword: 'Partner',
      vendorTags: ['partner'],
      vendorTagLevels: [{ level: 9, tag: 'gold', status: 'gold' }],
      defaultVendorStatus: 'fresh',
      leadDiscoveryTags: ['quote'],
      emptyOverwrites: true,
      missingMaxShare: 0.1,
      missingMinRows: 7,
    });
    const rulesOf = ghlRulesByAccount(readSettings({ GHL_ACCOUNTS_FILE: file }));
    expect(rulesOf('C').vendorTags).toEqual(['partner']);
    expect(rulesOf('nobody').vendorTags).toEqual(DEFAULT_GHL_RULES.vendorTags);
  });

  it('is refused with every fault at once, each by its path, and no token among them', () => {
    const message = fault([
      { locationId: '', token: TOKEN },
      { locationId: 'A' },
      { locationId: 'B', token: TOKEN, oauth: true },
      { locationId: 'C', token: TOKEN, tocken: TOKEN },
      { locationId: 'D', oauth: false },
      { locationId: 'E', oauth: true, customFields: { companyName: '', nickname: 'x', serviceCategories: 'x' } },
      { locationId: 'F', oauth: true, rules: { missingMaxShare: 2, vendorTagLevels: [{ level: 'x', tag: 'a' }] } },
    ]);
    expect(message).toContain(file);
    for (const path of [
      '0.locationId',
      '1: needs exactly one of token, tokenFile and oauth',
      '2: needs exactly one',
      '3: Unrecognized key: "tocken"',
      '4.oauth',
      '5.customFields.companyName',
      '5.customFields: Unrecognized key: "nickname"',
      '5.customFields.serviceCategories',
      '6.rules.missingMaxShare',
      '6.rules.vendorTagLevels.0.level',
      '6.rules.vendorTagLevels.0.status',
    ])
      expect(message).toContain(path);
    expect(message).not.toContain('canary');
  });

  it.each([
    [
      'one location twice',
      [
        { locationId: 'A', oauth: true },
        { locationId: ' A', token: TOKEN },
      ],
      /1\.locationId: repeats A/,
    ],
    ['no location', [], /Too small/],
    ['no list', { locationId: 'A' }, /expected array/],
    ['no JSON', `[{"token":"${TOKEN}"`, /is no JSON/],
    [
      'tokens that no header takes',
      [
        { locationId: 'A', token: `${TOKEN}\u200B` },
        { locationId: 'B', tokenFile: 'secrets/odd' },
      ],
      /0\.token holds .*invisible.*\n.*1\.tokenFile holds/,
    ],
    [
      'token files that are not there or empty',
      [
        { locationId: 'A', tokenFile: 'nowhere' },
        { locationId: 'B', tokenFile: 'secrets/empty' },
      ],
      /0\.tokenFile names a file that cannot be read.*\n.*1\.tokenFile names a file that is empty/,
    ],
  ])('is refused: %s', (_what, content, expected) => {
    const message = fault(content);
    expect(message).toMatch(expected);
    expect(message).not.toContain('canary');
  });

  it('that cannot be read is told with the reason', () => {
    expect(() => ghlAccounts(readSettings({ GHL_ACCOUNTS_FILE: join(folder, 'none') }))).toThrow(
      /cannot be read \(ENOENT\)/,
    );
  });
});

describe('the settings of OAuth', () => {
  const TOKEN_KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

  it('are named, all that lack, where a location needs them', () => {
    const settings = readSettings({ GHL_CLIENT_ID: 'app' });
    expect(() => requireOauthApp(settings)).toThrow('OAuth is not set up: set GHL_CLIENT_SECRET, TOKEN_KEYS');
  });

  it('are read from files too, and faulty keys are told without showing them', () => {
    const secretFile = join(folder, 'client-secret');
    const keysFile = join(folder, 'keys');
    writeFileSync(secretFile, 'client-canary\n');
    writeFileSync(keysFile, `${TOKEN_KEYS}\n`);
    const app = requireOauthApp(
      readSettings({ GHL_CLIENT_ID: 'app', GHL_CLIENT_SECRET_FILE: secretFile, TOKEN_KEYS_FILE: keysFile }),
    );
    expect(app.clientSecret.reveal()).toBe('client-canary');
    expect(JSON.stringify(app)).not.toContain('canary');
    expect(() => readSettings({ TOKEN_KEYS: `${TOKEN_KEYS},b:canarycanary` })).toThrow(
      /TOKEN_KEYS: item 2 must be id:key/,
    );
    expect(() => readSettings({ TOKEN_KEYS: 'b:canarycanary' })).not.toThrow(/canary/);
  });

  it('make the one location of GHL_LOCATION_ID an OAuth location where no token is set', () => {
    const settings = readSettings({ GHL_LOCATION_ID: 'A', GHL_CLIENT_ID: 'app' });
    expect(ghlAccounts(settings)).toMatchObject([{ locationId: 'A', token: null }]);
    expect(() => ghlAccounts(readSettings({ GHL_LOCATION_ID: 'A' }))).toThrow(/GHL_PRIVATE_TOKEN is not/);
  });
});
