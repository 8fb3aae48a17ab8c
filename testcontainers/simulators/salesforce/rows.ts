import type { Value } from './contact-values.ts';
import type { ObjectField } from './objects.ts';
import type { Column, Plan } from './query.ts';

/** Text of an instant: `...Z` in bulk CSV, `...+0000` in JSON (salesforce A3, A4). */
function instant(ms: number, zone: string): string {
  return `${new Date(ms).toISOString().slice(0, 23)}${zone}`;
}

/** A value as JSON has it. */
export function jsonValue(value: Value, { type }: ObjectField): Value {
  return type === 'datetime' && typeof value === 'number' ? instant(value, '+0000') : value;
}

/** A record of a REST answer: attributes, the fields, relationships as objects of their own. */
export function jsonRecord(plan: Plan, index: number, version: string): Record<string, unknown> {
  const { object, columns } = plan;
  const id = String(object.value(plan.view, index, 'Id'));
  const record: Record<string, unknown> = {
    attributes: { type: object.name, url: `/services/data/${version}/sobjects/${object.name}/${id}` },
  };
  for (const column of columns) put(record, column, jsonValue(column.get(index), column.field));
  return record;
}

function put(record: Record<string, unknown>, { path }: Column, value: Value): void {
  let at = record;
  for (const relation of path.slice(0, -1)) {
    at[relation] ??= { attributes: { type: relation } };
    at = at[relation] as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}

/** How a job wants its CSV. */
export interface CsvStyle {
  delimiter: string;
  lineEnding: string;
}

/** The header line. */
export function csvHeader(columns: readonly Column[], { delimiter, lineEnding }: CsvStyle): string {
  return columns.map(({ name }) => `"${name}"`).join(delimiter) + lineEnding;
}

/** One line: every value in quotes, inner quotes doubled, nothing for null. */
export function csvLine(columns: readonly Column[], index: number, { delimiter, lineEnding }: CsvStyle): string {
  let line = '';
  for (const column of columns) {
    if (line !== '') line += delimiter;
    line += cell(column.get(index), column.field);
  }
  return line + lineEnding;
}

function cell(value: Value, { type }: ObjectField): string {
  if (value === null || value === '') return '""';
  if (typeof value === 'number') return type === 'datetime' ? `"${instant(value, 'Z')}"` : `"${exponent(value)}"`;
  if (typeof value === 'boolean') return value ? '"true"' : '"false"';
  return value.includes('"') ? `"${value.replaceAll('"', '""')}"` : `"${value}"`;
}

/** Large and small doubles come in the notation of Java. */
function exponent(value: number): string {
  return String(value).replace(/e\+?/, 'E');
}
