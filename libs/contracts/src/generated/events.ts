// Generated from schemas/ by `npm run schemas:generate`. Do not edit.

// Times are milliseconds since the epoch (Avro timestamp-millis).

/** A column with its value before and after. */
export interface FieldChange {
  /** Column of the table. */
  field: string;
  /** Value before, as JSON text (times as ISO 8601 in UTC); null when it was empty. */
  before: string | null;
  /** Value after, as JSON text (times as ISO 8601 in UTC); null when it is empty now. */
  after: string | null;
}

/** Why a row changed. */
export type ChangeCause =
  'observation' | 'contest' | 'missing_rule' | 'confirmation' | 'restored' | 'registration' | 'import' | 'operator';

/** A lead row began: born from an observation, registered or imported. Before is null for every field; empty fields are left out. */
export interface LeadCreated {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A lead row was marked missing: the source denied every look-up of it. The former status is in previous_status. */
export interface LeadMarkedMissing {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A lead row whose own contact is gone shows another contact now; other fields may have changed too. */
export interface LeadRebound {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** The contact of a lead row is seen but classed otherwise, or fits again; other fields may have changed too. */
export interface LeadReclassified {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A lead row that was missing shows its former status again; other fields may have changed too. */
export interface LeadRestored {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** Fields of a lead row changed, and nothing that has an event of its own. */
export interface LeadUpdated {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A lead row was removed in the very scan that made it, because a better claim to its e-mail arrived. After is null for every field. */
export interface LeadWithdrawn {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A vendor row began: born from an observation, registered or imported. Before is null for every field; empty fields are left out. */
export interface VendorCreated {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A vendor row was marked missing: the source denied every look-up of it. The former status is in previous_status. */
export interface VendorMarkedMissing {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A vendor row whose own contact is gone shows another contact now; other fields may have changed too. */
export interface VendorRebound {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** The contact of a vendor row is seen but classed otherwise, or fits again; other fields may have changed too. */
export interface VendorReclassified {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A vendor row that was missing shows its former status again; other fields may have changed too. */
export interface VendorRestored {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** Fields of a vendor row changed, and nothing that has an event of its own. */
export interface VendorUpdated {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** A vendor row was removed in the very scan that made it, because a better claim to its e-mail arrived. After is null for every field. */
export interface VendorWithdrawn {
  /** Id of the row, which is the key of the record. */
  entityId: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** Contact that the row shows, if any. */
  ghlContactId: string | null;
  /** Version of the row that the change made; versions begin anew where a row is born again or rebuilt. */
  version: number;
  /** Every column that changed, but those that only date or number the row. */
  changes: FieldChange[];
  /** observation (its contact was read), contest (settled among several contacts when the scan ended), missing_rule, confirmation (of a held missing rule), restored (seen, though no contact was its own), registration, import or operator. */
  cause: ChangeCause;
  /** Id (ce_id) of the event that caused the change. */
  causationId: string;
  /** Scan that the cause belongs to; null outside of one. */
  scanId: string | null;
  /** When the cause happened. */
  at: number;
}

/** Evidence collected when the scan started: what the local tables knew of this contact (architecture section 5). */
export interface KnownAs {
  /** A vendor row has this contact id. */
  vendorById: boolean;
  /** A vendor row has this e-mail. */
  vendorByEmail: boolean;
  /** A lead row has this contact id. */
  leadById: boolean;
  /** A lead row has this e-mail. */
  leadByEmail: boolean;
  /** A lead row has an opportunity id that the contact names, in a custom field or among its opportunities. */
  leadByOpportunity: boolean;
  /** The opportunity ids of lead rows that the contact names; the rows are matched by them. */
  leadOpportunityIds: string[];
}

/** Why it is neither. */
export type UnclassifiedReason = 'staff' | 'no_evidence';

/** A contact that is neither vendor nor lead, with the reason. */
export interface ContactUnclassified {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Contact id. */
  contactId: string;
  /** Mode of the scan: full, targeted, or single. */
  mode: string;
  /** When the contact was read. */
  observedAt: number;
  /** Version of the record at the source. */
  dateUpdated: number | null;
  /** E-mail, trimmed and lower-cased; null when empty. */
  email: string | null;
  /** Evidence of the scan's start. */
  knownAs: KnownAs;
  /** staff (type is staff) or no_evidence. */
  reason: UnclassifiedReason;
}

/** A field of the contact that could not be used; its column keeps its value. */
export interface FieldError {
  /** Column it was meant for. */
  field: string;
  /** nul_removed, unexpected_type, too_long, not_a_number, not_a_date, not_yes_or_no, unknown_coverage or unknown_zip. */
  code: string;
}

/** A contact that is a lead, with every lead field the rules read from it; null means empty at the source. */
export interface LeadObserved {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Contact id. */
  contactId: string;
  /** Mode of the scan: full, targeted, or single. */
  mode: string;
  /** When the contact was read. */
  observedAt: number;
  /** Version of the record at the source. */
  dateUpdated: number | null;
  /** E-mail, trimmed and lower-cased; null when empty. */
  email: string | null;
  /** Evidence of the scan's start. */
  knownAs: KnownAs;
  /** True when LEAD_DISCOVERY_TAGS made it a lead without evidence: it may create a row. */
  discovered: boolean;
  /** First and last name, or the stand-in. */
  name: string;
  /** True when the contact is nameless. */
  nameIsStandIn: boolean;
  /** Phone, trimmed. */
  phone: string | null;
  /** Primary service category. */
  primaryServiceCategory: string | null;
  /** Specific service requested. */
  specificServiceRequested: string | null;
  /** Service zip, normalised (rules-ghl section 5). */
  zip: string | null;
  /** County of the zip; null when it does not resolve. */
  county: string | null;
  /** State of the zip; null when it does not resolve. */
  state: string | null;
  /** The tag `new lead` is present. */
  hasNewLeadTag: boolean;
  /** Fields that could not be used. */
  fieldErrors: FieldError[];
}

/** Stands in the place of a raw record of a scan that went to the dead-letter topic, so that its number is not missed and the missing rule knows of it. */
export interface RecordDeadLettered {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan, and of a marker. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Topic the record was on. */
  topic: string;
  /** Its partition. */
  partition: number;
  /** Its offset. */
  offset: number;
  /** Full name of its event; null when its headers do not say. A scan whose marker cannot be read cannot end by itself. */
  recordType: string | null;
  /** Error code: why it could not be classified. */
  code: string;
  /** When it was dead-lettered. */
  at: number;
}

/** A contact that is a vendor, with every vendor field the rules read from it; null means empty at the source. The fields before contactId say which scan saw it, and how; the others are what was seen. */
export interface VendorObserved {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Mode of the scan: full, targeted, or single. */
  mode: string;
  /** When the contact was read. */
  observedAt: number;
  /** Evidence of the scan's start. */
  knownAs: KnownAs;
  /** Contact id. */
  contactId: string;
  /** Version of the record at the source. */
  dateUpdated: number | null;
  /** E-mail, trimmed and lower-cased; null when empty. */
  email: string | null;
  /** Fields that could not be used. */
  fieldErrors: FieldError[];
  /** GHL itself says vendor (source keyword or vendor tag), not only our tables. */
  signals: boolean;
  /** First and last name, or the stand-in. */
  name: string;
  /** True when the contact is nameless: such a name fills only an empty one. */
  nameIsStandIn: boolean;
  /** Phone, trimmed. */
  phone: string | null;
  /** Company name from its custom field. */
  companyName: string | null;
  /** GHL user id. */
  ghlUserId: string | null;
  /** Service categories, trimmed, in GHL's order. */
  serviceCategories: string[];
  /** Services offered, trimmed, in GHL's order. */
  servicesOffered: string[];
  /** Service zip codes text as given. */
  serviceZipCodes: string | null;
  /** global, national, state or county; null when the text is empty or unknown. */
  coverageType: string | null;
  /** Two-letter states of the coverage. */
  coverageStates: string[];
  /** Counties of the coverage as `County, ST`. */
  coverageCounties: string[];
  /** Whether the vendor takes new work; null when empty. */
  takingNewWork: boolean | null;
  /** When the last lead was assigned. */
  lastLeadAssigned: number | null;
  /** Lead close percentage, 0 to 100. */
  leadClosePercentage: number | null;
  /** Primary service category. */
  primaryServiceCategory: string | null;
  /** Status of the highest tag level present; null when no level tag is there. */
  tagStatus: string | null;
}

/** A person decided that a dead letter will not be sent back. */
export interface DeadLetterDiscarded {
  /** The dead letter: its topic, partition and offset, joined by colons. */
  id: string;
  /** Topic the record was on before it was dead-lettered. */
  topic: string;
  /** Its partition there. */
  partition: number;
  /** Its offset there. */
  offset: number;
  /** Consumer group that could not handle it. */
  group: string;
  /** Error code: why it could not. */
  code: string;
  /** Account the record belongs to; null when its key does not say. */
  account: string | null;
  /** Scan it was read in; null outside a scan. */
  scanId: string | null;
  /** When it was dead-lettered. */
  deadLetteredAt: number;
  /** Why, in their words. */
  reason: string;
  /** Who did it: cli and the system user, or api and the id of the key; never a secret. */
  by: string;
  /** When it was decided. */
  at: number;
}

/** A person sent a dead letter back to the topic it came from, outside any scan. */
export interface DeadLetterRedriven {
  /** The dead letter: its topic, partition and offset, joined by colons. */
  id: string;
  /** Topic the record was on before it was dead-lettered. */
  topic: string;
  /** Its partition there. */
  partition: number;
  /** Its offset there. */
  offset: number;
  /** Consumer group that could not handle it. */
  group: string;
  /** Error code: why it could not. */
  code: string;
  /** Account the record belongs to; null when its key does not say. */
  account: string | null;
  /** Scan it was read in; null outside a scan. */
  scanId: string | null;
  /** When it was dead-lettered. */
  deadLetteredAt: number;
  /** Who did it: cli and the system user, or api and the id of the key; never a secret. */
  by: string;
  /** When it was sent. */
  at: number;
}

/** GoHighLevel says that a known contact id does not exist (any more). */
export interface ContactGone {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Contact id looked up. */
  contactId: string;
  /** Mode of the scan: full, targeted, or single. */
  mode: string;
  /** not_found (answered 404 or 400 not found) or deleted (a delete webhook). */
  reason: string;
  /** When it was answered. */
  at: number;
}

/** A look-up stayed without an answer; the rows it was for are exempt from the missing rule. */
export interface ContactLookupFailed {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Contact id looked up, if by id. */
  contactId: string | null;
  /** E-mail looked up, normalised, if by e-mail. */
  email: string | null;
  /** Opportunity id that a cut-short list could not look for; null otherwise. */
  opportunityId: string | null;
  /** Mode of the scan. */
  mode: string;
  /** Error code: why there is no answer, or why the answer cannot be used. */
  code: string;
  /** The answer as JSON text, when there was one that cannot be used. */
  raw: string | null;
  /** When it was given up. */
  at: number;
}

/** One custom field value. */
export interface CustomField {
  /** Custom field id. */
  id: string;
  /** Its value as JSON text: string, number, boolean, list or object. */
  value: string;
}

/** A contact as GoHighLevel gave it, typed and lossless; both shapes of the API give the same event (rules-ghl section 1). */
export interface ContactRead {
  /** Tenant the record belongs to; for GoHighLevel the location id. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did, for example after a webhook. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Contact id. */
  contactId: string;
  /** How it was read: list, id, email or webhook. */
  via: string;
  /** When it was read. */
  readAt: number;
  /** What the local tables knew of it when the scan started. */
  knownAs: KnownAs;
  /** Mode of the scan: full, targeted, or single outside a scan. */
  mode: string;
  /** First name as given. */
  firstName: string | null;
  /** Last name as given. */
  lastName: string | null;
  /** Company name (not the custom field). */
  companyName: string | null;
  /** E-mail as given, not normalised. */
  email: string | null;
  /** Phone as given. */
  phone: string | null;
  /** Street (`address` in search answers). */
  address1: string | null;
  /** City. */
  city: string | null;
  /** State. */
  state: string | null;
  /** Country code. */
  country: string | null;
  /** Postal code as given. */
  postalCode: string | null;
  /** Contact type: lead, customer, staff or a custom one. */
  type: string | null;
  /** Where the contact came from. */
  source: string | null;
  /** User id it is assigned to. */
  assignedTo: string | null;
  /** Tags as strings, whatever shape they came in; not yet trimmed or lower-cased. */
  tags: string[];
  /** Custom field values that are not null. */
  customFields: CustomField[];
  /** Ids of the opportunities a search answer lists; empty when read by id. */
  opportunityIds: string[];
  /** When GoHighLevel created it. */
  dateAdded: number | null;
  /** When GoHighLevel last changed it; the version of the record. */
  dateUpdated: number | null;
  /** Every other key of the answer as JSON text, so that nothing is lost. */
  extra: string | null;
}

/** Salesforce does not show a contact any more: it was deleted, merged into another, or is not visible. A later ContactRead with a newer SystemModstamp brings it back. */
export interface ContactDeleted {
  /** Tenant the record belongs to; for Salesforce the org, by its id or by the name the settings give it. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Mode of the scan: full, incremental, or reconcile. */
  mode: string;
  /** How it was read: bulk, rest or lookup. */
  via: string;
  /** When it was read. */
  readAt: number;
  /** Id, 18 characters. */
  salesforceId: string;
  /** deleted (in the recycle bin), merged (into masterRecordId) or not_visible (unknown to the login user: purged, or hidden from it). */
  reason: string;
  /** The contact it was merged into, if it was. */
  masterRecordId: string | null;
  /** SystemModstamp of the deletion, the version of the record; null when Salesforce does not show the record at all. */
  sfSystemModstamp: number | null;
}

/** A field of the contact that could not be used as it came. */
export interface SalesforceFieldError {
  /** Name of the field in the event. */
  field: string;
  /** nul_removed (the value is there without NUL), unexpected_type, not_a_number, not_a_date, not_yes_or_no, too_long or required. */
  code: string;
}

/** A contact as Salesforce gave it, typed and lossless; both APIs give the same event (salesforce B4, B5). */
export interface SalesforceContactRead {
  /** Tenant the record belongs to; for Salesforce the org, by its id or by the name the settings give it. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Mode of the scan: full, incremental, or reconcile. */
  mode: string;
  /** How it was read: bulk, rest or lookup. */
  via: string;
  /** When it was read. */
  readAt: number;
  /** Id, 18 characters. */
  salesforceId: string;
  /** LastName, string(80). */
  lastName: string | null;
  /** FirstName, string(40). */
  firstName: string | null;
  /** Salutation, picklist(40). */
  salutation: string | null;
  /** MiddleName, string(40). */
  middleName: string | null;
  /** Suffix, string(40). */
  suffix: string | null;
  /** Name, string(121). */
  name: string | null;
  /** Email, email(80). */
  email: string | null;
  /** Phone, phone(40). */
  phone: string | null;
  /** Fax, phone(40). */
  fax: string | null;
  /** MobilePhone, phone(40). */
  mobilePhone: string | null;
  /** HomePhone, phone(40). */
  homePhone: string | null;
  /** OtherPhone, phone(40). */
  otherPhone: string | null;
  /** Title, string(128). */
  title: string | null;
  /** MailingStreet, textarea(255). */
  mailingStreet: string | null;
  /** MailingCity, string(40). */
  mailingCity: string | null;
  /** MailingState, string(80). */
  mailingState: string | null;
  /** MailingPostalCode, string(20). */
  mailingPostalCode: string | null;
  /** MailingCountry, string(80). */
  mailingCountry: string | null;
  /** MailingLatitude, double. */
  mailingLatitude: number | null;
  /** MailingLongitude, double. */
  mailingLongitude: number | null;
  /** MailingGeocodeAccuracy, picklist(40). */
  mailingGeocodeAccuracy: string | null;
  /** LastActivityDate, date, as days since 1970-01-01. */
  lastActivityDate: number | null;
  /** LastViewedDate, datetime. */
  lastViewedDate: number | null;
  /** LastReferencedDate, datetime. */
  lastReferencedDate: number | null;
  /** External_ID__c, string(20). */
  externalId: string | null;
  /** FullName__c, string(1300). */
  fullName: string | null;
  /** NPI__c, string(20). */
  npi: string | null;
  /** Specialty__c, picklist(255). */
  specialty: string | null;
  /** Is_Physician__c, boolean. */
  isPhysician: boolean | null;
  /** isMyContact__c, boolean. */
  isMyContact: boolean | null;
  /** Active__c, boolean. */
  active: boolean | null;
  /** Days_Since_Last_Visit__c, double. */
  daysSinceLastVisit: number | null;
  /** Contact_Account_Name__c, string(1300). */
  contactAccountName: string | null;
  /** Last_Visited_By_Rep__c, reference(18) of User. */
  lastVisitedByRepId: string | null;
  /** Business_Entity__c, reference(18) of Account. */
  businessEntityId: string | null;
  /** Mailing_Address_Compound__c, string(1300). */
  mailingAddressCompound: string | null;
  /** Other_Address_Compound__c, string(1300). */
  otherAddressCompound: string | null;
  /** Employment_Status_MN__c, picklist(255). */
  employmentStatusMn: string | null;
  /** Epic_ID__c, string(20). */
  epicId: string | null;
  /** Geography__c, picklist(255). */
  geography: string | null;
  /** MN_Physician__c, boolean. */
  mnPhysician: boolean | null;
  /** NPI_MN__c, string(20). */
  npiMn: string | null;
  /** Network__c, reference(18) of Network__c. */
  networkId: string | null;
  /** Network_picklist__c, picklist(255). */
  networkPicklist: string | null;
  /** Onboarding_Tasks__c, boolean. */
  onboardingTasks: boolean | null;
  /** Outreach_Focus__c, boolean. */
  outreachFocus: boolean | null;
  /** Panel_Status__c, picklist(255). */
  panelStatus: string | null;
  /** Primary_Address__c, string(250). */
  primaryAddress: string | null;
  /** Primary_Geography__c, picklist(255). */
  primaryGeography: string | null;
  /** Primary_MGMA_Specialty__c, picklist(255). */
  primaryMgmaSpecialty: string | null;
  /** Primary_Practice_Location__c, reference(18) of Practice_Locations__c. */
  primaryPracticeLocationId: string | null;
  /** MN_Primary_SoS__c, reference(18) of Account. */
  mnPrimarySosId: string | null;
  /** Provider_Participation__c, multipicklist(4099), values joined by ;. */
  providerParticipation: string | null;
  /** Provider_Start_Date__c, date, as days since 1970-01-01. */
  providerStartDate: number | null;
  /** Provider_Term_Date__c, date, as days since 1970-01-01. */
  providerTermDate: number | null;
  /** Provider_Type__c, picklist(255). */
  providerType: string | null;
  /** Secondary_Practice_Location__c, reference(18) of Practice_Locations__c. */
  secondaryPracticeLocationId: string | null;
  /** Specialty_Group__c, picklist(255). */
  specialtyGroup: string | null;
  /** Sub_Network__c, picklist(255). */
  subNetwork: string | null;
  /** Sub_Specialty__c, multipicklist(4099), values joined by ;. */
  subSpecialty: string | null;
  /** MN_Primary_Geography__c, picklist(255). */
  mnPrimaryGeography: string | null;
  /** MN_Address__Street__s, textarea(255). */
  mnAddressStreet: string | null;
  /** MN_Address__City__s, string(40). */
  mnAddressCity: string | null;
  /** MN_Address__PostalCode__s, string(20). */
  mnAddressPostalCode: string | null;
  /** MN_Address__StateCode__s, picklist(10). */
  mnAddressStateCode: string | null;
  /** MN_Address__CountryCode__s, picklist(10). */
  mnAddressCountryCode: string | null;
  /** MN_Address__Latitude__s, double. */
  mnAddressLatitude: number | null;
  /** MN_Address__Longitude__s, double. */
  mnAddressLongitude: number | null;
  /** MN_Address__GeocodeAccuracy__s, picklist(40). */
  mnAddressGeocodeAccuracy: string | null;
  /** Last_Outreach_Activity_Date__c, date, as days since 1970-01-01. */
  lastOutreachActivityDate: number | null;
  /** MN_Secondary_SoS__c, reference(18) of Account. */
  mnSecondarySosId: string | null;
  /** MN_MGMA_Specialty__c, picklist(255). */
  mnMgmaSpecialty: string | null;
  /** MN_Specialty_Group__c, picklist(255). */
  mnSpecialtyGroup: string | null;
  /** MN_Provider_Summary__c, textarea(255). */
  mnProviderSummary: string | null;
  /** MN_Provider_Detailed_Notes__c, textarea(32768). */
  mnProviderDetailedNotes: string | null;
  /** MN_Tasks_Count__c, double. */
  mnTasksCount: number | null;
  /** MN_Name_Specialty_Network__c, string(1300). */
  mnNameSpecialtyNetwork: string | null;
  /** CreatedDate, datetime. */
  sfCreatedDate: number | null;
  /** LastModifiedDate, datetime. */
  sfLastModifiedDate: number | null;
  /** SystemModstamp, datetime; the version of the record. */
  sfSystemModstamp: number | null;
  /** LastModifiedById, reference(18) of User. */
  sfLastModifiedById: string | null;
  /** Names of the fields above that were not read, because the login user does not see them: their columns keep what they have. */
  unreadFields: string[];
  /** Fields whose value could not be used as it came; field is the name above. A value that was refused is null above and stands in extra. */
  fieldErrors: SalesforceFieldError[];
  /** Every other selected field, and every value that was refused, by API name as JSON text, so that nothing is lost. */
  extra: string | null;
}

/** A row that names no contact or does not fit an event: quarantined as it came (salesforce W12). */
export interface ContactUnusable {
  /** Tenant the record belongs to; for Salesforce the org, by its id or by the name the settings give it. */
  account: string;
  /** Scan that read the record (the id of its SyncRequested); null when no scan did. */
  scanId: string | null;
  /** Number of the record within (scan, partition), from 1 without holes; 0 outside a scan. A resumed scan may repeat numbers. */
  scanNumber: number;
  /** True when no business row may be written because of this record. */
  dryRun: boolean;
  /** Mode of the scan: full, incremental, or reconcile. */
  mode: string;
  /** How it was read: bulk, rest or lookup. */
  via: string;
  /** When it was read. */
  readAt: number;
  /** Id, if it has one. */
  salesforceId: string | null;
  /** Error code: record_invalid or record_too_large. */
  code: string;
  /** The row as JSON text by API name; null when it is too large. */
  raw: string | null;
}

/** A lead row that begins locally (import or API). Null means: not given. */
export interface LeadRegistered {
  /** Row id; kept. */
  id: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** When it was registered; before any scan that may call it missing. */
  registeredAt: number;
  /** Where it came from: import or api. */
  origin: string;
  /** Line of the imported file, if imported. */
  line: number | null;
  /** Import run it belongs to, if imported. */
  importId: string | null;
  /** Vendor the lead is assigned to. */
  vendorId: string | null;
  /** GHL contact id. */
  ghlContactId: string | null;
  /** GHL opportunity id. */
  ghlOpportunityId: string | null;
  /** Service category. */
  serviceCategory: string | null;
  /** Customer name. */
  customerName: string | null;
  /** Customer e-mail, normalised. */
  customerEmail: string | null;
  /** Customer phone. */
  customerPhone: string | null;
  /** Service details as JSON text. */
  serviceDetails: string | null;
  /** Estimated value. */
  estimatedValue: number | null;
  /** Priority score. */
  priorityScore: number | null;
  /** Priority. */
  priority: string | null;
  /** source of the row. */
  origSource: string | null;
  /** Status. */
  status: string | null;
  /** Primary service category. */
  primaryServiceCategory: string | null;
  /** Specific service requested. */
  specificServiceRequested: string | null;
  /** Customer zip code. */
  customerZipCode: string | null;
  /** Service zip code. */
  serviceZipCode: string | null;
  /** Service county. */
  serviceCounty: string | null;
  /** Service state. */
  serviceState: string | null;
  /** Service city. */
  serviceCity: string | null;
  /** Service complexity. */
  serviceComplexity: string | null;
  /** Estimated duration. */
  estimatedDuration: string | null;
  /** Requires an emergency response. */
  requiresEmergencyResponse: boolean | null;
  /** Classification confidence. */
  classificationConfidence: number | null;
  /** Classification reasoning. */
  classificationReasoning: string | null;
  /** When it was assigned. */
  assignedAt: number | null;
  /** Specific services. */
  specificServices: string[] | null;
  /** created_at of the row. */
  createdAt: number | null;
  /** updated_at of the row. */
  updatedAt: number | null;
}

/** A vendor row that begins locally (import or API). Null means: not given. */
export interface VendorRegistered {
  /** Row id; kept. */
  id: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** When it was registered; before any scan that may call it missing. */
  registeredAt: number;
  /** Where it came from: import or api. */
  origin: string;
  /** Line of the imported file, if imported. */
  line: number | null;
  /** Import run it belongs to, if imported. */
  importId: string | null;
  /** Name. */
  name: string | null;
  /** Company name. */
  companyName: string | null;
  /** E-mail, normalised. */
  email: string | null;
  /** Phone. */
  phone: string | null;
  /** GHL contact id. */
  ghlContactId: string | null;
  /** GHL user id. */
  ghlUserId: string | null;
  /** Service categories. */
  serviceCategories: string[] | null;
  /** Services offered. */
  servicesOffered: string[] | null;
  /** Service zip codes text. */
  serviceZipCodes: string | null;
  /** global, national, state or county. */
  coverageType: string | null;
  /** States of the coverage. */
  coverageStates: string[] | null;
  /** Counties of the coverage. */
  coverageCounties: string[] | null;
  /** When the last lead was assigned. */
  lastLeadAssigned: number | null;
  /** Lead close percentage. */
  leadClosePercentage: number | null;
  /** Status. */
  status: string | null;
  /** Takes new work. */
  takingNewWork: boolean | null;
  /** Primary service category. */
  primaryServiceCategory: string | null;
  /** created_at of the row. */
  createdAt: number | null;
  /** updated_at of the row. */
  updatedAt: number | null;
}

/** What is done to the row. */
export type VendorAction = 'delete' | 'activate' | 'deactivate' | 'restore';

/** Somebody says what a vendor's status is, whatever GoHighLevel says. */
export interface VendorStatusSet {
  /** Row id of the vendor. */
  id: string;
  /** Account (GHL location id) of the row. */
  account: string;
  /** delete hides the row until it is restored or activated; activate and deactivate hold until a tag changes in GoHighLevel; restore takes an earlier word back and shows the base status. */
  action: VendorAction;
  /** Who asked: cli or api. */
  requestedBy: string;
  /** When it was asked for; the newest word counts. */
  requestedAt: number;
}

/** How the sync ended. */
export type AppliedStatus = 'completed' | 'incomplete' | 'needs_confirmation' | 'failed';

/** A field that could not be used. */
export interface FieldErrorCount {
  /** Contact that carried it. */
  contactId: string;
  /** Column it was meant for. */
  field: string;
  /** Why it could not be used. */
  code: string;
}

/** What became of the records of a source that fills one table (salesforce B9). retrieved = processed + quarantined + errors. */
export interface TableCounters {
  /** Records that the source gave. */
  retrieved: number;
  /** Records that were applied: created + updated + unchanged + deleted + restored. */
  processed: number;
  /** Records that made a row. */
  created: number;
  /** Records that changed a row. */
  updated: number;
  /** Records that changed nothing. */
  unchanged: number;
  /** Records that marked a row deleted. */
  deleted: number;
  /** Records that brought a deleted row back. */
  restored: number;
  /** Records that lack what a row must have: they are in the dead-letter topic. */
  quarantined: number;
  /** Records that could not be applied for another reason, or never arrived. */
  errors: number;
  /** Rows of the account in the table afterwards, those marked deleted included. */
  total: number;
}

/** The projector has applied the scan to the tables, the missing rule included or held back: the final word on a sync. */
export interface ScanApplied {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** completed, incomplete (something was left alone), needs_confirmation (the missing rule waits) or failed. */
  status: AppliedStatus;
  /** One sentence: what was done, or what was left alone and what to do. */
  message: string;
  /** All counters of the result, always all of them (rules-ghl section 7). */
  counters: Record<string, number>;
  /** Tables whose missing rule was held back: vendors, leads. */
  heldTables: string[];
  /** The first field errors of the scan, at most 100. */
  fieldErrors: FieldErrorCount[];
  /** 0 done, 2 credentials or settings refused, 3 incomplete or awaiting confirmation, 1 failed. */
  exitCode: number;
  /** Start of the scan. */
  startedAt: number;
  /** When the tables showed the result: the time of the last marker. */
  appliedAt: number;
  /** Counters of a source that fills one table; null for a source that does not. */
  tableCounters: TableCounters | null;
}

/** What the scan can answer for (architecture section 4). */
export type AnswersFor = 'all' | 'known' | 'nothing';

/** The connector read everything it could and wrote the markers. */
export interface ScanCompleted {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** What its markers say. */
  answersFor: AnswersFor;
  /** Different contacts read. */
  recordsRead: number;
  /** Look-ups that stayed without an answer. */
  lookupsUnknown: number;
  /** Requests sent, retries included. */
  requests: number;
  /** Of these, list pages. */
  listRequests: number;
  /** When the last marker was acknowledged. */
  completedAt: number;
}

/** The connector could not read what it was asked to read; its markers answer for nothing. */
export interface ScanFailed {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** Error code of the closed list. */
  code: string;
  /** transient, data or config. */
  kind: string;
  /** One sentence for people: what failed and which setting or step mends it. No secrets, no personal data. */
  message: string;
  /** Different contacts read before it failed. */
  recordsRead: number;
  /** When it gave up. */
  failedAt: number;
}

/** A mapped field of another type, or longer than its column. */
export interface ChangedField {
  /** Its name at the source. */
  field: string;
  /** Type that it is mapped with. */
  was: string;
  /** Type that the source gives it now. */
  is: string;
}

/** What the account shows of the fields a scan is to read: told when it begins, and again when that changes meanwhile. */
export interface ScanFieldsSelected {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** Fields that are read: wanted and visible. */
  read: string[];
  /** Mapped fields that the login user does not see: their columns keep what they have. */
  missing: string[];
  /** Mapped fields whose values may not fit any more. */
  changed: ChangedField[];
  /** Custom fields that nobody reads. */
  unmapped: string[];
  /** Fields that the settings ask for besides the mapped ones, and that are not there, not visible, or of a type that cannot be read. */
  unreadable: string[];
  /** When the source was asked. */
  at: number;
}

/** A sync that asked for the same as one that had not begun to read: it reads nothing itself and ends with the other's result. */
export interface ScanJoined {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** The sync that reads for both. */
  joinedTo: string;
  /** When it was asked for. */
  at: number;
}

/** End of one partition of a scan, written after its data to every partition of the data topic. */
export interface ScanMarker {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** What was read: contact. */
  entity: string;
  /** full or targeted. */
  mode: string;
  /** True when no business row may be written. */
  dryRun: boolean;
  /** all (the whole scope was read), known (every known row was looked up) or nothing (failed, cancelled, a full list cut short). */
  answersFor: AnswersFor;
  /** Partition this marker closes. */
  partition: number;
  /** How many partitions carry a marker. */
  partitions: number;
  /** Number of the last record of this scan in this partition, 0 if none. */
  lastNumber: number;
  /** Records of the scan over all partitions. */
  totalRecords: number;
  /** Different contacts read. */
  contactsRead: number;
  /** Look-ups that stayed without an answer. */
  lookupsUnknown: number;
  /** Contacts that could not be used, for example without an id; kept in ContactLookupFailed. */
  unusableRecords: number;
  /** Ids that were listed to find what is gone; null where none were. */
  keysListed: number | null;
  /** Why the scan answers for nothing, if it does: an error code. */
  failureCode: string | null;
  /** The same as a sentence for people; no secrets, no personal data. */
  failureMessage: string | null;
  /** Exit code that the failure asks for, 0 if none. */
  failureExitCode: number;
  /** Vendor rows in scope when the scan began. */
  vendorsChecked: number;
  /** Lead rows in scope when the scan began. */
  leadsChecked: number;
  /** Start of the scan. */
  startedAt: number;
  /** When the source was exhausted. */
  completedAt: number;
}

/** The connector stopped reading after the page under way; the position is kept and no marker was written. */
export interface ScanPaused {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** Different contacts read so far. */
  recordsRead: number;
  /** When it stopped. */
  at: number;
  /** Why the source made it stop, an error code of the closed list; null where somebody asked for the pause. */
  code: string | null;
  /** The same as a sentence for people, with what to set or to wait for; no secrets, no personal data. */
  message: string | null;
}

/** How far a running scan is; for people only. */
export interface ScanProgressed {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** list (reading pages), confirm (looking up known ids) or publish. */
  phase: string;
  /** Different contacts read so far. */
  recordsRead: number;
  /** Contacts the source says there are, if it does. */
  recordsTotal: number | null;
  /** By-id look-ups answered or given up so far. */
  lookupsDone: number;
  /** By-id look-ups to do, once known. */
  lookupsTotal: number | null;
  /** Requests sent to the source so far, retries included. */
  requests: number;
  /** When this was true. */
  at: number;
  /** What the phase does per second, since it began or was taken up again: look-ups, or contacts where a list is read. */
  perSecond: number | null;
}

/** A connector goes on with a paused scan from its position. */
export interface ScanResumed {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** Different contacts read before the pause. */
  recordsRead: number;
  /** When it went on. */
  at: number;
}

/** A connector took a request and begins to read. */
export interface ScanStarted {
  /** Id of the scan, equal to its SyncRequested. */
  scanId: string;
  /** Source connector. */
  source: string;
  /** Account that is read. */
  account: string;
  /** full or targeted. */
  mode: string;
  /** True when no business row may be written. */
  dryRun: boolean;
  /** Name of the account as the source gives it, if it was readable. */
  accountName: string | null;
  /** Start of the scan; rows born later are never missing by it. */
  startedAt: number;
  /** Vendor rows with a contact id or an e-mail at the start. */
  vendorsInScope: number;
  /** Lead rows with a contact id or an e-mail at the start. */
  leadsInScope: number;
}

/** Somebody asks for one contact to be read and applied. A sync of mode single that judges no other row. */
export interface ContactSyncRequested {
  /** UUID of the request; scan id of the scan it starts. */
  syncId: string;
  /** Source connector asked: ghl. */
  source: string;
  /** Account of the contact; for GoHighLevel the location id. */
  account: string;
  /** Contact to read. */
  contactId: string;
  /** Who asked: cli or api. */
  requestedBy: string;
  /** When it was asked for. */
  requestedAt: number;
}

/** Somebody asks a queued or running sync to stop. */
export interface SyncCancelled {
  /** The sync to stop. */
  syncId: string;
  /** Its source. */
  source: string;
  /** Its account. */
  account: string;
  /** Who asked: cli or api. */
  requestedBy: string;
  /** When it was asked for. */
  requestedAt: number;
}

/** Somebody confirms the missing rule that a safety valve or a dead letter held back (architecture section 4). */
export interface SyncConfirmed {
  /** The sync whose missing rule is confirmed. */
  syncId: string;
  /** Its source. */
  source: string;
  /** Its account. */
  account: string;
  /** Who confirmed: cli or api. */
  requestedBy: string;
  /** When it was confirmed. */
  requestedAt: number;
}

/** Somebody asks a running sync to stop where it is and to keep its place. */
export interface SyncPaused {
  /** The sync to pause. */
  syncId: string;
  /** Its source. */
  source: string;
  /** Its account. */
  account: string;
  /** Who asked: cli or api. */
  requestedBy: string;
  /** When it was asked for. */
  requestedAt: number;
}

/** Somebody asks for a sync of one account. Its id is the scan id and the correlation id of everything that follows. */
export interface SyncRequested {
  /** UUID of the request; scan id of the scan it starts. */
  syncId: string;
  /** Source connector asked: ghl, phorest or salesforce. */
  source: string;
  /** Account to read; for GoHighLevel the location id. */
  account: string;
  /** full (the whole scope is read), targeted (every known row is looked up), incremental (what changed) or reconcile (which known rows are still there). */
  mode: string;
  /** Read and report only; no business row may be written. */
  dryRun: boolean;
  /** Who asked: cli, api, scheduler or start; never a person's name or a secret. */
  requestedBy: string;
  /** When it was asked for. */
  requestedAt: number;
  /** API to read by, where the source has several: bulk, rest or auto; null leaves it to the source. */
  api: string | null;
  /** Beginning of what is read by the time of its last change; null goes on from the last scan. */
  since: number | null;
  /** End of it, exclusive; null is now. */
  until: number | null;
  /** Records to read at most; null reads all. */
  limit: number | null;
  /** Records that are read and published together; null leaves it to the settings. */
  batchSize: number | null;
}

/** Somebody asks a paused sync to go on from where it stopped. */
export interface SyncResumed {
  /** The sync to resume. */
  syncId: string;
  /** Its source. */
  source: string;
  /** Its account. */
  account: string;
  /** Who asked: cli or api. */
  requestedBy: string;
  /** When it was asked for. */
  requestedAt: number;
}

/** Every event by the full name of its schema, which is its ce_type header. */

export interface Events {
  'crm.lifecycle.v1.LeadCreated': LeadCreated;
  'crm.lifecycle.v1.LeadMarkedMissing': LeadMarkedMissing;
  'crm.lifecycle.v1.LeadRebound': LeadRebound;
  'crm.lifecycle.v1.LeadReclassified': LeadReclassified;
  'crm.lifecycle.v1.LeadRestored': LeadRestored;
  'crm.lifecycle.v1.LeadUpdated': LeadUpdated;
  'crm.lifecycle.v1.LeadWithdrawn': LeadWithdrawn;
  'crm.lifecycle.v1.VendorCreated': VendorCreated;
  'crm.lifecycle.v1.VendorMarkedMissing': VendorMarkedMissing;
  'crm.lifecycle.v1.VendorRebound': VendorRebound;
  'crm.lifecycle.v1.VendorReclassified': VendorReclassified;
  'crm.lifecycle.v1.VendorRestored': VendorRestored;
  'crm.lifecycle.v1.VendorUpdated': VendorUpdated;
  'crm.lifecycle.v1.VendorWithdrawn': VendorWithdrawn;
  'crm.observation.v1.ContactUnclassified': ContactUnclassified;
  'crm.observation.v1.LeadObserved': LeadObserved;
  'crm.observation.v1.RecordDeadLettered': RecordDeadLettered;
  'crm.observation.v1.VendorObserved': VendorObserved;
  'crm.operation.v1.DeadLetterDiscarded': DeadLetterDiscarded;
  'crm.operation.v1.DeadLetterRedriven': DeadLetterRedriven;
  'crm.raw.ghl.v1.ContactGone': ContactGone;
  'crm.raw.ghl.v1.ContactLookupFailed': ContactLookupFailed;
  'crm.raw.ghl.v1.ContactRead': ContactRead;
  'crm.raw.salesforce.v1.ContactDeleted': ContactDeleted;
  'crm.raw.salesforce.v1.ContactRead': SalesforceContactRead;
  'crm.raw.salesforce.v1.ContactUnusable': ContactUnusable;
  'crm.registration.v1.LeadRegistered': LeadRegistered;
  'crm.registration.v1.VendorRegistered': VendorRegistered;
  'crm.registration.v1.VendorStatusSet': VendorStatusSet;
  'crm.scan.v1.ScanApplied': ScanApplied;
  'crm.scan.v1.ScanCompleted': ScanCompleted;
  'crm.scan.v1.ScanFailed': ScanFailed;
  'crm.scan.v1.ScanFieldsSelected': ScanFieldsSelected;
  'crm.scan.v1.ScanJoined': ScanJoined;
  'crm.scan.v1.ScanMarker': ScanMarker;
  'crm.scan.v1.ScanPaused': ScanPaused;
  'crm.scan.v1.ScanProgressed': ScanProgressed;
  'crm.scan.v1.ScanResumed': ScanResumed;
  'crm.scan.v1.ScanStarted': ScanStarted;
  'crm.sync.v1.ContactSyncRequested': ContactSyncRequested;
  'crm.sync.v1.SyncCancelled': SyncCancelled;
  'crm.sync.v1.SyncConfirmed': SyncConfirmed;
  'crm.sync.v1.SyncPaused': SyncPaused;
  'crm.sync.v1.SyncRequested': SyncRequested;
  'crm.sync.v1.SyncResumed': SyncResumed;
}

/** Full name of an event. */
export type EventType = keyof Events;
