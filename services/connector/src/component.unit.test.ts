import { expect, it } from '@jest/globals';
import { salesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { ghlAccounts, readSettings } from '#libs/runtime/src/settings.ts';
import { requireSource } from './component.ts';

const GHL = { GHL_LOCATION_ID: 'L', GHL_PRIVATE_TOKEN: 'pit-1' };
const SALESFORCE = { SALESFORCE_DOMAIN: 'acme', SALESFORCE_CLIENT_ID: 'k', SALESFORCE_CLIENT_SECRET: 's' };

function check(env: Record<string, string>): void {
  const settings = readSettings(env);
  const ghl = { baseUrl: settings.GHL_API_BASE_URL, accounts: ghlAccounts(settings) };
  requireSource(settings, { ghl, salesforce: salesforceAccess(settings) });
}

it.each<[string, Record<string, string>]>([
  ['GoHighLevel alone', GHL],
  ['Salesforce alone, without a token of GoHighLevel', SALESFORCE],
  ['both', { ...GHL, ...SALESFORCE }],
  ['one of two that are set', { ...GHL, ...SALESFORCE, SOURCES: 'salesforce' }],
])('a connector runs with %s', (_what, env) => expect(() => check(env)).not.toThrow());

it.each<[string, Record<string, string>, RegExp]>([
  ['nothing set', {}, /no source is set: set GHL_LOCATION_ID .* or SALESFORCE_DOMAIN/],
  ['a source that is named and not set', { ...GHL, SOURCES: 'salesforce' }, /no Salesforce org is set/],
  ['one of two that are named', { ...SALESFORCE, SOURCES: 'ghl,salesforce' }, /set GHL_LOCATION_ID/],
  ['a source that nobody knows', { ...GHL, SOURCES: 'hubspot' }, /SOURCES: must be of ghl, salesforce/],
])('a connector says what to set with %s', (_what, env, message) => {
  expect(() => check(env)).toThrow(
    expect.objectContaining({ code: 'config_invalid', message: expect.stringMatching(message) }),
  );
});
