import { file, flag, list, number, readValueFile, secretText, text, url, custom, type Values } from './config.ts';
import { AppError } from './errors.ts';
import { secret, type Secret } from './secret.ts';

const HOUR = 3600;
const LOGIN_HOSTS: readonly string[] = ['login', 'test'];

/** Salesforce: access, and how contacts are read (salesforce A, B). */
export const SALESFORCE_SETTINGS = {
  SALESFORCE_DOMAIN: custom(
    'My Domain of the org, which also names the account; or login, test (sandbox) for logins with a user',
    readDomain,
    { fallback: 'login' },
  ),
  SALESFORCE_CLIENT_ID: text('Consumer key of the app; with the secret alone the login is by client credentials', {
    example: '3MVG9sh4c2kRx7D1n0dQ8.example',
  }),
  SALESFORCE_CLIENT_SECRET: secretText('Consumer secret of the app'),
  SALESFORCE_USERNAME: text('User of the login by JWT or by password', { example: 'sync@example.com' }),
  SALESFORCE_PASSWORD: secretText('Password of that user: the login is by username and password'),
  SALESFORCE_SECURITY_TOKEN: secretText('Security token that goes with the password'),
  SALESFORCE_JWT_KEY_FILE: file('File of the private key (PEM) whose certificate the app has: the login is by JWT', {
    example: '/run/secrets/salesforce-jwt.pem',
  }),
  SALESFORCE_JWT_AUDIENCE: url(
    'Whom the JWT is for, where it is not https://login.salesforce.com, or https://test.salesforce.com for a sandbox',
    { example: 'https://example.my.site.com/customers' },
  ),
  SALESFORCE_LOGIN_URL: url('Login host, where it is not the one of SALESFORCE_DOMAIN', {
    example: 'https://example.my.salesforce.com',
  }),
  SALESFORCE_API_VERSION: custom('Version of the API', readVersion, { fallback: 'v58.0' }),
  SALESFORCE_API_CEILING: number(
    'Share of the API requests, bulk jobs or bulk results of the org, whoever uses them, from which on a scan waits',
    { min: 0.01, max: 1 },
    { fallback: '0.95' },
  ),
  SALESFORCE_API_WARN: number(
    'Share of any of these from which on the log warns',
    { min: 0, max: 1 },
    { fallback: '0.8' },
  ),
  SALESFORCE_HOLD: number(
    'Seconds after which a scan that waits for API requests, or for Salesforce to answer again, is tried again',
    { min: 1, max: 24 * HOUR },
    { fallback: '900' },
  ),
  SALESFORCE_BULK_THRESHOLD: number(
    'Contacts from which on the Bulk API is taken where nobody says which',
    { min: 0, max: 100_000_000, integer: true },
    { fallback: '10000' },
  ),
  SALESFORCE_BATCH_ROWS: number(
    'Rows of the Bulk API that are held and published together; less needs less memory',
    { min: 1, max: 10_000, integer: true },
    { fallback: '1000' },
  ),
  SALESFORCE_MAX_RECORDS: number(
    'Rows of one result set of the Bulk API',
    { min: 100, max: 1_000_000, integer: true },
    { fallback: '50000' },
  ),
  SALESFORCE_PARALLEL: number(
    'Result sets downloaded at a time; 1 follows locators',
    { min: 1, max: 5, integer: true },
    { fallback: '5' },
  ),
  SALESFORCE_OVERLAP: number(
    'Seconds before the last watermark from which an incremental scan reads again: rows become visible late',
    { min: 0, max: 7 * 24 * HOUR },
    { fallback: '600' },
  ),
  SALESFORCE_JOB_DEADLINE: number(
    'Seconds after which a bulk job that is not complete is aborted',
    { min: 60, max: 7 * 24 * HOUR },
    { fallback: '14400' },
  ),
  SALESFORCE_CHECK_TOTAL: flag('Whether the rows of a bulk job must add up to what it says it processed', {
    fallback: 'true',
  }),
  SALESFORCE_VANISHED_SHARE: number(
    'Share of the known contacts that a reconciliation may find gone; more is taken for lost permissions',
    { min: 0, max: 1 },
    { fallback: '0.2' },
  ),
  SALESFORCE_EXTRA_FIELDS: list('Contact fields that are read besides the mapped ones; `custom` is all custom ones', {
    fallback: '',
  }),
  SALESFORCE_REQUEST_TIMEOUT: number(
    'Seconds one answer of Salesforce may take, and a download may stand still',
    { min: 1, max: 600 },
    { fallback: '120' },
  ),
  SALESFORCE_RETRY_SECONDS: number(
    'Seconds a failing request to Salesforce is tried again; then a scan that has begun to read waits at its position',
    { min: 0, max: HOUR },
    { fallback: '120' },
  ),
};

