import type { Response } from 'express';
import { answer, fail } from './answers.ts';
import { placeOf, type Api } from './api.ts';
import { grantOf } from './auth.ts';
import { checkQuery, type Dto } from './dto.ts';
import type { World } from './world.ts';

const text = { type: 'string' } as const;
const SEARCH: Dto = {
  companyId: { type: 'string', required: true },
  locationId: text,
  query: text,
  skip: { type: 'number', min: 0 },
  limit: { type: 'number', min: 1, max: 100 },
  type: text,
  role: text,
  ids: text,
  sort: text,
  sortDirection: { type: 'string', oneOf: ['asc', 'desc'] },
  enabled2waySync: { type: 'boolean' },
};

interface UserQuery {
  companyId?: string;
  locationId?: string;
  query?: string;
  skip?: number;
  limit?: number;
  type?: string;
  role?: string;
  ids?: string;
  sortDirection?: string;
}

/** Users of a location (ghl section 2.14). */
export function addUserRoutes(api: Api): void {
  const { app, authorize } = api;
  const mayRead = authorize('users.readonly', ['Location', 'Company']);

  app.get('/users/', authorize('users.readonly'), (request, response) => {
    const { world } = placeOf(api, response, request.query['locationId']);
    answer(response, { users: world.users.map((user) => userOf(world, user)) });
  });

  app.get('/users/search', mayRead, (request, response) => {
    const asked = checkQuery(request.query, SEARCH) as UserQuery;
    const { companyId, locationId, query = '', skip = 0, limit = 25, type, role, ids, sortDirection } = asked;
    if (companyId !== grantOf(response).companyId) throw fail(403, 'The token does not have access to this company.');
    const worlds = locationId === undefined ? ownWorlds(api, response) : [placeOf(api, response, locationId).world];
    const found = worlds
      .flatMap((world) => world.users.map((user) => userOf(world, user)))
      .filter((user) => ids === undefined || ids.split(',').includes(user.id))
      .filter(({ name, email }) => `${name} ${email}`.toLowerCase().includes(query.toLowerCase()))
      .filter(({ roles }) => (type ?? roles.type) === roles.type && (role ?? roles.role) === roles.role);
    if (sortDirection === 'desc') found.reverse();
    answer(response, { users: found.slice(skip, skip + limit), count: found.length });
  });

  app.get('/users/:id', mayRead, (request, response) => {
    const users = ownWorlds(api, response).flatMap((world) => world.users.map((user) => userOf(world, user)));
    const user = users.find(({ id }) => id === request.params['id']);
    if (user === undefined) throw fail(400, `User with id ${String(request.params['id'])} not found`);
    const { deleted: _onlyInLists, ...one } = user;
    answer(response, one);
  });
}

/** The location of the token, or all of its agency. */
function ownWorlds(api: Api, response: Response): World[] {
  const { locationId, companyId } = grantOf(response);
  const worlds = [...api.places.values()].map(({ world }) => world);
  return worlds.filter(
    (world) => world.companyId === companyId && (locationId ?? world.locationId) === world.locationId,
  );
}

function userOf(world: World, user: World['users'][number]) {
  const [firstName = '', lastName = ''] = user.name.split(' ');
  return {
    ...user,
    firstName,
    lastName,
    phone: '',
    extension: '',
    permissions: {},
    scopes: 'contacts.write',
    roles: { type: 'account', role: 'user', locationIds: [world.locationId], restrictSubAccount: false },
    deleted: false,
    lcPhone: {},
  };
}
