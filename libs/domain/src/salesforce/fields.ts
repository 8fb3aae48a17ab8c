/** Type of a Contact field as describe names it, as far as the map needs it. */
export type FieldType =
  | 'id'
  | 'string'
  | 'picklist'
  | 'multipicklist'
  | 'email'
  | 'phone'
  | 'textarea'
  | 'reference'
  | 'boolean'
  | 'double'
  | 'date'
  | 'datetime';

/** How the value of a field is read (salesforce B5). */
export type FieldKind = 'text' | 'boolean' | 'number' | 'date' | 'datetime';

/** One field that is read, and where it goes. */
export interface ContactField {
  /** API name in Salesforce. */
  api: string;
  type: FieldType;
  /** Characters at most; null where the type has no length. */
  length: number | null;
  nillable: boolean;
  /** Name in crm.raw.salesforce.v1.ContactRead. */
  key: ContactKey;
  /** Column of sf_contacts. */
  column: string;
  /** PostgreSQL type of the column. */
  columnType: string;
  kind: FieldKind;
}

type Row = readonly [
  api: string,
  type: FieldType,
  length: number | null,
  nillable: boolean,
  key: string,
  column: string,
  columnType: string,
];

const NULL = true;
const NOT_NULL = false;

/** The 82 fields in the order in which the existing service selects them (salesforce B4). */
const ROWS = [
  ['Id', 'id', 18, NOT_NULL, 'salesforceId', 'salesforce_id', 'VARCHAR(18)'],
  ['LastName', 'string', 80, NOT_NULL, 'lastName', 'last_name', 'VARCHAR(80)'],
  ['FirstName', 'string', 40, NULL, 'firstName', 'first_name', 'VARCHAR(40)'],
  ['Salutation', 'picklist', 40, NULL, 'salutation', 'salutation', 'VARCHAR(40)'],
  ['MiddleName', 'string', 40, NULL, 'middleName', 'middle_name', 'VARCHAR(40)'],
  ['Suffix', 'string', 40, NULL, 'suffix', 'suffix', 'VARCHAR(40)'],
  ['Name', 'string', 121, NOT_NULL, 'name', 'name', 'VARCHAR(121)'],
  ['Email', 'email', 80, NULL, 'email', 'email', 'VARCHAR(80)'],
  ['Phone', 'phone', 40, NULL, 'phone', 'phone', 'VARCHAR(40)'],
  ['Fax', 'phone', 40, NULL, 'fax', 'fax', 'VARCHAR(40)'],
  ['MobilePhone', 'phone', 40, NULL, 'mobilePhone', 'mobile_phone', 'VARCHAR(40)'],
  ['HomePhone', 'phone', 40, NULL, 'homePhone', 'home_phone', 'VARCHAR(40)'],
  ['OtherPhone', 'phone', 40, NULL, 'otherPhone', 'other_phone', 'VARCHAR(40)'],
  ['Title', 'string', 128, NULL, 'title', 'title', 'VARCHAR(128)'],
  ['MailingStreet', 'textarea', 255, NULL, 'mailingStreet', 'mailing_street', 'TEXT'],
  ['MailingCity', 'string', 40, NULL, 'mailingCity', 'mailing_city', 'VARCHAR(40)'],
  ['MailingState', 'string', 80, NULL, 'mailingState', 'mailing_state', 'VARCHAR(80)'],
  ['MailingPostalCode', 'string', 20, NULL, 'mailingPostalCode', 'mailing_postal_code', 'VARCHAR(20)'],
  ['MailingCountry', 'string', 80, NULL, 'mailingCountry', 'mailing_country', 'VARCHAR(80)'],
  ['MailingLatitude', 'double', null, NULL, 'mailingLatitude', 'mailing_latitude', 'DOUBLE PRECISION'],
  ['MailingLongitude', 'double', null, NULL, 'mailingLongitude', 'mailing_longitude', 'DOUBLE PRECISION'],
  ['MailingGeocodeAccuracy', 'picklist', 40, NULL, 'mailingGeocodeAccuracy', 'mailing_geocode_accuracy', 'VARCHAR(40)'],
  ['LastActivityDate', 'date', null, NULL, 'lastActivityDate', 'last_activity_date', 'DATE'],
  ['LastViewedDate', 'datetime', null, NULL, 'lastViewedDate', 'last_viewed_date', 'TIMESTAMP'],
  ['LastReferencedDate', 'datetime', null, NULL, 'lastReferencedDate', 'last_referenced_date', 'TIMESTAMP'],
  ['External_ID__c', 'string', 20, NULL, 'externalId', 'external_id', 'VARCHAR(20)'],
  ['FullName__c', 'string', 1300, NULL, 'fullName', 'full_name', 'VARCHAR(1300)'],
  ['NPI__c', 'string', 20, NULL, 'npi', 'npi', 'VARCHAR(20)'],
  ['Specialty__c', 'picklist', 255, NULL, 'specialty', 'specialty', 'VARCHAR(255)'],
  ['Is_Physician__c', 'boolean', null, NOT_NULL, 'isPhysician', 'is_physician', 'BOOLEAN'],
  ['isMyContact__c', 'boolean', null, NOT_NULL, 'isMyContact', 'is_my_contact', 'BOOLEAN'],
  ['Active__c', 'boolean', null, NOT_NULL, 'active', 'active', 'BOOLEAN'],
  ['Days_Since_Last_Visit__c', 'double', null, NULL, 'daysSinceLastVisit', 'days_since_last_visit', 'DOUBLE PRECISION'],
  ['Contact_Account_Name__c', 'string', 1300, NULL, 'contactAccountName', 'contact_account_name', 'VARCHAR(1300)'],
  ['Last_Visited_By_Rep__c', 'reference', 18, NULL, 'lastVisitedByRepId', 'last_visited_by_rep_id', 'VARCHAR(18)'],
  ['Business_Entity__c', 'reference', 18, NULL, 'businessEntityId', 'business_entity_id', 'VARCHAR(18)'],
  [
    'Mailing_Address_Compound__c',
    'string',
    1300,
    NULL,
    'mailingAddressCompound',
    'mailing_address_compound',
    'VARCHAR(1300)',
  ],
  [
    'Other_Address_Compound__c',
    'string',
    1300,
    NULL,
    'otherAddressCompound',
    'other_address_compound',
    'VARCHAR(1300)',
  ],
  ['Employment_Status_MN__c', 'picklist', 255, NULL, 'employmentStatusMn', 'employment_status_mn', 'VARCHAR(255)'],
  ['Epic_ID__c', 'string', 20, NULL, 'epicId', 'epic_id', 'VARCHAR(20)'],
  ['Geography__c', 'picklist', 255, NULL, 'geography', 'geography', 'VARCHAR(255)'],
  ['MN_Physician__c', 'boolean', null, NOT_NULL, 'mnPhysician', 'mn_physician', 'BOOLEAN'],
  ['NPI_MN__c', 'string', 20, NULL, 'npiMn', 'npi_mn', 'VARCHAR(20)'],
  ['Network__c', 'reference', 18, NULL, 'networkId', 'network_id', 'VARCHAR(18)'],
  ['Network_picklist__c', 'picklist', 255, NULL, 'networkPicklist', 'network_picklist', 'VARCHAR(255)'],
  ['Onboarding_Tasks__c', 'boolean', null, NOT_NULL, 'onboardingTasks', 'onboarding_tasks', 'BOOLEAN'],
  ['Outreach_Focus__c', 'boolean', null, NOT_NULL, 'outreachFocus', 'outreach_focus', 'BOOLEAN'],
  ['Panel_Status__c', 'picklist', 255, NULL, 'panelStatus', 'panel_status', 'VARCHAR(255)'],
  ['Primary_Address__c', 'string', 250, NULL, 'primaryAddress', 'primary_address', 'VARCHAR(250)'],
  ['Primary_Geography__c', 'picklist', 255, NULL, 'primaryGeography', 'primary_geography', 'VARCHAR(255)'],
  [
    'Primary_MGMA_Specialty__c',
    'picklist',
    255,
    NULL,
    'primaryMgmaSpecialty',
    'primary_mgma_specialty',
    'VARCHAR(255)',
  ],
  [
    'Primary_Practice_Location__c',
    'reference',
    18,
    NULL,
    'primaryPracticeLocationId',
    'primary_practice_location_id',
    'VARCHAR(18)',
  ],
  ['MN_Primary_SoS__c', 'reference', 18, NULL, 'mnPrimarySosId', 'mn_primary_sos_id', 'VARCHAR(18)'],
  ['Provider_Participation__c', 'multipicklist', 4099, NULL, 'providerParticipation', 'provider_participation', 'TEXT'],
  ['Provider_Start_Date__c', 'date', null, NULL, 'providerStartDate', 'provider_start_date', 'DATE'],
  ['Provider_Term_Date__c', 'date', null, NULL, 'providerTermDate', 'provider_term_date', 'DATE'],
  ['Provider_Type__c', 'picklist', 255, NULL, 'providerType', 'provider_type', 'VARCHAR(255)'],
  [
    'Secondary_Practice_Location__c',
    'reference',
    18,
    NULL,
    'secondaryPracticeLocationId',
    'secondary_practice_location_id',
    'VARCHAR(18)',
  ],
  ['Specialty_Group__c', 'picklist', 255, NULL, 'specialtyGroup', 'specialty_group', 'VARCHAR(255)'],
  ['Sub_Network__c', 'picklist', 255, NULL, 'subNetwork', 'sub_network', 'VARCHAR(255)'],
  ['Sub_Specialty__c', 'multipicklist', 4099, NULL, 'subSpecialty', 'sub_specialty', 'TEXT'],
  ['MN_Primary_Geography__c', 'picklist', 255, NULL, 'mnPrimaryGeography', 'mn_primary_geography', 'VARCHAR(255)'],
  ['MN_Address__Street__s', 'textarea', 255, NULL, 'mnAddressStreet', 'mn_address_street', 'VARCHAR(255)'],
  ['MN_Address__City__s', 'string', 40, NULL, 'mnAddressCity', 'mn_address_city', 'VARCHAR(40)'],
  ['MN_Address__PostalCode__s', 'string', 20, NULL, 'mnAddressPostalCode', 'mn_address_postal_code', 'VARCHAR(20)'],
  ['MN_Address__StateCode__s', 'picklist', 10, NULL, 'mnAddressStateCode', 'mn_address_state_code', 'VARCHAR(10)'],
  [
    'MN_Address__CountryCode__s',
    'picklist',
    10,
    NULL,
    'mnAddressCountryCode',
    'mn_address_country_code',
    'VARCHAR(10)',
  ],
  ['MN_Address__Latitude__s', 'double', null, NULL, 'mnAddressLatitude', 'mn_address_latitude', 'DOUBLE PRECISION'],
  ['MN_Address__Longitude__s', 'double', null, NULL, 'mnAddressLongitude', 'mn_address_longitude', 'DOUBLE PRECISION'],
  [
    'MN_Address__GeocodeAccuracy__s',
    'picklist',
    40,
    NULL,
    'mnAddressGeocodeAccuracy',
    'mn_address_geocode_accuracy',
    'VARCHAR(40)',
  ],
  [
    'Last_Outreach_Activity_Date__c',
    'date',
    null,
    NULL,
    'lastOutreachActivityDate',
    'last_outreach_activity_date',
    'DATE',
  ],
  ['MN_Secondary_SoS__c', 'reference', 18, NULL, 'mnSecondarySosId', 'mn_secondary_sos_id', 'VARCHAR(18)'],
  ['MN_MGMA_Specialty__c', 'picklist', 255, NULL, 'mnMgmaSpecialty', 'mn_mgma_specialty', 'VARCHAR(255)'],
  ['MN_Specialty_Group__c', 'picklist', 255, NULL, 'mnSpecialtyGroup', 'mn_specialty_group', 'VARCHAR(255)'],
  ['MN_Provider_Summary__c', 'textarea', 255, NULL, 'mnProviderSummary', 'mn_provider_summary', 'VARCHAR(255)'],
  [
    'MN_Provider_Detailed_Notes__c',
    'textarea',
    32768,
    NULL,
    'mnProviderDetailedNotes',
    'mn_provider_detailed_notes',
    'TEXT',
  ],
  ['MN_Tasks_Count__c', 'double', null, NULL, 'mnTasksCount', 'mn_tasks_count', 'DOUBLE PRECISION'],
  [
    'MN_Name_Specialty_Network__c',
    'string',
    1300,
    NULL,
    'mnNameSpecialtyNetwork',
    'mn_name_specialty_network',
    'VARCHAR(1300)',
  ],
  ['CreatedDate', 'datetime', null, NOT_NULL, 'sfCreatedDate', 'sf_created_date', 'TIMESTAMP'],
  ['LastModifiedDate', 'datetime', null, NOT_NULL, 'sfLastModifiedDate', 'sf_last_modified_date', 'TIMESTAMP'],
  ['SystemModstamp', 'datetime', null, NOT_NULL, 'sfSystemModstamp', 'sf_system_modstamp', 'TIMESTAMP'],
  ['LastModifiedById', 'reference', 18, NOT_NULL, 'sfLastModifiedById', 'sf_last_modified_by_id', 'VARCHAR(18)'],
] as const satisfies readonly Row[];

