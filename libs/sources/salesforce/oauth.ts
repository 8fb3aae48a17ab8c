import { createSign } from 'node:crypto';
import { AppError } from '#libs/runtime/src/errors.ts';
import { sendRequest } from '#libs/runtime/src/http-client.ts';
import type { SalesforceLogin } from '#libs/runtime/src/salesforce-settings.ts';
import { secret, type Secret } from '#libs/runtime/src/secret.ts';
import { loginFailureOf, noAnswer, parseJson } from './answers.ts';
import { guardRequest } from './guard.ts';

/** How to log in (salesforce A2). */
export type Login =
  SalesforceLogin | { flow: 'refresh-token'; clientId: string; clientSecret?: Secret; refreshToken: Secret };

/** A session. Nothing says how long it lives: an answer 401 does. */
export interface Session {
  token: Secret;
  /** Where everything but the login goes. */
  instanceUrl: string;
  /** Id of the org, 18 characters. */
  orgId: string;
}

/** One session at a time, shared by all requests of an account. */
export interface Sessions {
  current(): Promise<Session>;
  /** A session newer than the given one. Whoever asks while one is being made gets the same (single flight). */
  renew(stale: Session): Promise<Session>;
}

/** What logging in needs. */
export interface SessionsOptions {
  /** Login host: https://login.salesforce.com, https://test.salesforce.com or the org's own domain. */
  loginUrl: string;
  login: Login;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  now?: () => number;
}

const PATH = '/services/oauth2/token';
/** Salesforce takes assertions of a few minutes at most. */
const ASSERTION_LIFE_S = 180;

/** Sessions over one login. Logs in when first asked. */
export function createSessions(options: SessionsOptions): Sessions {
  let session: Session | undefined;
  let making: Promise<Session> | undefined;

  function make(): Promise<Session> {
    making ??= logIn(options)
      .then((made) => (session = made))
      .finally(() => {
        making = undefined;
      });
    return making;
  }

  return {
    current: async () => session ?? make(),
    renew: async (stale) => (session === undefined || session === stale ? make() : session),
  };
}

async function logIn({ loginUrl, login, timeoutMs, signal, now = Date.now }: SessionsOptions): Promise<Session> {
  guardRequest({ method: 'POST', path: PATH });
  const { status, text } = await sendRequest({
    url: loginUrl + PATH,
    method: 'POST',
    headers: { accept: 'application/json' },
    form: formOf(login, Math.floor(now() / 1000)),
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    throw noAnswer(error, timeoutMs);
  });
  if (status !== 200) throw loginFailureOf(status, text);
  const { access_token: token, instance_url: instanceUrl, id } = (parseJson(text) ?? {}) as Record<string, unknown>;
  const orgId = typeof id === 'string' ? /\/id\/([A-Za-z0-9]{18})\//.exec(id)?.[1] : undefined;
  if (typeof token !== 'string' || typeof instanceUrl !== 'string' || orgId === undefined)
    throw new AppError('salesforce_truncated', 'the login of Salesforce answered without a session');
  // The token goes to the address that an answer names: never in the clear, unless the login itself is a local one.
  if (!instanceUrl.startsWith('https://') && !loginUrl.startsWith('http://'))
    throw new AppError(
      'salesforce_unauthorized',
      'the login of Salesforce names an instance without TLS: check SALESFORCE_LOGIN_URL',
    );
  return { token: secret(token), instanceUrl: instanceUrl.replace(/\/+$/, ''), orgId };
}

function formOf(login: Login, nowS: number): Record<string, string> {
  switch (login.flow) {
    case 'client-credentials':
      return {
        grant_type: 'client_credentials',
        client_id: login.clientId,
        client_secret: login.clientSecret.reveal(),
      };
    case 'password':
      return {
        grant_type: 'password',
        client_id: login.clientId,
        client_secret: login.clientSecret.reveal(),
        username: login.username,
        // The security token stands right behind the password.
        password: login.password.reveal() + (login.securityToken?.reveal() ?? ''),
      };
    case 'jwt':
      return { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion(login, nowS) };
    case 'refresh-token':
      return {
        grant_type: 'refresh_token',
        client_id: login.clientId,
        refresh_token: login.refreshToken.reveal(),
        ...(login.clientSecret === undefined ? {} : { client_secret: login.clientSecret.reveal() }),
      };
  }
}

function assertion(
  { clientId, username, audience, privateKey }: Extract<Login, { flow: 'jwt' }>,
  nowS: number,
): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: clientId, sub: username, aud: audience, exp: nowS + ASSERTION_LIFE_S };
  const text = `${part({ alg: 'RS256' })}.${part(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey.reveal(), 'base64url')}`;
}
