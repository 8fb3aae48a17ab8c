import type { LeadRow, VendorRow } from '#libs/domain/src/rows.ts';

/** How a column is read and written. Times are milliseconds since the epoch on our side. */
export type ColumnKind = 'text' | 'list' | 'time' | 'number' | 'boolean';

/** A table as the projections write it: properties of the row type in a fixed order, and their columns. */
export interface TableMap<Row extends { id: string }> {
  table: 'vendors' | 'leads';
  columns: readonly { property: keyof Row & string; column: string; kind: ColumnKind }[];
}

type Columns<Row> = { [P in keyof Row]-?: [column: string, kind: ColumnKind] };

function tableMap<Row extends { id: string }>(table: 'vendors' | 'leads', columns: Columns<Row>): TableMap<Row> {
  const entries = Object.entries(columns) as [keyof Row & string, [string, ColumnKind]][];
  return { table, columns: entries.map(([property, [column, kind]]) => ({ property, column, kind })) };
}

const LIFE = {
  id: ['id', 'text'],
  account: ['account_id', 'text'],
  ghlContactId: ['ghl_contact_id', 'text'],
  status: ['status', 'text'],
  previousStatus: ['previous_status', 'text'],
  missingSince: ['missing_since', 'time'],
  reclassifiedAs: ['reclassified_as', 'text'],
  reclassifiedAt: ['reclassified_at', 'time'],
  sourceUpdatedAt: ['source_updated_at', 'time'],
  bornAt: ['born_at', 'time'],
  bornScan: ['born_scan', 'text'],
  createdAt: ['created_at', 'time'],
  updatedAt: ['updated_at', 'time'],
} as const satisfies Partial<Columns<VendorRow>>;

/** vendors: every column is one of VendorRow. */
export const VENDORS = tableMap<VendorRow>('vendors', {
  ...LIFE,
  name: ['name', 'text'],
  companyName: ['company_name', 'text'],
  email: ['email', 'text'],
  phone: ['phone', 'text'],
  ghlUserId: ['ghl_user_id', 'text'],
  serviceCategories: ['service_categories', 'list'],
  servicesOffered: ['services_offered', 'list'],
  serviceZipCodes: ['service_zip_codes', 'text'],
  coverageType: ['coverage_type', 'text'],
  coverageStates: ['coverage_states', 'list'],
  coverageCounties: ['coverage_counties', 'list'],
  lastLeadAssigned: ['last_lead_assigned', 'time'],
  leadClosePercentage: ['lead_close_percentage', 'number'],
  takingNewWork: ['taking_new_work', 'boolean'],
  primaryServiceCategory: ['primary_service_category', 'text'],
  localStatus: ['local_status', 'text'],
  localStatusAt: ['local_status_at', 'time'],
  baseChangedAt: ['base_changed_at', 'time'],
});

/** leads: the columns the rules read or write; the others are set at registration only. */
export const LEADS = tableMap<LeadRow>('leads', {
  ...LIFE,
  ghlOpportunityId: ['ghl_opportunity_id', 'text'],
  customerName: ['customer_name', 'text'],
  customerEmail: ['customer_email', 'text'],
  customerPhone: ['customer_phone', 'text'],
  primaryServiceCategory: ['primary_service_category', 'text'],
  specificServiceRequested: ['specific_service_requested', 'text'],
  customerZipCode: ['customer_zip_code', 'text'],
  serviceZipCode: ['service_zip_code', 'text'],
  serviceCounty: ['service_county', 'text'],
  serviceState: ['service_state', 'text'],
  source: ['source', 'text'],
});
