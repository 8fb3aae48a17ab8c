import { MAX_RECORD_BYTES } from '#libs/contracts/src/topics.ts';
import { contactReader, type ContactReading, type RowReader } from '#libs/domain/src/salesforce/contact.ts';
import { uuidV5 } from '#libs/kafka/src/event-id.ts';
import type { PageCounts, SourceRecord, Seen } from '../kit/ports.ts';
import { seenContacts } from '../kit/seen.ts';

/** Records made of rows, the contacts they show, and what they stand for. */
export interface Records {
  records: SourceRecord[];
  seen: Seen;
  counts: PageCounts;
}

/** Makes records of rows. */
export interface RecordMaker {
  /** Rows of a CSV. */
  ofRows(columns: readonly string[], rows: readonly (readonly string[])[]): Records;
  /** Records of a REST answer, of these fields. */
  ofRecords(fields: readonly string[], records: readonly Record<string, unknown>[]): Records;
}

/** Room for what an event holds besides the contact. */
const LARGEST_EXTRA = MAX_RECORD_BYTES / 4 - 512 * 1024;

/** Records read now. */
export function recordMaker(now: () => number): RecordMaker {
  let known: { columns: string; read: RowReader } | undefined;

  function readerOf(columns: readonly string[]): RowReader {
    const key = columns.join();
    if (known?.columns !== key) known = { columns: key, read: contactReader(columns) };
    return known.read;
  }

  function make(columns: readonly string[], rows: readonly (readonly unknown[])[], via: string): Records {
    const into: Records = { records: [], seen: seenContacts(), counts: { read: 0, unusable: 0, unknown: 0 } };
    const read = readerOf(columns);
    const readAt = now();
    for (const row of rows) {
      const reading = read(row);
      if (reading === undefined) addUnusable(into, columns, row, null, via, readAt);
      else if ((reading.values.extra?.length ?? 0) > LARGEST_EXTRA)
        addUnusable(into, columns, row, reading.values.salesforceId, via, readAt);
      else add(into, reading, via, readAt);
    }
    return into;
  }

  return {
    ofRows: (columns, rows) => make(columns, rows, 'bulk'),
    ofRecords: (fields, records) =>
      make(
        fields,
        records.map((record) => fields.map((field) => record[field])),
        'rest',
      ),
  };
}

/** A deleted contact leaves its Id and what became of it: its data goes with it. */
function add(into: Records, { values, isDeleted, masterRecordId }: ContactReading, via: string, readAt: number): void {
  const { salesforceId, sfSystemModstamp } = values;
  into.counts.read += 1;
  into.seen.contactIds.push(salesforceId);
  if (!isDeleted) {
    into.records.push({
      type: 'crm.raw.salesforce.v1.ContactRead',
      id: salesforceId,
      value: { ...values, via, readAt },
    });
    return;
  }
  const reason = masterRecordId === null ? 'deleted' : 'merged';
  into.records.push({
    type: 'crm.raw.salesforce.v1.ContactDeleted',
    id: salesforceId,
    value: { salesforceId, reason, masterRecordId, sfSystemModstamp, via, readAt },
  });
}

function addUnusable(
  into: Records,
  columns: readonly string[],
  row: readonly unknown[],
  salesforceId: string | null,
  via: string,
  readAt: number,
): void {
  const raw = JSON.stringify(Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null])));
  const isLarge = raw.length > LARGEST_EXTRA;
  into.records.push({
    type: 'crm.raw.salesforce.v1.ContactUnusable',
    // The id ends up in the key, which must tell nothing of a person.
    id: salesforceId ?? `unusable-${uuidV5(raw)}`,
    value: {
      salesforceId,
      code: isLarge ? 'record_too_large' : 'record_invalid',
      raw: isLarge ? null : raw,
      via,
      readAt,
    },
  });
  into.counts.unusable += 1;
}
