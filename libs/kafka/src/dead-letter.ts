import type { KafkaMessage } from 'kafkajs';
import { DEAD_LETTER_HEADERS as H } from '#libs/contracts/src/headers.ts';
import { deadLetterTopic, type TopicName } from '#libs/contracts/src/topics.ts';
import type { AppError } from '#libs/runtime/src/errors.ts';
import type { AnyProcessor } from './processor.ts';
import type { Producer } from './producer.ts';

/** A record that cannot be handled, and why. */
export interface DeadLetter {
  topic: string;
  partition: number;
  message: KafkaMessage;
  processor: AnyProcessor;
  failure: AppError;
  attempts: number;
}

/**
 * Writes a record to its dead-letter topic: bytes, key and headers as they came, plus Kafka Connect's error headers. The message
 * of the error is ours and names no values (an AppError keeps foreign text in its cause only).
 */
export async function deadLetter(producer: Producer, letter: DeadLetter): Promise<void> {
  const { topic, partition, message, processor, failure, attempts } = letter;
  const unreadable = failure.code === 'record_undecodable' || failure.code === 'schema_unknown';
  await producer.sendRaw([
    {
      topic: deadLetterTopic(topic as TopicName, processor.groupId),
      key: message.key,
      value: message.value,
      headers: {
        ...message.headers,
        [H.topic]: topic,
        [H.partition]: String(partition),
        [H.offset]: message.offset,
        [H.connectorName]: processor.name,
        [H.taskId]: String(partition),
        [H.stage]: unreadable ? 'VALUE_CONVERTER' : 'TASK_PUT',
        [H.className]: unreadable ? 'codec' : processor.name,
        [H.exceptionClass]: failure.code,
        [H.exceptionMessage]: failure.message,
        [H.attempts]: String(attempts),
      },
    },
  ]);
}
