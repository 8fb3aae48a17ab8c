import { CONTACT_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import { makeId, PREFIXES } from './ids.ts';
import { mix, pick } from './random.ts';

/** A value as the simulator keeps it: instants as milliseconds, dates as text. */
export type Value = string | number | boolean | null;

/** What the values of a contact are made from. */
export interface Origin {
  seed: number;
  /** Contacts the world began with. */
  size: number;
  /** When the world began, in milliseconds; nothing in it is younger. */
  anchor: number;
  accounts: number;
  users: number;
}

type Maker = (origin: Origin, index: number) => Value;

const DAY = 86_400_000;
const YEARS = 7 * 365 * DAY;
const FIRST = [
  'Ada',
  'Ben',
  'Cleo',
  'Dan',
  'Éva',
  'Finn',
  'Gus',
  'Hana',
  'Ivo',
  'June',
  'Kit',
  'Lena',
  'Milo',
  'Nora',
  'Omar',
  'Zoë',
];
const LAST = [
  'Archer',
  'Baker',
  'Cole',
  'Dyer',
  'Ellis',
  'Foss',
  'Grant',
  'Hale',
  "O'Neill",
  'Núñez',
  'Park',
  'Quist',
  'Rowe',
  'van Dam',
];
const CITIES = ['Minneapolis', 'St. Paul', 'Duluth', 'Rochester', 'Bloomington', 'Mankato'];
const SPECIALTIES = ['Cardiology', 'Family Medicine', 'Oncology', 'Orthopaedics', 'Dermatology', 'Neurology'];
const WORDS = ['North', 'South', 'Lake', 'River', 'Prairie', 'Summit', 'Maple', 'Cedar'];
const STATUSES = ['Open', 'Closed', 'Accepting', 'Waitlist'];

/** How many of the contacts are filled: one in four keeps an optional field empty. */
const FILLED = 4;

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const seconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** When a contact was made: the world grows evenly over seven years, and ends a day before it is first asked. */
function created({ size, anchor, seed }: Origin, index: number): number {
  return seconds(
    anchor - YEARS + ((YEARS - 2 * DAY) * index) / Math.max(size, 1) + (mix(seed, index, 901) % 3_600_000),
  );
}

function modified(origin: Origin, index: number): number {
  const from = created(origin, index);
  return seconds(from + (origin.anchor - 3_600_000 - from) * (mix(origin.seed, index, 902) / 2 ** 32));
}

/** One contact in five was touched by the system after anybody touched it (salesforce A7). */
function stamped(origin: Origin, index: number): number {
  const at = modified(origin, index);
  if (mix(origin.seed, index, 903) % 5 !== 0) return at;
  return seconds(at + (origin.anchor - 1_800_000 - at) * (mix(origin.seed, index, 904) / 2 ** 32));
}

/** Two neighbours in a thousand are the same person twice: same name, same e-mail, another Id. */
const person = (index: number): number => (index % 1000 === 8 ? index - 1 : index);
const first = ({ seed }: Origin, index: number): string => pick(FIRST, mix(seed, person(index), 1));
const last = ({ seed }: Origin, index: number): string => pick(LAST, mix(seed, person(index), 2));
const phone: Maker = ({ seed }, index) => `(612) 555-${String(mix(seed, index, 3) % 10_000).padStart(4, '0')}`;
const street: Maker = ({ seed }, index) =>
  `${1 + (mix(seed, index, 4) % 9999)} ${pick(WORDS, mix(seed, index, 5))} Street`;
const city: Maker = ({ seed }, index) => pick(CITIES, mix(seed, index, 6));
const zip: Maker = ({ seed }, index) => `55${String(mix(seed, index, 7) % 1000).padStart(3, '0')}`;
const npi: Maker = ({ seed }, index) => `1${String(mix(seed, index, 8) % 1_000_000_000).padStart(9, '0')}`;
const account: Maker = ({ seed, accounts }, index) => makeId(PREFIXES.Account, mix(seed, index, 9) % accounts);
const user: Maker = ({ seed, users }, index) => makeId(PREFIXES.User, mix(seed, index, 10) % users);
const other =
  (prefix: string, salt: number): Maker =>
  ({ seed }, index) =>
    makeId(prefix, mix(seed, index, salt) % 500);
const specialty: Maker = ({ seed }, index) => pick(SPECIALTIES, mix(seed, index, 11));
const several: Maker = ({ seed }, index) =>
  [...new Set([0, 1, 2].map((salt) => pick(SPECIALTIES, mix(seed, index, 12 + salt))))].join(';');
const degrees =
  (base: number, salt: number): Maker =>
  ({ seed }, index) =>
    base + (mix(seed, index, salt) % 100_000) / 100_000;
const notes: Maker = (origin, index) =>
  `Met Dr. ${last(origin, index)} about "${String(specialty(origin, index))}";\nfollow up in ${1 + (mix(origin.seed, index, 20) % 12)} weeks, by phone.`;

/** Makers of fields whose value means something; always there. */
const ALWAYS: Record<string, Maker> = {
  Id: (_origin, index) => makeId(PREFIXES.Contact, index),
  LastName: last,
  Name: (origin, index) => `${first(origin, index)} ${last(origin, index)}`,
  FullName__c: (origin, index) => `${last(origin, index)}, ${first(origin, index)}`,
  Contact_Account_Name__c: (origin, index) => `${pick(WORDS, mix(origin.seed, index, 21))} Clinic`,
  CreatedDate: created,
  LastModifiedDate: modified,
  SystemModstamp: stamped,
  LastModifiedById: user,
  CreatedById: user,
  OwnerId: user,
  AccountId: account,
  IsDeleted: (_origin, index) => index % 200 === 100 || index % 500 === 250,
  MasterRecordId: (_origin, index) => (index % 500 === 250 ? makeId(PREFIXES.Contact, index + 1) : null),
  External_ID__c: (_origin, index) => `EXT-${index}`,
  LastViewedDate: () => null,
  LastReferencedDate: () => null,
};

/** Makers of optional fields, left empty for one contact in four. */
const OPTIONAL: Record<string, Maker> = {
  FirstName: first,
  Salutation: ({ seed }, index) => pick(['Dr.', 'Ms.', 'Mr.', 'Prof.'], mix(seed, index, 30)),
  Email: (origin, index) => `${first(origin, index)}.${person(index)}@example.test`.toLowerCase(),
  Phone: phone,
  MobilePhone: phone,
  Title: ({ seed }, index) => `${pick(STATUSES, mix(seed, index, 31))} ${pick(SPECIALTIES, mix(seed, index, 32))} Lead`,
  MailingStreet: street,
  MailingCity: city,
  MailingState: () => 'Minnesota',
  MailingPostalCode: zip,
  MailingCountry: () => 'United States',
  MailingLatitude: degrees(44, 33),
  MailingLongitude: degrees(-94, 34),
  MailingGeocodeAccuracy: () => 'Address',
  LastActivityDate: (origin, index) => iso(modified(origin, index)),
  NPI__c: npi,
  NPI_MN__c: npi,
  Specialty__c: specialty,
  Days_Since_Last_Visit__c: ({ seed }, index) => mix(seed, index, 35) % 900,
  Last_Visited_By_Rep__c: user,
  Business_Entity__c: account,
  Mailing_Address_Compound__c: (origin, index) =>
    `${String(street(origin, index))}, ${String(city(origin, index))} ${String(zip(origin, index))}`,
  Epic_ID__c: (_origin, index) => `E${index}`,
  Network__c: other('a0N', 36),
  Primary_Practice_Location__c: other('a0P', 37),
  Secondary_Practice_Location__c: other('a0P', 38),
  MN_Primary_SoS__c: account,
  MN_Secondary_SoS__c: account,
  Provider_Participation__c: several,
  Sub_Specialty__c: several,
  Provider_Start_Date__c: (origin, index) => iso(created(origin, index)),
  Provider_Term_Date__c: (origin, index) => iso(created(origin, index) + 400 * DAY),
  Last_Outreach_Activity_Date__c: (origin, index) => iso(modified(origin, index)),
  MN_Address__Street__s: street,
  MN_Address__City__s: city,
  MN_Address__PostalCode__s: zip,
  MN_Address__StateCode__s: () => 'MN',
  MN_Address__CountryCode__s: () => 'US',
  MN_Address__Latitude__s: degrees(45, 39),
  MN_Address__Longitude__s: degrees(-93, 40),
  MN_Provider_Summary__c: (origin, index) =>
    `${String(specialty(origin, index))}, "accepting", ${String(city(origin, index))}`,
  MN_Provider_Detailed_Notes__c: notes,
  MN_Tasks_Count__c: ({ seed }, index) => mix(seed, index, 41) % 40,
  Department: ({ seed }, index) => pick(WORDS, mix(seed, index, 42)),
};

/** Fields a contact has besides the mapped ones. */
export const OTHER_VALUES = [
  'AccountId',
  'OwnerId',
  'CreatedById',
  'IsDeleted',
  'MasterRecordId',
  'Department',
] as const;

function makers(): Map<string, Maker> {
  const made = new Map<string, Maker>();
  CONTACT_FIELDS.forEach(({ api, type }, position) => {
    const salt = 100 + position;
    if (type === 'boolean') made.set(api, ({ seed }, index) => mix(seed, index, salt) % 3 !== 0);
    else made.set(api, optional(OPTIONAL[api] ?? (({ seed }, index) => pick(WORDS, mix(seed, index, salt))), salt));
  });
  for (const [api, maker] of Object.entries(ALWAYS)) made.set(api, maker);
  made.set('Department', optional(OPTIONAL['Department']!, 99));
  return made;
}

const optional =
  (maker: Maker, salt: number): Maker =>
  (origin, index) =>
    mix(origin.seed, index, salt) % FILLED === 0 ? null : maker(origin, index);

const MAKERS = makers();

/** A note as long as Salesforce takes, of lines with quotes and commas. */
export const LONGEST_NOTE = 'Line with "quotes", commas,\nand é\r\n'.repeat(1000).slice(0, 32_768);

/** Values that have broken other readers, at indices that tests know (salesforce A4, A10, F). */
export const NASTY: ReadonlyMap<number, Readonly<Record<string, Value>>> = new Map<number, Record<string, Value>>([
  [1, { MailingStreet: '1 Main Street\nSuite "B"\r\n', FirstName: 'Ann, "Annie"' }],
  [2, { FirstName: 'Nu\u0000ll', MN_Provider_Summary__c: '\u0000' }],
  [3, { Title: '"', MiddleName: ',', Suffix: '""', Department: '\n' }],
  [4, { MN_Provider_Detailed_Notes__c: LONGEST_NOTE }],
  [5, { LastName: null }],
  [6, { Provider_Start_Date__c: '2024-02-30', Provider_Term_Date__c: 'soon', MN_Tasks_Count__c: 'many' }],
  [7, { FirstName: 'null', MiddleName: 'NA', LastName: 'NULL' }],
  [8, { LastName: '王😀', MailingCity: 'Zürich' }],
  [9, { MailingLatitude: 1.25e-7, MailingLongitude: -180 }],
  [10, { IsDeleted: true, MasterRecordId: null }],
  [11, { IsDeleted: true, MasterRecordId: makeId(PREFIXES.Contact, 12) }],
  [13, Object.fromEntries(CONTACT_FIELDS.filter(({ nillable }) => nillable).map(({ api }) => [api, null]))],
  [14, { FirstName: ' padded ', LastName: 'tab\there' }],
]);

/** The value of a field of the contact with this index, as the world began. */
export function contactValue(origin: Origin, index: number, field: string): Value {
  const odd = index < 16 ? NASTY.get(index) : undefined;
  if (odd !== undefined && field in odd) return odd[field]!;
  const maker = MAKERS.get(field);
  return maker === undefined ? null : maker(origin, index);
}
