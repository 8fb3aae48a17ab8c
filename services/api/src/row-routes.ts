import { z } from 'zod';
import { route, type Route } from '#libs/runtime/src/route.ts';
import { listLeads, listVendors, SORT_FIELDS, type ListQuery, type Visible } from '#libs/storage/src/reads.ts';
import type { RouteOptions } from './routes.ts';
import { LEAD, pageOf, VENDOR } from './schemas.ts';

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

/** Reading the tables. */
export function rowRoutes({ orm }: RouteOptions): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/vendors',
      summary: 'Vendors, filtered, sorted and paged.',
      scope: 'read',
      query: LIST,
      response: pageOf(VENDOR),
      handle: ({ query, caller }) => listVendors(orm, listQuery(query, caller)),
    }),
    route({
      method: 'get',
      path: '/v1/leads',
      summary: 'Leads, filtered, sorted and paged.',
      scope: 'read',
      query: LIST,
      response: pageOf(LEAD),
      handle: ({ query, caller }) => listLeads(orm, listQuery(query, caller)),
    }),
  ];
}

function listQuery({ sort, includeMissing, ...query }: z.output<typeof LIST>, { accounts }: Visible): ListQuery {
  const descending = sort.startsWith('-');
  return { ...query, accounts, includeMissing: includeMissing === 'true', sort: sort.replace(/^-/, ''), descending };
}
