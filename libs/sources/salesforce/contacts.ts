import { seenContacts } from '../kit/seen.ts';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { FieldSelection, ReadContext, SourcePage } from '../kit/ports.ts';
import { readBulk, type BulkOptions, type BulkPosition } from './bulk.ts';
import type { SalesforceClient } from './client.ts';
import { selectFields } from './drift.ts';
import { recordMaker, type Records } from './records.ts';
import type { ContactRequest } from './request.ts';
import { readRest, type RestPosition } from './rest.ts';
import { contactQuery, countQuery, fitsAddress } from './soql.ts';
import { nextWatermark, outlivesBin, splitWindow, windowOf, type Window, type WindowRule } from './window.ts';

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
  onFields?(fields: FieldSelection): void;
  /** Told at the beginning of a scan that goes on from a watermark which the recycle bin has outlived, in milliseconds. */
  onBehind?(watermark: number): void;
}

/** Where a scan of contacts stands; JSON. */
export interface ContactPosition {
  /** Fields that are selected. */
  fields: string[];
  /** Windows still to be read, the current one first. */
  windows: Window[];
  /** Where the next incremental scan begins, once this one has come to its end; null when this one leaves a gap. */
  watermark: number | null;
  /** Way of the current window; null while it has not begun. */
  api: 'bulk' | 'rest' | null;
  bulk: BulkPosition | null;
  rest: RestPosition | null;
  /** Contacts of all windows, as counted at the beginning; null when counting took too long. */
  expected: number | null;
  /** Times that fields vanished meanwhile. */
  redescribed: number;
  /** Contacts of a limit that the windows read so far have left over; without it the limit is whole. */
  left?: number | null;
  /** Whether deletions may have left the recycle bin since the last scan, so that keys must be compared as well. */
  isBehind?: boolean;
}

type Context = Pick<ReadContext, 'position' | 'signal' | 'since'>;

const DESCRIBE_AGAIN = 3;

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
  const saved = context.position as ContactPosition | undefined;
  const fields = saved === undefined ? await describe(client, options) : undefined;
  const at = saved ?? (await begin(client, request, fields!.read, context.since, options));
  const page = pager(at);
  if (fields !== undefined) yield { ...page(nothing()), fields };
  while (at.windows.length > 0) {
    try {
      yield* readWindow(client, { ...request, limit: leftOf(at, request) }, context, options, at);
      finishWindow(at, request);
      Object.assign(at, { bulk: null, rest: null });
    } catch (error) {
      const selection = await mend(client, error, request, options, at);
      if (selection !== undefined) yield { ...page(nothing()), fields: selection };
    }
  }
  yield page(nothing());
}

/** What is left of a limit; null without one. */
function leftOf({ left }: ContactPosition, { limit }: ContactRequest): number | null {
  return left ?? limit;
}

/** A limit holds for all windows together: once it is used up, those that are left hold what changed earlier. */
function finishWindow(at: ContactPosition, request: ContactRequest): void {
  const left = leftOf(at, request);
  at.left = left === null ? null : Math.max(0, left - (at.rest?.rows ?? 0));
  at.windows = at.left === 0 ? [] : at.windows.slice(1);
}

async function describe(client: SalesforceClient, options: ContactOptions): Promise<FieldSelection> {
  const selection = selectFields(await client.describe('Contact'), options.extraFields);
  options.onFields?.(selection);
  return selection;
}

async function begin(
  client: SalesforceClient,
  request: ContactRequest,
  fields: string[],
  watermark: number | null,
  options: ContactOptions,
): Promise<ContactPosition> {
  if (!fields.includes('Id') || !fields.includes('SystemModstamp'))
    throw new AppError('salesforce_forbidden', 'the Salesforce user does not see Id and SystemModstamp of Contact');
  const window = windowOf(request, watermark, client.serverNow(), options.windows);
  const next = nextWatermark(request, watermark, window);
  const isBehind = outlivesBin(watermark, next, client.serverNow());
  if (isBehind) options.onBehind?.(watermark!);
  const expected = await countContacts(client, window, true);
  const isLong = !fitsAddress(contactQuery(fields, window));
  const isMany = (expected ?? Infinity) > options.bulkFrom;
  const isBulk = request.api === 'bulk' || (request.api === 'auto' && (isMany || isLong));
  return {
    fields,
    windows: [window],
    watermark: next,
    api: isBulk && request.limit === null ? 'bulk' : 'rest',
    bulk: null,
    rest: null,
    expected: expected === null ? null : Math.min(expected, request.limit ?? Infinity),
    redescribed: 0,
    isBehind,
  };
}

/** How many contacts there are; null when Salesforce takes too long to say, which means many. */
export async function countContacts(
  client: SalesforceClient,
  window: Window,
  withDeleted: boolean,
): Promise<number | null> {
  try {
    return (await client.query(countQuery(window), withDeleted)).totalSize;
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
  const bulk = { ...options.bulk, batchRows: request.batchSize ?? options.bulk.batchRows };
  if (at.api === 'bulk') {
    for await (const batch of readBulk(client, soql, at.bulk, { ...bulk, clock: options.clock, signal })) {
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

/** Goes on after an error that another query mends, with other fields where they are the reason; throws it otherwise. */
async function mend(
  client: SalesforceClient,
  error: unknown,
  { limit }: ContactRequest,
  options: ContactOptions,
  at: ContactPosition,
): Promise<FieldSelection | undefined> {
  const { code } = toAppError(error);
  let selection: FieldSelection | undefined;
  if (code === 'salesforce_query_timeout') {
    const halves = splitWindow(at.windows[0]!, client.serverNow());
    if (halves === undefined) throw error;
    // A limit takes those that changed last.
    at.windows.splice(0, 1, ...(limit === null ? halves : halves.toReversed()));
  } else if (code === 'salesforce_invalid_field' && at.redescribed < DESCRIBE_AGAIN) {
    selection = await describe(client, options);
    Object.assign(at, { fields: selection.read, redescribed: at.redescribed + 1 });
  } else throw error;
  Object.assign(at, { bulk: null, rest: null });
  return selection;
}

const nothing = (): Records => ({ records: [], seen: seenContacts(), counts: { read: 0, unusable: 0, unknown: 0 } });

/** Makes pages of a position that moves on. */
function pager(at: ContactPosition): (read: Records) => SourcePage {
  return (read) => {
    const isWaiting = at.bulk !== null && at.bulk.total === null;
    return {
      ...read,
      position: structuredClone(at),
      watermark: at.watermark,
      progress: {
        phase: isWaiting ? 'job' : (at.api ?? 'rest'),
        recordsTotal: at.expected,
        lookupsDone: isWaiting ? (at.bulk?.processed ?? 0) : 0,
        lookupsTotal: isWaiting ? at.expected : null,
      },
    };
  };
}
