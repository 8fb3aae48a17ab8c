import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { expect, it, jest } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { quietKafka } from '#testcontainers/loop.ts';
import { closeConnections, fetchingClient } from './client.ts';
import { withAdmin } from './topics.ts';

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

it('a consumer leaves its group and stops without the answer to a fetch that would come in a minute', async () => {
  const kafka = quietKafka();
  const name = `test.fetch.${randomUUID()}`;
  await withAdmin(kafka, (admin) => admin.createTopics({ waitForLeaders: true, topics: [{ topic: name }] }));
  const client = fetchingClient(kafka);
  const consumer = client.kafka.consumer({ groupId: name, maxWaitTimeInMs: 60_000, sessionTimeout: 120_000 });
  const asked = Promise.withResolvers<void>();
  consumer.on(consumer.events.FETCH_START, () => asked.resolve());
  await consumer.connect();
  await consumer.subscribe({ topic: name });
  await consumer.run({ eachBatch: async () => undefined });
  await asked.promise;
  const stopped = consumer.stop();
  client.endFetching();
  await stopped;
  const { groups } = await withAdmin(kafka, (admin) => admin.describeGroups([name]));
  expect(groups).toMatchObject([{ state: 'Empty', members: [] }]);
  await consumer.disconnect();
  closeConnections(kafka);
}, 30_000);
