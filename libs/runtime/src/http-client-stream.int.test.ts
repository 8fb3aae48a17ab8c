import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStream, sendRequest, type HttpRequest, type HttpStream } from './http-client.ts';

let server: Server;
let url: string;
let answer: (response: ServerResponse, body: string) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () =>
      answer(response, `${request.headers['content-type'] ?? ''} ${Buffer.concat(parts).toString()}`),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const get = (more: Partial<HttpRequest> = {}): HttpRequest => ({
  url,
  method: 'GET',
  headers: {},
  timeoutMs: 200,
  ...more,
});

async function readAll({ body }: HttpStream, pauseMs = 0): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) {
    parts.push(part);
    if (pauseMs > 0) await wait(pauseMs);
  }
  return Buffer.concat(parts).toString();
}

describe('a streamed answer', () => {
  it('is decoded as it comes', async () => {
    answer = (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a'.repeat(100_000)));
    expect(await readAll(await openStream(get()))).toBe('a'.repeat(100_000));
  });

  it('that breaks off says so', async () => {
    answer = (response) => {
      response.writeHead(200);
      response.write('begin', () => response.destroy());
    };
    await expect(openStream(get()).then((stream) => readAll(stream))).rejects.toMatchObject({ reason: 'truncated' });
  });

  it.each([true, false])('that stalls is a timeout (after its first bytes: %s)', async (hasBegun) => {
    answer = (response) => {
      if (!hasBegun) return;
      response.writeHead(200);
      response.write('begin');
    };
    await expect(openStream(get()).then((stream) => readAll(stream))).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('may be read more slowly than the time limit', async () => {
    answer = (response) => {
      response.writeHead(200);
      response.write('first', () => response.end('second'));
    };
    expect(await readAll(await openStream(get()), 300)).toBe('firstsecond');
  });

  it('is let go of, read or not', async () => {
    answer = (response) => void response.writeHead(200).write('x'.repeat(100_000));
    const stream = await openStream(get());
    for await (const part of stream.body) if (part.length > 0) break;
    await stream.close();
    await (await openStream(get())).close();
  });

  it('is text when it is an error', async () => {
    answer = (response) => response.writeHead(400).end('{"no":1}');
    const stream = await openStream(get());
    expect([stream.status, await stream.text()]).toEqual([400, '{"no":1}']);
  });
});

it('a form is sent as one', async () => {
  answer = (response, body) => response.writeHead(200).end(body);
  const { text } = await sendRequest(get({ method: 'POST', form: { a: 'b c', d: '&' } }));
  expect(text).toBe('application/x-www-form-urlencoded;charset=UTF-8 a=b+c&d=%26');
});
