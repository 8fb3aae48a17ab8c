import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';

/** Where every part logs to. Fields first, then one sentence; never secrets, never personal data. */
export type Logger = PinoLogger;

/** Names of fields, in any case and at any depth, whose values are never written. */
const SENSITIVE = new Set([
  'token',
  'accesstoken',
  'refreshtoken',
  'secret',
  'password',
  'authorization',
  'cookie',
  'apikey',
  'databaseurl',
  'email',
  'phone',
  'name',
  'firstname',
  'lastname',
  'body',
  'value',
]);
const EMAIL = /[^\s"'<>@,;:]+@[^\s"'<>@,;:]+\.[a-z]{2,}/gi;
const TOKEN = /\b(Bearer\s+\S+|pit-[0-9a-f-]{8,}|trb_[\w-]{8,}|eyJ[\w-]+\.[\w-]+\.[\w-]+|postgres(ql)?:\/\/\S+)/gi;
/** Deeper than this nothing is written. */
const DEEPEST = 6;

/** Masks what looks like an e-mail, a token or a connection string. */
export function mask(text: string): string {
  return text.replace(TOKEN, '[secret]').replace(EMAIL, '[email]');
}

/** A JSON logger that redacts by field name and by pattern, at any depth. */
export function createLogger(options: { name: string; level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      serializers: { err: (error: unknown) => error },
      formatters: { log: clean },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args as unknown[];
          const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
          const fields = first instanceof Error ? { err: first } : first;
          // Left alone pino takes the message of an error that has no sentence, unmasked.
          const sentence = rest.length === 0 && error instanceof Error ? [error.message] : rest;
          const masked = [fields, ...sentence].map((arg) => (typeof arg === 'string' ? mask(arg) : arg));
          method.apply(this, masked as Parameters<typeof method>);
        },
      },
      base: { service: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.destination ?? pino.destination({ fd: 2, sync: false }),
  );
}

function clean(fields: object): Record<string, unknown> {
  return scrub(fields, 0) as Record<string, unknown>;
}

/** The value as it may be written: plain data, masked, errors described. */
function scrub(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return mask(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (depth >= DEEPEST) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1));
  // A secret, a date, an address: what they want to be in JSON.
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return scrub(Reflect.apply(toJSON, value, []), depth + 1);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SENSITIVE.has(key.toLowerCase()) ? '[redacted]' : scrub(item, depth + 1),
    ]),
  );
}

/** An error as fields: code, kind, message and stack, its causes as texts; nothing else of it is logged. */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: mask(String(error)) };
  const { code, kind } = error as { code?: unknown; kind?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(kind === undefined ? {} : { kind }),
    ...(quotesData(error)
      ? { stack: framesOf(error) }
      : { message: mask(error.message), stack: mask(error.stack ?? '') }),
    ...(error.cause === undefined || depth >= DEEPEST ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

/** Whether the text of an error may quote what was being handled: PostgreSQL quotes rows, JSON.parse its input, avsc the value. */
function quotesData(error: Error): boolean {
  const isFromPostgres = 'severity' in error && 'routine' in error;
  return isFromPostgres || error instanceof SyntaxError || /^invalid "/.test(error.message);
}

/** The places of a stack without its first lines, which repeat the message. */
function framesOf({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => /^ {4}at /.test(line))
    .join('\n');
}