/** The settings of Salesforce once read. */
export type SalesforceSettings = Values<typeof SALESFORCE_SETTINGS>;

/** How to log in with what settings hold (salesforce A2). */
export type SalesforceLogin =
  | { flow: 'client-credentials'; clientId: string; clientSecret: Secret }
  | {
      flow: 'password';
      clientId: string;
      clientSecret: Secret;
      username: string;
      password: Secret;
      securityToken?: Secret;
    }
  | {
      flow: 'jwt';
      clientId: string;
      username: string;
      /** PEM of the key whose certificate the app has. */
      privateKey: Secret;
      /** Who the assertion is for, as Salesforce names it: not the address that it is sent to. */
      audience: string;
    };

/** One org, and how to log in to it. */
export interface SalesforceAccess {
  /** Name of the account: the My Domain, or salesforce where there is none. */
  account: string;
  loginUrl: string;
  login: SalesforceLogin;
}

type CredentialName =
  | 'SALESFORCE_CLIENT_ID'
  | 'SALESFORCE_CLIENT_SECRET'
  | 'SALESFORCE_USERNAME'
  | 'SALESFORCE_PASSWORD'
  | 'SALESFORCE_SECURITY_TOKEN'
  | 'SALESFORCE_JWT_KEY_FILE'
  | 'SALESFORCE_JWT_AUDIENCE';

/** What each flow needs, and what has no meaning beside it. */
const FLOWS: Record<SalesforceLogin['flow'], { name: string; needs: CredentialName[]; not: CredentialName[] }> = {
  jwt: {
    name: 'login by JWT',
    needs: ['SALESFORCE_CLIENT_ID', 'SALESFORCE_USERNAME', 'SALESFORCE_JWT_KEY_FILE'],
    not: ['SALESFORCE_PASSWORD', 'SALESFORCE_SECURITY_TOKEN'],
  },
  password: {
    name: 'login by username and password',
    needs: ['SALESFORCE_CLIENT_ID', 'SALESFORCE_CLIENT_SECRET', 'SALESFORCE_USERNAME', 'SALESFORCE_PASSWORD'],
    not: ['SALESFORCE_JWT_AUDIENCE'],
  },
  'client-credentials': {
    name: 'login by client credentials',
    needs: ['SALESFORCE_CLIENT_ID', 'SALESFORCE_CLIENT_SECRET'],
    not: ['SALESFORCE_JWT_AUDIENCE'],
  },
};

/**
 * The org that the settings describe; undefined when they name no credentials. Which login it is follows from what is set: a key, a
 * user, or neither. Throws config_invalid with every fault at once.
 */
export function salesforceAccess(settings: SalesforceSettings): SalesforceAccess | undefined {
  const flow = flowOf(settings);
  if (flow === undefined) return undefined;
  const loginUrl = settings.SALESFORCE_LOGIN_URL ?? loginUrlOf(settings.SALESFORCE_DOMAIN);
  const faults = faultsOf(settings, flow, loginUrl);
  if (faults.length > 0)
    throw new AppError('config_invalid', `wrong settings of Salesforce:\n  ${faults.join('\n  ')}`);
  return { account: accountOf(settings.SALESFORCE_DOMAIN), loginUrl, login: loginOf(settings, flow, loginUrl) };
}

/** The same; config error where the settings name no org. */
export function requireSalesforce(settings: SalesforceSettings): SalesforceAccess {
  const access = salesforceAccess(settings);
  if (access !== undefined) return access;
  throw new AppError(
    'config_invalid',
    'no Salesforce org is set: set SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or the settings of another login (README)',
  );
}

/** Fields that are read besides the mapped ones, or all custom ones. */
export function extraFieldsOf({
  SALESFORCE_EXTRA_FIELDS: extra,
}: Pick<SalesforceSettings, 'SALESFORCE_EXTRA_FIELDS'>): readonly string[] | 'custom' {
  return extra.length === 1 && extra[0] === 'custom' ? 'custom' : extra;
}

