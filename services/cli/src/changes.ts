import { MAX_CHANGES, readChanges, type ChangeSet, type RowChange } from '#libs/storage/src/dry-run-changes.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { RunView } from '#libs/storage/src/reads.ts';

const SHOWN = 20;

/** What a dry run would change; undefined for any other run, and where a dry run read nothing. */
export async function changesOf(database: Database, run: RunView): Promise<ChangeSet | undefined> {
  if (!run.dryRun) return undefined;
  return readChanges(database, run.joinedTo ?? run.syncId, { limit: MAX_CHANGES, offset: 0 });
}

/** The changes for people: how many, and the first of them. */
export function describeChanges({ total, leftOut, items }: ChangeSet): string {
  const shown = items.slice(0, SHOWN).map((change) => `  ${describeChange(change)}`);
  const kept = leftOut === 0 ? '' : ` but for ${leftOut}`;
  const more = total > shown.length ? [`  and ${total - shown.length} more (--json has them${kept})`] : [];
  return [`Changes: ${total}`, ...shown, ...more].join('\n');
}

function describeChange({ table, id, outcome, columns }: RowChange): string {
  const names = Object.entries(columns);
  if (names.length === 0) return `${table} ${id} ${outcome}`;
  if (outcome === 'created')
    return `${table} ${id} created: ${text(columns['name']?.after ?? columns['customer_name']?.after)}`;
  const changes = names.map(([name, { before, after }]) => `${name} ${text(before)} -> ${text(after)}`);
  return `${table} ${id} ${outcome}: ${changes.join(', ')}`;
}

function text(value: unknown): string {
  const json = JSON.stringify(value ?? null);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}
