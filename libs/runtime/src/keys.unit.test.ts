import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { allows, ensureDevelopmentKey, findKey, hashKey, readKeys, type ApiKey } from './keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: unknown): string {
  const file = join(folder, 'keys.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe('API keys', () => {
  it('are kept as hashes only: the made key is in no file, and the file is the owner’s alone', () => {
    const file = join(folder, 'made', 'api-keys.json');
    const { keys, created } = ensureDevelopmentKey(file);
    expect(readFileSync(file, 'utf8')).not.toContain(created);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(findKey(keys, created!)).toMatchObject({ id: 'development', scope: 'admin' });
    expect(ensureDevelopmentKey(file)).toEqual({ keys, created: undefined });
  });

  it.each([
    ['a plain key', [{ id: 'a', key: 'secret', scope: 'read' }]],
    ['a scope of its own', [{ id: 'a', hash: hashKey('x'), scope: 'root' }]],
    ['an empty list of accounts', [{ id: 'a', hash: hashKey('x'), scope: 'read', accounts: [] }]],
  ])('refuses a file with %s', (_what, content) => {
    expect(() => readKeys(fileOf(content))).toThrow('API_KEYS_FILE must be');
  });

  it('reads a key that is limited to accounts', () => {
    const key = { id: 'a', hash: hashKey('x'), scope: 'read', accounts: ['one'] };
    expect(readKeys(fileOf([key]))).toEqual([key]);
  });

  it('looks at every key whether or not one matched before, so that time tells nothing', () => {
    const looked: string[] = [];
    const key = (id: string): ApiKey => ({
      id,
      scope: 'read',
      get hash() {
        looked.push(id);
        return hashKey(id);
      },
    });
    const keys = [key('first'), key('second'), key('third')];
    expect(findKey(keys, 'first')?.id).toBe('first');
    expect(looked).toEqual(['first', 'second', 'third']);
    expect(findKey(keys, 'nobody')).toBeUndefined();
  });

  it.each([
    ['read', [true, false, false]],
    ['operate', [true, true, false]],
    ['admin', [true, true, true]],
  ] as const)('with scope %s allow what is below and nothing above', (scope, expected) => {
    const key = { id: 'k', hash: '', scope };
    expect((['read', 'operate', 'admin'] as const).map((wanted) => allows(key, wanted))).toEqual(expected);
  });
});
