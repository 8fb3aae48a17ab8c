import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from './config.ts';
import { salesforceAccess, SALESFORCE_SETTINGS, type SalesforceAccess } from './salesforce-settings.ts';

const APP = { SALESFORCE_CLIENT_ID: 'key', SALESFORCE_CLIENT_SECRET: 'hush' };
const USER = { SALESFORCE_USERNAME: 'sync@example.test', SALESFORCE_PASSWORD: 'word' };

const access = (env: Record<string, string>): SalesforceAccess | undefined =>
  salesforceAccess(loadSettings(SALESFORCE_SETTINGS, env));

describe('the login that settings describe', () => {
  it('is none without credentials', () => {
    expect(access({ SALESFORCE_DOMAIN: 'acme' })).toBeUndefined();
  });

  it('is by client credentials with an app alone', () => {
    expect(access({ ...APP, SALESFORCE_DOMAIN: 'acme' })).toMatchObject({
      account: 'acme',
      loginUrl: 'https://acme.my.salesforce.com',
      login: { flow: 'client-credentials', clientId: 'key' },
    });
  });

  it('is by password with a user, and the token goes with it', () => {
    const { login, ...rest } = access({ ...APP, ...USER, SALESFORCE_SECURITY_TOKEN: 'tok' })!;
    expect(rest).toEqual({ account: 'salesforce', loginUrl: 'https://login.salesforce.com' });
    expect(login).toMatchObject({ flow: 'password', username: 'sync@example.test' });
    expect(login.flow === 'password' && login.securityToken?.reveal()).toBe('tok');
  });

  describe('is by JWT with a key', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salesforce-key-'));
    const keyFile = join(folder, 'key.pem');
    writeFileSync(keyFile, 'PEM\n');
    afterAll(() => rmSync(folder, { recursive: true }));
    const env = { SALESFORCE_CLIENT_ID: 'key', SALESFORCE_USERNAME: 'u', SALESFORCE_JWT_KEY_FILE: keyFile };

    it.each<[Record<string, string>, string, string]>([
      [{}, 'login', 'login'],
      [{ SALESFORCE_DOMAIN: 'test' }, 'test', 'test'],
      [{ SALESFORCE_DOMAIN: 'acme' }, 'acme.my', 'login'],
      [{ SALESFORCE_DOMAIN: 'acme.develop' }, 'acme.develop.my', 'login'],
      [{ SALESFORCE_DOMAIN: 'acme--dev.sandbox' }, 'acme--dev.sandbox.my', 'test'],
      [{ SALESFORCE_DOMAIN: 'acme--dev' }, 'acme--dev.my', 'test'],
      [{ SALESFORCE_LOGIN_URL: 'https://acme--dev.cs42.my.salesforce.com' }, 'acme--dev.cs42.my', 'test'],
      [{ SALESFORCE_DOMAIN: 'acme.scratch' }, 'acme.scratch.my', 'test'],
    ])('%j is sent to %s and for %s', (where, host, audience) => {
      expect(access({ ...env, ...where })).toMatchObject({
        loginUrl: `https://${host}.salesforce.com`,
        login: { flow: 'jwt', audience: `https://${audience}.salesforce.com` },
      });
    });

    it('for whom the settings say, where they do', () => {
      const audience = 'https://acme.my.site.com/customers';
      const found = access({ ...env, SALESFORCE_DOMAIN: 'acme', SALESFORCE_JWT_AUDIENCE: audience });
      expect(found).toMatchObject({ loginUrl: 'https://acme.my.salesforce.com', login: { audience } });
    });

    it('has no use for a password', () => {
      expect(access({ ...env, SALESFORCE_DOMAIN: 'test' })).toMatchObject({ account: 'salesforce-sandbox' });
      expect(() => access({ ...env, SALESFORCE_PASSWORD: 'x' })).toThrow(
        /SALESFORCE_PASSWORD: the login by JWT has no/,
      );
    });
  });
});

describe('the domain', () => {
  it.each([
    ['acme', 'https://acme.my.salesforce.com'],
    ['Acme.my', 'https://acme.my.salesforce.com'],
    ['https://acme.my.salesforce.com/', 'https://acme.my.salesforce.com'],
    ['acme--dev.sandbox', 'https://acme--dev.sandbox.my.salesforce.com'],
  ])('%s', (domain, loginUrl) => expect(access({ ...APP, SALESFORCE_DOMAIN: domain })).toMatchObject({ loginUrl }));
});

describe('faults', () => {
  it.each<[string, Record<string, string>, RegExp[]]>([
    [
      'a secret without its app',
      { SALESFORCE_CLIENT_SECRET: 'x', SALESFORCE_DOMAIN: 'acme' },
      [/SALESFORCE_CLIENT_ID/],
    ],
    ['client credentials at the generic host', APP, [/SALESFORCE_DOMAIN: .* needs the My Domain/]],
    [
      'whom a JWT is for, without one',
      { ...APP, SALESFORCE_DOMAIN: 'acme', SALESFORCE_JWT_AUDIENCE: 'https://acme.my.site.com' },
      [/SALESFORCE_JWT_AUDIENCE: .* no use/],
    ],
    ['a user alone', { SALESFORCE_USERNAME: 'u' }, [/_CLIENT_ID/, /_CLIENT_SECRET/, /_PASSWORD/]],
    ['a token alone', { ...APP, SALESFORCE_SECURITY_TOKEN: 't' }, [/_USERNAME/, /_PASSWORD/]],
    ['a login in the clear', { ...APP, SALESFORCE_LOGIN_URL: 'http://sf.example' }, [/must be an https address/]],
    [
      'a warning above the ceiling',
      { ...APP, SALESFORCE_DOMAIN: 'acme', SALESFORCE_API_WARN: '0.9', SALESFORCE_API_CEILING: '0.5' },
      [/SALESFORCE_API_WARN: lies above/],
    ],
    ['a version that is none', { SALESFORCE_API_VERSION: '58' }, [/SALESFORCE_API_VERSION: must be a version/]],
    ['a key file that is not there', { SALESFORCE_JWT_KEY_FILE: '/nowhere/key.pem' }, [/SALESFORCE_JWT_KEY_FILE/]],
  ])('are told at once and by name: %s', (_what, env, messages) => {
    for (const message of messages)
      expect(() => access(env)).toThrow(
        expect.objectContaining({ code: 'config_invalid', message: expect.stringMatching(message) }),
      );
  });

  it('quote no secret', () => {
    expect(() => access({ SALESFORCE_CLIENT_SECRET: 'hush-hush' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hush') }),
    );
  });
});
