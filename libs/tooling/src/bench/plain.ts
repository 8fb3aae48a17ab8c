import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { Processor } from '#libs/kafka/src/processor.ts';
import { saveCheckpoint } from '#libs/storage/src/checkpoints.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';

/** Fields of an observation, their columns in vendors and the types of these. */
const FIELDS: readonly [field: keyof VendorObserved, column: string, type: string][] = [
  ['contactId', 'id', 'text'],
  ['account', 'account_id', 'text'],
  ['name', 'name', 'text'],
  ['companyName', 'company_name', 'text'],
  ['email', 'email', 'text'],
  ['phone', 'phone', 'text'],
  ['ghlUserId', 'ghl_user_id', 'text'],
  ['serviceCategories', 'service_categories', 'jsonb'],
  ['servicesOffered', 'services_offered', 'jsonb'],
  ['serviceZipCodes', 'service_zip_codes', 'text'],
  ['coverageType', 'coverage_type', 'text'],
  ['coverageStates', 'coverage_states', 'jsonb'],
  ['coverageCounties', 'coverage_counties', 'jsonb'],
  ['leadClosePercentage', 'lead_close_percentage', 'numeric'],
  ['tagStatus', 'status', 'text'],
  ['takingNewWork', 'taking_new_work', 'boolean'],
  ['primaryServiceCategory', 'primary_service_category', 'text'],
];

/**
 * For comparison: the least that keeps a table like its topic. One upsert a batch that passes over equal rows, with the checkpoint in
 * its transaction; no rule, no history, no evidence of what a scan saw. What it does a second is what the machine has to give.
 */
export function plainProjection(database: Database): Processor {
  const text = upsert();
  return {
    name: 'ghl',
    groupId: 'projector-ghl',
    topics: ['crm.observation.v1'],
    types: ['crm.observation.v1.VendorObserved'],
    savesCheckpoint: true,
    async handle({ events, checkpoint }) {
      await inTransaction(database, async (sql) => {
        await saveCheckpoint(sql, checkpoint);
        await sql.query({ name: 'plain', text, values: [JSON.stringify(events.map(({ value }) => value))] });
      });
    },
  };
}

function upsert(): string {
  const columns = [...FIELDS.map(([, column]) => column), 'ghl_contact_id', 'source_updated_at', 'updated_at'];
  const changing = FIELDS.map(([, column]) => column).filter((column) => column !== 'id');
  const given = FIELDS.map(([field]) => `w."${field}"`);
  const fields = FIELDS.map(([field, , type]) => `"${field}" ${type}`);
  const row = (of: string): string => `(${changing.map((column) => `${of}.${column}`).join(', ')})`;
  const sets = [...changing, 'source_updated_at', 'updated_at'].map((column) => `${column} = excluded.${column}`);
  return `insert into vendors as t (${columns.join(', ')})
    select ${given.join(', ')}, w."contactId", to_timestamp(w."dateUpdated" / 1000.0), to_timestamp(w."observedAt" / 1000.0)
    from json_to_recordset($1::json) as w (${fields.join(', ')}, "dateUpdated" float8, "observedAt" float8)
    on conflict (id) do update set ${sets.join(', ')} where ${row('t')} is distinct from ${row('excluded')}`;
}
