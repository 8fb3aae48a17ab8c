import { systemClock, createBudget, type RequestBudget } from '../kit/rate-limit.ts';
import type { Source } from '../kit/ports.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { GhlAccount } from '#libs/runtime/src/settings.ts';
import { createGhlClient } from './client.ts';
import { readFull } from './full.ts';
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
  timeoutMs: number;
  patienceMs: number;
  onRequest(status: string): void;
}

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
    modes: ['full'],
    accounts: () => [...accounts.keys()],
    maxUnknownShare: (locationId) => accountOf(locationId).rules.missingMaxUnknownShare,
    reader(locationId, signal) {
      const tokens = options.tokensOf(accountOf(locationId));
      const budget = budgets.get(locationId) ?? createBudget();
      budgets.set(locationId, budget);
      const { baseUrl, timeoutMs, patienceMs, onRequest } = options;
      const client = createGhlClient({ baseUrl, tokens, locationId, budget, timeoutMs, patienceMs, signal, onRequest });
      const { pageLimit, workers, delayMs } = options;
      let list = 0;
      return {
        async open() {
          const { name } = await client.getLocation();
          return { accountName: name };
        },
        read(context) {
          const counting = {
            ...client,
            searchPage: (...args: Parameters<typeof client.searchPage>) => ((list += 1), client.searchPage(...args)),
          };
          return readFull(counting, context, { locationId, pageLimit, workers, delayMs, clock: systemClock });
        },
        requests: () => ({ all: client.requests(), list }),
      };
    },
  };
}
