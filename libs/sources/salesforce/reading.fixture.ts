import type { AppError } from '#libs/runtime/src/errors.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { memoryRows, evidenceOf } from '../kit/memory.fixture.ts';
import type { FieldSelection, ReadContext, SourcePage, SourceRecord } from '../kit/ports.ts';
import { systemClock, type Clock } from '../kit/rate-limit.ts';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import type { ContactOptions } from './contacts.ts';
import type { Login } from './oauth.ts';
import { salesforceSource } from './source.ts';
import type { ContactRequest } from './request.ts';
import type { ApiUsage } from './usage.ts';

/** The login that the simulated org takes. */
export const LOGIN: Login = {
  flow: 'client-credentials',
  clientId: '3MVG9.simulated.client',
  clientSecret: secret('simulated-secret'),
};

/** Time at fifty times its speed, so that waits cost little. */
export const hastyClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
};

/** A read of one simulated org, and what it told. */
export interface Reading {
  pages: SourcePage[];
  records: SourceRecord[];
  /** Ids of contacts read, in the order of their records; repeats stand twice. */
  ids: string[];
  fields: FieldSelection[];
  warnings: ApiUsage[];
  refused: AppError[];
  /** Times that known contacts were to be kept in the middle of the scan. */
  kept: number;
  /** Watermarks that the recycle bin has outlived. */
  behind: number[];
  statuses: string[];
  requests: number;
}

/** What a test changes. */
export interface ReadingOptions {
  baseUrl: string;
  login?: Login;
  request?: Partial<ContactRequest>;
  contacts?: Partial<Omit<ContactOptions, 'bulk'>>;
  bulk?: Partial<ContactOptions['bulk']>;
  ceilingShare?: number;
  position?: unknown;
  /** Watermark of earlier scans. */
  watermark?: number | null;
  signal?: AbortSignal;
  /** Known contacts of a reconciliation. */
  known?: readonly string[];
  /** Pages of the scan that came before the position: what they showed is kept with it. */
  shown?: readonly SourcePage[];
  /** Looks at each page before the next is asked for; false stops reading, as a crash does. */
  onPage?(page: SourcePage, index: number): boolean | void;
}

/** Reads the org until its end, or until a page says stop. */
export async function readOrg(options: ReadingOptions): Promise<Reading> {
  const { baseUrl, known = [], shown = [], signal = new AbortController().signal } = options;
  const reading: Reading = {
    pages: [],
    records: [],
    ids: [],
    fields: [],
    warnings: [],
    refused: [],
    kept: 0,
    behind: [],
    statuses: [],
    requests: 0,
  };
  const source = salesforceSource({
    accounts: [{ account: 'org', loginUrl: baseUrl, login: options.login ?? LOGIN }],
    version: 'v58.0',
    timeoutMs: 2_000,
    patienceMs: 20_000,
    contacts: {
      bulk: {
        batchRows: 1000,
        maxRecords: 50_000,
        parallel: 1,
        pollFirstMs: 100,
        pollLongestMs: 1_000,
        deadlineMs: 5_000,
        checkTotal: true,
        ...options.bulk,
      },
      windows: { overlapMs: 600_000, lagMs: 0 },
      bulkFrom: 10_000,
      extraFields: [],
      clock: hastyClock,
      onBehind: (watermark) => reading.behind.push(watermark),
      ...options.contacts,
    },
    holdMs: 900_000,
    vanished: { minContacts: 100, maxShare: 0.2 },
    usage: {
      warnShare: 0.8,
      ceilingShare: options.ceilingShare ?? 0.95,
      onWarning: (usage) => reading.warnings.push(usage),
    },
    onRequest: (status) => reading.statuses.push(status),
    onRefused: (refusal) => reading.refused.push(refusal),
  });
  const rows = memoryRows(known.map((contactId) => ({ contactId })));
  for (const { seen } of shown) rows.see(seen);
  let tellsSeen = options.request?.mode === 'reconcile';
  const context: ReadContext = {
    evidence: evidenceOf(),
    position: options.position,
    known: rows,
    async keepKnown() {
      reading.kept += 1;
      tellsSeen = true;
    },
    since: options.watermark ?? null,
    signal,
  };
  const asked = { ...ASKED_NOTHING, mode: 'full', dryRun: false, contactId: null, ...options.request };
  const reader = source.reader('org', asked, signal);
  await reader.open();
  try {
    for await (const page of reader.read(context)) {
      // A database gives back what was saved, not the object itself.
      reading.pages.push({ ...page, position: JSON.parse(JSON.stringify(page.position)) as unknown });
      reading.records.push(...page.records);
      if (page.fields !== undefined) reading.fields.push(page.fields);
      reading.ids.push(...page.records.map(({ id }) => id));
      if (tellsSeen) rows.see(page.seen);
      if (options.onPage?.(page, reading.pages.length - 1) === false) break;
    }
  } finally {
    reading.requests = reader.requests().all;
  }
  return reading;
}
