/**
 * Kafka header names: CloudEvents 1.0 in binary mode plus ours. The time we wrote a record is the Kafka record timestamp.
 */
export const HEADERS = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  type: 'ce_type',
  source: 'ce_source',
  time: 'ce_time',
  subject: 'ce_subject',
  /** SyncRequested id of everything that follows from one request. */
  correlationId: 'ce_correlationid',
  /** Id of the event that caused this one. */
  causationId: 'ce_causationid',
  scanId: 'ce_scanid',
  /** Number of the record within (scan, partition): readable without decoding the value. */
  scanNumber: 'ce_scannumber',
  traceParent: 'traceparent',
  contentType: 'content-type',
  /** Dead letter that a record was redriven from. */
  redrivenFrom: 'crm.redriven-from',
  /** The one consumer group a redriven record is for: the others have handled it long ago and pass it over. */
  redrivenFor: 'crm.redriven-for',
} as const;

/** Content type of every value: Avro with Confluent framing (magic byte and four-byte schema id). */
export const AVRO_CONTENT_TYPE = 'application/vnd.confluent.avro';

/** Dead-letter headers: the names of Kafka Connect, so that its tools read them, plus the number of attempts. */
export const DEAD_LETTER_HEADERS = {
  topic: '__connect.errors.topic',
  partition: '__connect.errors.partition',
  offset: '__connect.errors.offset',
  connectorName: '__connect.errors.connector.name',
  /** The partition that was read: the unit of work here, as a task is in Connect. */
  taskId: '__connect.errors.task.id',
  stage: '__connect.errors.stage',
  /** What failed: the codec, or the processor by its name. */
  className: '__connect.errors.class.name',
  exceptionClass: '__connect.errors.exception.class.name',
  exceptionMessage: '__connect.errors.exception.message',
  attempts: 'crm.attempts',
} as const;
