import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import { route, type Caller, type Route } from '#libs/runtime/src/route.ts';
import { requireOauthApp, type OauthApp, type Settings } from '#libs/runtime/src/settings.ts';
import { finishInstall, installUrl } from '#libs/sources/ghl/install.ts';
import { createOauthClient, type OauthClient } from '#libs/sources/ghl/oauth.ts';
import type { TokenVault } from '#libs/sources/ghl/tokens.ts';
import { createTokenVault } from '#libs/storage/src/oauth-tokens.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { RouteOptions } from './routes.ts';

/** What an install needs. */
export interface Install {
  app: OauthApp;
  oauth: OauthClient;
  vault: TokenVault;
}

/** Installs into locations of GoHighLevel; undefined where no app is set. */
export function ghlInstall(settings: Settings, baseUrl: string, database: Database): Install | undefined {
  if (settings.GHL_CLIENT_ID === undefined) return undefined;
  const app = requireOauthApp(settings);
  const oauth = createOauthClient({
    ...app,
    baseUrl,
    timeoutMs: settings.GHL_REQUEST_TIMEOUT * 1000,
    onRequest: (status) => instrument.sourceRequest('ghl', status),
  });
  return { app, oauth, vault: createTokenVault(database, app.keys, 'ghl') };
}

const NO_STORE = ['cache-control', 'no-store'] as const;
/** GoHighLevel may add what it likes to the address the browser comes back to. */
const CALLBACK = z.looseObject({
  code: z.string().min(1).max(2000).optional(),
  state: z.string().min(1).max(2000),
  error: z.string().optional(),
});
const CONNECTED = z.strictObject({
  locationId: z.string(),
  connected: z.literal(true),
  configured: z.boolean().describe('whether the location is among the accounts already'),
  next: z.string().optional().describe('what is left to do'),
});

/** The two ends of an install: where the browser is sent, and where it comes back to. The way back proves itself by its state. */
export function oauthRoutes({ install, accounts }: Pick<RouteOptions, 'install' | 'accounts'>): readonly Route[] {
  function required(): Install {
    if (install !== undefined) return install;
    throw new AppError(
      'unknown_source',
      'OAuth is not set up here: set GHL_CLIENT_ID, GHL_CLIENT_SECRET and TOKEN_KEYS',
    );
  }
  return [
    route({
      method: 'get',
      path: '/oauth/ghl/install',
      summary: 'Gives the page on which access to a location of GoHighLevel is granted.',
      scope: 'admin',
      query: z.strictObject({ locationId: z.string().min(1).max(100).optional() }),
      response: z.strictObject({ url: z.url() }),
      errors: ['unknown_source', 'config_invalid'],
      async handle({ query: { locationId }, caller, response }) {
        requireVisible(caller, locationId);
        response.set(...NO_STORE);
        return { url: installUrl(required().app, locationId) };
      },
    }),
    route({
      method: 'get',
      path: '/oauth/ghl/callback',
      summary: 'Where the browser comes back to after access was granted; proves itself by its state.',
      scope: 'open',
      query: CALLBACK,
      response: CONNECTED,
      errors: [
        'unknown_source',
        'config_invalid',
        'ghl_not_connected',
        'ghl_rate_limited',
        'ghl_unavailable',
        'ghl_timeout',
        'ghl_truncated',
        'redirect_refused',
        'response_too_large',
      ],
      async handle({ query: { code, state, error }, response }) {
        const parts = required();
        if (code === undefined)
          throw new AppError(
            'request_invalid',
            `access was not granted${error === undefined ? '' : ' by GoHighLevel'}: start again`,
          );
        const { locationId } = await finishInstall(parts, { code, state });
        const configured = accounts('ghl')?.includes(locationId) === true;
        response.set(...NO_STORE);
        return {
          locationId,
          connected: true as const,
          configured,
          ...(configured
            ? {}
            : { next: `add {"locationId":"${locationId}","oauth":true} to GHL_ACCOUNTS_FILE and restart` }),
        };
      },
    }),
  ];
}

/** Whoever opens the page of an install without a location may choose any. */
function requireVisible({ id, accounts }: Caller, locationId: string | undefined): void {
  if (accounts === undefined || (locationId !== undefined && accounts.includes(locationId))) return;
  throw new AppError('forbidden', `the API key ${id} is limited to accounts: name one of them as locationId`);
}
