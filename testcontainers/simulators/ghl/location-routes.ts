import { randomUUID } from 'node:crypto';
import type { Express, RequestHandler } from 'express';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { ownLocation } from './contact-routes.ts';
import { fail } from './errors.ts';
import type { Knobs } from './simulator.ts';
import type { World } from './world.ts';

const FIELDS = DEFAULT_GHL_RULES.customFields;
const CUSTOM_FIELDS: [id: string, name: string, dataType: string][] = [
  [FIELDS.ghlUserId, 'GHL User ID', 'TEXT'],
  [FIELDS.companyName, 'Vendor Company Name', 'TEXT'],
  [FIELDS.serviceCategories[0]!, 'Service Categories Selections', 'MULTIPLE_OPTIONS'],
  [FIELDS.serviceCategories[1]!, 'Service Categories', 'TEXT'],
  [FIELDS.servicesOffered, 'Services Provided', 'LARGE_TEXT'],
  [FIELDS.serviceZipCodes, 'Service Zip Codes', 'LARGE_TEXT'],
  [FIELDS.takingNewWork, 'Taking New Work?', 'TEXT'],
  [FIELDS.lastLeadAssigned, 'Last Lead Assigned', 'DATE'],
  [FIELDS.leadClosePercentage, 'Lead Close %', 'NUMERICAL'],
  [FIELDS.primaryServiceCategory, 'Primary Service Category', 'TEXT'],
  [FIELDS.specificServiceRequested, 'Specific Service Needed', 'TEXT'],
  [FIELDS.leadZip, 'Zip Code', 'TEXT'],
];
/** A rotated refresh token gives the same pair again for this long (ghl section 1.3). */
const GRACE_MS = 30_000;

/** Location, tags, custom fields, users, opportunities and the token endpoint (ghl sections 2.12 to 2.14). */
export function addLocationRoutes(
  app: Express,
  authorize: RequestHandler,
  world: World,
  knobs: Knobs,
  tokens: Map<string, number>,
): void {
  app.get('/locations/:id', authorize, (request, response) => {
    ownLocation(world, request.params['id']);
    const settings = {
      allowDuplicateContact: world.allowDuplicateContact,
      allowDuplicateOpportunity: false,
      allowFacebookNameMerge: false,
      disableContactTimezone: false,
    };
    response.json({
      location: {
        id: world.locationId,
        companyId: world.companyId,
        name: world.name,
        timezone: 'America/New_York',
        country: 'US',
        settings,
      },
      traceId: 'simulated',
    });
  });
  app.get('/locations/:id/tags', authorize, (request, response) => {
    ownLocation(world, request.params['id']);
    const names = new Set(
      [...world.contacts.values()].flatMap(({ tags }) =>
        Array.isArray(tags) ? tags.map((tag) => String(tag).trim().toLowerCase()) : [],
      ),
    );
    response.json({
      tags: [...names]
        .sort()
        .map((name, index) => ({ id: `tag${String(index).padStart(17, '0')}`, name, locationId: world.locationId })),
      traceId: 'simulated',
    });
  });
  app.get('/locations/:id/customFields', authorize, (request, response) => {
    ownLocation(world, request.params['id']);
    response.json({
      customFields: CUSTOM_FIELDS.map((field, position) => customField(world, field, position)),
      traceId: 'simulated',
    });
  });
  app.get('/locations/:id/customFields/:fieldId', authorize, (request, response) => {
    ownLocation(world, request.params['id']);
    const position = CUSTOM_FIELDS.findIndex(([id]) => id === request.params['fieldId']);
    if (position < 0) throw fail(400, `Custom field with id ${String(request.params['fieldId'])} not found`);
    response.json({ customField: customField(world, CUSTOM_FIELDS[position]!, position), traceId: 'simulated' });
  });
  app.get(
    ['/users/', '/users/search'],
    authorize,
    (_request, response) =>
      void response.json({
        users: world.users.map((user) => userOf(world, user)),
        count: world.users.length,
        traceId: 'simulated',
      }),
  );
  app.get('/users/:id', authorize, (request, response) => {
    const user = world.users.find(({ id }) => id === request.params['id']);
    if (user === undefined) throw fail(400, `User with id ${String(request.params['id'])} not found`);
    response.json({ ...userOf(world, user), traceId: 'simulated' });
  });
  app.get('/opportunities/search', authorize, (request, response) => {
    ownLocation(world, request.query['location_id']);
    const contactId = request.query['contact_id'];
    const found = opportunitiesOf(world).filter(
      (opportunity) => contactId === undefined || opportunity.contactId === contactId,
    );
    const limit = Math.min(Number(request.query['limit'] ?? 20), 100);
    const page = Math.max(1, Number(request.query['page'] ?? 1));
    const opportunities = found.slice((page - 1) * limit, page * limit);
    response.json({
      opportunities,
      meta: {
        total: found.length,
        currentPage: page,
        nextPage: page * limit < found.length ? page + 1 : null,
        prevPage: page > 1 ? page - 1 : null,
      },
      aggregations: {},
      traceId: 'simulated',
    });
  });
  app.post('/opportunities/search', authorize, (request, response) => {
    const { locationId, limit } = request.body as { locationId?: unknown; limit?: unknown };
    ownLocation(world, locationId, 422);
    if (typeof limit !== 'number' || limit < 1 || limit > 500)
      throw fail(422, ['limit must be a number between 1 and 500']);
    const found = opportunitiesOf(world);
    response.json({
      opportunities: found.slice(0, limit),
      total: found.length,
      aggregations: {},
      traceId: 'simulated',
    });
  });
  addTokenRoutes(app, world, knobs, tokens);
}

