/**
 * What to do about an error: `transient` waits and retries in place, `data` goes to the dead-letter topic at once, `config` stops
 * with a message that names the setting to change.
 */
export type ErrorKind = 'transient' | 'data' | 'config';

interface ErrorDefinition {
  kind: ErrorKind;
  doc: string;
}

/** The closed list of error codes: stable names for people, logs, metrics and problem documents. */
export const ERROR_CODES = {
  config_invalid: {
    kind: 'config',
    doc: 'A setting is missing or wrong; the message lists every fault with an example.',
  },
  port_in_use: { kind: 'config', doc: 'The port is taken: set HTTP_PORT to a free one.' },
  stack_unavailable: {
    kind: 'config',
    doc: 'PostgreSQL, Kafka or the registry could not be found or started; see the log file named.',
  },
  java_missing: {
    kind: 'config',
    doc: 'The embedded stack needs Java 21 or newer: install one, set JAVA_HOME, or use external services.',
  },
  access_refused: {
    kind: 'config',
    doc: 'PostgreSQL, Kafka or the registry refuses our credentials, or we refuse its certificate; the message names the settings.',
  },
  registry_unavailable: { kind: 'transient', doc: 'The schema registry does not answer; it is asked again.' },
  kafka_unavailable: { kind: 'transient', doc: 'The brokers do not answer; they are asked again.' },
  database_unavailable: { kind: 'transient', doc: 'PostgreSQL does not answer; the batch is tried again.' },
  checkpoint_fenced: { kind: 'transient', doc: 'Another process took this partition or scan over; this one drops it.' },
  consumer_died: {
    kind: 'transient',
    doc: 'A consumer stopped for good; the process ends so that it is started again.',
  },
  write_conflict: { kind: 'transient', doc: 'A row changed between reading and writing; the batch is tried again.' },
  database_outdated: {
    kind: 'config',
    doc: 'A table, column or right is missing in PostgreSQL: run the deploy step before this version (`npm start` does it).',
  },
  schema_not_registered: {
    kind: 'config',
    doc: 'Schemas are not registered: run the deploy step (`npm start` does it).',
  },
  topic_missing: {
    kind: 'config',
    doc: 'A topic is missing or has another partition count: run the deploy step, or mend the topic.',
  },
  offset_out_of_range: {
    kind: 'config',
    doc: 'The stored checkpoint is older than what the topic keeps: records were deleted before they were read.',
  },
  schema_unknown: { kind: 'data', doc: 'A record names a schema id that the registry does not know.' },
  record_undecodable: {
    kind: 'data',
    doc: 'The bytes of a record are not Avro with Confluent framing, or do not fit their schema.',
  },
  record_too_large: { kind: 'data', doc: 'A record is larger than a topic takes (10 MiB).' },
  record_invalid: { kind: 'data', doc: 'A record lacks what it must have, or does not fit its schema.' },
  constraint_violated: { kind: 'data', doc: 'A row breaks a rule of its table.' },
  ghl_unauthorized: {
    kind: 'config',
    doc: 'GoHighLevel refuses the token: make a new one, or connect the location again.',
  },
  ghl_not_connected: {
    kind: 'config',
    doc: 'No OAuth token is kept for the location, or GoHighLevel does not renew it: `tributary accounts install`.',
  },
  token_unreadable: {
    kind: 'config',
    doc: 'A kept token does not open: TOKEN_KEYS lacks its key, or the row was changed.',
  },
  ghl_forbidden: {
    kind: 'config',
    doc: 'The token may not read this location: check the location id and the scopes of the token.',
  },
  ghl_bad_version: {
    kind: 'config',
    doc: 'GoHighLevel refuses the Version header: GHL_API_BASE_URL may point at something else.',
  },
  ghl_bad_request: { kind: 'config', doc: 'GoHighLevel refuses the request as malformed.' },
  redirect_refused: { kind: 'config', doc: 'The source redirects to another host: check its base URL.' },
  ghl_rate_limited: { kind: 'transient', doc: 'GoHighLevel asks to slow down.' },
  ghl_daily_limit: {
    kind: 'transient',
    doc: 'The daily request limit of the location is used up; try again after the reset.',
  },
  ghl_unavailable: { kind: 'transient', doc: 'GoHighLevel answers with a server error, or not at all.' },
  ghl_timeout: { kind: 'transient', doc: 'GoHighLevel did not answer within GHL_REQUEST_TIMEOUT.' },
  ghl_truncated: { kind: 'transient', doc: 'An answer broke off or was no JSON.' },
  ghl_repeated_cursor: { kind: 'transient', doc: 'The list gave the same cursor twice; nothing is marked missing.' },
  ghl_list_capped: {
    kind: 'config',
    doc: 'A targeted sync did not read the list beyond LIST_SCAN_CAP; rows that only the list could find are left alone.',
  },
  salesforce_unauthorized: {
    kind: 'config',
    doc: 'Salesforce refuses the credentials: check SALESFORCE_CLIENT_ID, the secret, the user and SALESFORCE_LOGIN_URL.',
  },
  salesforce_forbidden: {
    kind: 'config',
    doc: 'The Salesforce user may not do this: give it API access, and read access to Contact and its fields.',
  },
  salesforce_bad_request: { kind: 'config', doc: 'Salesforce refuses the request or the query as malformed.' },
  salesforce_invalid_field: {
    kind: 'config',
    doc: 'A field that was visible is not visible any more: the scan describes Contact again and goes on without it.',
  },
  salesforce_request_refused: {
    kind: 'config',
    doc: 'A request that does not only read was stopped before it left (the allow-list of the Salesforce source).',
  },
  salesforce_request_limit: {
    kind: 'transient',
    doc: 'The API requests or bulk jobs of the Salesforce org are used up; the scan is paused at its position and tried again after SALESFORCE_HOLD.',
  },
  salesforce_api_ceiling: {
    kind: 'transient',
    doc: "The share of the org's limits that may be used (SALESFORCE_API_CEILING) is; the scan is paused at its position and tried again after SALESFORCE_HOLD.",
  },
  salesforce_unavailable: { kind: 'transient', doc: 'Salesforce answers with a server error, or not at all.' },
  salesforce_timeout: { kind: 'transient', doc: 'Salesforce did not answer in time.' },
  salesforce_truncated: { kind: 'transient', doc: 'An answer of Salesforce broke off, or lacks rows it promised.' },
  salesforce_query_timeout: { kind: 'transient', doc: 'A query ran too long: the scan splits its window.' },
  salesforce_job_failed: {
    kind: 'transient',
    doc: 'A bulk job of Salesforce failed, was aborted or did not end in time.',
  },
  salesforce_gone: { kind: 'transient', doc: 'A bulk job or a page of results has expired: it is asked for anew.' },
  salesforce_rows_vanished: {
    kind: 'config',
    doc: 'More known contacts than SALESFORCE_VANISHED_SHARE are not visible; none is marked deleted. Mend what the user may see, or raise it if they are gone.',
  },
  source_down: {
    kind: 'transient',
    doc: 'Too many look-ups stayed without an answer (MISSING_MAX_UNKNOWN_SHARE); nothing is marked missing.',
  },
  response_too_large: { kind: 'data', doc: 'An answer of the source is larger than allowed.' },
  scan_cancelled: { kind: 'transient', doc: 'Somebody cancelled the scan.' },
  scan_interrupted: { kind: 'transient', doc: 'The process stops; the scan goes on from its position later.' },
  unknown_source: { kind: 'config', doc: 'No such source, or it is not configured here.' },
  request_invalid: { kind: 'data', doc: 'The request is malformed; the message lists its faults.' },
  wrong_state: { kind: 'data', doc: 'The sync is in a state that does not allow this; the message names it.' },
  not_found: { kind: 'data', doc: 'There is no such thing.' },
  operation_running: { kind: 'transient', doc: 'Somebody acts on dead letters already; try again when they are done.' },
  unauthenticated: { kind: 'config', doc: 'Send `Authorization: Bearer <API key>`; keys are in API_KEYS_FILE.' },
  forbidden: { kind: 'config', doc: 'The API key lacks the scope for this, or is limited to other accounts.' },
  body_too_large: { kind: 'data', doc: 'The request body is larger than allowed.' },
  media_type_unsupported: { kind: 'data', doc: 'The request body is not declared as application/json.' },
  too_many_requests: {
    kind: 'transient',
    doc: 'Too many requests with this key or from this address; wait as long as Retry-After says.',
  },
  internal: { kind: 'transient', doc: 'A defect of Tributary; the log has the cause.' },
} as const satisfies Record<string, ErrorDefinition>;

/** Code of an error. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error with a stable code and a kind. Its message is for people: no secrets, no personal data. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; kind?: ErrorKind } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.kind = options.kind ?? ERROR_CODES[code].kind;
  }
}

/** Any thrown value as an AppError: what is not ours is `internal`, its text kept only as the cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new AppError('internal', `unexpected ${name}`, { cause: error });
}
