import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { leadImport, vendorImport, type CellErrorCode } from '#libs/domain/src/import.ts';
import type { RefusalCode } from '#libs/domain/src/registration.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { hasPassed } from '#libs/storage/src/checkpoints.ts';
import { readImport } from '#libs/storage/src/imports.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { readCsv } from './csv-file.ts';
import { patientLook } from './follow.ts';

/** What became of an imported file. */
export interface ImportResult {
  importId: string;
  table: 'vendors' | 'leads';
  lines: number;
  inserted: number;
  merged: { line: number; rowId: string }[];
  errors: { line: number; column: string; reason: string }[];
}

const TOPIC = 'crm.registration.v1';

const REASONS: Record<CellErrorCode, string> = {
  not_a_number: 'is not a number',
  not_a_date: 'is not a date (YYYY-MM-DD, or an ISO instant)',
  not_yes_or_no: 'is not true or false (yes, no, 1, 0)',
  not_a_list: 'is not a list (JSON, or comma-separated)',
  not_json: 'is not JSON',
  too_many_cells: 'the line has more cells than the header',
};

/** The column that stands in the way of a line, and what is told of it. */
const REFUSALS: Record<RefusalCode, [column: string, reason: (rowId: string) => string]> = {
  id_elsewhere: ['id', (id) => `${id} is a row of another location: leave the column id out`],
  contact_id_taken: ['ghl_contact_id', (id) => `row ${id} has it already`],
  user_id_taken: ['ghl_user_id', (id) => `row ${id} has it already`],
};

/**
 * Publishes the lines of a CSV file as registrations and waits until the projector has applied them. A line that repeats the id,
 * contact id, e-mail or user id of an earlier one is published after that one is applied, so that the earlier line keeps the row.
 */
export async function importFile(
  platform: Platform,
  table: 'vendors' | 'leads',
  account: string,
  file: string,
): Promise<ImportResult> {
  const [first, ...records] = readCsv(file);
  const header = first?.cells ?? [];
  const reader = table === 'vendors' ? vendorImport(header) : leadImport(header);
  if (header.length === 0 || reader.unknownColumns.length > 0) {
    const what =
      header.length === 0
        ? 'has no header'
        : `has columns that ${table} does not have, or has twice: ${reader.unknownColumns.join(', ')}`;
    throw new AppError(
      'config_invalid',
      `${file} ${what}. Nothing was imported; the first line must name columns of the table ${table}`,
    );
  }
  const importId = randomUUID();
  const registeredAt = Date.now();
  const errors: ImportResult['errors'] = [];
  const published: Registration[] = [];
  for (const { line, cells } of records) {
    const { fields, errors: faults } = reader.read(cells);
    if (faults.length > 0) errors.push(...faults.map(({ column, code }) => ({ line, column, reason: REASONS[code] })));
    else {
      const id = fields.id ?? rowIdOf(table === 'vendors' ? 'vendor' : 'lead', account, `${importId} ${line}`);
      published.push({ ...fields, id, account, importId, registeredAt, line, origin: 'import' });
    }
  }
  for (let rest = published; rest.length > 0;) {
    const taken = new Set<string>();
    const later: Registration[] = [];
    const now = rest.filter((registration) => {
      const keys = keysOf(registration);
      const repeats = keys.some((key) => taken.has(key));
      for (const key of keys) taken.add(key);
      if (repeats) later.push(registration);
      return !repeats;
    });
    await publish(platform, table, now);
    rest = later;
  }
  const outcomes = await readImport(platform.database, importId);
  errors.push(...faultsOf(published, outcomes));
  return {
    importId,
    table,
    lines: records.length,
    inserted: outcomes.filter(({ outcome }) => outcome === 'inserted').length,
    merged: outcomes.filter(({ outcome }) => outcome === 'merged').map(({ line, rowId }) => ({ line, rowId })),
    errors: errors.sort((a, b) => a.line - b.line),
  };
}

/** Lines that were published and are in no row. */
function faultsOf(
  published: readonly Registration[],
  outcomes: Awaited<ReturnType<typeof readImport>>,
): ImportResult['errors'] {
  const refused = outcomes.flatMap(({ line, outcome, rowId }) => {
    if (outcome === 'inserted' || outcome === 'merged') return [];
    const [column, reason] = REFUSALS[outcome];
    return [{ line, column, reason: reason(rowId) }];
  });
  const told = new Set(outcomes.map(({ line }) => line));
  const buried = published.filter(({ line }) => !told.has(line!));
  const reason = `cannot be written, went to the dead letters: \`tributary dead-letters list --topic ${TOPIC}\` says why`;
  return [...refused, ...buried.map(({ line }) => ({ line: line!, column: '', reason }))];
}

type Registration = VendorRegistered | LeadRegistered;

function keysOf(registration: Registration): string[] {
  const keys = [`id ${registration.id}`];
  if ('customerEmail' in registration) return keys;
  if (registration.ghlContactId !== null) keys.push(`contact ${registration.ghlContactId}`);
  if (registration.email !== null) keys.push(`email ${registration.email}`);
  if (registration.ghlUserId !== null) keys.push(`user ${registration.ghlUserId}`);
  return keys;
}

async function publish(platform: Platform, table: 'vendors' | 'leads', registrations: Registration[]): Promise<void> {
  const type = table === 'vendors' ? 'crm.registration.v1.VendorRegistered' : 'crm.registration.v1.LeadRegistered';
  const sent = await platform.producer.send(
    registrations.map((value) => ({ topic: TOPIC, key: value.id, type, value, id: randomUUID(), subject: value.id })),
  );
  const last = new Map<number, string>();
  for (const { partition, offset } of sent) last.set(partition, offset);
  const look = patientLook();
  while ((await look(() => hasPassed(platform.database, 'ghl', TOPIC, last))) !== true) await wait(50);
}
