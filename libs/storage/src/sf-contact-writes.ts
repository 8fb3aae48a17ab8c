import { CONTACT_FIELDS, type ContactField, type ContactKey } from '#libs/domain/src/salesforce/fields.ts';
import type { ContactState } from '#libs/domain/src/salesforce/fold.ts';
import { dayText, instantText } from '#libs/domain/src/salesforce/times.ts';
import { uuidV5 } from '#libs/kafka/src/event-id.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { copyCell, copyInto } from './copy.ts';
import type { Sql } from './pool.ts';

/** A row of sf_contacts to write; version 0 inserts it. */
export interface ContactWrite {
  salesforceId: string;
  version: number;
  /** When it was first read, in milliseconds; of a new row only. */
  bornAt: number;
  /** What it shows from now on. */
  state: ContactState & { row: NonNullable<ContactState['row']> };
  /** What its columns hold: texts, numbers, days since 1970 and milliseconds, by key. */
  values: Readonly<Record<ContactKey, string | number | boolean | null>>;
  /** The same as one line of JSON by API name, and all else that came. */
  raw: string;
  /** Columns that keep what they have; empty in a new row. */
  kept: readonly ContactField[];
}

/** Columns that say how a contact ended. */
export const END_COLUMNS = [
  'deletion_reason',
  'deleted_at',
  'master_record_id',
  'deletion_modstamp',
  'deletion_read_at',
];
const COLUMNS = [
  ...CONTACT_FIELDS.map(({ column }) => column),
  ...['additional_data', 'last_synced_at', ...END_COLUMNS, 'content_hash', 'row_version'],
];
const BIRTH_COLUMNS = ['id', 'account_id', 'created_at', ...COLUMNS];
const STAGING = 'changed_sf_contacts';

/**
 * Inserts and updates rows by COPY. Local columns are in no statement (salesforce W13). Throws write_conflict when a row changed since
 * it was read or is there already, so that the batch is read and decided again, and record_invalid for a new row without a last name.
 */
export async function writeContacts(sql: Sql, account: string, writes: readonly ContactWrite[]): Promise<void> {
  const births = writes.filter(({ version }) => version === 0);
  if (births.length > 0) {
    births.forEach(refuseNameless);
    await copyInto(sql, 'sf_contacts', BIRTH_COLUMNS, birthLines(account, births));
  }
  for (const [columns, group] of byWritten(writes)) await updateRows(sql, account, columns, group);
}

function refuseNameless({ kept }: ContactWrite): void {
  if (!kept.some(({ api }) => api === 'LastName')) return;
  throw new AppError('record_invalid', 'a contact that is new has no last name that could be used');
}

/** Updates by the columns that they write: all of them, but for the few contacts with a field that was not read or is faulty. */
function byWritten(writes: readonly ContactWrite[]): Map<string, ContactWrite[]> {
  const groups = new Map<string, ContactWrite[]>();
  for (const write of writes) {
    if (write.version === 0) continue;
    const columns = write.kept.length === 0 ? ALL_SETS : setsWithout(write.kept);
    const group = groups.get(columns);
    if (group === undefined) groups.set(columns, [write]);
    else group.push(write);
  }
  return groups;
}

const setsOf = (columns: readonly string[]): string => columns.map((column) => `${column} = c.${column}`).join(', ');
const SET_COLUMNS = COLUMNS.filter((column) => column !== 'salesforce_id');
const ALL_SETS = setsOf(SET_COLUMNS);

function setsWithout(kept: readonly ContactField[]): string {
  const names = new Set(kept.map(({ column }) => column));
  return setsOf(SET_COLUMNS.filter((column) => !names.has(column)));
}

/**
 * Updates through a table of the session: COPY into it, then one statement, which finds each row by itself whatever the statistics
 * say. What does not fit beside its row would be packed and unpacked on the way: up to a page, everything does.
 */
async function updateRows(sql: Sql, account: string, sets: string, group: readonly ContactWrite[]): Promise<void> {
  await sql.query(
    `create temp table if not exists ${STAGING} with (toast_tuple_target = 8160) on commit delete rows as select ${COLUMNS.join(', ')} from sf_contacts with no data`,
  );
  // A transaction may write more than once.
  await sql.query(`delete from ${STAGING}`);
  await copyInto(sql, STAGING, COLUMNS, changeLines(group));
  // Without a name it is planned each time: a plan made while the table was small would read all of it for ever.
  const result = await sql.query(
    `update sf_contacts t set ${sets} from ${STAGING} c cross join lateral
       (select ctid from sf_contacts where salesforce_id = c.salesforce_id and account_id = $1 offset 0) r
     where t.ctid = r.ctid and t.row_version = c.row_version - 1`,
    [account],
  );
  checkWritten(result.rowCount, group.length);
}

/** Throws write_conflict when a statement met fewer rows than were read. */
export function checkWritten(written: number | null, wanted: number): void {
  if (written === wanted) return;
  throw new AppError('write_conflict', `sf_contacts: ${wanted - (written ?? 0)} rows changed since they were read`);
}

function* birthLines(account: string, births: readonly ContactWrite[]): Generator<string> {
  const of = copyCell(account, 'text');
  for (const birth of births) {
    const id = uuidV5(`sf_contact:${account}:${birth.salesforceId}`);
    yield `${id}\t${of}\t${copyCell(birth.bornAt, 'time')}\t${cellsOf(birth)}\n`;
  }
}

function* changeLines(group: readonly ContactWrite[]): Generator<string> {
  for (const write of group) yield `${cellsOf(write)}\n`;
}

/** The cells of COLUMNS. */
function cellsOf({ version, state, values, raw, kept }: ContactWrite): string {
  // JSON has a backslash for all that COPY has one for: where it has none, no text needs one.
  const isPlain = !raw.includes('\\') && !raw.includes('\t');
  const isKept = kept.length === 0 ? undefined : new Set(kept);
  let line = '';
  for (const field of CONTACT_FIELDS) {
    const value = isKept?.has(field) === true ? null : values[field.key];
    line += `${value === null ? NULL : cellOf(field, value, isPlain)}\t`;
  }
  const { hash, readAt } = state.row;
  line += `${isPlain ? raw : copyCell(raw, 'text')}\t${copyCell(readAt, 'time')}\t`;
  return `${line}${endCells(state.deletion)}\t${hash}\t${version + 1}`;
}

const NULL = copyCell(null, 'text');

function cellOf({ kind }: ContactField, value: string | number | boolean, isPlain: boolean): string {
  if (kind === 'text') return isPlain ? (value as string) : copyCell(value, 'text');
  if (kind === 'date') return dayText(value as number);
  return kind === 'datetime' ? instantText(value as number) : String(value);
}

const NO_END = END_COLUMNS.map(() => NULL).join('\t');

/** When it ended: by the word of Salesforce, else when it was found out. */
function endCells(deletion: ContactState['deletion']): string {
  if (deletion === undefined) return NO_END;
  const { reason, masterRecordId, modstamp, readAt } = deletion;
  const times = [copyCell(modstamp, 'time'), copyCell(readAt, 'time')];
  return [reason, copyCell(modstamp ?? readAt, 'time'), copyCell(masterRecordId, 'text'), ...times].join('\t');
}
