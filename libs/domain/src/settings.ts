/** Settings of the GHL rules (architecture section 9). One value per account; the defaults are V3's. */
export interface GhlRules {
  /** Contact source that says vendor, compared as a case-insensitive substring. */
  vendorSourceKeyword: string;
  /** Tags that say vendor, lower case. */
  vendorTags: readonly string[];
  /** Tag levels; the highest level present wins. */
  vendorTagLevels: readonly VendorTagLevel[];
  /** Status a lead gets from the tag `new lead`. */
  newLeadStatus: string;
  defaultVendorStatus: string;
  defaultLeadStatus: string;
  /** Shown by rows that are missing in GHL. */
  inactiveStatus: string;
  /** Base statuses that the mere absence of a level tag does not change (VENDOR_STATUS_KEPT). */
  vendorStatusKept: readonly string[];
  /** Tags that make a contact without evidence a lead in mode full (LEAD_DISCOVERY_TAGS), lower case. */
  leadDiscoveryTags: readonly string[];
  /** Whether empty GHL values blank some vendor columns (GHL_EMPTY_OVERWRITES). */
  emptyOverwrites: boolean;
  /** MISSING_MAX_SHARE and MISSING_MIN_ROWS: the safety valve. */
  missingMaxShare: number;
  missingMinRows: number;
  /** MISSING_MAX_UNKNOWN_SHARE: above it, of at least 20 look-ups, the source counts as down. */
  missingMaxUnknownShare: number;
  /** Custom field ids by what they mean. */
  customFields: GhlCustomFields;
}

/** One line of VENDOR_TAG_LEVELS. */
export interface VendorTagLevel {
  level: number;
  tag: string;
  status: string;
}

/** Custom field ids of an account (ghl-sync-v3 section 4.4); where two are given the first that is not empty counts. */
export interface GhlCustomFields {
  ghlUserId: string;
  companyName: string;
  serviceCategories: readonly string[];
  servicesOffered: string;
  serviceZipCodes: string;
  takingNewWork: string;
  lastLeadAssigned: string;
  leadClosePercentage: string;
  primaryServiceCategory: string;
  specificServiceRequested: string;
  leadZip: string;
}

/** V3's values (ghl-sync-v3 sections 1 and 4.4), with the decisions of rules-ghl. */
export const DEFAULT_GHL_RULES: GhlRules = {
  vendorSourceKeyword: 'Vendor Application',
  vendorTags: ['new vendor', 'new vendor application', 'manually approved'],
  vendorTagLevels: [
    { level: 0, tag: 'new vendor application', status: 'new application' },
    { level: 1, tag: 'onboarding in process', status: 'onboarding in process' },
    { level: 2, tag: 'manual approval', status: 'pending' },
    { level: 3, tag: 'manually approved', status: 'active' },
    { level: 4, tag: 'deactivated', status: 'deactivated' },
    { level: 5, tag: 'reactivated', status: 'active' },
  ],
  newLeadStatus: 'new lead',
  defaultVendorStatus: 'pending',
  defaultLeadStatus: 'unassigned',
  inactiveStatus: 'inactive_ghl_deleted',
  vendorStatusKept: ['active', 'deactivated'],
  leadDiscoveryTags: [],
  emptyOverwrites: false,
  missingMaxShare: 0.5,
  missingMinRows: 100,
  missingMaxUnknownShare: 0.2,
  customFields: {
    ghlUserId: 'HXVNT4y8OynNokWAfO2D',
    companyName: 'JexVrg2VNhnwIX7YlyJV',
    serviceCategories: ['72qwwzy4AUfTCBJvBIEf', 'O84LyhN1QjZ8Zz5mteCM'],
    servicesOffered: 'pAq9WBsIuFUAZuwz3YY4',
    serviceZipCodes: 'yDcN0FmwI3xacyxAuTWs',
    takingNewWork: 'bTFOs5zXYt85AvDJJUAb',
    lastLeadAssigned: 'NbsJTMv3EkxqNfwx8Jh4',
    leadClosePercentage: 'OwHQipU7xdrHCpVswtnW',
    primaryServiceCategory: 'HRqfv0HnUydNRLKWhk27',
    specificServiceRequested: 'FT85QGi0tBq1AfVGNJ9v',
    leadZip: 'RmAja1dnU0u42ECXhCo9',
  },
};
