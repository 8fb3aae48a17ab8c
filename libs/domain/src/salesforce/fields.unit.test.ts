import { describe, expect, it } from '@jest/globals';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { CONTACT_FIELDS, UNTRACKED_FIELDS } from './fields.ts';

/** Salesforce B4: number, API name, type and length, nillable, column, PostgreSQL type, bulk rule. */
const DOCUMENT = `
1 | Id | id(18) | no | salesforce_id | VARCHAR(18) | text
2 | LastName | string(80) | no | last_name | VARCHAR(80) | text
3 | FirstName | string(40) | yes | first_name | VARCHAR(40) | text
4 | Salutation | picklist(40) | yes | salutation | VARCHAR(40) | text
5 | MiddleName | string(40) | yes | middle_name | VARCHAR(40) | text
6 | Suffix | string(40) | yes | suffix | VARCHAR(40) | text
7 | Name | string(121) | no | name | VARCHAR(121) | text
8 | Email | email(80) | yes | email | VARCHAR(80) | text
9 | Phone | phone(40) | yes | phone | VARCHAR(40) | text
10 | Fax | phone(40) | yes | fax | VARCHAR(40) | text
11 | MobilePhone | phone(40) | yes | mobile_phone | VARCHAR(40) | text
12 | HomePhone | phone(40) | yes | home_phone | VARCHAR(40) | text
13 | OtherPhone | phone(40) | yes | other_phone | VARCHAR(40) | text
14 | Title | string(128) | yes | title | VARCHAR(128) | text
15 | MailingStreet | textarea(255) | yes | mailing_street | TEXT | text
16 | MailingCity | string(40) | yes | mailing_city | VARCHAR(40) | text
17 | MailingState | string(80) | yes | mailing_state | VARCHAR(80) | text
18 | MailingPostalCode | string(20) | yes | mailing_postal_code | VARCHAR(20) | text
19 | MailingCountry | string(80) | yes | mailing_country | VARCHAR(80) | text
20 | MailingLatitude | double | yes | mailing_latitude | DOUBLE PRECISION | float
21 | MailingLongitude | double | yes | mailing_longitude | DOUBLE PRECISION | float
22 | MailingGeocodeAccuracy | picklist(40) | yes | mailing_geocode_accuracy | VARCHAR(40) | text
23 | LastActivityDate | date | yes | last_activity_date | DATE | date
24 | LastViewedDate | datetime | yes | last_viewed_date | TIMESTAMP | datetime
25 | LastReferencedDate | datetime | yes | last_referenced_date | TIMESTAMP | datetime
26 | External_ID__c | string(20) | yes | external_id | VARCHAR(20) | text
27 | FullName__c | string(1300) | yes | full_name | VARCHAR(1300) | text
28 | NPI__c | string(20) | yes | npi | VARCHAR(20) | text
29 | Specialty__c | picklist(255) | yes | specialty | VARCHAR(255) | text
30 | Is_Physician__c | boolean | no | is_physician | BOOLEAN | boolean
31 | isMyContact__c | boolean | no | is_my_contact | BOOLEAN | boolean
32 | Active__c | boolean | no | active | BOOLEAN | boolean
33 | Days_Since_Last_Visit__c | double | yes | days_since_last_visit | DOUBLE PRECISION | float
34 | Contact_Account_Name__c | string(1300) | yes | contact_account_name | VARCHAR(1300) | text
35 | Last_Visited_By_Rep__c | reference(18) | yes | last_visited_by_rep_id | VARCHAR(18) | text
36 | Business_Entity__c | reference(18) | yes | business_entity_id | VARCHAR(18) | text
37 | Mailing_Address_Compound__c | string(1300) | yes | mailing_address_compound | VARCHAR(1300) | text
38 | Other_Address_Compound__c | string(1300) | yes | other_address_compound | VARCHAR(1300) | text
39 | Employment_Status_MN__c | picklist(255) | yes | employment_status_mn | VARCHAR(255) | text
40 | Epic_ID__c | string(20) | yes | epic_id | VARCHAR(20) | text
41 | Geography__c | picklist(255) | yes | geography | VARCHAR(255) | text
42 | MN_Physician__c | boolean | no | mn_physician | BOOLEAN | boolean
43 | NPI_MN__c | string(20) | yes | npi_mn | VARCHAR(20) | text
44 | Network__c | reference(18) | yes | network_id | VARCHAR(18) | text
45 | Network_picklist__c | picklist(255) | yes | network_picklist | VARCHAR(255) | text
46 | Onboarding_Tasks__c | boolean | no | onboarding_tasks | BOOLEAN | boolean
47 | Outreach_Focus__c | boolean | no | outreach_focus | BOOLEAN | boolean
48 | Panel_Status__c | picklist(255) | yes | panel_status | VARCHAR(255) | text
49 | Primary_Address__c | string(250) | yes | primary_address | VARCHAR(250) | text
50 | Primary_Geography__c | picklist(255) | yes | primary_geography | VARCHAR(255) | text
51 | Primary_MGMA_Specialty__c | picklist(255) | yes | primary_mgma_specialty | VARCHAR(255) | text
52 | Primary_Practice_Location__c | reference(18) | yes | primary_practice_location_id | VARCHAR(18) | text
53 | MN_Primary_SoS__c | reference(18) | yes | mn_primary_sos_id | VARCHAR(18) | text
54 | Provider_Participation__c | multipicklist(4099) | yes | provider_participation | TEXT | text
55 | Provider_Start_Date__c | date | yes | provider_start_date | DATE | date
56 | Provider_Term_Date__c | date | yes | provider_term_date | DATE | date
57 | Provider_Type__c | picklist(255) | yes | provider_type | VARCHAR(255) | text
58 | Secondary_Practice_Location__c | reference(18) | yes | secondary_practice_location_id | VARCHAR(18) | text
59 | Specialty_Group__c | picklist(255) | yes | specialty_group | VARCHAR(255) | text
60 | Sub_Network__c | picklist(255) | yes | sub_network | VARCHAR(255) | text
61 | Sub_Specialty__c | multipicklist(4099) | yes | sub_specialty | TEXT | text
62 | MN_Primary_Geography__c | picklist(255) | yes | mn_primary_geography | VARCHAR(255) | text
63 | MN_Address__Street__s | textarea(255) | yes | mn_address_street | VARCHAR(255) | text
64 | MN_Address__City__s | string(40) | yes | mn_address_city | VARCHAR(40) | text
65 | MN_Address__PostalCode__s | string(20) | yes | mn_address_postal_code | VARCHAR(20) | text
66 | MN_Address__StateCode__s | picklist(10) | yes | mn_address_state_code | VARCHAR(10) | text
67 | MN_Address__CountryCode__s | picklist(10) | yes | mn_address_country_code | VARCHAR(10) | text
68 | MN_Address__Latitude__s | double | yes | mn_address_latitude | DOUBLE PRECISION | float
69 | MN_Address__Longitude__s | double | yes | mn_address_longitude | DOUBLE PRECISION | float
70 | MN_Address__GeocodeAccuracy__s | picklist(40) | yes | mn_address_geocode_accuracy | VARCHAR(40) | text
71 | Last_Outreach_Activity_Date__c | date | yes | last_outreach_activity_date | DATE | date
72 | MN_Secondary_SoS__c | reference(18) | yes | mn_secondary_sos_id | VARCHAR(18) | text
73 | MN_MGMA_Specialty__c | picklist(255) | yes | mn_mgma_specialty | VARCHAR(255) | text
74 | MN_Specialty_Group__c | picklist(255) | yes | mn_specialty_group | VARCHAR(255) | text
75 | MN_Provider_Summary__c | textarea(255) | yes | mn_provider_summary | VARCHAR(255) | text
76 | MN_Provider_Detailed_Notes__c | textarea(32768) | yes | mn_provider_detailed_notes | TEXT | text
77 | MN_Tasks_Count__c | double | yes | mn_tasks_count | DOUBLE PRECISION | float
78 | MN_Name_Specialty_Network__c | string(1300) | yes | mn_name_specialty_network | VARCHAR(1300) | text
79 | CreatedDate | datetime | no | sf_created_date | TIMESTAMP | datetime
80 | LastModifiedDate | datetime | no | sf_last_modified_date | TIMESTAMP | datetime
81 | SystemModstamp | datetime | no | sf_system_modstamp | TIMESTAMP | datetime
82 | LastModifiedById | reference(18) | no | sf_last_modified_by_id | VARCHAR(18) | text
`;

