import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { fail } from './answers.ts';
import type { World } from './world.ts';

/** Every scope a token of a location can have (ghl section 1.3). */
export const LOCATION_SCOPES = [
  'contacts.readonly',
  'contacts.write',
  'opportunities.readonly',
  'locations.readonly',
  'locations/tags.readonly',
  'locations/tags.write',
  'locations/customFields.readonly',
  'locations/customFields.write',
  'locations/customValues.readonly',
  'locations/customValues.write',
  'users.readonly',
];
const AGENCY_SCOPES = ['oauth.readonly', 'oauth.write', 'locations.readonly', 'users.readonly'];

/** What a token may do. */
export interface Grant {
  token: string;
  authClass: 'Location' | 'Company';
  companyId: string;
  /** The location of a token of class Location. */
  locationId?: string;
  scopes: readonly string[];
  /** Milliseconds since 1970; a private integration token does not expire. */
  expiresAt: number;
  isRevoked: boolean;
}

/** The tokens that the simulator knows. */
export interface Tokens {
  find(token: string): Grant | undefined;
  /** Makes a token of a location, or of its agency. Without a lifetime it is a private integration token. */
  issue(world: World, more?: { authClass?: Grant['authClass']; scopes?: readonly string[]; seconds?: number }): Grant;
  /** From now on the token is expired. */
  expire(token: string): void;
  /** From now on the token is refused for good. */
  revoke(token: string): void;
}

/** The tokens that the worlds were born with. */
export function createTokens(worlds: readonly World[]): Tokens {
  const grants = new Map<string, Grant>();
  const add = (grant: Grant): Grant => {
    grants.set(grant.token, grant);
    return grant;
  };
  for (const { token, companyId, locationId } of worlds) {
    const life = { expiresAt: Number.POSITIVE_INFINITY, isRevoked: false };
    add({ token, authClass: 'Location', companyId, locationId, scopes: LOCATION_SCOPES, ...life });
  }
  function known(token: string): Grant {
    const grant = grants.get(token);
    if (grant === undefined) throw new Error('the simulator has not issued this token');
    return grant;
  }
  return {
    find: (token) => grants.get(token),
    issue(world, { authClass = 'Location', scopes, seconds } = {}) {
      return add({
        token: seconds === undefined ? `pit-${randomUUID()}` : `ey${randomUUID()}.${randomUUID()}.${randomUUID()}`,
        authClass,
        companyId: world.companyId,
        ...(authClass === 'Location' ? { locationId: world.locationId } : {}),
        scopes: scopes ?? (authClass === 'Location' ? LOCATION_SCOPES : AGENCY_SCOPES),
        expiresAt: seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000,
        isRevoked: false,
      });
    },
    expire(token) {
      known(token).expiresAt = 0;
    },
    revoke(token) {
      known(token).isRevoked = true;
    },
  };
}

/** Whose token a request brings, good or not: for the limits, which count before anybody asks. */
export function bearerOf(request: Request): string {
  return /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1] ?? '';
}

const VERSIONS = ['2021-07-28', '2021-04-15', '2023-02-21', 'v3'];

/** A route's demand: a scope, and the classes of token that may use it. */
export type Authorize = (scope: string, classes?: readonly Grant['authClass'][]) => RequestHandler;

/** Token, then Version, then class and scope, in the order and with the texts of the real API (ghl section 4). The tenant is the routes' to check. */
export function authorizer(tokens: Tokens): Authorize {
  return (scope, classes = ['Location']) =>
    (request, response, next) => {
      const grant = goodGrant(tokens, bearerOf(request));
      const version = request.get('version');
      if (version === undefined) throw fail(401, 'version header was not found.');
      if (!VERSIONS.includes(version)) throw fail(401, 'version header is invalid');
      if (!classes.includes(grant.authClass)) throw wrongClass(grant);
      if (!grant.scopes.includes(scope)) throw fail(401, 'The token is not authorized for this scope.');
      (response.locals as { grant?: Grant }).grant = grant;
      next();
    };
}

function goodGrant(tokens: Tokens, token: string): Grant {
  const grant = tokens.find(token);
  const isStatic = token.startsWith('pit-');
  if (grant === undefined || grant.isRevoked)
    throw fail(401, isStatic ? 'Invalid Private Integration token' : 'Invalid JWT');
  if (grant.expiresAt <= Date.now()) throw fail(401, 'Invalid token: access token is invalid');
  return grant;
}

/** A private integration token of a location lacks the agency's scope; a token made by OAuth is of the wrong user type. */
function wrongClass({ authClass, token }: Grant): Error {
  if (authClass === 'Company') {
    return fail(401, 'This authClass type is not allowed to access this scope. Please contact support');
  }
  return fail(
    401,
    token.startsWith('pit-') ? 'The token is not authorized for this scope.' : "Token's user type mismatch!",
  );
}

/** The grant of a request that was let through. */
export function grantOf(response: Response): Grant {
  const { grant } = response.locals as { grant?: Grant };
  if (grant === undefined) throw new Error('the route asks nobody for a token');
  return grant;
}
