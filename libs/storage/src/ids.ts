import { uuidV5 } from '#libs/kafka/src/event-id.ts';
import type { Sql } from './pool.ts';

type Entity = 'vendor' | 'lead';

/**
 * Id of a row born from an observation: derived, so that every replay makes the same row (architecture section 6). A contact has
 * its second turn when it comes back after the row of its first one was bound to another contact.
 */
export function rowIdOf(entity: Entity, account: string, contactId: string, turn = 1): string {
  return uuidV5(`${entity}:${account}:${contactId}${turn === 1 ? '' : `:${turn}`}`);
}

/** Ids for the new rows of contacts, by contact id: of each the first turn that no row has. */
export async function newRowIds(
  sql: Sql,
  entity: Entity,
  account: string,
  contactIds: readonly string[],
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  let pending = contactIds;
  for (let turn = 1; pending.length > 0; turn += 1) {
    const wanted = new Map(pending.map((contactId) => [rowIdOf(entity, account, contactId, turn), contactId]));
    const { rows } = await sql.query<{ id: string }>(`select id from ${entity}s where id = any($1)`, [
      [...wanted.keys()],
    ]);
    const taken = new Set(rows.map(({ id }) => id));
    for (const [id, contactId] of wanted) if (!taken.has(id)) ids.set(contactId, id);
    pending = rows.map(({ id }) => wanted.get(id)!);
  }
  return ids;
}
