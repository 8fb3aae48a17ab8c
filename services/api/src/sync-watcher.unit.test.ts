import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '#libs/storage/src/pool.ts';
import { createSyncWatcher, type SyncWatcher } from './sync-watcher.ts';

let server: Server;
let url: string;
let watcher: SyncWatcher;
let looks: number;
let status: string;
let broken: boolean;
/** Where the listener that came last is written to. */
let written: Socket;
/** What a look does beside looking. */
let onLook: (() => void) | undefined;
/** Shown as the phase of every sync, and so told to its listeners. */
let phase: string | undefined;

/** A projection of which everything is in one state. */
const database = {
  async query(text: string, [ids]: [string[]]) {
    if (text.includes('from scans')) return { rows: phase === undefined ? [] : ids.map((scanId) => ({ scanId })) };
    looks += 1;
    onLook?.();
    if (broken) throw new Error('connection reset');
    const exitCode = status === 'completed' ? 0 : null;
    const reported = { phase, done: 1, requests: 1 };
    return { rows: ids.map((syncId) => ({ syncId, status, exitCode, joinedTo: null, reported })) };
  },
} as unknown as Database;

beforeEach(async () => {
  [looks, status, broken, onLook, phase] = [0, 'queued', false, undefined, undefined];
  watcher = createSyncWatcher({ database, maxStreams: 3, lookEveryMs: 5, heartbeatMs: 20, stalledMs: 500 });
  const app = express();
  app.get('/:id', (request, response) => {
    try {
      watcher.open(request.params.id, undefined, response);
    } catch {
      response.sendStatus(429);
    }
  });
  app.get('/late/:id', (request, response) => {
    response.on('close', () => watcher.open(request.params.id, undefined, response));
  });
  server = createServer(app)
    .on('connection', (socket) => (written = socket))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  watcher.stop();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

const open = (id: string, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/${id}`, signal === undefined ? {} : { signal });

/** A listener that is not read for, and may leave at any time. */
function ask(path: string): Socket {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`));
  return socket;
}

describe('streams of syncs', () => {
  it('beat while nothing happens, end after the last event, and leave nothing to look at', async () => {
    const { body } = await open('a');
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes(': heartbeat')) text += (await reader.read()).value ?? '';
    status = 'completed';
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toMatch(/^retry: 2000\n\n(: heartbeat\n\n)+event: applied\nid: completed:\n/);
  });

  it('are looked at together, however many there are, and only so many are open', async () => {
    const stops = [new AbortController(), new AbortController(), new AbortController()];
    for (const [index, { signal }] of stops.entries()) await open(String(index), signal);
    expect((await open('d')).status).toBe(429);
    stops[0]!.abort();
    // The place of a listener that left is free.
    let again = await open('d');
    while (again.status === 429) again = await open('d');
    expect(again.status).toBe(200);
    const before = looks;
    status = 'completed';
    await again.text();
    expect(looks - before).toBeLessThan(10);
  });

  it('end when the projection cannot be read, so that listeners come back', async () => {
    const response = await open('a');
    broken = true;
    expect(await response.text()).not.toContain('event:');
  });

  it.each([
    ['their sync is over', () => (status = 'completed')],
    ['the projection cannot be read', () => (broken = true)],
  ])('whose listener takes nothing are written no more when %s, and closed after a while', async (_when, happen) => {
    status = 'running';
    onLook = () => {
      phase = `${looks}`.padEnd(30_000, 'x');
      // What the look before wrote has no room any more.
      if (looks > 1 && written.writableLength > 0) happen();
    };
    const listener = ask('/a').pause();
    await once(server, 'connection');
    await once(written, 'close');
    const others = await Promise.all(['b', 'c', 'd'].map((id) => open(id)));
    expect(others.map((response) => response.status)).toEqual([200, 200, 200]);
    listener.destroy();
  });

  it('of listeners that left before they began take no place', async () => {
    for (let left = 0; left < 3; left += 1) {
      const listener = ask('/late/a');
      await once(server, 'request');
      listener.destroy();
      await once(written, 'close');
    }
    expect((await open('b')).status).toBe(200);
  });

  it('end when the process stops, and no new one begins', async () => {
    const response = await open('a');
    watcher.stop();
    expect(await response.text()).not.toContain('event:');
    expect((await open('b')).status).toBe(429);
  });
});
