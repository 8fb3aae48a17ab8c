import { z } from 'zod';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { readHistory } from '#libs/storage/src/history.ts';
import { listLeads, listVendors, SORT_FIELDS, type ListQuery, type Visible } from '#libs/storage/src/reads.ts';
import type { RouteOptions } from './routes.ts';
import { HISTORY_PAGE, LEAD, pageOf, VENDOR } from './schemas.ts';

const SORTS = SORT_FIELDS.flatMap((field) => [field, `-${field}`] as const);

const LIST = z.strictObject({
  account: z.string().max(100).optional(),
  status: z.string().max(100).optional(),
  email: z
    .string()
    .max(320)
    .transform((text) => text.trim().toLowerCase())
    .optional(),
  ghlContactId: z.string().max(100).optional(),
  includeMissing: z.enum(['true', 'false']).default('false').describe('show rows that are missing in GoHighLevel too'),
  sort: z.enum(SORTS).default('-updatedAt').describe('- before it for descending'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
});

const ROW_ID = z.strictObject({ id: z.string().min(1).max(200).describe('whatever an import brought along') });

const HISTORY = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional()
    .describe('`next` of the page before'),
});

/** What happened to a row, newest first. */
function historyRoute({ platform }: RouteOptions, table: 'vendors' | 'leads'): Route {
  return route({
    method: 'get',
    path: `/v1/${table}/:id/history`,
    summary: `What happened to a row of ${table}, and why, newest first.`,
    scope: 'read',
    params: ROW_ID,
    query: HISTORY,
    response: HISTORY_PAGE,
    errors: ['not_found'],
    handle: ({ params, query, caller }) =>
      readHistory(platform.database, { table, id: params.id, ...query, accounts: caller.accounts }),
  });
}

/** Reading the tables. */
export function rowRoutes(options: RouteOptions): readonly Route[] {
  const { orm } = options;
  return [
    historyRoute(options, 'vendors'),
    historyRoute(options, 'leads'),
    route({
      method: 'get',
      path: '/v1/vendors',
      summary: 'Vendors, filtered, sorted and paged.',
      scope: 'read',
      query: LIST,
      response: pageOf(VENDOR),
      handle: ({ query, caller }) => listVendors(orm, listQuery(options, query, caller)),
    }),
    route({
      method: 'get',
      path: '/v1/leads',
      summary: 'Leads, filtered, sorted and paged.',
      scope: 'read',
      query: LIST,
      response: pageOf(LEAD),
      handle: ({ query, caller }) => listLeads(orm, listQuery(options, query, caller)),
    }),
  ];
}

function listQuery(
  { inactiveStatuses }: Pick<RouteOptions, 'inactiveStatuses'>,
  { sort, includeMissing, ...query }: z.output<typeof LIST>,
  { accounts }: Visible,
): ListQuery {
  const order = { descending: sort.startsWith('-'), sort: sort.replace(/^-/, '') };
  return { ...query, ...order, accounts, inactiveStatuses, includeMissing: includeMissing === 'true' };
}
