import { answer, fail } from './answers.ts';
import { ownPlace, placeOf, type Api } from './api.ts';
import { checkBody, checkQuery, type Dto } from './dto.ts';
import { compile, EQUAL, RANGE, TEXT, type Filter, type SearchField } from './filters.ts';
import { PIPELINES, type StoredOpportunity } from './pipelines.ts';
import { fullName, tagNames } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

const text = { type: 'string' } as const;
const STATUSES = ['open', 'won', 'lost', 'abandoned', 'all'];
/** Snake case, unlike every other route (ghl section 2.12). */
const QUERY: Dto = {
  location_id: text,
  q: text,
  pipeline_id: text,
  pipeline_stage_id: text,
  contact_id: text,
  status: { type: 'string', oneOf: STATUSES },
  assigned_to: text,
  campaignId: text,
  id: text,
  order: text,
  endDate: text,
  startAfter: text,
  startAfterId: text,
  date: text,
  country: text,
  page: { type: 'number', min: 1 },
  limit: { type: 'number', min: 1, max: 100 },
  getTasks: { type: 'boolean' },
  getNotes: { type: 'boolean' },
  getCalendarEvents: { type: 'boolean' },
};
const BODY: Dto = {
  locationId: { type: 'string', required: true },
  limit: { type: 'number', required: true, min: 1, max: 500 },
  page: { type: 'number', min: 1 },
  searchAfter: { type: 'list' },
  query: { type: 'string', length: 75 },
  filters: { type: 'objects' },
  sort: { type: 'objects' },
  additionalDetails: { type: 'object' },
};

interface Opportunity extends StoredOpportunity {
  contact: StoredContact;
}

/** Opportunities and pipelines (ghl section 2.12). */
export function addOpportunityRoutes(api: Api): void {
  const { app, authorize } = api;
  const mayRead = authorize('opportunities.readonly');

  app.get('/opportunities/search', mayRead, (request, response) => {
    const query = checkQuery(request.query, QUERY);
    const { world } = placeOf(api, response, query['location_id']);
    const {
      page = 1,
      limit = 20,
      startAfter,
      startAfterId,
      order,
    } = query as Record<string, string> & {
      page?: number;
      limit?: number;
    };
    const found = inOrder(world, order === 'added_asc' ? 'asc' : 'desc').filter((one) => isAsked(one, query));
    const from = startAfter === undefined ? (page - 1) * limit : 1 + found.findIndex(({ id }) => id === startAfterId);
    const opportunities = found.slice(from, from + limit);
    answer(response, {
      opportunities: opportunities.map(shown),
      meta: metaOf({ found, from, page, limit, last: opportunities.at(-1), host: request.get('host') ?? '' }),
      aggregations: {},
    });
  });

  app.post('/opportunities/search', mayRead, (request, response) => {
    const { page, searchAfter } = (request.body ?? {}) as Record<string, unknown>;
    const both = page !== undefined && searchAfter !== undefined;
    const body = checkBody(request.body, BODY, both ? ['page and searchAfter cannot be used together'] : []);
    const { world } = placeOf(api, response, body['locationId']);
    const {
      limit,
      filters = [],
      query = '',
      sort,
    } = body as unknown as {
      limit: number;
      filters?: Filter[];
      query?: string;
      sort?: { direction?: string }[];
    };
    const matches = compile(filters, (name) => FIELDS[name]);
    const found = inOrder(world, sort?.[0]?.direction === 'asc' ? 'asc' : 'desc').filter(
      (one) => matches(one) && isAsked(one, { q: query }),
    );
    const after = Array.isArray(searchAfter) ? (searchAfter as unknown[]).at(-1) : undefined;
    const from =
      after === undefined
        ? ((page as number | undefined) ?? 1) * limit - limit
        : 1 + found.findIndex(({ id }) => id === after);
    answer(response, {
      opportunities: found.slice(from, from + limit).map(shown),
      total: found.length,
      aggregations: {},
    });
  });

  app.get('/opportunities/pipelines', mayRead, (request, response) => {
    const { world } = placeOf(api, response, request.query['locationId']);
    answer(response, {
      pipelines: PIPELINES.map((pipeline) => ({
        ...pipeline,
        showInFunnel: true,
        showInPieChart: true,
        locationId: world.locationId,
      })),
    });
  });

  app.get('/opportunities/:id', mayRead, (request, response) => {
    const { world } = ownPlace(api, response);
    const one = inOrder(world, 'asc').find(({ id }) => id === request.params['id']);
    if (one === undefined) throw fail(400, `Opportunity with id ${String(request.params['id'])} not found`);
    answer(response, { opportunity: shown(one) });
  });
}

