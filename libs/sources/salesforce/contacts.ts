import { seenContacts } from '../kit/seen.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { ReadContext, SourcePage } from '../kit/ports.ts';
import { readBulk, type BulkOptions, type BulkPosition } from './bulk.ts';
import type { SalesforceClient } from './client.ts';
import { selectFields, type Drift } from './drift.ts';
import { recordMaker, type Records } from './records.ts';
import { readRest, type RestPosition } from './rest.ts';
import { contactQuery, countQuery, nextWindow, splitWindow, type Window, type WindowRule } from './soql.ts';

/** What a scan of contacts is to read. */
export interface ContactRequest {
  /** The org is read whole, what changed since the watermark, or which known contacts are still there. */
  mode: 'full' | 'incremental' | 'reconcile';
  /** Auto takes the Bulk API for more contacts than `bulkFrom`. */
  api: 'auto' | 'bulk' | 'rest';
  /** Watermark of the last scan, or the time people ask for, in milliseconds; null reads all. */
  since: number | null;
  /** Contacts at most; by REST only. */
  limit: number | null;
}

/** How contacts are read. */
export interface ContactOptions {
  bulk: Omit<BulkOptions, 'clock' | 'signal'>;
  windows: WindowRule;
  /** Contacts from which on the Bulk API is taken. */
  bulkFrom: number;
  /** Fields besides the mapped ones, or all custom ones; they end up in `extra`. */
  extraFields: readonly string[] | 'custom';
  clock: BulkOptions['clock'];
  /** Told at the beginning, and when fields vanish meanwhile. */
  onDrift?(drift: Drift): void;
}

/** Where a scan of contacts stands; JSON. */
export interface ContactPosition {
  /** Fields that are selected. */
  fields: string[];
  /** Windows still to be read, the current one first. */
  windows: Window[];
  /** Where the next incremental scan begins, once this one has come to its end. */
  watermark: number;
  /** Way of the current window; null while it has not begun. */
  api: 'bulk' | 'rest' | null;
  bulk: BulkPosition | null;
  rest: RestPosition | null;
  /** Contacts of all windows, as counted at the beginning; null when counting took too long. */
  expected: number | null;
  /** Times that fields vanished meanwhile. */
  redescribed: number;
}

type Context = Pick<ReadContext, 'position' | 'signal'>;

const DESCRIBE_AGAIN = 3;
/** Salesforce takes 16,384 bytes of address and headers; a longer query goes into the body of a bulk job. */
const LONGEST_ADDRESS = 12_000;

/** Throws request_invalid for a request that contradicts itself (salesforce B11). */
export function checkRequest({ mode, api, since, limit }: ContactRequest): void {
  const fault =
    limit !== null && api === 'bulk'
      ? 'a limit needs the REST API: leave the API out, or ask for rest'
      : limit !== null && !(Number.isInteger(limit) && limit > 0)
        ? 'a limit is a number from 1'
        : mode === 'full' && since !== null
          ? 'a full scan has no beginning: leave it out, or ask for an incremental scan'
          : mode === 'incremental' && since === null
            ? 'an incremental scan needs a time to begin at'
            : undefined;
  if (fault !== undefined) throw new AppError('request_invalid', fault);
}

/**
 * Reads contacts of the scan's window, deleted and merged ones included, page by page. The end of the window is fixed at the
 * beginning by the org's own clock; a window whose query runs too long is split.
 */
export async function* readContacts(
  client: SalesforceClient,
  request: ContactRequest,
  context: Context,
  options: ContactOptions,
): AsyncGenerator<SourcePage> {
  const at = (context.position as ContactPosition | undefined) ?? (await begin(client, request, options));
  const page = pager(at);
  while (at.windows.length > 0) {
    try {
      yield* readWindow(client, request, context, options, at);
      at.windows.shift();
      Object.assign(at, { bulk: null, rest: null });
    } catch (error) {
      await mend(client, error, options, at);
    }
  }
  yield page(nothing());
}

async function begin(
  client: SalesforceClient,
  request: ContactRequest,
  options: ContactOptions,
): Promise<ContactPosition> {
  checkRequest(request);
  const described = await client.describe('Contact');
  const { fields, drift } = selectFields(described, options.extraFields);
  options.onDrift?.(drift);
  if (!fields.includes('Id') || !fields.includes('SystemModstamp'))
    throw new AppError('salesforce_forbidden', 'the Salesforce user does not see Id and SystemModstamp of Contact');
  const window = nextWindow(request.since, client.serverNow(), options.windows);
  const expected = await count(client, window);
  const isLong = encodeURIComponent(contactQuery(fields, window)).length > LONGEST_ADDRESS;
  const isMany = (expected ?? Infinity) > options.bulkFrom;
  const isBulk = request.api === 'bulk' || (request.api === 'auto' && (isMany || isLong));
  return {
    fields,
    windows: [window],
    watermark: window.to!,
    api: isBulk && request.limit === null ? 'bulk' : 'rest',
    bulk: null,
    rest: null,
    expected: expected === null ? null : Math.min(expected, request.limit ?? Infinity),
    redescribed: 0,
  };
}

/** How many contacts there are; null when Salesforce takes too long to say, which means many. */
async function count(client: SalesforceClient, window: Window): Promise<number | null> {
  try {
    return (await client.query(countQuery(window), true)).totalSize;
  } catch (error) {
    if (toAppError(error).code === 'salesforce_query_timeout') return null;
    throw error;
  }
}

async function* readWindow(
  client: SalesforceClient,
  request: ContactRequest,
  { signal }: Context,
  options: ContactOptions,
  at: ContactPosition,
): AsyncGenerator<SourcePage> {
  const page = pager(at);
  const make = recordMaker(() => options.clock.now());
  const soql = contactQuery(at.fields, at.windows[0]!, request.limit);
  if (at.api === 'bulk') {
    for await (const batch of readBulk(client, soql, at.bulk, { ...options.bulk, clock: options.clock, signal })) {
      at.bulk = batch.position;
      yield page(make.ofRows(batch.columns, batch.rows));
    }
    return;
  }
  for await (const batch of readRest(client, soql, at.rest)) {
    at.rest = batch.position;
    yield page(make.ofRecords(at.fields, batch.records));
  }
}

/** Goes on after an error that another query mends; throws it otherwise. */
async function mend(
  client: SalesforceClient,
  error: unknown,
  options: ContactOptions,
  at: ContactPosition,
): Promise<void> {
  const { code } = toAppError(error);
  if (code === 'salesforce_query_timeout') {
    const halves = splitWindow(at.windows[0]!);
    if (halves === undefined) throw error;
    at.windows.splice(0, 1, ...halves);
  } else if (code === 'salesforce_invalid_field' && at.redescribed < DESCRIBE_AGAIN) {
    const { fields, drift } = selectFields(await client.describe('Contact'), options.extraFields);
    options.onDrift?.(drift);
    Object.assign(at, { fields, redescribed: at.redescribed + 1 });
  } else throw error;
  Object.assign(at, { bulk: null, rest: null });
}

const nothing = (): Records => ({ records: [], seen: seenContacts(), counts: { read: 0, unusable: 0, unknown: 0 } });

/** Makes pages of a position that moves on. */
function pager(at: ContactPosition): (read: Records) => SourcePage {
  return (read) => ({
    ...read,
    position: structuredClone(at),
    progress: {
      phase: at.bulk !== null && at.bulk.total === null ? 'waiting for the bulk job' : (at.api ?? 'rest'),
      recordsTotal: at.expected,
      lookupsDone: 0,
      lookupsTotal: null,
    },
  });
}
