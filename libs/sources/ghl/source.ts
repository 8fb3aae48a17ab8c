import { systemClock, createBudget, type RequestBudget } from '../kit/rate-limit.ts';
import type { Source } from '../kit/ports.ts';
import type { AnswersFor } from '#libs/contracts/src/generated/events.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { GhlAccount } from '#libs/runtime/src/settings.ts';
import { createGhlClient } from './client.ts';
import { readFull } from './full.ts';
import { readSingle } from './single.ts';
import { readTargeted } from './targeted.ts';

/** What the GoHighLevel source needs; times in milliseconds. */
export interface GhlSourceOptions {
  baseUrl: string;
  accounts: readonly GhlAccount[];
  pageLimit: number;
  workers: number;
  delayMs: number;
  /** Contacts from which the list of a targeted read is not read any further. */
  listCap: number;
  timeoutMs: number;
  patienceMs: number;
  onRequest(status: string): void;
}

const ACCOUNT_HINT = 'set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or add it to GHL_ACCOUNTS_FILE';

const ANSWERS_FOR: Partial<Record<string, AnswersFor>> = { full: 'all', targeted: 'known' };

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
    modes: ['full', 'targeted', 'single'],
    accounts: () => [...accounts.keys()],
    maxUnknownShare: (locationId) => accountOf(locationId).rules.missingMaxUnknownShare,
    reader(locationId, mode, signal, contactId) {
      const { token } = accountOf(locationId);
      const budget = budgets.get(locationId) ?? createBudget();
      budgets.set(locationId, budget);
      const { baseUrl, timeoutMs, patienceMs, onRequest } = options;
      const client = createGhlClient({ baseUrl, token, locationId, budget, timeoutMs, patienceMs, signal, onRequest });
      const { pageLimit, workers, delayMs, listCap } = options;
      let list = 0;
      return {
        answersFor: ANSWERS_FOR[mode] ?? 'nothing',
        async open() {
          // Without anything to look up a targeted read makes no call at all.
          if (mode !== 'full') return { accountName: null };
          const { name } = await client.getLocation();
          return { accountName: name };
        },
        read(context) {
          const counting = {
            ...client,
            searchPage: (...args: Parameters<typeof client.searchPage>) => ((list += 1), client.searchPage(...args)),
          };
          const shared = { locationId, pageLimit, workers, delayMs, clock: systemClock };
          if (mode === 'single') return readSingle(counting, context, { ...shared, contactId: contactId ?? '' });
          return mode === 'full'
            ? readFull(counting, context, shared)
            : readTargeted(counting, context, { ...shared, listCap });
        },
        requests: () => ({ all: client.requests(), list }),
      };
    },
  };
}