function inOrder(world: World, direction: 'asc' | 'desc'): Opportunity[] {
  const sign = direction === 'asc' ? 1 : -1;
  return [...world.contacts.values()]
    .flatMap((contact) => contact.opportunities.map((one) => ({ ...one, contact })))
    .sort((a, b) => sign * (a.contact.dateAdded - b.contact.dateAdded) || (a.id < b.id ? -1 : 1));
}

function isAsked(one: Opportunity, query: Record<string, unknown>): boolean {
  const { q = '', id, contact_id, pipeline_id, pipeline_stage_id, assigned_to, status = 'all' } = query;
  const asked = String(q).trim().toLowerCase();
  const { contact } = one;
  return (
    (id ?? one.id) === one.id &&
    (contact_id ?? contact.id) === contact.id &&
    (pipeline_id ?? one.pipelineId) === one.pipelineId &&
    (pipeline_stage_id ?? one.pipelineStageId) === one.pipelineStageId &&
    (assigned_to ?? contact.assignedTo) === contact.assignedTo &&
    (status === 'all' || status === one.status) &&
    `${fullName(contact) ?? ''} ${contact.email ?? ''} ${contact.phone ?? ''}`.toLowerCase().includes(asked)
  );
}

const FIELDS: Record<string, SearchField<Opportunity>> = {
  pipeline_id: { operators: EQUAL, value: ({ pipelineId }) => pipelineId },
  pipeline_stage_id: { operators: EQUAL, value: ({ pipelineStageId }) => pipelineStageId },
  status: { operators: EQUAL, value: ({ status }) => status },
  assigned_to: { operators: EQUAL, value: ({ contact }) => contact.assignedTo },
  contact_id: { operators: EQUAL, value: ({ contact }) => contact.id },
  date_added: { operators: RANGE, value: ({ contact }) => contact.dateAdded },
  date_updated: { operators: RANGE, value: ({ contact }) => contact.dateUpdated },
  monetary_value: { operators: [...TEXT, 'range'], value: ({ monetaryValue }) => monetaryValue },
};

function metaOf(page: {
  found: Opportunity[];
  from: number;
  page: number;
  limit: number;
  last: Opportunity | undefined;
  host: string;
}): object {
  const { found, from, limit, last, host } = page;
  const more = from + limit < found.length;
  return {
    total: found.length,
    // Points at an inside host, as the real one does: nobody should follow it.
    ...(more ? { nextPageUrl: `http://${host}/opportunities/search?startAfterId=${last?.id ?? ''}` } : {}),
    ...(last === undefined ? {} : { startAfter: last.contact.dateAdded, startAfterId: last.id }),
    currentPage: page.page,
    ...(more ? { nextPage: page.page + 1 } : {}),
    ...(page.page > 1 ? { prevPage: page.page - 1 } : {}),
  };
}

function shown({ contact, ...one }: Opportunity): object {
  const at = new Date(contact.dateAdded).toISOString();
  return {
    ...one,
    name: fullName(contact) ?? 'Opportunity',
    source: contact.source ?? '',
    lastStatusChangeAt: at,
    lastStageChangeAt: at,
    createdAt: at,
    updatedAt: new Date(contact.dateUpdated ?? contact.dateAdded).toISOString(),
    contactId: contact.id,
    locationId: contact.locationId,
    contact: {
      id: contact.id,
      name: fullName(contact) ?? '',
      companyName: contact.companyName ?? '',
      email: contact.email ?? '',
      phone: contact.phone ?? '',
      tags: tagNames(contact.tags),
    },
    notes: [],
    tasks: [],
    calendarEvents: [],
    customFields: [],
    followers: [],
  };
}
