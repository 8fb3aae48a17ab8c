import { DEFAULT_GHL_RULES, type GhlRules, type VendorTagLevel } from '#libs/domain/src/settings.ts';
import {
  choice,
  custom,
  flag,
  list,
  loadSettings,
  number,
  secretCustom,
  secretText,
  splitList,
  text,
  token,
  url,
  type Values,
} from './config.ts';
import { AppError } from './errors.ts';
import { ACCESS_SETTINGS, checkAccess } from './access.ts';
import { readAccountsFile } from './ghl-accounts-file.ts';
import { readKeyRing, type KeyRing } from './key-ring.ts';
import { SALESFORCE_SETTINGS, type SalesforceAccess } from './salesforce-settings.ts';
import type { Secret } from './secret.ts';

const RULES = DEFAULT_GHL_RULES;
const HOUR = 3600;

/** host:port, comma-separated, as kafkajs takes them apart: a host name or an IPv4 address. */
function brokers(value: string): string {
  const given = value.split(',').map((broker) => broker.trim());
  const isBroker = (broker: string): boolean => {
    const [, port = '0'] = /^[\w.-]+:(\d+)$/.exec(broker) ?? [];
    return Number(port) >= 1 && Number(port) <= 65_535;
  };
  if (!given.every(isBroker)) throw new Error('must be a list of host:port, comma-separated');
  return given.join(',');
}

/** The stack: where Kafka, the registry and PostgreSQL are. */
export const STACK_SETTINGS = {
  STACK: text('external, embedded; by default external when the three addresses below are set, else embedded'),
  DATA_DIR: text('Folder of the embedded stack: data, ports, logs, the development API key', { fallback: '.data' }),
  DOWNLOADS_DIR: text('Folder of what the embedded stack downloads once', { fallback: '.data/downloads' }),
  DATABASE_URL: secretText('PostgreSQL; with `sslmode=verify-full` by TLS', {
    example: 'postgresql://user:password@host:5432/tributary',
  }),
  KAFKA_BROKERS: custom('Kafka brokers, comma-separated', brokers, { example: 'kafka-1:9092,kafka-2:9092' }),
  SCHEMA_REGISTRY_URL: url('Schema registry, its Confluent-compatible API', {
    example: 'http://registry:8080/apis/ccompat/v7',
  }),
  ...ACCESS_SETTINGS,
  DATABASE_POOL: number(
    'PostgreSQL connections of one process',
    { min: 4, max: 100, integer: true },
    { fallback: '12' },
  ),
  TOPIC_REPLICATION: number(
    'Replication factor of topics that are created',
    { min: 1, max: 10, integer: true },
    { fallback: '1' },
  ),
};

/** The process itself. */
export const PROCESS_SETTINGS = {
  LOG_LEVEL: choice('Least level that is logged', ['debug', 'info', 'warn', 'error', 'silent'], { fallback: 'info' }),
  HTTP_PORT: number(
    'Port of the HTTP API; `npm start` takes the next free one',
    { min: 0, max: 65535, integer: true },
    { fallback: '8080' },
  ),
  HTTP_HOST: text('Address the HTTP API listens on', { fallback: '127.0.0.1' }),
  HTTP_BODY_LIMIT: number(
    'Largest request body in bytes',
    { min: 1024, max: 10 * 1024 * 1024, integer: true },
    { fallback: '1048576' },
  ),
  HTTP_RATE_PER_ADDRESS: number(
    'Requests a minute that one address may send to one process; more are answered 429',
    { min: 1, max: 1_000_000, integer: true },
    { fallback: '1200' },
  ),
  HTTP_RATE_PER_KEY: number(
    'Requests a minute that one API key may send to one process',
    { min: 1, max: 1_000_000, integer: true },
    { fallback: '600' },
  ),
  HTTP_TRUSTED_PROXIES: number(
    'Proxies in front of the HTTP API whose X-Forwarded-For is believed',
    { min: 0, max: 10, integer: true },
    { fallback: '0' },
  ),
  METRICS_PUBLIC: choice(
    'Whether /metrics answers without a key: dev means only under `npm start`',
    ['dev', 'true', 'false'],
    { fallback: 'dev' },
  ),
  API_KEYS_FILE: text('JSON file of hashed API keys; without it `npm start` makes one key in DATA_DIR', {
    example: '/run/secrets/api-keys.json',
  }),
  KAFKA_SESSION_TIMEOUT: number(
    'Seconds of silence after which the partitions of a consumer go to others; the brokers set the limits',
    { min: 6, max: 300 },
    { fallback: '45' },
  ),
  SOURCES: custom('Sources this process reads: ghl, salesforce; empty is every one that is set', readSources, {
    fallback: '',
  }),
  MAX_PARALLEL_SCANS: number(
    'Scans of different accounts that one process runs side by side; each holds one connection of DATABASE_POOL, of which three stay free',
    { min: 1, max: 50, integer: true },
    { fallback: '4' },
  ),
};

