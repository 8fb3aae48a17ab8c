import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { registeredLead, registeredVendor, type RefusalCode } from '#libs/domain/src/registration.ts';
import type { RowLife } from '#libs/domain/src/rows.ts';
import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import { LEADS, VENDORS } from '#libs/storage/src/columns.ts';
import { saveImportOutcomes, type ImportOutcome } from '#libs/storage/src/imports.ts';
import { fillLeadDetails, newLeadDetails } from '#libs/storage/src/lead-details.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { ensureAccount, lockKeys, readRows, writeRows } from '#libs/storage/src/rows.ts';

/** A registration as it came. */
type Registered<T> = Pick<ConsumedEvent, 'id' | 'timestamp'> & { value: T };

/** Inserts a registered vendor, merges it into the row it means, or leaves it out and notes why (rules-ghl section 7). */
export async function registerVendor(
  writing: Writing,
  { value: event, id: eventId, timestamp }: Registered<VendorRegistered>,
): Promise<void> {
  const { sql } = writing;
  // Ids, contact ids and user ids are kept apart by the keys of the table: who comes second is decided again.
  if (event.email !== null) await lockKeys(sql, [`vendor:${event.account}:${event.email}`]);
  const rows = await readRows(
    sql,
    VENDORS,
    't.id = $1 or (t.account_id = $2 and (t.ghl_contact_id = $3 or t.email = $4 or t.ghl_user_id = $5)) order by t.created_at, t.id',
    [event.id, event.account, event.ghlContactId, event.email, event.ghlUserId],
  );
  const decision = registeredVendor(
    event,
    rows.map(({ row }) => row),
    timestamp,
  );
  if ('refused' in decision) return refuse(sql, event, 'vendors', decision);
  const { row, known } = decision;
  if (known === undefined) await ensureAccount(sql, event.account);
  if (row !== known) {
    const version = rows.find((read) => read.row === known)?.version ?? 0;
    await writeRows(writing, VENDORS, [{ row, version, before: known, cause: registeredBy(event, eventId) }]);
  }
  await note(sql, event, {
    table: 'vendors',
    outcome: known === undefined ? 'inserted' : 'merged',
    rowId: row.id,
  });
}

/** Inserts a registered lead, merges it into the row that has its id, or leaves it out and notes why. */
export async function registerLead(
  writing: Writing,
  { value: event, id: eventId, timestamp }: Registered<LeadRegistered>,
): Promise<void> {
  const { sql } = writing;
  const [read] = await readRows(sql, LEADS, 't.id = $1', [event.id]);
  const decision = registeredLead(event, read?.row, timestamp);
  if ('refused' in decision) return refuse(sql, event, 'leads', decision);
  const { row, known } = decision;
  const also = await newLeadDetails(sql, event, known === undefined);
  if (known === undefined) await ensureAccount(sql, event.account);
  if (row !== known || Object.keys(also).length > 0) {
    const cause = registeredBy(event, eventId);
    await writeRows(writing, LEADS, [{ row, version: read?.version ?? 0, before: known, cause, also }]);
    await fillLeadDetails(sql, event, also);
  }
  await note(sql, event, { table: 'leads', outcome: known === undefined ? 'inserted' : 'merged', rowId: event.id });
}

/** Leaves a line of an import out, which tells it to whoever imports; of any other registration only a dead letter can tell. */
async function refuse(
  sql: Sql,
  event: VendorRegistered | LeadRegistered,
  table: ImportOutcome['table'],
  { refused, holder }: { refused: RefusalCode; holder: RowLife },
): Promise<void> {
  if (event.importId === null) throw new AppError('constraint_violated', `${table}: ${refused}`);
  await note(sql, event, { table, outcome: refused, rowId: holder.id });
}

function registeredBy({ importId, registeredAt }: VendorRegistered | LeadRegistered, eventId: string): Cause {
  return { kind: importId === null ? 'registration' : 'import', eventId, scanId: null, at: registeredAt };
}

async function note(
  sql: Sql,
  event: VendorRegistered | LeadRegistered,
  outcome: Omit<ImportOutcome, 'importId' | 'line'>,
): Promise<void> {
  if (event.importId === null || event.line === null) return;
  await saveImportOutcomes(sql, [{ ...outcome, importId: event.importId, line: event.line }]);
}
