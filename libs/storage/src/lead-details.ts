import type { LeadRegistered } from '#libs/contracts/src/generated/events.ts';
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

/** Writes the given details of a registered lead; on an existing row only where the column is empty. */
export async function fillLeadDetails(sql: Sql, event: LeadRegistered, isNew: boolean): Promise<void> {
  const given = DETAILS.filter(([, property]) => event[property] !== null);
  if (given.length === 0) return;
  const sets = given.map(([column, , expression], index) => {
    const value = expression.replace('$n', `$${index + 2}`);
    return `${column} = ${isNew ? value : `coalesce(${column}, ${value})`}`;
  });
  const values = given.map(([, property]) =>
    Array.isArray(event[property]) ? JSON.stringify(event[property]) : event[property],
  );
  await sql.query(`update leads set ${sets.join(', ')} where id = $1`, [event.id, ...values]);
}
