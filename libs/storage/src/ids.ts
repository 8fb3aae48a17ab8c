import { uuidV5 } from '#libs/kafka/src/event-id.ts';

/** Id of a row born from an observation: derived, so that every replay makes the same row (architecture section 6). */
export function rowIdOf(entity: 'vendor' | 'lead', account: string, contactId: string): string {
  return uuidV5(`${entity}:${account}:${contactId}`);
}
