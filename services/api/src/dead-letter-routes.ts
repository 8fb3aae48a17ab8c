import { z } from 'zod';
import { discard, redrive, waiting } from '#libs/runtime/src/dead-letters/act.ts';
import { showLetter } from '#libs/runtime/src/dead-letters/show.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { route, type Caller, type Route } from '#libs/runtime/src/route.ts';
import { findLetters, LETTER_STATES, type LetterFilter } from '#libs/storage/src/dead-letters.ts';
import type { RouteOptions } from './routes.ts';
import { ACT_RESULT, LETTER, LETTER_VIEW } from './schemas.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const FILTER = {
  topic: z.string().max(200).optional().describe('topic they came from'),
  group: z.string().max(100).optional().describe('consumer group that failed'),
  code: z.string().max(100).optional().describe('error code'),
  account: z.string().max(100).optional(),
  scanId: z.string().max(64).optional(),
  since: time.optional(),
  until: time.optional(),
};
const LETTER_ID = z.string().regex(/^[\w.-]{1,200}:\d{1,5}:\d{1,19}$/, 'the id is topic:partition:offset');

/** What an act takes: the same filters, or ids; how many at most. */
const ACT = {
  ...FILTER,
  ids: z.array(LETTER_ID).min(1).max(1000).optional(),
  limit: z.int().min(1).max(1000).default(100),
  dryRun: z.boolean().default(false).describe('answer which they would be; do nothing'),
};

/** A request is not kept waiting longer for its rate, in seconds. */
const LONGEST_SECONDS = 60;

/** Reading dead letters, sending them back, giving them up. */
export function deadLetterRoutes({ platform }: RouteOptions): readonly Route[] {
  const { database } = platform;
  return [
    route({
      method: 'get',
      path: '/v1/dead-letters',
      summary: 'Records that could not be handled, newest first.',
      scope: 'read',
      query: z.strictObject({
        ...FILTER,
        state: z.enum(LETTER_STATES).optional(),
        limit: z.coerce.number().int().min(1).max(500).default(50),
        offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
      }),
      response: z.strictObject({ items: z.array(LETTER), total: z.int() }),
      handle: ({ query: { limit, offset, ...filter }, caller }) =>
        findLetters(database, visible(filter, caller), { limit, offset, order: 'newest' }),
    }),
    route({
      method: 'get',
      path: '/v1/dead-letters/:id',
      summary: 'One of them with headers, size and event; personal data are masked unless an admin reveals them.',
      scope: 'read',
      params: z.strictObject({ id: LETTER_ID }),
      query: z.strictObject({ reveal: z.enum(['true', 'false']).default('false') }),
      response: LETTER_VIEW,
      errors: ['not_found', 'kafka_unavailable', 'registry_unavailable'],
      async handle({ params: { id }, query, caller }) {
        const reveal = query.reveal === 'true';
        if (reveal && caller.scope !== 'admin')
          throw new AppError(
            'forbidden',
            `the API key ${caller.id} lacks the scope admin: it sees personal data masked`,
          );
        return showLetter(platform, id, { reveal, accounts: caller.accounts });
      },
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/redrive',
      summary: 'Sends waiting ones back to the topic they came from, in their original order.',
      scope: 'operate',
      body: z.strictObject({ ...ACT, ratePerSecond: z.int().min(1).max(1000).default(50) }),
      response: ACT_RESULT,
      errors: ['operation_running', 'kafka_unavailable'],
      async handle({ body: { limit, dryRun, ratePerSecond, ...filter }, caller }) {
        const meant = { filter: visible(filter, caller), limit };
        if (dryRun) return preview(await waiting(platform, meant));
        if (limit / ratePerSecond > LONGEST_SECONDS)
          throw new AppError('request_invalid', `limit / ratePerSecond must be at most ${LONGEST_SECONDS} seconds`);
        return { dryRun, ...(await redrive(platform, { ...meant, ratePerSecond, by: signed(caller) })) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/discard',
      summary: 'Records that waiting ones will not be sent back, and why.',
      scope: 'operate',
      body: z.strictObject({
        ...ACT,
        reason: z.string().trim().min(3).max(500).describe('kept for ever: name no person'),
      }),
      response: ACT_RESULT,
      errors: ['operation_running', 'kafka_unavailable'],
      async handle({ body: { limit, dryRun, reason, ...filter }, caller }) {
        const meant = { filter: visible(filter, caller), limit };
        if (dryRun) return preview(await waiting(platform, meant));
        return { dryRun, ...(await discard(platform, { ...meant, reason, by: signed(caller) })) };
      },
    }),
  ];
}

function visible(filter: LetterFilter, { accounts }: Caller): LetterFilter {
  return { ...filter, accounts };
}

function signed({ id }: Caller): string {
  return `api:${id}`;
}

function preview({ items, total }: { items: { id: string }[]; total: number }): object {
  return { dryRun: true, done: items.map(({ id }) => id), expired: [], matched: total };
}
