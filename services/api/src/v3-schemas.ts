import { z } from 'zod';

const text = z.string().nullable();
const count = z.int();

const ROW = { id: z.string(), status: z.string(), ghl_contact_id: text };
const MAYBE_ACCOUNT = z.string().min(1).max(100).optional();

/** The location a request is about; needed where several are set. */
export const ACCOUNT = MAYBE_ACCOUNT.describe('needed where several locations are set');

/** The location a list is limited to. */
export const ACCOUNT_FILTER = z.strictObject({ account: MAYBE_ACCOUNT });

/** What V3's filtered lists take. */
export const FILTER = ACCOUNT_FILTER.extend({
  status: z.string().min(1).max(100).optional(),
  include_inactive: z.enum(['true', 'false']).default('false'),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
});

/** V3's answer to a list, its rows under the name of the table. */
export const listOf = <N extends string, T extends z.ZodType>(name: N, item: T) =>
  z.strictObject({
    status: z.literal('success'),
    count,
    total: count,
    ...({ [name]: z.array(item) } as Record<N, z.ZodArray<T>>),
  });

/** A vendor in the list of missing ones. */
export const MISSING_VENDOR = z.strictObject({
  ...ROW,
  name: z.string(),
  email: text,
  company_name: text,
  service_categories: z.array(z.string()),
  updated_at: z.iso.datetime(),
});

/** A vendor in the filtered list. */
export const FILTERED_VENDOR = z.strictObject({
  ...ROW,
  name: z.string(),
  email: text,
  company_name: text,
  taking_new_work: z.boolean(),
  lead_close_percentage: z.number().nullable(),
  created_at: z.iso.datetime(),
});

/** A lead in the filtered list. */
export const FILTERED_LEAD = z.strictObject({
  ...ROW,
  customer_name: text,
  customer_email: text,
  customer_phone: text,
  primary_service_category: text,
  specific_service_requested: text,
  created_at: z.iso.datetime(),
  vendor_name: text,
});

const TABLE_RESULT = z.strictObject({
  checked: count,
  updated: count,
  added: count,
  deleted: count,
  created: count,
  deactivated: count,
});

/** What V3 says of a job. */
export const JOB = z.strictObject({
  job_id: z.string(),
  status: z.enum(['unknown', 'running', 'done', 'failed']),
  result: z
    .strictObject({
      vendors: TABLE_RESULT,
      leads: TABLE_RESULT,
      stats: z.strictObject({ ghl_contacts_fetched: count, errors: count, duration: z.number().describe('seconds') }),
    })
    .optional(),
  error: text.optional(),
});

/** V3's answer to a job that was taken. */
export const JOB_ACCEPTED = z.strictObject({ status: z.literal('accepted'), job_id: z.string(), message: z.string() });

/** V3's answer on one contact. */
export const SINGLE_REPLY = z.strictObject({
  contact_id: z.string(),
  status: z.enum(['accepted', 'success', 'error']),
  success: z.boolean(),
  action: z.enum(['created', 'updated', 'skipped']),
  message: text,
  job_id: z.string(),
  vendor_email: text,
});

/** What a bulk action takes. */
export const BULK = z.strictObject({
  action: z.enum(['delete', 'activate', 'deactivate', 'restore']),
  vendor_ids: z.array(z.string().min(1).max(200)).min(1).max(1_000),
});

/** V3's answer to a bulk action. */
export const BULK_REPLY = z.strictObject({
  status: z.enum(['success', 'partial']),
  message: z.string(),
  processed: count,
  failed: count,
  errors: z.array(z.strictObject({ vendor_id: z.string(), error: z.string() })),
});
