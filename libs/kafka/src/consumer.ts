import type { Consumer as KafkaConsumer } from 'kafkajs';
import { AppError } from '#libs/runtime/src/errors.ts';
import { fetchingClient, kafkaError } from './client.ts';
import { createPartitionWorker, type PartitionWorker } from './partition-worker.ts';
import type { ConsumerOptions, Timing } from './processor.ts';

/** A running consumer. */
export interface RunningConsumer {
  /** True while the group is joined and the loop alive. */
  alive(): boolean;
  stop(): Promise<void>;
}

const TIMING: Timing = { sessionMs: 45_000, firstWaitMs: 300, longestWaitMs: 30_000, inPlaceWaitMs: 5_000 };

/** Joins the group and handles batches until stopped. */
export async function startConsumer(options: ConsumerOptions): Promise<RunningConsumer> {
  const { kafka, processor, logger, onDead } = options;
  const timing = { ...TIMING, ...options.timing };
  const client = fetchingClient(kafka);
  const consumer = client.kafka.consumer({
    groupId: processor.groupId,
    sessionTimeout: timing.sessionMs,
    rebalanceTimeout: 90_000,
    heartbeatInterval: 3_000,
    maxBytesPerPartition: 1024 * 1024,
    maxBytes: 10 * 1024 * 1024,
    minBytes: 1,
    // An answer comes with the first record; this only says how often an idle consumer asks again, and looks whether to beat.
    maxWaitTimeInMs: 1_500,
    allowAutoTopicCreation: false,
    retry: { retries: 10, initialRetryTime: 200, maxRetryTime: 10_000, restartOnFailure: async () => true },
  });
  const state = { stopping: false, dead: false, joined: false };
  const die = (error: AppError): void => {
    if (state.dead || state.stopping) return;
    state.dead = true;
    onDead(error);
  };
  const worker = createPartitionWorker({ ...options, timing, consumer, die });
  watch(consumer, state, worker, die);
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...processor.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.partitionsConcurrently ?? 2,
      eachBatch: (payload) => worker.eachBatch(payload),
    });
  } catch (error) {
    await consumer.disconnect().catch(() => undefined);
    throw kafkaError(error, `the group ${processor.groupId} cannot start: check KAFKA_BROKERS`);
  }
  logger.debug({ group: processor.groupId }, 'consumer started');
  return {
    alive: () => state.joined && !state.dead,
    async stop() {
      state.stopping = true;
      await worker.stop();
      const stopped = consumer.stop();
      client.endFetching();
      await stopped;
      await consumer.disconnect();
    },
  };
}

function watch(
  consumer: KafkaConsumer,
  state: { stopping: boolean; joined: boolean },
  worker: PartitionWorker,
  die: (error: AppError) => void,
): void {
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    state.joined = true;
    worker.assign(payload.memberAssignment);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (payload.restart) return;
    die(new AppError('consumer_died', `consumer group ${payload.groupId} stopped for good`, { cause: payload.error }));
  });
  consumer.on(consumer.events.STOP, () => {
    state.joined = false;
  });
}
