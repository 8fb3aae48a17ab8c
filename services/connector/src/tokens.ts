import { instrument } from '#libs/runtime/src/instrument.ts';
import { requireOauthApp, type GhlAccount, type Settings } from '#libs/runtime/src/settings.ts';
import { createOauthClient } from '#libs/sources/ghl/oauth.ts';
import { oauthTokens } from '#libs/sources/ghl/oauth-tokens.ts';
import { fixedToken, type TokenSource } from '#libs/sources/ghl/tokens.ts';
import { createTokenVault } from '#libs/storage/src/oauth-tokens.ts';
import type { Database } from '#libs/storage/src/pool.ts';

/** What the tokens of locations are made from. */
export interface TokenParts {
  settings: Settings;
  ghl: { baseUrl: string; accounts: readonly GhlAccount[] };
  /** Asked for only when a location is connected through OAuth. */
  database(): Database;
}

/** The token source of every location, one for all that read it in this process. Throws config_invalid where OAuth is needed and not set up. */
export function tokenSources({ settings, ghl, database }: TokenParts): (account: GhlAccount) => TokenSource {
  const { baseUrl, accounts } = ghl;
  const isOauth = accounts.some(({ token }) => token === null);
  const oauthOf = isOauth ? oauthSources(settings, baseUrl, database()) : undefined;
  const sources = new Map(
    accounts.map(({ locationId, token }) => [locationId, token === null ? oauthOf!(locationId) : fixedToken(token)]),
  );
  return ({ locationId }) => sources.get(locationId)!;
}

function oauthSources(settings: Settings, baseUrl: string, database: Database): (locationId: string) => TokenSource {
  const app = requireOauthApp(settings);
  const vault = createTokenVault(database, app.keys, 'ghl');
  const oauth = createOauthClient({
    ...app,
    baseUrl,
    timeoutMs: settings.GHL_REQUEST_TIMEOUT * 1000,
    onRequest: (status) => instrument.sourceRequest('ghl', status),
  });
  return (locationId) => oauthTokens({ locationId, vault, oauth });
}
