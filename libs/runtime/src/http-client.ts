import { AppError } from './errors.ts';

/** What is sent to a source. The URL is made from settings only. */
export interface HttpRequest {
  url: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent form-urlencoded instead, with that content type. */
  form?: Record<string, string>;
  /** Milliseconds for the whole answer; of a streamed one for its head, and for every wait for more. */
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

/** An answer whose body is read as it comes. */
export interface HttpStream {
  status: number;
  headers: Headers;
  /** Content decoded. Nothing more is asked of the network while the reader is busy. Throws NoAnswer when it breaks off. */
  body: AsyncIterable<Uint8Array>;
  /** The rest as text, for answers that are not what was asked for. */
  text(): Promise<string>;
  /** Lets go of an answer that is not read to its end. */
  close(): Promise<void>;
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
  const response = await open(request, timeout);
  const text = await readText(response, request.limitBytes ?? LIMIT_BYTES, timeout);
  return { status: response.status, headers: response.headers, text };
}

/**
 * Sends one request and gives its answer before the body has come: for answers of any length, read in the memory of a chunk.
 * The time limit is on every wait, not on the whole. Throws NoAnswer or redirect_refused.
 */
export async function openStream(request: HttpRequest): Promise<HttpStream> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), request.timeoutMs);
  timer.unref();
  const response = await open(request, stalled.signal).finally(() => clearTimeout(timer));
  return {
    status: response.status,
    headers: response.headers,
    body: chunks(response, request.timeoutMs, stalled),
    text: () => readText(response, request.limitBytes ?? LIMIT_BYTES, AbortSignal.timeout(request.timeoutMs)),
    close: async () => {
      // A body that was read to its end, or broke off, has nothing to let go of.
      await response.body?.cancel().catch(() => undefined);
    },
  };
}

async function open(request: HttpRequest, timeout: AbortSignal): Promise<Response> {
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
  return response;
}

function bodyOf({ body, form }: HttpRequest): { body?: string | URLSearchParams } {
  if (form !== undefined) return { body: new URLSearchParams(form) };
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

async function* chunks(response: Response, timeoutMs: number, stalled: AbortController): AsyncGenerator<Uint8Array> {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return;
  let isWaiting = false;
  let isDone = false;
  // A reader that takes its time is no server that does not answer.
  const timer = setTimeout(() => isWaiting && stalled.abort(), timeoutMs);
  timer.unref();
  try {
    for (;;) {
      isWaiting = true;
      timer.refresh();
      const { done, value } = await reader.read();
      isWaiting = false;
      isDone = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw new NoAnswer(stalled.signal.aborted ? 'timeout' : 'truncated', error);
  } finally {
    clearTimeout(timer);
    // What breaks off is told by the error above.
    if (!isDone) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

async function readText(response: Response, limit: number, timeout: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      size += (part as Uint8Array).length;
      if (size > limit) throw new AppError('response_too_large', `an answer is larger than ${limit} bytes`);
      parts.push(part as Uint8Array);
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new NoAnswer(timeout.aborted ? 'timeout' : 'truncated', error);
  }
  return Buffer.concat(parts).toString('utf8');
}
