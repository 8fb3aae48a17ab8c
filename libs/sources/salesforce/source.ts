import { AppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import type { Source } from '../kit/ports.ts';
import { dropJob, type BulkPosition } from './bulk.ts';
import { createSalesforceClient } from './client.ts';
import { readCatchingUp } from './catch-up.ts';
import type { ContactOptions } from './contacts.ts';
import { createSessions, type Login } from './oauth.ts';
import { CONTACT_MODES, contactRequest } from './request.ts';
import { reconcile, type VanishedRule } from './reconcile.ts';
import { createUsageBudget, type UsageBudget, type UsageOptions } from './usage.ts';

/** One org and how to log in to it. */
export interface SalesforceAccount {
  /** Id of the org, or the name that the settings give it. */
  account: string;
  loginUrl: string;
  login: Login;
}

/** What the Salesforce source needs; times in milliseconds. */
export interface SalesforceSourceOptions {
  accounts: readonly SalesforceAccount[];
  /** Version of the API, such as v58.0. */
  version: string;
  timeoutMs: number;
  patienceMs: number;
  contacts: ContactOptions;
  vanished: VanishedRule;
  /** How long a scan is held before it is tried again when the API requests are used up, or Salesforce is away. */
  holdMs: number;
  usage: UsageOptions;
  onRequest(status: string): void;
  /** Told when a request was stopped because it does not only read. */
  onRefused(refusal: AppError): void;
}

const ACCOUNT_HINT =
  'set SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET (or SALESFORCE_JWT_KEY_FILE and SALESFORCE_USERNAME)';
/** The API is used up for a while, by us or by others: nothing is wrong with what was read so far. */
const HOLDING: readonly ErrorCode[] = ['salesforce_api_ceiling', 'salesforce_request_limit'];
/** Salesforce is away for longer than a request is tried again. */
const AWAY: readonly ErrorCode[] = ['salesforce_unavailable', 'salesforce_timeout'];
const ORG_ID = /^00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?$/;

/** The Salesforce source: contacts of one org, read by REST or by the Bulk API 2.0. One usage budget per org. */
export function salesforceSource(options: SalesforceSourceOptions): Source {
  const accounts = new Map(options.accounts.map((account) => [account.account, account]));
  const budgets = new Map<string, UsageBudget>();

  function accountOf(name: string): SalesforceAccount {
    const account = accounts.get(name);
    if (account !== undefined) return account;
    throw new AppError('unknown_source', `no login is set for the Salesforce org ${name}: ${ACCOUNT_HINT}`);
  }

  return {
    name: 'salesforce',
    entity: 'contact',
    topic: 'crm.raw.salesforce.v1',
    accountHint: ACCOUNT_HINT,
    modes: CONTACT_MODES,
    accounts: () => [...accounts.keys()],
    // A contact that is asked after always gets an answer: there is no unknown share.
    maxUnknownShare: () => 0,
    check: contactRequest,
    // Contacts that are read tell by themselves what became of them: only a reconciliation looks for those that are known.
    keeps: ({ mode }) => ({ known: mode === 'reconcile' ? 'salesforce-contacts' : null, watermark: 'told' }),
    holds: ({ code }, hasRead) => (HOLDING.includes(code) || (hasRead && AWAY.includes(code)) ? options.holdMs : null),
    reader(name, asked, signal) {
      const { loginUrl, login } = accountOf(name);
      const usage = budgets.get(name) ?? createUsageBudget(options.usage);
      budgets.set(name, usage);
      const request = contactRequest(asked);
      const { version, timeoutMs, patienceMs, contacts, onRequest, onRefused } = options;
      const sessions = createSessions({ loginUrl, login, timeoutMs, signal });
      const client = createSalesforceClient({
        sessions,
        version,
        usage,
        timeoutMs,
        patienceMs,
        clock: contacts.clock,
        signal,
        onRequest,
        onRefused,
      });
      return {
        // Deletions are events of their own here; a read answers for nothing that it does not tell.
        answersFor: 'nothing',
        async open() {
          const orgId = await client.orgId();
          if (ORG_ID.test(name) && name.slice(0, 15) !== orgId.slice(0, 15))
            throw new AppError('salesforce_forbidden', `the login is for the org ${orgId}, not for ${name}`);
          await client.limits();
          return { accountName: orgId };
        },
        read: (context) =>
          request.mode === 'reconcile'
            ? reconcile(client, context, contacts, options.vanished)
            : readCatchingUp(client, request, context, contacts, options.vanished),
        async drop(position) {
          const jobId = jobOf(position as Partial<ReadPosition>);
          if (jobId !== undefined) await dropJob(client, jobId);
        },
        requests: () => ({ all: client.requests(), list: 0 }),
      };
    },
  };
}

interface ReadPosition {
  bulk: BulkPosition | null;
  /** Where a scan compares keys that has read its contacts. */
  reconciling: Partial<ReadPosition>;
}

/** The bulk job that a position of any reading stands on. */
function jobOf({ bulk, reconciling }: Partial<ReadPosition>): string | undefined {
  return reconciling === undefined ? bulk?.jobId : jobOf(reconciling);
}
