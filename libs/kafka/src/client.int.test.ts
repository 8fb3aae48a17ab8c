import { connect, type Socket } from 'node:net';
import { expect, it, jest } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { quietKafka } from '#testcontainers/loop.ts';
import { closeConnections } from './client.ts';

it('kafkajs issue 1751: an idle connection runs no timer and Node prints no TimeoutNegativeWarning', async () => {
  const { prototype } = RequestQueue as { prototype: { checkPendingRequests(): void } };
  const looked = jest.spyOn(prototype, 'checkPendingRequests');
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', note);
  const admin = quietKafka().admin();
  await admin.connect();
  await admin.listTopics();
  looked.mockClear();
  // Idle time is what is measured: the loop of the defect turns a thousand times a second.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(looked).not.toHaveBeenCalled();
  await admin.disconnect();
  process.off('warning', note);
  looked.mockRestore();
  expect(warnings).not.toContain('TimeoutNegativeWarning');
});

it('a connection that kafkajs has forgotten does not keep the process alive', async () => {
  const sockets: Socket[] = [];
  const kafka = quietKafka({
    socketFactory({ host, port, onConnect }) {
      const socket = connect({ host, port }, onConnect);
      sockets.push(socket);
      return socket;
    },
  });
  await kafka.admin().connect();
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  closeConnections(kafka);
  await Promise.all(closed);
  expect(sockets.length).toBeGreaterThan(0);
});
