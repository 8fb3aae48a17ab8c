import type { Exchange } from './openapi.fixture.ts';
import type { GhlSimulator } from './simulator.ts';

/** What a call says besides method and path. */
export interface Call {
  query?: Record<string, string>;
  body?: unknown;
  /** Sent as a form instead. */
  form?: Record<string, string>;
  token?: string;
  version?: string | null;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

type Send = (method: string, path: string, call?: Call) => Promise<Answer>;

/** Sends requests to a simulator as any client would, and keeps every request sent and every answer got. */
export type Caller = Send & { exchanges: Exchange[] };

/** A caller with the token of the simulator's first location. */
export function caller({ baseUrl, world }: GhlSimulator): Caller {
  const exchanges: Exchange[] = [];
  const send: Send = async (method, path, call = {}) => {
    const { query = {}, body, form, token = world.token, version = '2021-07-28' } = call;
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      'content-type': form === undefined ? 'application/json' : 'application/x-www-form-urlencoded',
      ...(version === null ? {} : { version }),
    };
    const sent = form === undefined ? JSON.stringify(body) : new URLSearchParams(form).toString();
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${baseUrl}${path}${search === '' ? '' : `?${search}`}`, {
      method,
      headers,
      ...(sent === undefined ? {} : { body: sent }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    const request = { method, path, query, headers, body: form ?? body };
    exchanges.push({ request, status: response.status, answer });
    return { status: response.status, body: answer, headers: response.headers };
  };
  return Object.assign(send, { exchanges });
}
