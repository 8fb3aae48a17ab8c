import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadFromRegistration, mergeLead, mergeVendor, vendorFromRegistration } from '#libs/domain/src/registration.ts';
import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';
import type { Cause, Writing } from '#libs/storage/src/changes.ts';
import { LEADS, VENDORS } from '#libs/storage/src/columns.ts';
import { saveImportOutcomes, type ImportOutcome } from '#libs/storage/src/imports.ts';
import { fillLeadDetails, newLeadDetails } from '#libs/storage/src/lead-details.ts';
import type { Sql } from '#libs/storage/src/pool.ts';
import { ensureAccount, lockKeys, readRows, writeRows } from '#libs/storage/src/rows.ts';

/** A registration as it came. */
type Registered<T> = Pick<ConsumedEvent, 'id' | 'timestamp'> & { value: T };

/** Inserts a registered vendor, or merges it into the row that has its id, contact id or e-mail (rules-ghl section 7). */
export async function registerVendor(
  writing: Writing,
  { value: event, id: eventId, timestamp }: Registered<VendorRegistered>,
): Promise<void> {
  const { sql } = writing;
  // Ids and contact ids are kept apart by the keys of the table: who comes second is decided again, and merged.
  if (event.email !== null) await lockKeys(sql, [`vendor:${event.account}:${event.email}`]);
  const rows = await readRows(
    sql,
    VENDORS,
    '(t.id = $1 or (t.account_id = $2 and (t.ghl_contact_id = $3 or t.email = $4))) order by t.id = $1 desc, t.ghl_contact_id = $3 desc, t.created_at, t.id limit 1',
    [event.id, event.account, event.ghlContactId, event.email],
  );
  const known = rows[0];
  const row = known === undefined ? vendorFromRegistration(event, timestamp) : mergeVendor(known.row, event);
  if (known === undefined) await ensureAccount(sql, event.account);
  if (row !== known?.row) {
    const cause = registeredBy(event, eventId);
    await writeRows(writing, VENDORS, [{ row, version: known?.version ?? 0, before: known?.row, cause }]);
  }
  await note(sql, event, {
    table: 'vendors',
    outcome: known === undefined ? 'inserted' : 'merged',
    rowId: known?.row.id ?? event.id,
  });
}

/** Inserts a registered lead, or merges it into the row that has its id. */
export async function registerLead(
  writing: Writing,
  { value: event, id: eventId, timestamp }: Registered<LeadRegistered>,
): Promise<void> {
  const { sql } = writing;
  const known = (await readRows(sql, LEADS, 't.id = $1', [event.id]))[0];
  const row = known === undefined ? leadFromRegistration(event, timestamp) : mergeLead(known.row, event);
  const also = await newLeadDetails(sql, event, known === undefined);
  if (known === undefined) await ensureAccount(sql, event.account);
  if (row !== known?.row || Object.keys(also).length > 0) {
    const cause = registeredBy(event, eventId);
    await writeRows(writing, LEADS, [{ row, version: known?.version ?? 0, before: known?.row, cause, also }]);
    await fillLeadDetails(sql, event, also);
  }
  await note(sql, event, { table: 'leads', outcome: known === undefined ? 'inserted' : 'merged', rowId: event.id });
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
