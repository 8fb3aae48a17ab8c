import type { Express, Response } from 'express';
import { fail } from './answers.ts';
import { grantOf, type Authorize, type Tokens } from './auth.ts';
import type { Faults } from './faults.ts';
import type { SearchIndex } from './search.ts';
import type { World } from './world.ts';

/** Behaviour that can be changed while the simulator runs. */
export interface Knobs {
  /** Milliseconds until the search index shows a change: 2,000 to 5,000 with the real one, none unless a test asks for it. */
  indexLagMs: number;
  /** Seconds an OAuth access token lives. */
  tokenSeconds: number;
  /** Milliseconds for which a used refresh token gives the same pair again. */
  refreshGraceMs: number;
  /** How a contact that was deleted is answered for by id: nobody has written down what the real one does (ghl section 10). */
  deletedAs: '400' | '404' | '200';
}

/** One simulated location with its search index. */
export interface Place {
  world: World;
  index: SearchIndex;
}

/** What the routes share. */
export interface Api {
  app: Express;
  /** By location id. */
  places: Map<string, Place>;
  tokens: Tokens;
  authorize: Authorize;
  knobs: Knobs;
  faults: Faults;
}

/** The location a request speaks of: 403 when the token is of another one, or when none is named. */
export function placeOf(api: Api, response: Response, locationId: unknown): Place {
  const grant = grantOf(response);
  const place = api.places.get(String(locationId));
  const isAllowed =
    grant.authClass === 'Location' ? grant.locationId === locationId : grant.companyId === place?.world.companyId;
  if (place === undefined || !isAllowed) throw fail(403, 'The token does not have access to this location.');
  return place;
}

/** The location of the token itself. */
export function ownPlace(api: Api, response: Response): Place {
  return placeOf(api, response, grantOf(response).locationId);
}
