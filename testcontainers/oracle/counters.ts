/** The counters of a run that the model foretells (rules-ghl section 7), under their names in V3's stats. */
export interface Counters {
  vendors_checked: number;
  vendors_updated: number;
  vendors_created: number;
  vendors_deleted: number;
  vendors_missing_in_ghl: number;
  vendors_deactivated: number;
  leads_checked: number;
  leads_updated: number;
  leads_created: number;
  leads_deleted: number;
  ghl_contacts_fetched: number;
  unchanged: number;
  conflicts: number;
  reclassified: number;
  restored: number;
  rebound: number;
  field_errors: number;
  lookups_unknown: number;
  dead_lettered: number;
}

/** All counters at nought. */
export function noCounters(): Counters {
  return {
    vendors_checked: 0,
    vendors_updated: 0,
    vendors_created: 0,
    vendors_deleted: 0,
    vendors_missing_in_ghl: 0,
    vendors_deactivated: 0,
    leads_checked: 0,
    leads_updated: 0,
    leads_created: 0,
    leads_deleted: 0,
    ghl_contacts_fetched: 0,
    unchanged: 0,
    conflicts: 0,
    reclassified: 0,
    restored: 0,
    rebound: 0,
    field_errors: 0,
    lookups_unknown: 0,
    dead_lettered: 0,
  };
}
