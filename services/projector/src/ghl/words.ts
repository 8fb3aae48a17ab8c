import type { VendorStatusSet } from '#libs/contracts/src/generated/events.ts';
import type { VendorRow } from '#libs/domain/src/rows.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { sayStatus } from '#libs/domain/src/vendor-word.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import { VENDORS } from '#libs/storage/src/columns.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { readRows, writeRows, type RowWrite } from '#libs/storage/src/rows.ts';
import { lockWords, readWords, saveWord } from '#libs/storage/src/vendor-words.ts';

/** Applies what somebody says of a vendor's status, now or when its row is born. */
export async function setVendorStatus(writing: Writing, event: VendorStatusSet, eventId: string): Promise<void> {
  const { sql, rules } = writing;
  await lockWords(sql, event.account, 'word');
  await saveWord(sql, event);
  const rows = await readRows(sql, VENDORS, 't.id = $1 and t.account_id = $2', [event.id, event.account]);
  const cause: Cause = { kind: 'operator', eventId, scanId: null, at: event.requestedAt };
  const writes = rows
    .map(({ row, version }) => ({ row: sayStatus(row, event, rules), before: row, version, cause }))
    .filter(({ row, before }) => row !== before);
  await writeRows(writing, VENDORS, writes);
}

/** The writes of a batch of one account, each newborn row with what was said of it before it was born. */
export async function withWords(
  sql: Sql,
  writes: RowWrite<VendorRow>[],
  rules: GhlRules,
): Promise<RowWrite<VendorRow>[]> {
  const born = writes.filter(({ version }) => version === 0).map(({ row }) => row);
  if (born.length === 0) return writes;
  await lockWords(sql, born[0]!.account, 'births');
  const words = await readWords(
    sql,
    born.map(({ id }) => id),
  );
  if (words.size === 0) return writes;
  return writes.map((write) => {
    const word = words.get(write.row.id);
    if (word === undefined || write.version > 0) return write;
    // It does not show what was observed alone any more.
    const { row, version, before, cause } = write;
    return { row: sayStatus(row, word, rules), version, before, cause };
  });
}
