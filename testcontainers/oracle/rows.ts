/** What both tables show of a row's life: the base status hides in `previous_status` while the row is missing. */
export interface LifeColumns {
  id: string;
  ghl_contact_id: string | null;
  status: string;
  previous_status: string | null;
  /** Milliseconds; the model writes MARKED for "some time in this scan". */
  missing_since: number | null;
  reclassified_as: string | null;
  /** Milliseconds; the model writes 0 for a row that the scan creates. */
  created_at: number;
}

/** A vendors row as the model sees it: the business columns, under their names in the table. */
export interface VendorRow extends LifeColumns {
  name: string;
  company_name: string | null;
  email: string | null;
  phone: string | null;
  ghl_user_id: string | null;
  service_categories: string[];
  services_offered: string[];
  service_zip_codes: string | null;
  coverage_type: string | null;
  coverage_states: string[];
  coverage_counties: string[];
  last_lead_assigned: number | null;
  lead_close_percentage: number | null;
  taking_new_work: boolean;
  primary_service_category: string | null;
}

/** A leads row as the model sees it. */
export interface LeadRow extends LifeColumns {
  ghl_opportunity_id: string | null;
  customer_name: string | null;
  customer_email: string | null;
  customer_phone: string | null;
  source: string | null;
  primary_service_category: string | null;
  specific_service_requested: string | null;
  customer_zip_code: string | null;
  service_zip_code: string | null;
  service_county: string | null;
  service_state: string | null;
}

/** True when both show the same: plain data with their keys in one order, whatever realm (jest has several) they come from. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Stands for the time of the scan in `missing_since`. */
export const MARKED = 1;

/** A new vendors row before anything is known of it: the defaults of V3's columns (ghl-sync-v3 section 3). */
export function blankVendor(id: string): VendorRow {
  return {
    id,
    ghl_contact_id: null,
    status: 'pending',
    previous_status: null,
    missing_since: null,
    reclassified_as: null,
    created_at: 0,
    name: '',
    company_name: null,
    email: null,
    phone: null,
    ghl_user_id: null,
    service_categories: [],
    services_offered: [],
    service_zip_codes: null,
    coverage_type: 'county',
    coverage_states: [],
    coverage_counties: [],
    last_lead_assigned: null,
    lead_close_percentage: 0,
    taking_new_work: true,
    primary_service_category: null,
  };
}

/** A new leads row before anything is known of it. */
export function blankLead(id: string): LeadRow {
  return {
    id,
    ghl_contact_id: null,
    status: 'new',
    previous_status: null,
    missing_since: null,
    reclassified_as: null,
    created_at: 0,
    ghl_opportunity_id: null,
    customer_name: null,
    customer_email: null,
    customer_phone: null,
    source: 'elementor',
    primary_service_category: null,
    specific_service_requested: null,
    customer_zip_code: null,
    service_zip_code: null,
    service_county: null,
    service_state: null,
  };
}
