import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sendRequest, type HttpRequest } from './http-client.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const servers: Server[] = [];
let here: string;
let elsewhere: string;
let answer: Answer;
/** What each server was asked. */
let asked: { at: string; authorization: string | undefined; type: string | undefined; body: string }[] = [];

async function serve(name: string, reply: Answer): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization, 'content-type': type } = request.headers;
      asked.push({ at: name, authorization, type, body: Buffer.concat(chunks).toString() });
      reply(response, request);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  here = await serve('here', (response, request) => answer(response, request));
  elsewhere = await serve('elsewhere', (response) => response.end('{}'));
});

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

beforeEach(() => {
  asked = [];
});

const send = (more: Partial<HttpRequest> = {}): ReturnType<typeof sendRequest> =>
  sendRequest({
    url: `${here}/oauth/token`,
    method: 'POST',
    headers: { authorization: 'Bearer secret' },
    timeoutMs: 5_000,
    ...more,
  });

describe('a request', () => {
  it.each([301, 302, 303, 307, 308])(
    'never follows a redirect (%d): the other host is not asked at all',
    async (status) => {
      for (const location of [`${elsewhere}/steal`, '/other', '//example.invalid/x', 'nonsense:', '']) {
        answer = (response) => response.writeHead(status, { location }).end('moved');
        const sent = send({ form: { client_secret: 'secret' } });
        await expect(sent).rejects.toMatchObject({ code: 'redirect_refused', kind: 'config' });
      }
      expect(asked.map(({ at }) => at)).toEqual(Array(5).fill('here'));
    },
  );

  it.each<[string, Answer]>([
    ['no answer', () => undefined],
    ['headers and then nothing', (response) => void response.writeHead(200).write('{')],
    [
      'a byte now and then',
      (response) => {
        const timer = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(timer));
      },
    ],
  ])('ends within its time: %s', async (_what, reply) => {
    answer = reply;
    await expect(send({ timeoutMs: 150 })).rejects.toMatchObject({ name: 'NoAnswer', reason: 'timeout' });
  });

  it.each<[string, Answer]>([
    ['with its length', (response) => response.end('x'.repeat(2_000))],
    ['in pieces without a length', (response) => response.write('x'.repeat(900), () => response.end('x'.repeat(900)))],
    [
      'small on the wire and large when unpacked',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000))),
    ],
  ])('takes no answer that is too large: %s', async (_what, reply) => {
    answer = reply;
    await expect(send({ limitBytes: 1_500 })).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it('ends when its signal does, and is no timeout then', async () => {
    answer = () => undefined;
    const stopping = new AbortController();
    const sent = send({ signal: stopping.signal });
    stopping.abort();
    await expect(sent).rejects.toMatchObject({ name: 'NoAnswer', reason: 'network' });
  });

  it('sends a form with its content type, and JSON as the caller says', async () => {
    answer = (response) => response.end('{}');
    await send({ form: { code: 'a b&c', scope: 'x=y' } });
    await send({ body: { code: 1 }, headers: { 'content-type': 'application/json' } });
    expect(asked).toMatchObject([
      { type: expect.stringContaining('application/x-www-form-urlencoded'), body: 'code=a+b%26c&scope=x%3Dy' },
      { type: 'application/json', body: '{"code":1}' },
    ]);
  });
});
