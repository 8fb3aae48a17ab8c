import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';

/** Where every part logs to. Fields first, then one sentence; never secrets, never personal data. */
export type Logger = PinoLogger;

const SENSITIVE = [
  'token',
  'secret',
  'password',
  'authorization',
  'apiKey',
  'email',
  'phone',
  'name',
  'firstName',
  'lastName',
  'body',
  'value',
];
const EMAIL = /[^\s"'<>@,;:]+@[^\s"'<>@,;:]+\.[a-z]{2,}/gi;
const TOKEN = /\b(Bearer\s+\S+|pit-[0-9a-f-]{8,}|postgres(ql)?:\/\/\S+)/gi;

/** Masks what looks like an e-mail, a token or a connection string. */
export function mask(text: string): string {
  return text.replace(TOKEN, '[secret]').replace(EMAIL, '[email]');
}

/** A JSON logger with redaction by key and by pattern; pretty on a terminal when pino-pretty is installed. */
export function createLogger(options: { name: string; level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      redact: { paths: SENSITIVE.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
      serializers: { err: describeError },
      hooks: {
        logMethod(args, method) {
          const masked = args.map((arg: unknown) => (typeof arg === 'string' ? mask(arg) : arg));
          method.apply(this, masked as Parameters<typeof method>);
        },
      },
      base: { service: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.destination ?? pino.destination({ fd: 2, sync: false }),
  );
}

/** An error as fields: code, kind, message and stack, its causes as texts; nothing else of it is logged. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: mask(String(error)) };
  const { code, kind } = error as { code?: unknown; kind?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(kind === undefined ? {} : { kind }),
    ...(quotesData(error)
      ? { stack: framesOf(error) }
      : { message: mask(error.message), stack: mask(error.stack ?? '') }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
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
