import type { Express, RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Scope } from '#libs/runtime/src/keys.ts';
import { requireOauthApp, type OauthApp, type Settings } from '#libs/runtime/src/settings.ts';
import { finishInstall, installUrl } from '#libs/sources/ghl/install.ts';
import { createOauthClient, type OauthClient } from '#libs/sources/ghl/oauth.ts';
import type { TokenVault } from '#libs/sources/ghl/tokens.ts';
import { createTokenVault } from '#libs/storage/src/oauth-tokens.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { parse } from './parse.ts';

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

const INSTALL = z.strictObject({ locationId: z.string().min(1).max(100).optional() });
/** GoHighLevel may add what it likes. */
const CALLBACK = z.object({
  code: z.string().min(1).max(2000).optional(),
  state: z.string().min(1).max(2000),
  error: z.string().optional(),
});

/** The two ends of an install: where the browser is sent, and where it comes back to. The way back proves itself by its state. */
export function addOauthRoutes(
  app: Express,
  guard: (scope: Scope) => RequestHandler,
  install: Install | undefined,
  accounts: () => readonly string[],
): void {
  function required(): Install {
    if (install !== undefined) return install;
    throw new AppError(
      'unknown_source',
      'OAuth is not set up here: set GHL_CLIENT_ID, GHL_CLIENT_SECRET and TOKEN_KEYS',
    );
  }

  app.get('/oauth/ghl/install', guard('admin'), (request, response) => {
    const { locationId } = parse(INSTALL, request.query);
    response.set('cache-control', 'no-store').json({ url: installUrl(required().app, locationId) });
  });

  app.get('/oauth/ghl/callback', async (request, response) => {
    const { code, state, error } = parse(CALLBACK, request.query);
    const parts = required();
    if (code === undefined)
      throw new AppError(
        'request_invalid',
        `access was not granted${error === undefined ? '' : ' by GoHighLevel'}: start again`,
      );
    const { locationId } = await finishInstall(parts, { code, state });
    const configured = accounts().includes(locationId);
    response.set('cache-control', 'no-store').json({
      locationId,
      connected: true,
      configured,
      ...(configured
        ? {}
        : { next: `add {"locationId":"${locationId}","oauth":true} to GHL_ACCOUNTS_FILE and restart` }),
    });
  });
}
