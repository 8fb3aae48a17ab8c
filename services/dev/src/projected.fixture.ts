import { randomUUID } from 'node:crypto';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import type { TopicName } from '#libs/contracts/src/topics.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { hasPassed } from '#libs/storage/src/checkpoints.ts';
import { outboxPending } from '#libs/storage/src/outbox.ts';
import type { TestPipeline } from '#testcontainers/pipeline.ts';

/** Resolves when a processor has handled all that its topics hold now. */
export async function handledAll({ pipeline }: TestPipeline, processor: string, topics: TopicName[]): Promise<void> {
  const { database, kafka } = pipeline.platform;
  const ends = await topicOffsets(kafka, topics);
  for (const topic of topics) {
    const of = ends.filter((end) => end.topic === topic && end.high > end.low);
    const last = new Map(of.map(({ partition, high }) => [partition, String(high - 1)]));
    while (!(await hasPassed(database, processor, topic, last))) await new Promise(setImmediate);
  }
}

/** Resolves when everything told so far is in the table lifecycle. */
export async function toldAll(test: TestPipeline): Promise<void> {
  while ((await outboxPending(test.pipeline.platform.database)) > 0) await new Promise(setImmediate);
  await handledAll(test, 'lifecycle', ['crm.lifecycle.v1']);
}

/** Registers a row as an import does and resolves when it is there; what is not given is null. */
export async function register(
  test: TestPipeline,
  values: Record<string, unknown> & { id: string },
  type: 'Vendor' | 'Lead' = 'Vendor',
): Promise<void> {
  const event = `crm.registration.v1.${type}Registered` as const;
  const value = {
    ...Object.fromEntries(SCHEMAS[event].fields.map(({ name }) => [name, null])),
    account: test.world.locationId,
    registeredAt: Date.now() - 1000,
    origin: 'import',
    importId: randomUUID(),
    line: 2,
    ...values,
  } as never;
  const { producer } = test.pipeline.platform;
  await producer.send([{ topic: 'crm.registration.v1', key: values.id, type: event, id: randomUUID(), value }]);
  await handledAll(test, 'ghl', ['crm.registration.v1']);
}

/** Confirms what a sync held back and resolves when it is applied. */
export async function confirm({ pipeline, apiKey }: TestPipeline, syncId: string): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}` };
  await fetch(`${pipeline.url}/v1/syncs/${syncId}/confirm`, { method: 'POST', headers });
  for (;;) {
    const query = `select from runs where sync_id = $1 and status = 'completed'`;
    if ((await pipeline.platform.database.query(query, [syncId])).rowCount === 1) return;
    await new Promise(setImmediate);
  }
}
