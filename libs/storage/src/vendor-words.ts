import type { VendorStatusSet } from '#libs/contracts/src/generated/events.ts';
import type { Sql } from './pool.ts';

/** The newest word on a vendor. */
export type VendorWord = Pick<VendorStatusSet, 'id' | 'action' | 'requestedAt'>;

/** Held to the end of the transaction: rows are born side by side, but not beside a word, so that neither misses the other. */
export async function lockWords(sql: Sql, account: string, who: 'births' | 'word'): Promise<void> {
  const lock = who === 'births' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
  await sql.query(`select ${lock}(hashtextextended($1, 0))`, [`vendor words:${account}`]);
}

/** Keeps the newest word on a vendor, whether its row is there yet or not: in a replay the topics meet in any order. */
export async function saveWord(sql: Sql, { id, action, requestedAt }: VendorWord): Promise<void> {
  await sql.query(
    `insert into vendor_words as w (row_id, action, said_at) values ($1, $2, to_timestamp($3 / 1000.0))
     on conflict (row_id) do update set action = excluded.action, said_at = excluded.said_at where w.said_at < excluded.said_at`,
    [id, action, requestedAt],
  );
}

/** The words on these vendors. */
export async function readWords(sql: Sql, ids: readonly string[]): Promise<Map<string, VendorWord>> {
  const { rows } = await sql.query<VendorWord>(
    `select row_id as id, action, said_at as "requestedAt" from vendor_words where row_id = any($1)`,
    [ids],
  );
  return new Map(rows.map((word) => [word.id, word]));
}
