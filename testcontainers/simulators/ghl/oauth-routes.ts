import { randomUUID } from 'node:crypto';
import { answer, ApiError, fail } from './answers.ts';
import { placeOf, type Api } from './api.ts';
import type { Grant } from './auth.ts';
import { checkBody, checkQuery, type Dto } from './dto.ts';
import type { World } from './world.ts';

/** The marketplace app that the simulator knows (ghl section 1.3). */
export const APP = {
  appId: '6578278e879ad2646715ba9c',
  versionId: '6578278e879ad2646715ba9d',
  clientId: '6578278e879ad2646715ba9c-simulate',
  clientSecret: '0e5f7c1a-0000-4000-8000-5151515151ed',
};

const text = { type: 'string' } as const;
const TOKEN: Dto = {
  client_id: { type: 'string', required: true },
  client_secret: { type: 'string', required: true },
  grant_type: {
    type: 'string',
    required: true,
    oneOf: ['authorization_code', 'refresh_token', 'client_credentials'],
  },
  code: text,
  refresh_token: text,
  user_type: { type: 'string', oneOf: ['Company', 'Location'] },
  redirect_uri: text,
};
const LOCATION_TOKEN: Dto = {
  companyId: { type: 'string', required: true },
  locationId: { type: 'string', required: true },
};
const INSTALLED: Dto = {
  companyId: { type: 'string', required: true },
  appId: { type: 'string', required: true },
  skip: { type: 'number', min: 0 },
  limit: { type: 'number', min: 1, max: 100 },
  query: text,
  isInstalled: { type: 'boolean' },
  versionId: text,
  onTrial: { type: 'boolean' },
  planId: text,
  locationId: text,
};

/** Who may be given tokens, and of which class. */
interface Holder {
  world: World;
  authClass: Grant['authClass'];
}

/** What a browser would do before the exchange: consent. */
export interface Consent {
  /** A code that is good for one exchange, for a location or for its agency. */
  code(locationId: string, authClass?: Grant['authClass']): string;
}

/** The token endpoint: codes, single-use refresh tokens, the agency's exchange for a location's token (ghl section 2.13). */
export function addOauthRoutes(api: Api): Consent {
  const { app, authorize, knobs, places, tokens } = api;
  const codes = new Map<string, Holder>();
  const refreshes = new Map<string, Holder>();
  const used = new Map<string, { at: number; pair: Record<string, unknown> }>();

  function mint(holder: Holder, more: Partial<Record<string, unknown>> = {}): Record<string, unknown> {
    const { world, authClass } = holder;
    const grant = tokens.issue(world, { authClass, seconds: knobs.tokenSeconds });
    const refreshToken = `refresh.${randomUUID()}`;
    refreshes.set(refreshToken, holder);
    return {
      access_token: grant.token,
      token_type: 'Bearer',
      expires_in: knobs.tokenSeconds,
      refresh_token: refreshToken,
      scope: grant.scopes.join(' '),
      userId: world.users[0]?.id,
      ...(authClass === 'Location' ? { locationId: world.locationId } : {}),
      ...more,
    };
  }

  function pairFor({ world, authClass }: Holder): Record<string, unknown> {
    if (!world.isActive) throw fail(400, 'Location is not active');
    return mint({ world, authClass }, { userType: authClass, companyId: world.companyId, isBulkInstallation: false });
  }

  /** Concurrent refreshes with one token get the same new pair for a while; then the token is spent. */
  function refresh(given: string): Record<string, unknown> {
    const before = used.get(given);
    if (before !== undefined && Date.now() - before.at <= knobs.refreshGraceMs) return before.pair;
    const holder = refreshes.get(given);
    if (holder === undefined) throw unauthorized('Refresh token is invalid');
    const pair = pairFor(holder);
    refreshes.delete(given);
    used.set(given, { at: Date.now(), pair });
    return pair;
  }

  app.post('/oauth/token', (request, response) => {
    const body = checkBody(request.body, TOKEN) as Record<string, string>;
    const holder = codes.get(body['code'] ?? '');
    // The code is looked at before the client's credentials.
    if (body['grant_type'] === 'authorization_code' && holder === undefined)
      throw unauthorized('Authorization code not found');
    if (body['client_id'] !== APP.clientId || body['client_secret'] !== APP.clientSecret)
      throw unauthorized('Invalid client credentials');
    if (body['grant_type'] === 'client_credentials') throw fail(400, 'grant type not supported for this app');
    if (holder === undefined) return answer(response, refresh(body['refresh_token'] ?? ''));
    codes.delete(body['code'] ?? '');
    answer(response, pairFor(holder));
  });

  app.post('/oauth/locationToken', authorize('oauth.write', ['Company']), (request, response) => {
    const { locationId } = checkBody(request.body, LOCATION_TOKEN);
    const { world } = placeOf(api, response, locationId);
    const { appId, versionId } = APP;
    answer(response, mint({ world, authClass: 'Location' }, { appId, versionId }), 201);
  });

  app.get('/oauth/installedLocations', authorize('oauth.readonly', ['Company']), (request, response) => {
    const {
      companyId,
      skip = 0,
      limit = 20,
      query = '',
      isInstalled,
      locationId,
    } = checkQuery(request.query, INSTALLED);
    const found = [...places.values()]
      .map(({ world }) => world)
      .filter((world) => world.companyId === companyId && (locationId ?? world.locationId) === world.locationId)
      .filter(({ name }) => name.toLowerCase().includes(String(query).toLowerCase()) && isInstalled !== false);
    answer(response, {
      locations: found.slice(Number(skip), Number(skip) + Number(limit)).map((world) => ({
        _id: world.locationId,
        name: world.name,
        address: '1 Main Street',
        isInstalled: true,
        versionId: APP.versionId,
        installedAt: '2024-01-15T10:30:00.000Z',
      })),
      count: found.length,
      installToFutureLocations: false,
    });
  });

  return {
    code(locationId, authClass = 'Location') {
      const place = places.get(locationId);
      if (place === undefined) throw new Error(`the simulator has no location ${locationId}`);
      const code = randomUUID();
      codes.set(code, { world: place.world, authClass });
      return code;
    },
  };
}

function unauthorized(description: string): ApiError {
  return new ApiError(401, { error: 'UnAuthorized!', error_description: description });
}
