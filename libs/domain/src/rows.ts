/**
 * Rows of the vendors and leads tables as the rules see them: plain values, times in milliseconds since the epoch, lists as arrays.
 * `null` means empty. libs/storage maps them to columns.
 */

/** What both tables share: identity, life of the status, and what the row shows. */
export interface RowLife {
  id: string;
  /** Account (GHL location id). */
  account: string;
  ghlContactId: string | null;
  /** Shown status; INACTIVE_GHL_DELETED_STATUS while the row is missing. */
  status: string;
  /** Base status while the row is missing (null: unknown, for example imported as inactive); null otherwise. */
  previousStatus: string | null;
  missingSince: number | null;
  /** `vendor` or `staff` while the row's contact is seen but classed otherwise. */
  reclassifiedAs: string | null;
  reclassifiedAt: number | null;
  /** Source version (dateUpdated) of the contact the row shows; null before the first observation. */
  sourceUpdatedAt: number | null;
  /** When the event that made the row happened; "existed before the scan" is bornAt < startedAt. */
  bornAt: number;
  /** Scan whose observation made the row; null for registered rows. */
  bornScan: string | null;
  createdAt: number;
  updatedAt: number;
}

/** A row of vendors. */
export interface VendorRow extends RowLife {
  /** The word of people on the status, shown instead of the base status (kept in previousStatus); null without one. */
  localStatus: string | null;
  /** When the newest word was said, a restore included. */
  localStatusAt: number | null;
  /** When an observation last changed the base status. */
  baseChangedAt: number | null;
  name: string;
  companyName: string | null;
  email: string | null;
  phone: string | null;
  ghlUserId: string | null;
  serviceCategories: string[];
  servicesOffered: string[];
  serviceZipCodes: string | null;
  coverageType: string | null;
  coverageStates: string[];
  coverageCounties: string[];
  lastLeadAssigned: number | null;
  leadClosePercentage: number | null;
  takingNewWork: boolean;
  primaryServiceCategory: string | null;
}

/** A row of leads: the columns the rules read or write. Columns they never touch stay in storage. */
export interface LeadRow extends RowLife {
  ghlOpportunityId: string | null;
  customerName: string | null;
  customerEmail: string | null;
  customerPhone: string | null;
  primaryServiceCategory: string | null;
  specificServiceRequested: string | null;
  customerZipCode: string | null;
  serviceZipCode: string | null;
  serviceCounty: string | null;
  serviceState: string | null;
  source: string | null;
}
