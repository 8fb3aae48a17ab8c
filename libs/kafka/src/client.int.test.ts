import { expect, it, jest } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { quietKafka } from '#testcontainers/loop.ts';

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
  const before = process.cpuUsage();
  // Idle time is what is measured: the loop of the defect turns a thousand times a second.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { user, system } = process.cpuUsage(before);
  expect(looked).not.toHaveBeenCalled();
  expect((user + system) / 1000).toBeLessThan(100);
  await admin.disconnect();
  process.off('warning', note);
  looked.mockRestore();
  expect(warnings).not.toContain('TimeoutNegativeWarning');
});
