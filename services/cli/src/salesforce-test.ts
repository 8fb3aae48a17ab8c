import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import {
  extraFieldsOf,
  type SalesforceAccess,
  type SalesforceLogin,
  type SalesforceSettings,
} from '#libs/runtime/src/salesforce-settings.ts';
import type { FieldSelection } from '#libs/sources/kit/ports.ts';
import { systemClock } from '#libs/sources/kit/rate-limit.ts';
import { createSalesforceClient, type SalesforceClient } from '#libs/sources/salesforce/client.ts';
import { countContacts } from '#libs/sources/salesforce/contacts.ts';
import { selectFields } from '#libs/sources/salesforce/drift.ts';
import { createSessions } from '#libs/sources/salesforce/oauth.ts';
import { contactQuery } from '#libs/sources/salesforce/soql.ts';
import { createUsageBudget, type ApiUsage } from '#libs/sources/salesforce/usage.ts';

/** One of the four diagnoses of the old service's troubleshooting section (salesforce B11), or how a connection does. */
export interface Diagnosis {
  what: string;
  ok: boolean;
  /** What was found, or what is wrong and which variable or field mends it. */
  detail: string;
}

/** A person waits: the client gives up soon. */
const PATIENCE_MS = 5_000;
const NOTHING_CHANGED = { from: Date.UTC(1999, 0, 1), to: Date.UTC(1999, 0, 2) };

/** Tests the login, both APIs, and what usually goes wrong: authentication, memory, speed, fields. Nothing is read but counts. */
export async function testSalesforce(
  settings: SalesforceSettings,
  { account, loginUrl, login }: SalesforceAccess,
): Promise<Diagnosis[]> {
  const timeoutMs = settings.SALESFORCE_REQUEST_TIMEOUT * 1000;
  const usage = createUsageBudget({ warnShare: 1, ceilingShare: settings.SALESFORCE_API_CEILING });
  const client = createSalesforceClient({
    sessions: createSessions({ loginUrl, login, timeoutMs }),
    version: settings.SALESFORCE_API_VERSION,
    usage,
    timeoutMs,
    patienceMs: PATIENCE_MS,
    clock: systemClock,
  });
  const memory = memoryDiagnosis(settings);
  const authentication = await check(
    'authentication',
    (error) => loginRemedy(error, login),
    async () => {
      const orgId = await client.orgId();
      await client.limits();
      return `${account} is the org ${orgId}, login by ${login.flow}`;
    },
  );
  if (!authentication.ok) return [authentication, memory];
  return [
    authentication,
    memory,
    await check('speed', ceilingRemedy, async () =>
      speedOf(settings, await countContacts(client, { from: null, to: null }, false), usage.usage()),
    ),
    await check(
      'fields',
      () => undefined,
      async () => fieldsOf(selectFields(await client.describe('Contact'), extraFieldsOf(settings))),
    ),
    await check('REST API', ceilingRemedy, async () => {
      const { records } = await client.query(contactQuery(['Id'], { from: null, to: null }, 1), false);
      return records.length === 0 ? 'works; the org shows no contact' : 'works';
    }),
    await check('Bulk API', ceilingRemedy, () => testBulk(client)),
  ];
}

async function check(
  what: string,
  remedy: (error: AppError) => string | undefined,
  work: () => Promise<string>,
): Promise<Diagnosis> {
  try {
    return { what, ok: true, detail: await work() };
  } catch (error) {
    const failure = toAppError(error);
    const hint = remedy(failure);
    return { what, ok: false, detail: `${failure.code}: ${failure.message}${hint === undefined ? '' : `: ${hint}`}` };
  }
}

/** What each refusal of the token endpoint is about (salesforce A2). */
const REFUSALS: readonly [says: RegExp, variables: (login: SalesforceLogin) => string][] = [
  [/invalid_client_id/, () => 'SALESFORCE_CLIENT_ID'],
  [/invalid_client/, () => 'SALESFORCE_CLIENT_SECRET, SALESFORCE_CLIENT_ID'],
  [/unsupported_grant_type/, () => 'SALESFORCE_DOMAIN: the app or this host does not allow the flow'],
  [/inactive_user/, () => 'SALESFORCE_USERNAME: the user is inactive'],
  [
    /invalid_grant|invalid_request/,
    ({ flow }) =>
      ({
        password: 'SALESFORCE_USERNAME, SALESFORCE_PASSWORD, SALESFORCE_SECURITY_TOKEN',
        jwt: 'SALESFORCE_USERNAME, SALESFORCE_JWT_KEY_FILE, SALESFORCE_DOMAIN',
        'client-credentials': 'SALESFORCE_DOMAIN, and the user that the app runs as',
      })[flow],
  ],
];

