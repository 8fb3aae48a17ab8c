import type { Settings } from '#libs/runtime/src/settings.ts';
import { readHistory, type HistoryItem, type HistoryPage } from '#libs/storage/src/history.ts';
import { existingStack, withDatabase } from './connections.ts';

/** The newest changes of a row. */
export async function historyOf(
  settings: Settings,
  table: 'vendors' | 'leads',
  id: string,
  limit: number,
): Promise<HistoryPage> {
  return withDatabase(await existingStack(settings), (database) => readHistory(database, { table, id, limit }));
}

/** The history for people: one line for each event. */
export function renderHistory({ items, next }: HistoryPage): string {
  if (items.length === 0) return 'Nothing is known of what happened to this row.';
  return [...items.map(renderItem), ...(next === null ? [] : ['(there is more: --limit)'])].join('\n');
}

function renderItem({ at, type, cause, scanId, changes }: HistoryItem): string {
  const what = Object.entries(changes).map(([field, { before, after }]) =>
    before === null ? `${field} = ${text(after)}` : `${field}: ${text(before)} -> ${text(after)}`,
  );
  const why = scanId === null ? cause : `${cause}, sync ${scanId}`;
  return `${at}  ${type}  (${why})  ${what.join('; ')}`;
}

/** Quoted, so that no value passes for a field or a line of its own. */
function text(value: unknown): string {
  return value === null ? 'empty' : JSON.stringify(value);
}
