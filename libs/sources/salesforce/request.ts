import type { Asked } from '#libs/contracts/src/asked.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

/** What a scan of contacts is to read. */
export interface ContactRequest {
  /** The org is read whole, what changed since the watermark, or only what is known of other contacts than there are. */
  mode: ContactMode;
  /** Auto takes the Bulk API for more contacts than `bulkFrom`. */
  api: 'auto' | 'bulk' | 'rest';
  /** Time people ask for, in milliseconds; null goes on from the watermark, and reads all where there is none. */
  since: number | null;
  /** End that people ask for, exclusive; null is now. */
  until: number | null;
  /** Contacts at most; by REST only. */
  limit: number | null;
  /** Rows of the Bulk API that are held and published together; null leaves it to the settings. */
  batchSize: number | null;
}

/** How much of an org is read. */
export type ContactMode = 'full' | 'incremental' | 'reconcile';

/** Every mode of the Salesforce source. */
export const CONTACT_MODES: readonly ContactMode[] = ['full', 'incremental', 'reconcile'];

/** Rows of a batch at most: what is more does not fit into one send to Kafka. */
export const MAX_BATCH_SIZE = 10_000;

const APIS: readonly ContactRequest['api'][] = ['auto', 'bulk', 'rest'];

interface Rule {
  fault: string;
  breaks(request: Asked & { mode: string }): boolean;
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
const isRanged = ({ since, until }: Asked): boolean => since !== null || until !== null;

/** What contradicts itself, or would be ignored (salesforce B2, B11). */
const RULES: readonly Rule[] = [
  {
    fault: `the mode is one of ${CONTACT_MODES.join(', ')}`,
    breaks: ({ mode }) => !(CONTACT_MODES as readonly string[]).includes(mode),
  },
  {
    fault: `the API is one of ${APIS.join(', ')}`,
    breaks: ({ api }) => api !== null && !(APIS as readonly string[]).includes(api),
  },
  {
    fault: 'a limit needs the REST API: leave the API out, or ask for rest',
    breaks: ({ limit, api }) => limit !== null && api === 'bulk',
  },
  { fault: 'a limit is a whole number from 1', breaks: ({ limit }) => limit !== null && !isCount(limit) },
  {
    fault: 'a batch size needs the Bulk API: the pages of REST have the size that Salesforce gives them',
    breaks: ({ batchSize, api, limit }) => batchSize !== null && (api === 'rest' || limit !== null),
  },
  {
    fault: `a batch size is a whole number from 1 to ${MAX_BATCH_SIZE}`,
    breaks: ({ batchSize }) => batchSize !== null && !(isCount(batchSize) && batchSize <= MAX_BATCH_SIZE),
  },
  {
    fault: 'a full scan has no beginning and no end: leave them out, or ask for an incremental scan',
    breaks: (request) => request.mode === 'full' && isRanged(request),
  },
  {
    fault: 'an end needs a beginning: say since when',
    breaks: ({ mode, since, until }) => mode === 'incremental' && until !== null && since === null,
  },
  {
    fault: 'the end lies before the beginning',
    breaks: ({ since, until }) => since !== null && until !== null && until <= since,
  },
  {
    fault: 'a reconciliation lists the id of every contact: leave the API, the range, the limit and the batch size out',
    breaks: (request) =>
      request.mode === 'reconcile' &&
      (isRanged(request) || request.limit !== null || request.batchSize !== null || request.api !== null),
  },
];

/** The request as the reader takes it. Throws request_invalid, which lists every fault, when it contradicts itself. */
export function contactRequest(request: Asked & { mode: string }): ContactRequest {
  const faults = RULES.filter(({ breaks }) => breaks(request)).map(({ fault }) => fault);
  if (faults.length > 0) throw new AppError('request_invalid', faults.join('; '));
  const { mode, api, since, until, limit, batchSize } = request;
  return {
    mode: mode as ContactMode,
    api: (api ?? 'auto') as ContactRequest['api'],
    since,
    until,
    limit,
    batchSize,
  };
}
