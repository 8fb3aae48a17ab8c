import { hasChanged, isTold } from '#libs/domain/src/lifecycle.ts';
import type { RowLife } from '#libs/domain/src/rows.ts';
import type { FieldValues, StoredChange, Transition } from './changes.ts';
import { cellText, copyCell } from './copy.ts';
import type { ColumnKind, TableMap } from './columns.ts';

/** A row on its way into its table for the first time: the line it is copied with tells of it as well. */
export type Birth = Pick<Transition<RowLife>, 'version' | 'cause'> & { line: string };

/**
 * The births of one table as text: the table with the columns of its lines, then for each row why and with what. A first load writes
 * every row of a location: encoding each a second time for those who are told would cost as much as writing it.
 */
export function storedBirths({ table, columns }: TableMap<RowLife>, births: readonly Birth[]): string {
  const head = { table, columns: columns.map(({ property, column, kind }) => [property, column, kind]) };
  let content = `${JSON.stringify(head)}\n`;
  for (const { line, version, cause } of births) {
    const { kind, eventId, scanId, at } = cause;
    content += `${kind}\t${copyCell(eventId, 'text')}\t${copyCell(scanId, 'text')}\t${at}\t${version}\t${line}`;
  }
  return content;
}

/** The births of a stored text as changes from nothing, in order. */
export function birthsOf(content: string): StoredChange[] {
  const [head = '', ...lines] = content.split('\n');
  const { table, columns } = JSON.parse(head) as { table: string; columns: [string, string, ColumnKind][] };
  return lines.slice(0, -1).map((line) => {
    const [kind, eventId, scanId, at, version, ...cells] = line.split('\t').map(cellText);
    const cell = (property: string): string | null => cells[columns.findIndex(([name]) => name === property)] ?? null;
    const fields: FieldValues = {};
    columns.forEach(([property, column, type], index) => {
      const value = cellValue(cells[index] ?? null, type);
      if (isTold(property) && hasChanged(null, value)) fields[column] = [null, value];
    });
    return {
      e: table === 'vendors' ? 'Vendor' : 'Lead',
      n: 'Created',
      id: cell('id')!,
      v: Number(version),
      a: cell('account')!,
      g: cell('ghlContactId'),
      k: kind as StoredChange['k'],
      c: eventId!,
      s: scanId!,
      t: Number(at),
      f: fields,
    };
  });
}

function cellValue(text: string | null, kind: ColumnKind): unknown {
  if (text === null || kind === 'text' || kind === 'time') return text;
  return JSON.parse(text) as unknown;
}
