import { createHmac, randomBytes, verify } from 'node:crypto';
import type { Express, RequestHandler } from 'express';
import { denied, fail } from './errors.ts';
import type { State } from './state.ts';

const LARGEST_JWT_LIFE_S = 5 * 60;

/** Token, revoke and userinfo (salesforce A2). */
export function addAuthRoutes(app: Express, state: State, authorize: RequestHandler): void {
  const { credentials, sessions, world, knobs, counters } = state;

  app.post('/services/oauth2/token', (request, response) => {
    const form = (request.body ?? {}) as Record<string, string | undefined>;
    const client = clientOf(form, request.get('authorization'));
    const grant = form['grant_type'];
    if (grant === undefined) throw denied('unsupported_grant_type', 'grant type not supported');
    const refuse = GRANTS[grant];
    if (refuse === undefined) throw denied('unsupported_grant_type', 'grant type not supported');
    refuse(form, client, state);
    counters.refreshes += 1;
    const issuedAt = Date.now();
    const token = `${world.orgId.slice(0, 15)}!${randomBytes(48).toString('base64url')}`;
    sessions.set(token, { expiresAt: issuedAt + knobs.tokenMs, calls: 0 });
    const id = `${state.baseUrl()}/id/${world.orgId}/${world.userId}`;
    response.json({
      access_token: token,
      signature: createHmac('sha256', credentials.clientSecret).update(`${id}${issuedAt}`).digest('base64'),
      ...(grant === 'client_credentials' ? { scope: 'api', api_instance_url: 'https://api.salesforce.com' } : {}),
      instance_url: state.baseUrl(),
      id,
      token_type: 'Bearer',
      issued_at: String(issuedAt),
    });
  });

  app.post('/services/oauth2/revoke', (request, response) => {
    const { token } = (request.body ?? {}) as { token?: string };
    if (token === undefined || !sessions.delete(token)) throw denied('invalid_token', 'the token is not valid');
    response.status(200).end();
  });

  const whoAmI: RequestHandler = (_request, response) =>
    void response.json({
      sub: `${state.baseUrl()}/id/${world.orgId}/${world.userId}`,
      user_id: world.userId,
      organization_id: world.orgId,
      preferred_username: credentials.username,
      name: 'Integration User',
      active: true,
    });
  app.get('/services/oauth2/userinfo', authorize, whoAmI);
  app.get('/id/:org/:user', authorize, whoAmI);
}

interface Client {
  id: string | undefined;
  secret: string | undefined;
}

/** Client id and secret from the form or from HTTP Basic. */
function clientOf(form: Record<string, string | undefined>, authorization = ''): Client {
  const basic = /^Basic (\S+)$/.exec(authorization);
  if (basic === null) return { id: form['client_id'], secret: form['client_secret'] };
  const [id, ...secret] = Buffer.from(basic[1]!, 'base64').toString().split(':');
  return { id, secret: secret.join(':') };
}

function knownClient({ id, secret }: Client, { credentials }: State): void {
  if (id === undefined) throw denied('invalid_request', 'missing required parameter: client_id');
  if (id !== credentials.clientId) throw denied('invalid_client_id', 'client identifier invalid');
  if (secret !== credentials.clientSecret) throw denied('invalid_client', 'invalid client credentials');
}

type Refuse = (form: Record<string, string | undefined>, client: Client, state: State) => void;

const GRANTS: Record<string, Refuse> = {
  password(form, client, state) {
    knownClient(client, state);
    if (form['username'] !== state.credentials.username || form['password'] !== state.credentials.password)
      throw denied('invalid_grant', 'authentication failure');
  },
  client_credentials(_form, client, state) {
    if (state.knobs.isGenericLoginHost) throw denied('invalid_grant', 'request not supported on this domain');
    knownClient(client, state);
  },
  refresh_token(form, client, state) {
    knownClient(client, state);
    if (form['refresh_token'] !== state.credentials.refreshToken)
      throw denied('invalid_grant', 'expired access/refresh token');
  },
  'urn:ietf:params:oauth:grant-type:jwt-bearer'(form, _client, state) {
    const { credentials } = state;
    const [head = '', body = '', signature = ''] = (form['assertion'] ?? '').split('.');
    const isSigned =
      credentials.jwtPublicKey !== undefined &&
      verify(
        'RSA-SHA256',
        Buffer.from(`${head}.${body}`),
        credentials.jwtPublicKey,
        Buffer.from(signature, 'base64url'),
      );
    if (!isSigned) throw denied('invalid_grant', 'invalid assertion');
    const { iss, sub, aud, exp } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    if (iss !== credentials.clientId) throw denied('invalid_client_id', 'client identifier invalid');
    if (sub !== credentials.username) throw denied('invalid_grant', "user hasn't approved this consumer");
    if (!credentials.jwtAudiences.includes(String(aud))) throw denied('invalid_grant', 'audience is invalid');
    const lifeS = Number(exp) - Date.now() / 1000;
    if (!(lifeS > 0 && lifeS <= LARGEST_JWT_LIFE_S)) throw denied('invalid_grant', 'assertion is expired');
  },
};

/** Lets requests with a living session through; counts what they use (salesforce A5, A8). */
export function authorizer({ sessions, knobs, counters }: State): RequestHandler {
  return (request, response, next) => {
    const token = /^(?:Bearer|OAuth) (\S+)$/.exec(request.get('authorization') ?? '')?.[1] ?? '';
    const session = sessions.get(token);
    if (session === undefined || session.expiresAt < Date.now() || session.calls >= knobs.tokenCalls) {
      sessions.delete(token);
      throw fail(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    }
    session.calls += 1;
    counters.apiRequests += 1;
    if (knobs.limitInfoOnBulk || !request.path.includes('/jobs/'))
      response.set('Sforce-Limit-Info', `api-usage=${counters.apiRequests}/${knobs.apiRequestsMax}`);
    if (counters.apiRequests > knobs.apiRequestsMax)
      throw fail(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
    next();
  };
}
