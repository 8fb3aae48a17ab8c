import type { SyncRequested } from './generated/events.ts';

/** What a source is asked to read of an account, besides the mode; times in milliseconds. Null is the source's own choice. */
export type Asked = Pick<SyncRequested, 'api' | 'since' | 'until' | 'limit' | 'batchSize'>;

/** Nothing in particular. */
export const ASKED_NOTHING: Asked = { api: null, since: null, until: null, limit: null, batchSize: null };

/** What of this a request asks for. */
export function askedOf({ api, since, until, limit, batchSize }: Asked): Asked {
  return { api, since, until, limit, batchSize };
}
