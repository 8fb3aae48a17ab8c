import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createCodec } from './codec.ts';

describe('a registry that is not there', () => {
  it('is unavailable, not a registry without our schemas, however soon the connection is refused', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    const codec = createCodec({ registryUrl: `http://127.0.0.1:${port}/apis/ccompat/v7`, timeoutMs: 60_000 });
    await expect(codec.ready(['crm.sync.v1.SyncRequested'])).rejects.toMatchObject({ code: 'registry_unavailable' });
  }, 60_000);
});