/** GoHighLevel: access, V3's constants and the classification data (rules-ghl). */
export const GHL_SETTINGS = {
  GHL_API_BASE_URL: url('GoHighLevel API', { fallback: 'https://services.leadconnectorhq.com' }),
  GHL_PRIVATE_TOKEN: token('Private integration token of one location', {
    example: 'pit-00000000-0000-0000-0000-000000000000',
  }),
  GHL_LOCATION_ID: text('Location id that GHL_PRIVATE_TOKEN is for', { example: 've9EPM428h8vShlRW1KT' }),
  GHL_ACCOUNTS_FILE: text(
    'JSON file of any number of locations instead: [{locationId, token | tokenFile | oauth, customFields?, rules?}]',
    { example: '/run/secrets/ghl-accounts.json' },
  ),
  GHL_CLIENT_ID: text('OAuth: client id of the marketplace app', { example: '6578278e879ad2646715ba9c-k8s5d2f1' }),
  GHL_CLIENT_SECRET: secretText('OAuth: client secret of the marketplace app'),
  GHL_REDIRECT_URL: url('OAuth: where GoHighLevel sends the browser back to, as the app has it', {
    example: 'https://sync.example.com/oauth/ghl/callback',
  }),
  GHL_AUTHORIZE_URL: url('OAuth: page on which a location grants access', {
    fallback: 'https://marketplace.gohighlevel.com/v2/oauth/chooselocation',
  }),
  GHL_SCOPES: list('OAuth: scopes to ask for', {
    fallback: 'contacts.readonly,locations.readonly,locations/customFields.readonly',
  }),
  TOKEN_KEYS: secretCustom(
    'Keys that encrypt OAuth tokens: id:base64 of 32 bytes; the first encrypts, all decrypt',
    readKeyRing,
    {
      example: '2026-11:base64key,2026-05:base64key',
    },
  ),
  GHL_REQUEST_TIMEOUT: number('Seconds one request to GoHighLevel may take', { min: 1, max: 300 }, { fallback: '30' }),
  GHL_RETRY_SECONDS: number(
    'Seconds a failing request is tried again before it counts as unanswered; after as long without any answer, each is tried once',
    { min: 0, max: HOUR },
    { fallback: '120' },
  ),
  FETCH_BY_ID_WORKERS: number('By-id look-ups at a time', { min: 1, max: 50, integer: true }, { fallback: '3' }),
  GHL_RATE_LIMIT_DELAY: number(
    'Least seconds between the starts of by-id look-ups',
    { min: 0, max: 60 },
    { fallback: '0.12' },
  ),
  SEARCH_PAGE_LIMIT: number('Contacts of one list page', { min: 1, max: 500, integer: true }, { fallback: '500' }),
  LIST_SCAN_CAP: number(
    'Most contacts the list fallback of mode targeted reads',
    { min: 1, max: 10_000_000, integer: true },
    { fallback: '15000' },
  ),
  GHL_INCREMENTAL_OVERLAP: number(
    'Seconds before the last success from which mode incremental reads again (index lag, clocks)',
    { min: 0, max: 7 * 24 * HOUR },
    { fallback: '600' },
  ),
  VENDOR_SOURCE_KEYWORD: text('Contact source that says vendor', { fallback: RULES.vendorSourceKeyword }),
  VENDOR_TAGS: list('Tags that say vendor', { fallback: RULES.vendorTags.join(',') }),
  VENDOR_TAG_LEVELS: custom('Vendor status by tag, level:tag=status; the highest level wins', readTagLevels, {
    fallback: RULES.vendorTagLevels.map(({ level, tag, status }) => `${level}:${tag}=${status}`).join(';'),
  }),
  LEAD_TAG_NEW_LEAD_STATUS: text('Lead status that the tag `new lead` gives', { fallback: RULES.newLeadStatus }),
  DEFAULT_VENDOR_STATUS: text('Vendor status without a level tag', { fallback: RULES.defaultVendorStatus }),
  DEFAULT_LEAD_STATUS: text('Status of a new lead', { fallback: RULES.defaultLeadStatus }),
  INACTIVE_GHL_DELETED_STATUS: text('Status shown while a row is missing in GHL', { fallback: RULES.inactiveStatus }),
  VENDOR_STATUS_KEPT: list('Vendor statuses that the absence of a level tag does not change', {
    fallback: RULES.vendorStatusKept.join(','),
  }),
  LEAD_DISCOVERY_TAGS: list('Tags that make an unknown contact a lead in mode full', { fallback: '' }),
  GHL_EMPTY_OVERWRITES: flag('Whether empty GHL values blank vendor columns', { fallback: 'false' }),
  MISSING_MAX_SHARE: number(
    'Largest share of the rows in scope that one scan may mark missing',
    { min: 0, max: 1 },
    { fallback: '0.5' },
  ),
  MISSING_MIN_ROWS: number(
    'Rows in scope from which MISSING_MAX_SHARE counts',
    { min: 0, max: 1_000_000, integer: true },
    { fallback: '100' },
  ),
  MISSING_MAX_UNKNOWN_SHARE: number(
    'Largest share of look-ups that may stay unanswered',
    { min: 0, max: 1 },
    { fallback: '0.2' },
  ),
};