/** Name of a contact field in events. */
export type ContactKey = (typeof ROWS)[number][4];

const KINDS: Partial<Record<FieldType, FieldKind>> = {
  boolean: 'boolean',
  double: 'number',
  date: 'date',
  datetime: 'datetime',
};

/** Every field of a contact that has a column, in SELECT order. */
export const CONTACT_FIELDS: readonly ContactField[] = (ROWS as readonly (Row & { 4: ContactKey })[]).map(
  ([api, type, length, nillable, key, column, columnType]) => ({
    api,
    type,
    length,
    nillable,
    key,
    column,
    columnType,
    kind: KINDS[type] ?? 'text',
  }),
);

/** Fields that say what became of a record; they are read with the others and have no column of their own (salesforce W3). */
export const LIFE_FIELDS = ['IsDeleted', 'MasterRecordId'] as const;

/** Formulas and values of the login user: they change without moving SystemModstamp (salesforce A7, W14). */
export const UNTRACKED_FIELDS: readonly string[] = [
  'FullName__c',
  'Contact_Account_Name__c',
  'Mailing_Address_Compound__c',
  'Other_Address_Compound__c',
  'MN_Name_Specialty_Network__c',
  'Days_Since_Last_Visit__c',
  'isMyContact__c',
  'LastViewedDate',
  'LastReferencedDate',
];
