import type { LeadRegistered } from '#libs/contracts/src/generated/events.ts';
import type { FieldValues } from './changes.ts';
import type { Sql } from './pool.ts';

/** Columns of leads that no rule reads or writes: set when a row is registered, filled where empty when it is merged. */
const DETAILS: readonly [column: string, property: keyof LeadRegistered, expression: string][] = [
  ['vendor_id', 'vendorId', '$n::text'],
  ['service_category', 'serviceCategory', '$n::text'],
  ['service_details', 'serviceDetails', '$n::jsonb'],
  ['estimated_value', 'estimatedValue', '$n::numeric'],
  ['priority_score', 'priorityScore', '$n::numeric'],
  ['priority', 'priority', '$n::text'],
  ['service_city', 'serviceCity', '$n::text'],
  ['service_complexity', 'serviceComplexity', '$n::text'],
  ['estimated_duration', 'estimatedDuration', '$n::text'],
  ['requires_emergency_response', 'requiresEmergencyResponse', '$n::boolean'],
  ['classification_confidence', 'classificationConfidence', '$n::numeric'],
  ['classification_reasoning', 'classificationReasoning', '$n::text'],
  ['assigned_at', 'assignedAt', 'to_timestamp($n::float8 / 1000.0)'],
  ['specific_services', 'specificServices', '$n::jsonb'],
];

/** What a registration fills of the details, before and after by column: all it gives on a new row, else where the column is empty. */
export async function newLeadDetails(sql: Sql, event: LeadRegistered, isNew: boolean): Promise<FieldValues> {
  const given = DETAILS.filter(([, property]) => event[property] !== null);
  if (given.length === 0) return {};
  const present = isNew ? {} : await presentDetails(sql, event.id);
  const filled = given.filter(([column]) => (present[column] ?? null) === null);
  return Object.fromEntries(filled.map(([column, property]) => [column, [null, shown(column, event[property])]]));
}

async function presentDetails(sql: Sql, id: string): Promise<Record<string, unknown>> {
  const columns = DETAILS.map(([column]) => column).join(', ');
  const { rows } = await sql.query<Record<string, unknown>>(`select ${columns} from leads where id = $1`, [id]);
  return rows[0] ?? {};
}

function shown(column: string, value: unknown): unknown {
  if (column === 'service_details') return JSON.parse(value as string) as unknown;
  return column === 'assigned_at' ? new Date(value as number).toISOString() : value;
}

/** Writes those of the details of a registered lead that `filled` names. */
export async function fillLeadDetails(sql: Sql, event: LeadRegistered, filled: FieldValues): Promise<void> {
  const given = DETAILS.filter(([column]) => column in filled);
  if (given.length === 0) return;
  const sets = given.map(([column, , expression], index) => `${column} = ${expression.replace('$n', `$${index + 2}`)}`);
  const values = given.map(([, property]) =>
    Array.isArray(event[property]) ? JSON.stringify(event[property]) : event[property],
  );
  await sql.query(`update leads set ${sets.join(', ')} where id = $1`, [event.id, ...values]);
}