/** Every setting of the product, for the README and the doctor. */
export const ALL_SETTINGS = { ...STACK_SETTINGS, ...PROCESS_SETTINGS, ...GHL_SETTINGS, ...SALESFORCE_SETTINGS };

/** Every setting once read. */
export type Settings = Values<typeof ALL_SETTINGS>;

/** Reads every setting, or reports every fault at once. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const settings = loadSettings(ALL_SETTINGS, env);
  checkAccess(settings);
  return settings;
}

/** One location with its token and its rules. */
export interface GhlAccount {
  locationId: string;
  /** Its private integration token; null for a location that is connected through OAuth. */
  token: Secret | null;
  rules: GhlRules;
}

/** Every source there is. */
export const SOURCE_NAMES = ['ghl', 'salesforce'] as const;

/** Name of a source. */
export type SourceName = (typeof SOURCE_NAMES)[number];

function readSources(value: string): SourceName[] {
  return splitList(value).map((name) => {
    const known = SOURCE_NAMES.find((source) => source === name);
    if (known === undefined) throw new Error(`must be of ${SOURCE_NAMES.join(', ')}`);
    return known;
  });
}

/** Whether this process is to read a source: it is named, or none is. */
export function runsSource({ SOURCES }: Pick<Settings, 'SOURCES'>, source: SourceName): boolean {
  return SOURCES.length === 0 || SOURCES.includes(source);
}

/** Accounts by source; undefined for one that is not set here. */
export function accountsOf(
  ghl: readonly GhlAccount[],
  salesforce: SalesforceAccess | undefined,
): (source: string) => readonly string[] | undefined {
  const accounts = new Map<string, readonly string[]>([['ghl', ghl.map(({ locationId }) => locationId)]]);
  if (salesforce !== undefined) accounts.set('salesforce', [salesforce.account]);
  return (source) => accounts.get(source);
}

/** Statuses that rows show while they are missing in GHL: that of each location, and that of rows whose location nobody configures. */
export function inactiveStatuses(settings: Settings, accounts: readonly GhlAccount[]): string[] {
  return [...new Set([settings.INACTIVE_GHL_DELETED_STATUS, ...accounts.map(({ rules }) => rules.inactiveStatus)])];
}

function readTagLevels(value: string): VendorTagLevel[] {
  return value.split(';').map((line) => {
    const match = /^\s*(\d+)\s*:\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(line);
    if (match === null) throw new Error(`has a line that is not level:tag=status (${line.trim()})`);
    return { level: Number(match[1]), tag: match[2]!.toLowerCase(), status: match[3]! };
  });
}

