import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { deploy, openPlatform, type Platform } from '#libs/runtime/src/platform.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { createCheckpointStore } from '#libs/storage/src/checkpoints.ts';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { registrationsWritten } from './registrations.ts';

const TOPIC = 'crm.registration.v1';
let database: TestDatabase;
let platform: Platform;

beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const stack = testStack();
  await deploy({ stack, logger, service: 'test', replication: 1 });
  database = await createTestDatabase();
  platform = await openPlatform({
    stack: { ...stack, databaseUrl: database.url },
    logger,
    service: 'test',
    databasePool: 4,
  });
}, 60_000);

afterAll(async () => {
  await platform.close();
  await database.drop();
});

it('a scan waits until the projector has passed what was registered, unless it is cancelled or the process stops', async () => {
  const value = {
    account: randomUUID(),
    id: randomUUID(),
    action: 'restore',
    requestedAt: 1,
    requestedBy: 'test',
  } as never;
  const event = {
    topic: TOPIC,
    type: 'crm.registration.v1.VendorStatusSet',
    key: randomUUID(),
    id: randomUUID(),
    value,
  } as const;
  await platform.producer.send([event]);
  const looks: boolean[] = [];
  const running = new AbortController();
  await registrationsWritten(platform, async () => looks.push(true) === 2, running.signal);
  expect(looks).toHaveLength(2);

  const stopped = registrationsWritten(platform, async () => false, AbortSignal.abort());
  await expect(stopped).rejects.toThrow();

  const checkpoints = createCheckpointStore(database.pool);
  for (const { partition, high } of await topicOffsets(platform.kafka, [TOPIC])) {
    const { epoch } = await checkpoints.acquire('ghl', TOPIC, partition);
    await checkpoints.save({ processor: 'ghl', topic: TOPIC, partition, epoch, expected: null, next: String(high) });
  }
  await registrationsWritten(platform, async () => looks.push(true) === 0, running.signal);
  expect(looks).toHaveLength(2);
});
