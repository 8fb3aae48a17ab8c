import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { choice, flag, list, loadSettings, number, secretText, text, url } from './config.ts';
import { secret } from './secret.ts';
import { ghlAccounts, readSettings } from './settings.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const DECLARED = {
  NAME: text('A name'),
  TOKEN: secretText('A token', { example: 'pit-0' }),
  COUNT: number('A count', { min: 1, max: 10, integer: true }, { fallback: '3' }),
  ON: flag('A flag', { fallback: 'false' }),
  WORDS: list('Words', { fallback: 'a' }),
  MODE: choice('A mode', ['fast', 'slow'], { fallback: 'fast' }),
  BASE: url('An address', { fallback: 'https://example.test' }),
};

const faults = (env: Record<string, string>): string => {
  try {
    loadSettings(DECLARED, env);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('settings', () => {
  it('have their defaults, also where they are set to nothing', () => {
    expect(loadSettings(DECLARED, { COUNT: '', NAME: '  ', TOKEN: '' })).toEqual({
      NAME: undefined,
      TOKEN: undefined,
      COUNT: 3,
      ON: false,
      WORDS: ['a'],
      MODE: 'fast',
      BASE: 'https://example.test',
    });
  });

  it('report every fault at once, by name, with an example, as one error of configuration', () => {
    const message = faults({ COUNT: '11', ON: 'yes', MODE: 'quick', BASE: 'ftp://x', TOKEN_FILE: '/absent' });
    expect(message.split('\n')).toEqual([
      'wrong settings:',
      '  TOKEN: TOKEN_FILE names a file that cannot be read (ENOENT) (for example TOKEN=pit-0)',
      '  COUNT: must be a whole number from 1 to 10 (for example COUNT=3)',
      '  ON: must be true or false (for example ON=false)',
      '  MODE: must be one of fast, slow (for example MODE=fast)',
      '  BASE: must be an http or https address (for example BASE=https://example.test)',
    ]);
    expect(() => loadSettings(DECLARED, { COUNT: 'x' })).toThrow(
      expect.objectContaining({ code: 'config_invalid', kind: 'config' }),
    );
  });

  it.each(['0', '11', '2.5', '1e1', 'NaN', '0x2', '-1', '９'])('a number that is %s is refused', (COUNT) => {
    expect(faults({ COUNT })).toContain('COUNT: must be a whole number from 1 to 10');
  });
});

describe('NAME_FILE', () => {
  it.each([
    ['a line end', 'hush\n'],
    ['a Windows line end and blanks', '  hush\r\n\n'],
    ['nothing around it', 'hush'],
  ])('holds a secret with %s', (_what, content) => {
    const { TOKEN } = loadSettings(DECLARED, { TOKEN_FILE: file('token', content) });
    expect(TOKEN?.reveal()).toBe('hush');
  });

  it.each([
    ['is absent', () => '/absent/token', 'cannot be read (ENOENT)'],
    ['is a folder', () => folder, 'cannot be read (EISDIR)'],
    ['is empty', () => file('empty', '\n'), 'is empty'],
  ])('that %s is refused by name', (_what, path, why) => {
    expect(faults({ TOKEN_FILE: path() })).toContain(`TOKEN: TOKEN_FILE names a file that ${why}`);
  });

  it.each(['canary\u200B', 'canary 1', 'canary\u00E9', 'can\nary'])(
    'that no header takes is refused, and not told: %j',
    (GHL_PRIVATE_TOKEN) => {
      const read = (): unknown => readSettings({ GHL_PRIVATE_TOKEN, GHL_LOCATION_ID: 'L' });
      expect(read).toThrow(/GHL_PRIVATE_TOKEN: it holds a blank, an invisible character/);
      expect(read).not.toThrow(/can\s?ary/);
    },
  );

  it('beside NAME is refused, and neither value is told', () => {
    const message = faults({ TOKEN: 'canary-1', TOKEN_FILE: file('second', 'canary-2') });
    expect(message).toContain('given twice, as TOKEN and as TOKEN_FILE');
    expect(message).not.toMatch(/canary/);
  });
});

describe('a secret', () => {
  const hidden = secret('canary');

  it.each<[string, () => string]>([
    ['inspect', () => inspect({ deep: { hidden } }, { depth: 9, showHidden: true })],
    ['JSON', () => JSON.stringify({ hidden, list: [hidden] })],
    ['a template', () => `${hidden as unknown as string}`],
    ['concatenation', () => '' + (hidden as unknown as string)],
    ['entries', () => JSON.stringify(Object.entries({ ...hidden }))],
    ['an error', () => new Error(hidden as unknown as string).stack ?? ''],
  ])('is not printed by %s', (_what, print) => {
    expect(print()).not.toContain('canary');
  });

  it('is given by reveal only', () => {
    expect(hidden.reveal()).toBe('canary');
    expect(`${hidden as unknown as string}`).toBe('[secret]');
  });
});

describe('GoHighLevel accounts', () => {
  it('come from one pair of settings, which must be a pair', () => {
    expect(ghlAccounts(readSettings({}))).toEqual([]);
    const [account] = ghlAccounts(readSettings({ GHL_PRIVATE_TOKEN: 't', GHL_LOCATION_ID: 'L' }));
    expect([account!.locationId, account!.token?.reveal()]).toEqual(['L', 't']);
    expect(() => ghlAccounts(readSettings({ GHL_PRIVATE_TOKEN: 't' }))).toThrow(/set the location/);
    expect(() => ghlAccounts(readSettings({ GHL_LOCATION_ID: 'L' }))).toThrow(/set the token/);
  });
});