function customField(world: World, [id, name, dataType]: [string, string, string], position: number): object {
  return {
    id,
    name,
    fieldKey: `contact.${name.toLowerCase().replace(/\W+/g, '_')}`,
    placeholder: '',
    dataType,
    position,
    picklistOptions: [],
    picklistImageOptions: [],
    isAllowedCustomOption: false,
    isMultiFileAllowed: false,
    maxFileLimit: 1,
    locationId: world.locationId,
    model: 'contact',
  };
}

function userOf(world: World, user: World['users'][number]): object {
  const [firstName = '', lastName = ''] = user.name.split(' ');
  return {
    ...user,
    firstName,
    lastName,
    phone: '',
    extension: '',
    permissions: {},
    scopes: '',
    roles: { type: 'account', role: 'user', locationIds: [world.locationId] },
    deleted: false,
  };
}

function opportunitiesOf(world: World): { id: string; contactId: string }[] {
  return [...world.contacts.values()].flatMap((contact) =>
    contact.opportunities.map((opportunity) => ({
      ...opportunity,
      name: 'Opportunity',
      contactId: contact.id,
      locationId: world.locationId,
      createdAt: new Date(contact.dateAdded).toISOString(),
    })),
  );
}

function addTokenRoutes(app: Express, world: World, knobs: Knobs, tokens: Map<string, number>): void {
  let refreshToken: string | undefined;
  let rotated: { from: string; at: number; answer: Record<string, unknown> } | undefined;
  function mint(): Record<string, unknown> {
    const access = `simulated.${randomUUID()}`;
    refreshToken = `refresh.${randomUUID()}`;
    tokens.set(access, Date.now() + knobs.tokenSeconds * 1000);
    return {
      access_token: access,
      token_type: 'Bearer',
      expires_in: knobs.tokenSeconds,
      refresh_token: refreshToken,
      scope: 'contacts.readonly locations.readonly',
      userType: 'Location',
      companyId: world.companyId,
      locationId: world.locationId,
      userId: world.users[0]?.id,
      isBulkInstallation: false,
    };
  }
  app.post('/oauth/token', (request, response) => {
    const { grant_type: grant, code, refresh_token: given } = request.body as Record<string, string | undefined>;
    if (grant === 'authorization_code' && code !== undefined && code !== '') {
      response.json(mint());
    } else if (grant === 'refresh_token' && given !== undefined && given === refreshToken) {
      rotated = { from: given, at: Date.now(), answer: mint() };
      response.json(rotated.answer);
    } else if (
      grant === 'refresh_token' &&
      rotated !== undefined &&
      given === rotated.from &&
      Date.now() - rotated.at < GRACE_MS
    ) {
      response.json(rotated.answer);
    } else {
      response.status(401).json({
        error: 'UnAuthorized!',
        error_description: grant === 'refresh_token' ? 'Refresh token is invalid' : 'Authorization code not found',
      });
    }
  });
  app.post('/oauth/locationToken', (request, response) => {
    const { locationId } = request.body as { locationId?: string };
    ownLocation(world, locationId, 422);
    response.status(201).json(mint());
  });
}