const RULE = { text: 'text', number: 'float', boolean: 'boolean', date: 'date', datetime: 'datetime' };

describe('the field map', () => {
  it('is the table of the document', () => {
    const lines = CONTACT_FIELDS.map(({ api, type, length, nillable, column, columnType, kind }, index) =>
      [
        index + 1,
        api,
        length === null ? type : `${type}(${length})`,
        nillable ? 'yes' : 'no',
        column,
        columnType,
        RULE[kind],
      ].join(' | '),
    );
    expect(`\n${lines.join('\n')}\n`).toBe(DOCUMENT);
  });

  it('counts 29 standard and 53 custom fields, none twice', () => {
    expect(CONTACT_FIELDS).toHaveLength(82);
    expect(CONTACT_FIELDS.filter(({ api }) => /__[cs]$/.test(api))).toHaveLength(53);
    for (const name of ['api', 'key', 'column'] as const)
      expect(new Set(CONTACT_FIELDS.map((field) => field[name])).size).toBe(82);
  });

  it('names events after columns', () => {
    const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect(CONTACT_FIELDS.map(({ key }) => snake(key))).toEqual(CONTACT_FIELDS.map(({ column }) => column));
  });

  it('is what the event holds, with the type of each kind', () => {
    const fields = new Map<string, unknown>(
      SCHEMAS['crm.raw.salesforce.v1.ContactRead'].fields.map(({ name, type }) => [name, type]),
    );
    const avro = {
      text: 'string',
      boolean: 'boolean',
      number: 'double',
      date: { type: 'int', logicalType: 'date' },
      datetime: { type: 'long', logicalType: 'timestamp-millis' },
    };
    for (const { key, kind } of CONTACT_FIELDS)
      expect([key, fields.get(key)]).toEqual([key, key === 'salesforceId' ? 'string' : ['null', avro[kind]]]);
  });

  it('knows which fields change without a trace', () => {
    const known = new Set(CONTACT_FIELDS.map(({ api }) => api));
    expect(UNTRACKED_FIELDS.every((api) => known.has(api))).toBe(true);
  });
});
