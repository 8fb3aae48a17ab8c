import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** A projection of which everything is in one state. */
const database = {
  async query(text: string, [ids]: [string[]]) {
    if (!text.includes('from runs')) return { rows: [] };
    looks += 1;
    if (broken) throw new Error('connection reset');
    const exitCode = status === 'completed' ? 0 : null;
    return { rows: ids.map((syncId) => ({ syncId, status, exitCode, joinedTo: null })) };
  },
} as unknown as Database;

beforeEach(async () => {
  [looks, status, broken] = [0, 'queued', false];
  watcher = createSyncWatcher({ database, maxStreams: 3, lookEveryMs: 5, heartbeatMs: 20 });
  const app = express();
  app.get('/:id', (request, response) => {
    try {
      watcher.open(request.params.id, undefined, response);
    } catch {
      response.sendStatus(429);
    }
  });
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  watcher.stop();
  server.close();
  await once(server, 'close');
});

const open = (id: string, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/${id}`, signal === undefined ? {} : { signal });

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

  it('end when the process stops, and no new one begins', async () => {
    const response = await open('a');
    watcher.stop();
    expect(await response.text()).not.toContain('event:');
    expect((await open('b')).status).toBe(429);
  });
});
