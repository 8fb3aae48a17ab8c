import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import type { Random } from './random.ts';

/** A custom field of a location, without what every field has in common. */
export interface CustomField {
  id: string;
  name: string;
  dataType: string;
  model: 'contact' | 'opportunity';
  picklistOptions: string[];
  placeholder: string;
}

const IDS = DEFAULT_GHL_RULES.customFields;
const CHOICES = ['First', 'Second', 'Third'];

/** The fields the rules read, then one of every further data type (ghl section 2.14). */
export const CUSTOM_FIELDS: readonly CustomField[] = [
  field(IDS.ghlUserId, 'GHL User ID', 'TEXT'),
  field(IDS.companyName, 'Vendor Company Name', 'TEXT'),
  field(IDS.serviceCategories[0]!, 'Service Categories Selections', 'MULTIPLE_OPTIONS', CHOICES),
  field(IDS.serviceCategories[1]!, 'Service Categories', 'TEXT'),
  field(IDS.servicesOffered, 'Services Provided', 'LARGE_TEXT'),
  field(IDS.serviceZipCodes, 'Service Zip Codes', 'LARGE_TEXT'),
  field(IDS.takingNewWork, 'Taking New Work?', 'TEXT'),
  field(IDS.lastLeadAssigned, 'Last Lead Assigned', 'DATE'),
  field(IDS.leadClosePercentage, 'Lead Close %', 'NUMERICAL'),
  field(IDS.primaryServiceCategory, 'Primary Service Category', 'TEXT'),
  field(IDS.specificServiceRequested, 'Specific Service Needed', 'TEXT'),
  field(IDS.leadZip, 'Zip Code', 'TEXT'),
  field('SecondPhoneField0000', 'Second Phone', 'PHONE'),
  field('YearlyRevenueField00', 'Yearly Revenue', 'MONETORY'),
  field('CertificatesField000', 'Certificates', 'CHECKBOX', CHOICES),
  field('PreferredTimeField00', 'Preferred Time', 'SINGLE_OPTIONS', CHOICES),
  field('OwnerOccupiedField00', 'Owner Occupied', 'RADIO', CHOICES),
  field('EmergencyPeopleField', 'Emergency People', 'TEXTBOX_LIST'),
  field('InsurancePaperField0', 'Insurance Paper', 'FILE_UPLOAD'),
  field('SignedTermsField0000', 'Signed Terms', 'SIGNATURE'),
  { ...field('OpportunityNoteField', 'Opportunity Note', 'TEXT'), model: 'opportunity' },
];

function field(id: string, name: string, dataType: string, picklistOptions: string[] = []): CustomField {
  return { id, name, dataType, model: 'contact', picklistOptions, placeholder: '' };
}

const FILE = { documentId: 'doc', url: 'https://files.example.test/1', meta: { mimetype: 'application/pdf', size: 7 } };

/** A value of the type that its field promises. */
const RIGHT: Record<string, (random: Random) => unknown> = {
  TEXT: (random) => `text ${random.below(1000)}`,
  LARGE_TEXT: (random) => `line ${random.below(1000)}\nline 2`,
  NUMERICAL: (random) => random.below(100),
  PHONE: (random) => `+1555${String(random.below(10_000_000)).padStart(7, '0')}`,
  MONETORY: (random) => random.below(1_000_000) / 100,
  CHECKBOX: (random) => [random.pick(CHOICES)],
  SINGLE_OPTIONS: (random) => random.pick(CHOICES),
  MULTIPLE_OPTIONS: (random) => [random.pick(CHOICES), random.pick(CHOICES)],
  DATE: () => '2025-03-01',
  TEXTBOX_LIST: () => ({ 'box-1': 'Ann', 'box-2': 'Bob' }),
  RADIO: (random) => random.pick(CHOICES),
  FILE_UPLOAD: () => ({ '6f1b1c1e-0000-4000-8000-000000000000': FILE }),
  SIGNATURE: () => FILE,
};

/** Values no field of the sort should have, and some have all the same. */
const WRONG: readonly unknown[] = [
  true,
  0,
  -1.5,
  '',
  null,
  ['a', 1, null],
  { unexpected: 'object' },
  [[]],
  'not a date',
];

/** One value of every data type, on the fields that the rules do not read. */
export function everyType(random: Random): { id: string; value: unknown }[] {
  return CUSTOM_FIELDS.filter(({ id, model }) => model === 'contact' && id.includes('Field')).map(
    ({ id, dataType }) => ({
      id,
      value: RIGHT[dataType]!(random),
    }),
  );
}

/** Every contact field with a value of a wrong type. */
export function wrongTypes(random: Random): { id: string; value: unknown }[] {
  return CUSTOM_FIELDS.filter(({ model }) => model === 'contact').map(({ id }) => ({ id, value: random.pick(WRONG) }));
}