function flowOf(settings: SalesforceSettings): SalesforceLogin['flow'] | undefined {
  const isSet = (name: CredentialName): boolean => settings[name] !== undefined;
  if (isSet('SALESFORCE_JWT_KEY_FILE')) return 'jwt';
  if (isSet('SALESFORCE_USERNAME') || isSet('SALESFORCE_PASSWORD') || isSet('SALESFORCE_SECURITY_TOKEN'))
    return 'password';
  return isSet('SALESFORCE_CLIENT_ID') || isSet('SALESFORCE_CLIENT_SECRET') ? 'client-credentials' : undefined;
}

function faultsOf(settings: SalesforceSettings, flow: SalesforceLogin['flow'], loginUrl: string): string[] {
  const { name, needs, not } = FLOWS[flow];
  const faults = [
    ...needs.filter((need) => settings[need] === undefined).map((need) => `${need}: the ${name} needs it`),
    ...not.filter((extra) => settings[extra] !== undefined).map((extra) => `${extra}: the ${name} has no use for it`),
  ];
  const isGeneric = settings.SALESFORCE_LOGIN_URL === undefined && LOGIN_HOSTS.includes(settings.SALESFORCE_DOMAIN);
  if (flow === 'client-credentials' && isGeneric)
    faults.push(
      `SALESFORCE_DOMAIN: the ${name} needs the My Domain of the org (for example SALESFORCE_DOMAIN=example)`,
    );
  if (!isPrivate(loginUrl)) faults.push('SALESFORCE_LOGIN_URL: must be an https address, or one of this machine');
  if (settings.SALESFORCE_API_WARN > settings.SALESFORCE_API_CEILING)
    faults.push('SALESFORCE_API_WARN: lies above SALESFORCE_API_CEILING');
  return faults;
}

/** Credentials leave this machine by TLS only. */
function isPrivate(loginUrl: string): boolean {
  const { protocol, hostname } = new URL(loginUrl);
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}

function loginOf(settings: SalesforceSettings, flow: SalesforceLogin['flow'], loginUrl: string): SalesforceLogin {
  const clientId = settings.SALESFORCE_CLIENT_ID!;
  const clientSecret = settings.SALESFORCE_CLIENT_SECRET!;
  const username = settings.SALESFORCE_USERNAME!;
  if (flow === 'client-credentials') return { flow, clientId, clientSecret };
  if (flow === 'jwt') {
    const privateKey = secret(readValueFile('SALESFORCE_JWT_KEY_FILE', settings.SALESFORCE_JWT_KEY_FILE!));
    const audience = settings.SALESFORCE_JWT_AUDIENCE ?? audienceOf(loginUrl);
    return { flow, clientId, username, privateKey, audience };
  }
  const { SALESFORCE_PASSWORD: password, SALESFORCE_SECURITY_TOKEN: securityToken } = settings;
  return {
    flow,
    clientId,
    clientSecret,
    username,
    password: password!,
    ...(securityToken === undefined ? {} : { securityToken }),
  };
}

const SANDBOX = /^test\.salesforce\.com$|(?:\.sandbox|\.scratch|--[^.]+(?:\.[^.]+)?)\.my\.salesforce\.com$/;

/** An assertion is for the login host of production or of sandboxes, also when it is sent to a My Domain (salesforce A2). */
function audienceOf(loginUrl: string): string {
  return `https://${SANDBOX.test(new URL(loginUrl).hostname) ? 'test' : 'login'}.salesforce.com`;
}

/** The domain as people write it: a word, a host or an address. */
function readDomain(value: string): string {
  const domain = value
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/\.salesforce\.com$/, '')
    .replace(/\.my$/, '');
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(domain)) throw new Error('must be login, test or the My Domain of the org');
  return domain;
}

function readVersion(value: string): string {
  const match = /^v?(\d{2,3})\.0$/.exec(value);
  if (match === null) throw new Error('must be a version such as v58.0');
  return `v${match[1]}.0`;
}

function loginUrlOf(domain: string): string {
  return `https://${domain}${LOGIN_HOSTS.includes(domain) ? '' : '.my'}.salesforce.com`;
}

function accountOf(domain: string): string {
  if (domain === 'login') return 'salesforce';
  return domain === 'test' ? 'salesforce-sandbox' : domain;
}
