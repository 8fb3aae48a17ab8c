import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { readImportFile, type ImportLine } from '#libs/domain/src/import.ts';
import type { OutgoingEvent } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { hasPassed } from '#libs/storage/src/checkpoints.ts';
import { readImport } from '#libs/storage/src/imports.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';

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

/**
 * Publishes the lines of a CSV file as registrations and waits until the projector has applied them. A line that repeats the id,
 * contact id or e-mail of an earlier one is published after that one is applied, so that the earlier line keeps the row.
 */
export async function importFile(platform: Platform, table: 'vendors' | 'leads', account: string, file: string): Promise<ImportResult> {
  const cells = readCells(file);
  const importId = randomUUID();
  const { lines, errors } = readImportFile(table, cells, { account, importId, registeredAt: Date.now() });
  let rest = lines.map((line) => withId(table, account, importId, line));
  while (rest.length > 0) {
    const taken = new Set<string>();
    const later: typeof rest = [];
    const now = rest.filter((line) => {
      const keys = keysOf(line);
      const repeats = keys.some((key) => taken.has(key));
      for (const key of keys) taken.add(key);
      if (repeats) later.push(line);
      return !repeats;
    });
    await publish(platform, table, now);
    rest = later;
  }
  const { inserted, merged } = await readImport(platform.database, importId);
  return { importId, table, lines: cells.length - 1, inserted, merged, errors };
}

function readCells(file: string): string[][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new AppError('config_invalid', `${file} cannot be read`, { cause: error });
  }
  try {
    return parse(text, { bom: true, relax_column_count: true, skip_empty_lines: true });
  } catch (error) {
    throw new AppError('config_invalid', `${file} is no CSV file: ${(error as Error).message}`, { cause: error });
  }
}

type Line = ImportLine & { value: VendorRegistered | LeadRegistered };

function withId(table: 'vendors' | 'leads', account: string, importId: string, line: ImportLine): Line {
  const id = line.value.id === '' ? rowIdOf(table === 'vendors' ? 'vendor' : 'lead', account, `${importId} ${line.line}`) : line.value.id;
  return { ...line, value: { ...line.value, id } };
}

function keysOf({ value }: Line): string[] {
  const keys = [`id ${value.id}`];
  if ('customerEmail' in value) return keys;
  if (value.ghlContactId !== null) keys.push(`contact ${value.ghlContactId}`);
  if (value.email !== null) keys.push(`email ${value.email}`);
  return keys;
}

async function publish(platform: Platform, table: 'vendors' | 'leads', lines: Line[]): Promise<void> {
  const type = table === 'vendors' ? 'crm.registration.v1.VendorRegistered' : 'crm.registration.v1.LeadRegistered';
  const sent = await platform.producer.send(
    lines.map(({ value }) => ({ topic: TOPIC, key: value.id, type, value, id: randomUUID(), subject: value.id }) as OutgoingEvent),
  );
  const last = new Map<number, string>();
  for (const { partition, offset } of sent) last.set(partition, offset);
  while (!(await hasPassed(platform.database, 'ghl', TOPIC, last))) await wait(50);
}
