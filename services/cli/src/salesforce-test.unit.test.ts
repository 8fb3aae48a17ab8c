import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '#libs/runtime/src/config.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { SALESFORCE_SETTINGS, type SalesforceLogin } from '#libs/runtime/src/salesforce-settings.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { fieldsOf, loginRemedy, memoryDiagnosis, speedOf } from './salesforce-test.ts';

const settings = loadSettings(SALESFORCE_SETTINGS, {});
const app = { clientId: 'key', clientSecret: secret('x') };
const LOGINS: Record<SalesforceLogin['flow'], SalesforceLogin> = {
  'client-credentials': { flow: 'client-credentials', ...app },
  password: { flow: 'password', ...app, username: 'u', password: secret('p') },
  jwt: { flow: 'jwt', clientId: 'key', username: 'u', privateKey: secret('k'), audience: 'a' },
};

describe('a refused login names the variable', () => {
  it.each<[string, SalesforceLogin['flow'], RegExp]>([
    ['invalid_client_id: client identifier invalid', 'password', /SALESFORCE_CLIENT_ID$/],
    ['invalid_client: invalid client credentials', 'client-credentials', /SALESFORCE_CLIENT_SECRET/],
    ['invalid_grant: authentication failure', 'password', /SALESFORCE_PASSWORD, SALESFORCE_SECURITY_TOKEN/],
    ['invalid_grant: user has not approved', 'jwt', /SALESFORCE_JWT_KEY_FILE/],
    ['invalid_grant: no client credentials user', 'client-credentials', /the user that the app runs as/],
    ['unsupported_grant_type', 'client-credentials', /SALESFORCE_DOMAIN/],
    ['inactive_user: user is inactive', 'jwt', /SALESFORCE_USERNAME/],
  ])('%s by %s', (said, flow, variables) => {
    const refusal = new AppError('salesforce_unauthorized', `Salesforce refuses the login (${said})`);
    expect(loginRemedy(refusal, LOGINS[flow])).toMatch(variables);
  });
});

describe('memory', () => {
  it.each([
    [1000, 5, true],
    [10_000, 5, false],
    [10_000, 1, true],
  ])('of %i rows, %i sets at a time: %p', (rows, parallel, ok) => {
    const found = memoryDiagnosis({ SALESFORCE_BATCH_ROWS: rows, SALESFORCE_PARALLEL: parallel });
    expect(found.ok).toBe(ok);
    expect(found.detail).toMatch(ok ? /SALESFORCE_PARALLEL/ : /lower SALESFORCE_BATCH_ROWS, or use --batch-size/);
  });
});

describe('speed', () => {
  it.each([
    [9_000, /9000 contacts: a full sync goes by REST/],
    [600_000, /600000 contacts: a full sync goes by the Bulk API, 5 result sets at a time/],
    [null, /more contacts than can be counted: .* Bulk API/],
  ])('of %p contacts', (contacts, said) => {
    expect(speedOf(settings, contacts, { used: 5, max: 100 })).toMatch(said);
  });

  it('names the ceiling when there is no room', () => {
    expect(() => speedOf(settings, 5, { used: 96, max: 100 })).toThrow(/raise SALESFORCE_API_CEILING \(0.95\)/);
  });
});

describe('fields', () => {
  const read = ['Id', 'LastName', 'SystemModstamp'];
  const selection = { read, missing: [], changed: [], unmapped: [], unreadable: [] };

  it('that are hidden are named, and read is what is left', () => {
    expect(fieldsOf({ ...selection, missing: ['NPI__c'] })).toMatch(/left as they are: NPI__c/);
  });

  it('that no row can do without are named', () => {
    expect(() => fieldsOf({ ...selection, read: ['Id', 'SystemModstamp'] })).toThrow(/does not see LastName/);
  });

  it('whose values may not fit are named', () => {
    const changed = [{ field: 'NPI__c', was: 'string(20)', is: 'string(255)' }];
    expect(() => fieldsOf({ ...selection, changed })).toThrow(/NPI__c is string\(255\), not string\(20\)/);
  });

  it('that the settings ask for and nobody sees are named', () => {
    expect(() => fieldsOf({ ...selection, unreadable: ['Nope__c'] })).toThrow(/SALESFORCE_EXTRA_FIELDS .*: Nope__c$/);
  });

  it('that are custom and not read are counted', () => {
    expect(fieldsOf({ ...selection, unmapped: ['Region__c'] })).toMatch(/custom fields not read .*: 1$/);
  });
});
