import { z } from 'zod';
import { LETTER_STATES } from '#libs/storage/src/dead-letters.ts';

const text = z.string().nullable();
const time = z.iso.datetime();
const maybeTime = time.nullable();
const amount = z.number().nullable();
const millis = z.number().nullable().describe('milliseconds since 1970');
const list = z.array(z.string());

/** The sync id of a path. */
export const SYNC_ID = z.strictObject({ id: z.string().regex(/^[0-9a-zA-Z-]{1,64}$/, 'the sync id is malformed') });

/** A request that was taken. */
export const ACCEPTED = z.strictObject({ syncId: z.string(), statusUrl: z.string() });

/** A page of rows. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), total: z.int(), limit: z.int(), offset: z.int() });

const COUNTERS = z.record(z.string(), z.number()).nullable();
const FAILURE = z.strictObject({ code: z.string(), kind: z.string(), message: z.string() }).nullable();
const FIELD_ERRORS = z.array(z.strictObject({ contactId: z.string(), field: z.string(), code: z.string() })).nullable();
const FIELDS = z
  .strictObject({
    read: list,
    missing: list.describe('mapped and not visible: their columns keep what they have'),
    changed: z.array(z.strictObject({ field: z.string(), was: z.string(), is: z.string() })),
    unmapped: list.describe('custom fields that nobody reads'),
    unreadable: list.describe('asked for by the settings, and not there'),
  })
  .nullable()
  .describe('what the source showed of the fields that were to be read');
const RUN_COMMON = {
  syncId: z.string(),
  source: z.string(),
  account: z.string(),
  mode: text,
  dryRun: z.boolean(),
  status: z.string(),
  joinedTo: text.describe('the sync that reads for this one'),
  phase: text,
  success: z.boolean().nullable(),
  message: text,
  exitCode: z.int().nullable(),
  error: FAILURE,
  fieldErrors: FIELD_ERRORS,
  fields: FIELDS,
  heldTables: list.nullable(),
};

const PROGRESS = z.strictObject({
  phase: z.string(),
  done: z.int(),
  total: z.int().nullable(),
  ratePerSecond: amount,
  etaSeconds: amount.describe('to the end of the phase'),
  requests: z.int().describe('sent to the source'),
  read: z.int(),
  classified: z.int(),
  applied: z.int(),
});

/** A sync in a list. */
export const RUN = z.strictObject({
  ...RUN_COMMON,
  progress: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).nullable(),
  counters: COUNTERS,
  tableCounters: COUNTERS.describe('of a source that fills one table'),
  requestedBy: text,
  requestedAt: maybeTime,
  startedAt: maybeTime,
  readAt: maybeTime,
  finishedAt: maybeTime,
  pausedAt: maybeTime,
  updatedAt: time,
});

/** A sync by itself, its counters named as in V3. */
export const RUN_VIEW = z.strictObject({
  ...RUN_COMMON,
  progress: PROGRESS.nullable().describe('null until somebody begins to read'),
  stats: COUNTERS,
  tableStats: COUNTERS.describe('of a source that fills one table'),
  requestedAt: millis,
  startedAt: millis,
  finishedAt: millis,
  pausedAt: millis.describe('since when it is paused; error says why, where the source holds it'),
  duration: amount.describe('seconds'),
});

const ROW_LIFE = {
  id: z.string(),
  accountId: z.string(),
  ghlContactId: text,
  status: z.string(),
  previousStatus: text,
  missingSince: maybeTime,
  reclassifiedAs: text,
  reclassifiedAt: maybeTime,
  sourceUpdatedAt: maybeTime,
  createdAt: time,
  updatedAt: time,
  primaryServiceCategory: text,
};

/** A page of what a dry run would change. */
export const CHANGES = z.strictObject({
  syncId: z.string(),
  limit: z.int(),
  offset: z.int(),
  total: z.int(),
  leftOut: z.int().describe('changes that were not kept'),
  items: z.array(
    z.strictObject({
      table: z.enum(['vendors', 'leads', 'sf_contacts']),
      id: z.string(),
      outcome: z.enum(['created', 'updated', 'missing', 'restored', 'removed', 'deleted']),
      columns: z
        .record(z.string(), z.strictObject({ before: z.unknown(), after: z.unknown() }))
        .describe('of sf_contacts only why a contact ended'),
    }),
  ),
});

/** A row of vendors. */
export const VENDOR = z.strictObject({
  ...ROW_LIFE,
  localStatus: text.describe('what somebody said its status is'),
  name: z.string(),
  companyName: text,
  email: text,
  phone: text,
  ghlUserId: text,
  serviceCategories: list,
  servicesOffered: list,
  serviceZipCodes: text,
  coverageType: text,
  coverageStates: list,
  coverageCounties: list,
  lastLeadAssigned: maybeTime,
  leadClosePercentage: amount,
  takingNewWork: z.boolean(),
});

/** A row of leads. */
export const LEAD = z.strictObject({
  ...ROW_LIFE,
  vendorId: text,
  ghlOpportunityId: text,
  serviceCategory: text,
  customerName: text,
  customerEmail: text,
  customerPhone: text,
  serviceDetails: z.unknown(),
  estimatedValue: amount,
  priorityScore: amount,
  priority: z.string(),
  source: text,
  specificServiceRequested: text,
  customerZipCode: text,
  serviceZipCode: text,
  serviceCounty: text,
  serviceState: text,
  serviceCity: text,
  serviceComplexity: text,
  estimatedDuration: text,
  requiresEmergencyResponse: z.boolean().nullable(),
  classificationConfidence: amount,
  classificationReasoning: text,
  assignedAt: maybeTime,
  specificServices: list.nullable(),
});

/** A dead letter in a list. */
export const LETTER = z.strictObject({
  id: z.string(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  group: z.string(),
  code: z.string(),
  message: text,
  attempts: z.int().nullable(),
  at: z.number().describe('milliseconds since 1970'),
  type: text,
  scanId: text,
  account: text,
  redrivenFrom: text.describe('the dead letter it was before'),
  state: z.enum(LETTER_STATES),
  reason: text,
  actedBy: text,
  actedAt: millis,
});

/** A dead letter with its record. */
export const LETTER_VIEW = LETTER.extend({
  record: z
    .strictObject({
      bytes: z.int(),
      headers: z.record(z.string(), z.string()),
      event: z.unknown(),
      undecodable: text,
      revealed: z.boolean(),
    })
    .nullable()
    .describe('null when Kafka no longer keeps the bytes'),
});

/** What came of an act, or would. */
export const ACT_RESULT = z.strictObject({
  dryRun: z.boolean(),
  done: list.describe('ids acted on'),
  expired: list.describe('ids whose bytes Kafka no longer keeps'),
  matched: z.int().describe('waiting ones the filter meant, before the limit'),
});

/** What happened to a row, a page at a time. */
export const HISTORY_PAGE = z.strictObject({
  items: z.array(
    z.strictObject({
      eventId: z.string(),
      type: z.string().describe('name of the event, such as VendorUpdated'),
      at: z.string(),
      cause: z.string(),
      causationId: z.string(),
      scanId: z.string().nullable(),
      ghlContactId: z.string().nullable(),
      version: z.number().int(),
      changes: z.record(z.string(), z.strictObject({ before: z.unknown(), after: z.unknown() })),
    }),
  ),
  next: z.string().nullable().describe('cursor of the next page'),
});
