import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { opportunity } from './pipelines.ts';
import type { Random } from './random.ts';
import type { StoredContact } from './world.ts';

const FIRST = 'Ada Ben Cleo Dan Eve Finn Gus Hana Ivo June Kit Lena Milo Nora Omar Pia'.split(' ');
const LAST = 'Archer Baker Cole Dyer Ellis Fisher Gray Hale Irwin Jones Keller Lowe Mason North'.split(' ');
const SERVICES = 'Plumbing,Roofing,Electrical,Marine Repair,Landscaping,HVAC,Painting,Pool Service'.split(',');
const ZIPS = '33301,33131,32801,30301,90210,10001,02108,60601,33301-1234,331310000,2108,00000,K1A 0B1'.split(',');
const COVERAGE =
  'Global|NATIONAL|usa|FL|fl, ga|FL; GA|Broward, FL|Broward,FL; Palm Beach, FL|33301, 33131|33301 30301|FL; 10001|somewhere'.split(
    '|',
  );
const LEVEL_TAGS = DEFAULT_GHL_RULES.vendorTagLevels.map(({ tag }) => tag);
const FIELDS = DEFAULT_GHL_RULES.customFields;
const DAY = 86_400_000;

/** Name, addresses and dates of the contact with a number. */
export function person(random: Random, index: number, addedAt: number): Partial<StoredContact> {
  const firstName = random.pick(FIRST);
  const lastName = random.pick(LAST);
  const nameless = random.chance(0.02);
  const plain = `${firstName}.${lastName}.${random.chance(0.02) ? index % 50 : index}@example.test`.toLowerCase();
  const email = random.chance(0.05) ? ` ${plain.toUpperCase()} ` : plain;
  const dateAdded = addedAt + random.below(DAY);
  return {
    ...(nameless ? {} : { firstName, lastName }),
    ...(random.chance(0.04) ? {} : { email }),
    ...(random.chance(0.1) ? {} : { phone: `+1555${String(index).padStart(7, '0')}` }),
    ...(random.chance(0.4) ? { postalCode: random.pick(ZIPS) } : {}),
    ...(random.chance(0.4)
      ? { address1: `${1 + random.below(9999)} Main Street${random.chance(0.5) ? `, FL ${random.pick(ZIPS)}` : ''}` }
      : {}),
    type: 'lead',
    country: 'US',
    dateAdded,
    dateUpdated: dateAdded + random.below(60 * DAY),
  };
}

/** What makes a contact a vendor: source or tag, and the fields of vendors. */
export function vendor(random: Random): Partial<StoredContact> {
  const fields: { id: string; value: unknown }[] = [
    { id: FIELDS.companyName, value: `${random.pick(LAST)} ${random.pick(SERVICES)} LLC` },
  ];
  const add = (chance: number, id: string, value: () => unknown): void => {
    if (random.chance(chance)) fields.push({ id, value: value() });
  };
  add(0.4, FIELDS.ghlUserId, () => random.id());
  add(0.7, FIELDS.serviceCategories[0]!, () => [random.pick(SERVICES), random.pick(SERVICES)]);
  add(0.3, FIELDS.serviceCategories[1]!, () => `${random.pick(SERVICES)}, ${random.pick(SERVICES)}`);
  add(0.6, FIELDS.servicesOffered, () => `${random.pick(SERVICES)}, ${random.pick(SERVICES)},  `);
  add(0.7, FIELDS.serviceZipCodes, () => random.pick(COVERAGE));
  add(0.6, FIELDS.takingNewWork, () => random.pick(['Yes', 'no', 'TRUE', '1', 'maybe', true]));
  add(0.3, FIELDS.lastLeadAssigned, () => random.pick(['2025-03-01', '2025-03-01T10:00:00.000Z', 'not a date']));
  add(0.4, FIELDS.leadClosePercentage, () => random.pick(['45%', 12.5, '7', 'n/a']));
  add(0.5, FIELDS.primaryServiceCategory, () => random.pick(SERVICES));
  add(0.01, FIELDS.companyName, () => ({ unexpected: 'object' }));
  const tags = [
    ...(random.chance(0.6) ? [random.pick(LEVEL_TAGS)] : []),
    ...(random.chance(0.15) ? [random.pick(LEVEL_TAGS)] : []),
  ];
  const bySource = random.chance(0.5);
  return {
    customFields: fields,
    tags: bySource ? tags : [...tags, 'new vendor'],
    ...(bySource ? { source: random.pick(['Vendor Application', 'vendor application (website)']) } : {}),
  };
}

/** What makes a contact a customer's request. */
export function lead(random: Random): Partial<StoredContact> {
  const fields: { id: string; value: unknown }[] = [];
  if (random.chance(0.6)) fields.push({ id: FIELDS.primaryServiceCategory, value: random.pick(SERVICES) });
  if (random.chance(0.6))
    fields.push({ id: FIELDS.specificServiceRequested, value: `${random.pick(SERVICES)} needed` });
  if (random.chance(0.2)) fields.push({ id: FIELDS.leadZip, value: random.pick(ZIPS) });
  return {
    source: 'Website',
    customFields: fields,
    tags: random.chance(0.3) ? ['New Lead'] : [],
    opportunities: random.chance(0.3) ? [opportunity(random)] : [],
  };
}
