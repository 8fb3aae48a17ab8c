import { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';
import { sendRequest } from '#libs/runtime/src/http-client.ts';
import { secret, type Secret } from '#libs/runtime/src/secret.ts';
import { messageOf, noAnswer, parse, type Body } from './answers.ts';
import type { TokenPair } from './tokens.ts';

/** A code turned into tokens. */
export interface Granted {
  locationId: string;
  tokens: TokenPair;
}

/** The token endpoint of GoHighLevel. */
export interface OauthClient {
  /** Turns a code into the tokens of a location; an agency's code into those of the location that is named. */
  exchange(code: string, redirectUrl: string, locationId: string | undefined): Promise<Granted>;
  /** Spends a refresh token. Throws ghl_not_connected when it is no good (any more). */
  refresh(token: Secret, locationId: string): Promise<TokenPair>;
}

/** How the token endpoint is reached; times in milliseconds. */
export interface OauthClientOptions {
  baseUrl: string;
  clientId: string;
  clientSecret: Secret;
  timeoutMs: number;
  /** Told of every request: HTTP status, or timeout, network, truncated. */
  onRequest?(status: string): void;
  now?(): number;
}

const VERSION = '2021-07-28';
/** Whoever waits for a renewal waits at most 30 s for its lock. */
const LONGEST_MS = 10_000;
const LIMIT_BYTES = 256 * 1024;

const text = z.string().min(1);
const ANSWER = z.object({
  access_token: text,
  refresh_token: text,
  expires_in: z.number().positive(),
  scope: z.string().default(''),
  userType: z.enum(['Location', 'Company']).optional(),
  companyId: text.optional(),
  locationId: text.optional(),
});
type Answer = z.output<typeof ANSWER>;

/** A client of the token endpoint. No answer is ever quoted: tokens are in it. */
export function createOauthClient(options: OauthClientOptions): OauthClient {
  const { baseUrl, clientId, clientSecret, onRequest, now = Date.now } = options;
  const timeoutMs = Math.min(options.timeoutMs, LONGEST_MS);

  async function post(
    path: string,
    form: Record<string, string>,
    headers: Record<string, string>,
    refuse: (status: number, reason: string) => AppError,
  ): Promise<Answer> {
    const answer = await sendRequest({
      url: `${baseUrl}${path}`,
      method: 'POST',
      headers: { accept: 'application/json', version: VERSION, ...headers },
      form,
      timeoutMs,
      limitBytes: LIMIT_BYTES,
    }).catch((error: unknown) => {
      const failure = noAnswer(error, timeoutMs);
      onRequest?.(failure instanceof AppError ? failure.code.replace('ghl_', '') : 'network');
      throw failure;
    });
    const { status } = answer;
    onRequest?.(String(status));
    if (status === 429) throw new AppError('ghl_rate_limited', 'GoHighLevel asks to slow down at its token endpoint');
    if (status === 408 || status >= 500)
      throw new AppError('ghl_unavailable', `the token endpoint of GoHighLevel answers with status ${status}`);
    const body = parse(answer.text);
    if (status >= 400) throw refuse(status, reasonOf(body));
    const result = ANSWER.safeParse(body);
    if (result.success) return result.data;
    const lacking = result.error.issues.map(({ path: at }) => at.join('.')).join(', ');
    throw new AppError('ghl_truncated', `an answer of the token endpoint lacks ${lacking || 'JSON'}`);
  }

  const credentials = { client_id: clientId, client_secret: clientSecret.reveal() };

  function pairOf({ access_token, refresh_token, expires_in, scope }: Answer): TokenPair {
    return {
      access: secret(access_token),
      refresh: secret(refresh_token),
      expiresAt: now() + expires_in * 1000,
      scopes: scope.split(' ').filter((one) => one !== ''),
    };
  }

  return {
    async exchange(code, redirectUrl, locationId) {
      const form = { ...credentials, grant_type: 'authorization_code', code, redirect_uri: redirectUrl };
      const granted = await post('/oauth/token', form, {}, refusedCode);
      if (granted.locationId !== undefined && granted.userType !== 'Company') {
        requireSame(granted.locationId, locationId);
        return { locationId: granted.locationId, tokens: pairOf(granted) };
      }
      const { companyId } = granted;
      if (locationId === undefined || companyId === undefined)
        throw new AppError('request_invalid', 'the agency was chosen: say which location to connect, and start again');
      const headers = { authorization: `Bearer ${granted.access_token}` };
      const minted = await post(
        '/oauth/locationToken',
        { companyId, locationId },
        headers,
        refusedLocation(locationId),
      );
      requireSame(minted.locationId ?? locationId, locationId);
      return { locationId, tokens: pairOf(minted) };
    },

    async refresh(token, locationId) {
      const form = {
        ...credentials,
        grant_type: 'refresh_token',
        refresh_token: token.reveal(),
        user_type: 'Location',
      };
      const granted = await post('/oauth/token', form, {}, refusedRefresh(locationId));
      if (granted.locationId !== undefined && granted.locationId !== locationId)
        throw new AppError('ghl_not_connected', `GoHighLevel renewed a token of another location than ${locationId}`);
      return pairOf(granted);
    },
  };
}

function requireSame(granted: string, asked: string | undefined): void {
  if (asked === undefined || asked === granted) return;
  throw new AppError('request_invalid', `the location ${granted} was chosen, not ${asked}: start again`);
}

/** Why the endpoint refuses; read, never shown. */
function reasonOf(body: Body | undefined): string {
  return [body?.['error'], body?.['error_description'], messageOf(body)]
    .filter((one) => typeof one === 'string')
    .join(' ');
}

const isAboutClient = (reason: string): boolean => /client/i.test(reason);
const WRONG_CLIENT = 'GoHighLevel refuses the app: check GHL_CLIENT_ID and GHL_CLIENT_SECRET';

function refusedCode(status: number, reason: string): AppError {
  if (isAboutClient(reason)) return new AppError('ghl_not_connected', WRONG_CLIENT);
  return new AppError(
    'request_invalid',
    `GoHighLevel refuses the code (${status}): it is used or expired, start again`,
  );
}

function refusedLocation(locationId: string): (status: number) => AppError {
  return (status) =>
    new AppError(
      'ghl_not_connected',
      `GoHighLevel gives no token for the location ${locationId} (${status}): is the app installed there, with oauth.write?`,
    );
}

function refusedRefresh(locationId: string): (status: number, reason: string) => AppError {
  return (status, reason) => {
    if (/not active/i.test(reason))
      return new AppError(
        'ghl_not_connected',
        `the location ${locationId} is not active in GoHighLevel: activate the sub-account there, then run the sync again`,
      );
    if (isAboutClient(reason)) return new AppError('ghl_not_connected', WRONG_CLIENT);
    return new AppError(
      'ghl_not_connected',
      `GoHighLevel does not renew the token of the location ${locationId} (${status}): connect it again with \`tributary accounts install\``,
    );
  };
}
