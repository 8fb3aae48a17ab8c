import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { GhlCustomFields } from '#libs/domain/src/settings.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { parseAccountsFile } from '#libs/runtime/src/ghl-accounts-file.ts';

/**
 * Writes mappings into an accounts file: every other key stays, fields that were not found keep what they had. The file is
 * replaced at once, readable by its owner only, so that nobody ever reads half of it.
 */
export function writeMapping(
  file: string,
  found: readonly { locationId: string; customFields: Partial<GhlCustomFields> }[],
): void {
  parseAccountsFile(file);
  const path = realpathSync(file);
  const entries = JSON.parse(readFileSync(path, 'utf8')) as { locationId: string; customFields?: object }[];
  for (const { locationId, customFields } of found) {
    const entry = entries.find((one) => one.locationId.trim() === locationId);
    if (entry === undefined)
      throw new AppError(
        'config_invalid',
        `${file} has no entry for the location ${locationId}: add it with its token first`,
      );
    entry.customFields = { ...entry.customFields, ...customFields };
  }
  replaceFile(path, `${JSON.stringify(entries, null, 2)}\n`);
}

function replaceFile(path: string, text: string): void {
  const next = `${path}.${process.pid}.tmp`;
  const handle = openSync(next, 'wx', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}