/** The variables to look at when a login is refused; undefined when the message says it already. */
export function loginRemedy({ code, message }: AppError, login: SalesforceLogin): string | undefined {
  if (code === 'salesforce_timeout') return 'check the network, SALESFORCE_DOMAIN and SALESFORCE_REQUEST_TIMEOUT';
  if (code !== 'salesforce_unauthorized') return undefined;
  // The message names the setting.
  if (message.includes('SALESFORCE_JWT_AUDIENCE')) return undefined;
  const known = REFUSALS.find(([says]) => says.test(message));
  return known === undefined ? undefined : `check ${known[1](login)}`;
}

function ceilingRemedy({ code }: AppError): string | undefined {
  return code === 'salesforce_request_limit' ? 'wait until the org has room again' : undefined;
}

/** Bytes of a contact while it is held: its row, its record and its event. */
const BYTES_PER_ROW = 12_000;
const BUFFER_BYTES = 4_000_000;
const MUCH_MB = 512;

/** What a scan holds at a time at most, by the settings. */
export function memoryDiagnosis({
  SALESFORCE_BATCH_ROWS: rows,
  SALESFORCE_PARALLEL: parallel,
}: Pick<SalesforceSettings, 'SALESFORCE_BATCH_ROWS' | 'SALESFORCE_PARALLEL'>): Diagnosis {
  const megabytes = Math.ceil((parallel * (rows * BYTES_PER_ROW + BUFFER_BYTES)) / 1_000_000);
  const held = `a scan holds about ${megabytes} MB (SALESFORCE_BATCH_ROWS ${rows}, SALESFORCE_PARALLEL ${parallel})`;
  const ok = megabytes <= MUCH_MB;
  return { what: 'memory', ok, detail: ok ? held : `${held}: lower SALESFORCE_BATCH_ROWS, or use --batch-size 500` };
}

/** How a full sync would be read, and whether there is room for it. Throws where there is none. */
export function speedOf(settings: SalesforceSettings, contacts: number | null, usage: ApiUsage | undefined): string {
  const {
    SALESFORCE_BULK_THRESHOLD: threshold,
    SALESFORCE_API_CEILING: ceiling,
    SALESFORCE_PARALLEL: parallel,
  } = settings;
  const isBulk = contacts === null || contacts > threshold;
  const many = contacts === null ? 'more contacts than can be counted' : `${contacts} contacts`;
  const way = isBulk
    ? `the Bulk API, ${parallel} result sets at a time`
    : `REST (SALESFORCE_BULK_THRESHOLD ${threshold})`;
  const room = usage === undefined ? 'usage unknown' : `${usage.used} of ${usage.max} API requests used`;
  const found = `${many}: a full sync goes by ${way}; ${room}`;
  if (usage !== undefined && usage.max > 0 && usage.used / usage.max >= ceiling)
    throw new AppError('salesforce_api_ceiling', `${found}: wait, or raise SALESFORCE_API_CEILING (${ceiling})`);
  return found;
}

/** Without these no row can be written. */
const NEEDED: readonly string[] = ['Id', 'LastName', 'SystemModstamp'];

/** Which fields would end in a constraint error or stay empty. Throws where no row, or not every value, would fit. */
export function fieldsOf({ read, missing, changed, unmapped, unreadable }: FieldSelection): string {
  const hidden = NEEDED.filter((name) => !read.includes(name));
  if (hidden.length > 0)
    throw new AppError(
      'salesforce_forbidden',
      `the user does not see ${hidden.join(', ')} of Contact: grant read access`,
    );
  if (changed.length > 0) {
    const others = changed.map(({ field, was, is }) => `${field} is ${is}, not ${was}`);
    throw new AppError('salesforce_invalid_field', `values may not fit their columns: ${others.join('; ')}`);
  }
  if (unreadable.length > 0)
    throw new AppError(
      'salesforce_invalid_field',
      `SALESFORCE_EXTRA_FIELDS names what Contact does not have, or the user does not see: ${unreadable.join(', ')}`,
    );
  const left = missing.length === 0 ? '' : `; not visible, so left as they are: ${missing.join(', ')}`;
  const unread = unmapped.length === 0 ? '' : `; custom fields not read (SALESFORCE_EXTRA_FIELDS): ${unmapped.length}`;
  return `${read.length} fields are read${left}${unread}`;
}

/** A job of no rows: made and taken back. */
async function testBulk(client: SalesforceClient): Promise<string> {
  const { id } = await client.createJob(contactQuery(['Id'], NOTHING_CHANGED), true);
  await client.abortJob(id).catch((error: unknown) => {
    // It may be done already: that proves as much.
    if (toAppError(error).code !== 'salesforce_bad_request') throw error;
  });
  await client.deleteJob(id);
  return 'works';
}
