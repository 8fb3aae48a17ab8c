import { AppError } from './errors.ts';

/** What is sent to a source. The URL is made from settings only. */
export interface HttpRequest {
  url: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  headers: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent form-urlencoded instead, with that content type. */
  form?: Record<string, string>;
  /** Milliseconds for the whole answer. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Largest answer in bytes. */
  limitBytes?: number;
}

/** An answer whose body is text. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/** How a request got no answer; sources turn it into their own error. */
export class NoAnswer extends Error {
  readonly reason: 'timeout' | 'network' | 'truncated';

  constructor(reason: 'timeout' | 'network' | 'truncated', cause: unknown) {
    super(`no answer (${reason})`, { cause });
    this.name = 'NoAnswer';
    this.reason = reason;
  }
}

const LIMIT_BYTES = 64 * 1024 * 1024;

/** Sends one request: bounded in time and size, never redirected. Throws NoAnswer, redirect_refused or response_too_large. */
export async function sendRequest(request: HttpRequest): Promise<HttpAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
  let response: Response;
  try {
    response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      redirect: 'manual',
      signal,
      ...bodyOf(request),
    });
  } catch (error) {
    throw new NoAnswer(timeout.aborted ? 'timeout' : 'network', error);
  }
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    throw new AppError(
      'redirect_refused',
      `${new URL(request.url).host} redirects elsewhere: check the base URL of the source`,
    );
  }
  const text = await readBody(response, request.limitBytes ?? LIMIT_BYTES, timeout);
  return { status: response.status, headers: response.headers, text };
}

function bodyOf({ body, form }: HttpRequest): { body?: string | URLSearchParams } {
  if (form !== undefined) return { body: new URLSearchParams(form) };
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

async function readBody(response: Response, limit: number, timeout: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += (chunk as Uint8Array).length;
      if (size > limit) throw new AppError('response_too_large', `an answer is larger than ${limit} bytes`);
      chunks.push(chunk as Uint8Array);
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new NoAnswer(timeout.aborted ? 'timeout' : 'truncated', error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
