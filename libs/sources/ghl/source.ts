import { systemClock, createBudget, type RequestBudget } from '../kit/rate-limit.ts';
import type { Source } from '../kit/ports.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { GhlAccount } from '#libs/runtime/src/settings.ts';
import { createGhlClient } from './client.ts';
import { readFull, readIncremental } from './full.ts';
import { ANSWERS_FOR, checkGhlRequest } from './request.ts';
import { readSingle } from './single.ts';
import { readTargeted } from './targeted.ts';
import type { TokenSource } from './tokens.ts';

/** What the GoHighLevel source needs; times in milliseconds. */
export interface GhlSourceOptions {
  baseUrl: string;
  accounts: readonly GhlAccount[];
  /** The token of each location. */
  tokensOf(account: GhlAccount): TokenSource;
  pageLimit: number;
  workers: number;
  delayMs: number;
  /** Contacts from which the list of a targeted read is not read any further. */
  listCap: number;
  /** How far before the last success an incremental read begins. */
  overlapMs: number;
  timeoutMs: number;
  patienceMs: number;
  onRequest(status: string): void;
}

type Mode = keyof typeof ANSWERS_FOR;

const ACCOUNT_HINT = 'set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or add it to GHL_ACCOUNTS_FILE';

/** The GoHighLevel source: contacts of one location, read by the public API. One request budget per location. */
export function ghlSource(options: GhlSourceOptions): Source {
  const accounts = new Map(options.accounts.map((account) => [account.locationId, account]));
  const budgets = new Map<string, RequestBudget>();

  function accountOf(locationId: string): GhlAccount {
    const account = accounts.get(locationId);
    if (account !== undefined) return account;
    throw new AppError('unknown_source', `no token is set for the GoHighLevel location ${locationId}: ${ACCOUNT_HINT}`);
  }

  return {
    name: 'ghl',
    entity: 'contact',
    topic: 'crm.raw.ghl.v1',
    accountHint: ACCOUNT_HINT,
    modes: Object.keys(ANSWERS_FOR),
    accounts: () => [...accounts.keys()],
    maxUnknownShare: (locationId) => accountOf(locationId).rules.missingMaxUnknownShare,
    check: checkGhlRequest,
    keeps: () => ({ known: 'vendors-and-leads', watermark: 'start' }),
    holds: () => null,
    reader(locationId, { mode, contactId }, signal) {
      const tokens = options.tokensOf(accountOf(locationId));
      const budget = budgets.get(locationId) ?? createBudget();
      budgets.set(locationId, budget);
      const { baseUrl, timeoutMs, patienceMs, onRequest } = options;
      const client = createGhlClient({ baseUrl, tokens, locationId, budget, timeoutMs, patienceMs, signal, onRequest });
      const { pageLimit, workers, delayMs, listCap, overlapMs } = options;
      let list = 0;
      return {
        answersFor: ANSWERS_FOR[mode as Mode],
        async open() {
          // Without anything to look up a targeted read makes no call at all, and a single one begins with its own.
          if (mode === 'targeted' || mode === 'single') return { accountName: null };
          const { name } = await client.getLocation();
          return { accountName: name };
        },
        read(context) {
          const counting = {
            ...client,
            searchPage: (...args: Parameters<typeof client.searchPage>) => {
              if (args[2]?.query === undefined) list += 1;
              return client.searchPage(...args);
            },
          };
          const shared = { locationId, pageLimit, workers, delayMs, clock: systemClock };
          if (mode === 'targeted') return readTargeted(counting, context, { ...shared, listCap });
          if (mode === 'single') return readSingle(counting, context, { ...shared, contactId: contactId ?? '' });
          return mode === 'full'
            ? readFull(counting, context, shared)
            : readIncremental(counting, context, { ...shared, overlapMs });
        },
        requests: () => ({ all: client.requests(), list }),
      };
    },
  };
}
