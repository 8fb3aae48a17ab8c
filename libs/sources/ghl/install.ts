import { randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { OauthApp } from '#libs/runtime/src/settings.ts';
import type { OauthClient } from './oauth.ts';
import type { TokenVault } from './tokens.ts';

/** How long a person may take to grant access. */
const STATE_LIFE_MS = 15 * 60_000;
const PURPOSE = 'oauth state';

const STATE = z.object({ id: z.uuid(), locationId: z.string().optional(), expiresAt: z.number() });
type State = z.output<typeof STATE>;

/** The page on which somebody grants access to a location; its state is signed, expires, and works once. */
export function installUrl(app: OauthApp, locationId: string | undefined, now = Date.now()): string {
  const state: State = {
    id: randomUUID(),
    ...(locationId === undefined ? {} : { locationId }),
    expiresAt: now + STATE_LIFE_MS,
  };
  const url = new URL(app.authorizeUrl);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: redirectOf(app),
    scope: app.scopes.join(' '),
    state: sign(app, state),
  }).toString();
  return url.toString();
}

/** Ends an install: the code becomes tokens, which are kept. Returns the location. */
export async function finishInstall(
  parts: { app: OauthApp; oauth: OauthClient; vault: TokenVault },
  { code, state }: { code: string; state: string },
  now = Date.now(),
): Promise<{ locationId: string }> {
  const { app, oauth, vault } = parts;
  const { id, locationId: asked, expiresAt } = readState(app, state, now);
  if (!(await vault.useState(id, expiresAt)))
    throw new AppError('request_invalid', 'this install was tried already: start it again');
  const { locationId, tokens } = await oauth.exchange(code, redirectOf(app), asked);
  await vault.put(locationId, tokens);
  return { locationId };
}

function redirectOf({ redirectUrl }: OauthApp): string {
  if (redirectUrl !== undefined) return redirectUrl;
  throw new AppError('config_invalid', 'set GHL_REDIRECT_URL to the address of /oauth/ghl/callback that the app names');
}

function sign({ keys }: OauthApp, state: State): string {
  const text = Buffer.from(JSON.stringify(state)).toString('base64url');
  return `${text}.${keys.sign(PURPOSE, text).toString('base64url')}`;
}

function readState({ keys }: OauthApp, given: string, now: number): State {
  const [text = '', signature = ''] = given.split('.');
  const mine = Buffer.from(signature, 'base64url');
  const isOurs = keys.signatures(PURPOSE, text).some((one) => one.length === mine.length && timingSafeEqual(one, mine));
  if (!isOurs) throw new AppError('request_invalid', 'the state is not ours: start the install again');
  const state = STATE.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  if (state.expiresAt <= now) throw new AppError('request_invalid', 'the install took too long: start it again');
  return state;
}