/** The rules as the settings say, for accounts that have none of their own. */
export function ghlRules(settings: Settings): GhlRules {
  return {
    vendorSourceKeyword: settings.VENDOR_SOURCE_KEYWORD,
    vendorTags: settings.VENDOR_TAGS.map((tag) => tag.toLowerCase()),
    vendorTagLevels: settings.VENDOR_TAG_LEVELS,
    newLeadStatus: settings.LEAD_TAG_NEW_LEAD_STATUS,
    defaultVendorStatus: settings.DEFAULT_VENDOR_STATUS,
    defaultLeadStatus: settings.DEFAULT_LEAD_STATUS,
    inactiveStatus: settings.INACTIVE_GHL_DELETED_STATUS,
    vendorStatusKept: settings.VENDOR_STATUS_KEPT,
    leadDiscoveryTags: settings.LEAD_DISCOVERY_TAGS.map((tag) => tag.toLowerCase()),
    emptyOverwrites: settings.GHL_EMPTY_OVERWRITES,
    missingMaxShare: settings.MISSING_MAX_SHARE,
    missingMinRows: settings.MISSING_MIN_ROWS,
    missingMaxUnknownShare: settings.MISSING_MAX_UNKNOWN_SHARE,
    customFields: RULES.customFields,
  };
}

/** The locations the settings name: those of GHL_ACCOUNTS_FILE, or the one of GHL_LOCATION_ID; none when neither is set. */
export function ghlAccounts(settings: Settings): GhlAccount[] {
  const rules = ghlRules(settings);
  if (settings.GHL_ACCOUNTS_FILE !== undefined) return readAccountsFile(settings.GHL_ACCOUNTS_FILE, rules);
  const { GHL_PRIVATE_TOKEN: token, GHL_LOCATION_ID: locationId } = settings;
  if (token === undefined && locationId === undefined) return [];
  if (token === undefined && settings.GHL_CLIENT_ID === undefined)
    throw new AppError(
      'config_invalid',
      'GHL_LOCATION_ID is set but GHL_PRIVATE_TOKEN is not: set the token of that location, or GHL_CLIENT_ID for OAuth',
    );
  if (locationId === undefined)
    throw new AppError(
      'config_invalid',
      'GHL_PRIVATE_TOKEN is set but GHL_LOCATION_ID is not: set the location it is for',
    );
  return [{ locationId, token: token ?? null, rules }];
}

/** The locations the settings name; config error when there is none. */
export function requireGhlAccounts(settings: Settings): GhlAccount[] {
  const accounts = ghlAccounts(settings);
  if (accounts.length > 0) return accounts;
  throw new AppError('config_invalid', 'set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or GHL_ACCOUNTS_FILE');
}

/** The marketplace app through which locations grant access. */
export interface OauthApp {
  clientId: string;
  clientSecret: Secret;
  /** What encrypts its tokens at rest and signs its states. */
  keys: KeyRing;
  authorizeUrl: string;
  scopes: readonly string[];
  /** Needed to install only; undefined where GHL_REDIRECT_URL is not set. */
  redirectUrl: string | undefined;
}

/** The app that the settings describe; config error naming every setting that lacks. */
export function requireOauthApp(settings: Settings): OauthApp {
  const { GHL_CLIENT_ID: clientId, GHL_CLIENT_SECRET: clientSecret, TOKEN_KEYS: keys } = settings;
  if (clientId === undefined || clientSecret === undefined || keys === undefined) {
    const lacking = (['GHL_CLIENT_ID', 'GHL_CLIENT_SECRET', 'TOKEN_KEYS'] as const).filter(
      (name) => settings[name] === undefined,
    );
    throw new AppError('config_invalid', `OAuth is not set up: set ${lacking.join(', ')}`);
  }
  const { GHL_AUTHORIZE_URL: authorizeUrl, GHL_SCOPES: scopes, GHL_REDIRECT_URL: redirectUrl } = settings;
  return { clientId, clientSecret, keys, authorizeUrl, scopes, redirectUrl };
}

/** Rules of an account; the settings' own for accounts nobody configured (any more). */
export function ghlRulesByAccount(
  settings: Settings,
  accounts: readonly GhlAccount[] = ghlAccounts(settings),
): (account: string) => GhlRules {
  const fallback = ghlRules(settings);
  const rules = new Map(accounts.map(({ locationId, rules: own }) => [locationId, own]));
  return (account) => rules.get(account) ?? fallback;
}
