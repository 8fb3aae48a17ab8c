import { describe, expect, it } from '@jest/globals';
import { AppError } from './errors.ts';
import { createLogger, type Logger } from './logger.ts';
import { secret } from './secret.ts';

/** What a logger writes for one call. */
function written(log: (logger: Logger) => void): string {
  let lines = '';
  log(createLogger({ name: 'test', level: 'debug', destination: { write: (line: string) => void (lines += line) } }));
  return lines;
}

const CANARY = 'canary';
const EMAIL = 'canary@example.test';
const PIT = 'pit-00000000-cafe-cafe-cafe-canary';
const JWT = 'eyJjYW5hcnk.eyJjYW5hcnk.c2lnbg';

describe('a planted canary never reaches the log', () => {
  it.each<[string, (logger: Logger) => void]>([
    ['a token field', (log) => log.info({ token: CANARY }, 'x')],
    ['a header, at depth', (log) => log.info({ request: { options: { headers: { Authorization: CANARY } } } }, 'x')],
    ['a list', (log) => log.info({ accounts: [{ password: CANARY }] }, 'x')],
    ['an e-mail in a sentence', (log) => log.warn(`no answer for ${EMAIL}`)],
    ['an e-mail in a field of another name', (log) => log.warn({ cause: `invalid input: "${EMAIL}"` }, 'x')],
    ['an e-mail as an argument', (log) => log.warn('for %s', EMAIL)],
    ['an e-mail in an error', (log) => log.error({ err: new Error(`bad ${EMAIL}`) }, 'x')],
    ['an e-mail in an error of another name', (log) => log.error({ reason: new Error(`bad ${EMAIL}`) }, 'x')],
    ['an error alone', (log) => log.error(new Error(`bad ${EMAIL}`))],
    [
      'the cause of a cause',
      (log) =>
        log.error({ err: new AppError('internal', 'x', { cause: new Error('y', { cause: new Error(EMAIL) }) }) }, 'x'),
    ],
    ['a property of an error', (log) => log.error({ err: Object.assign(new Error('x'), { detail: CANARY }) }, 'x')],
    ['a bearer token', (log) => log.info(`Authorization: Bearer ${CANARY}`)],
    ['a GoHighLevel token', (log) => log.info({ note: `with ${PIT}` }, 'x')],
    ['a JWT', (log) => log.info({ note: JWT }, 'x')],
    ['an API key', (log) => log.info({ note: 'trb_canarycanary' }, 'x')],
    ['a connection string', (log) => log.info({ note: 'postgresql://u:canary@host/db' }, 'x')],
    ['a secret', (log) => log.info({ setting: secret(CANARY) }, 'x')],
    ['an error without a sentence', (log) => log.error({ err: new Error(`bad ${EMAIL}`) })],
  ])('in %s', (_what, log) => {
    const line = written(log);
    expect(line).toContain('"msg"');
    expect(line).not.toContain('canary');
    expect(line).not.toContain('eyJ');
  });
});

it('keeps what helps: code, kind, message, stack and causes of an error, and plain fields', () => {
  const cause = new Error('socket closed');
  const line = written((log) =>
    log.error(
      { err: new AppError('kafka_unavailable', 'no brokers', { cause }), partition: 3, at: new Date(0) },
      'failed',
    ),
  );
  expect(JSON.parse(line)).toMatchObject({
    service: 'test',
    msg: 'failed',
    partition: 3,
    at: '1970-01-01T00:00:00.000Z',
    err: {
      code: 'kafka_unavailable',
      kind: 'transient',
      message: 'no brokers',
      stack: expect.stringContaining('logger.unit.test'),
      cause: { message: 'socket closed' },
    },
  });
});

it('ends, whatever refers to whatever', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const error: Error & { cause?: unknown } = new Error('x');
  error.cause = error;
  expect(written((log) => log.info({ circle, err: error }, 'x'))).toContain('[deep]');
});
