import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { createRandom, type Random } from './random.ts';

/** A contact as the simulator keeps it: the shape of GET /contacts/{id}. Times are milliseconds. */
export interface StoredContact {
  id: string;
  locationId: string;
  firstName?: string;
  lastName?: string;
  companyName?: string;
  email?: string;
  phone?: string;
  address1?: string;
  city?: string;
  state?: string;
  country?: string;
  postalCode?: string;
  type?: string;
  source?: string;
  assignedTo?: string;
  tags: unknown;
  customFields: { id: string; value: unknown }[];
  opportunities: { id: string; pipelineId: string; pipelineStageId: string; status: string; monetaryValue: number }[];
  dnd?: boolean;
  dateAdded: number;
  dateUpdated?: number;
}

/** A made-up location. Every change is dated by the world's own clock, one second further each time. */
export interface World {
  locationId: string;
  companyId: string;
  token: string;
  name: string;
  contacts: Map<string, StoredContact>;
  users: { id: string; name: string; email: string }[];
  /** Settings of the location: duplicates, and which field is unique. */
  allowDuplicateContact: boolean;
  /** Counts changes, so that whoever sorted the contacts knows when to sort again. */
  revision: number;
  addContact(contact: Partial<StoredContact>): StoredContact;
  changeContact(id: string, patch: Partial<StoredContact>): StoredContact;
  deleteContact(id: string): void;
}

/** What a world is made of. */
export interface WorldOptions {
  seed: number;
  contacts: number;
  /** Shares of all contacts; the rest are of no class. */
  vendorShare?: number;
  leadShare?: number;
  staffShare?: number;
  allowDuplicateContact?: boolean;
}

const FIRST = [
  'Ada',
  'Ben',
  'Cleo',
  'Dan',
  'Eve',
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
  'Pia',
];
const LAST = [
  'Archer',
  'Baker',
  'Cole',
  'Dyer',
  'Ellis',
  'Fisher',
  'Gray',
  'Hale',
  'Irwin',
  'Jones',
  'Keller',
  'Lowe',
  'Mason',
  'North',
];
const SERVICES = [
  'Plumbing',
  'Roofing',
  'Electrical',
  'Marine Repair',
  'Landscaping',
  'HVAC',
  'Painting',
  'Pool Service',
];
const ZIPS = [
  '33301',
  '33131',
  '32801',
  '30301',
  '90210',
  '10001',
  '02108',
  '60601',
  '33301-1234',
  '331310000',
  '2108',
  '00000',
  'K1A 0B1',
];
const COVERAGE = [
  'Global',
  'NATIONAL',
  'usa',
  'FL',
  'fl, ga',
  'FL; GA',
  'Broward, FL',
  'Broward,FL; Palm Beach, FL',
  '33301, 33131',
  '33301 30301',
  'FL; 10001',
  'somewhere',
];
const LEVEL_TAGS = DEFAULT_GHL_RULES.vendorTagLevels.map(({ tag }) => tag);
const FIELDS = DEFAULT_GHL_RULES.customFields;
const START = Date.UTC(2024, 0, 1);
const DAY = 86_400_000;

/** An empty location. */
export function emptyWorld(seed: number, allowDuplicateContact = true): World {
  const random = createRandom(seed);
  const locationId = random.id();
  let now = START + 700 * DAY;
  const world: World = {
    locationId,
    companyId: random.id(),
    token: `pit-${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}`,
    name: 'Made-up Services',
    contacts: new Map(),
    users: Array.from({ length: 5 }, (_, index) => ({
      id: random.id(),
      name: `User ${index + 1}`,
      email: `user${index + 1}@example.test`,
    })),
    allowDuplicateContact,
    revision: 0,
    addContact(contact) {
      now += 1000;
      const added: StoredContact = {
        id: random.id(),
        locationId,
        tags: [],
        customFields: [],
        opportunities: [],
        dateAdded: now,
        dateUpdated: now,
        ...contact,
      };
      world.contacts.set(added.id, added);
      world.revision += 1;
      return added;
    },
    changeContact(id, patch) {
      const contact = world.contacts.get(id);
      if (contact === undefined) throw new Error(`the world has no contact ${id}`);
      now += 1000;
      Object.assign(contact, { dateUpdated: now }, patch);
      world.revision += 1;
      return contact;
    },
    deleteContact(id) {
      world.contacts.delete(id);
      world.revision += 1;
    },
  };
  return world;
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => random.below(16).toString(16)).join('');
}

/** A location with vendors, leads, staff and others, odd values among them; the same one for the same options. */
export function makeWorld(options: WorldOptions): World {
  const {
    seed,
    contacts,
    vendorShare = 0.3,
    leadShare = 0.45,
    staffShare = 0.01,
    allowDuplicateContact = true,
  } = options;
  const world = emptyWorld(seed, allowDuplicateContact);
  const random = createRandom(seed + 1);
  for (let index = 0; index < contacts; index += 1) {
    const share = random.next();
    const base = person(random, index, START + Math.floor((index * 600 * DAY) / Math.max(contacts, 1)));
    if (share < staffShare) world.addContact({ ...base, type: 'staff' });
    else if (share < staffShare + vendorShare) world.addContact({ ...base, ...vendor(random) });
    else if (share < staffShare + vendorShare + leadShare) world.addContact({ ...base, ...lead(random) });
    else world.addContact({ ...base, tags: random.chance(0.3) ? ['newsletter', ' Odd Tag '] : [] });
  }
  return world;
}

function person(random: Random, index: number, addedAt: number): Partial<StoredContact> {
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

function vendor(random: Random): Partial<StoredContact> {
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

function lead(random: Random): Partial<StoredContact> {
  const fields: { id: string; value: unknown }[] = [];
  if (random.chance(0.6)) fields.push({ id: FIELDS.primaryServiceCategory, value: random.pick(SERVICES) });
  if (random.chance(0.6))
    fields.push({ id: FIELDS.specificServiceRequested, value: `${random.pick(SERVICES)} needed` });
  if (random.chance(0.2)) fields.push({ id: FIELDS.leadZip, value: random.pick(ZIPS) });
  return {
    source: 'Website',
    customFields: fields,
    tags: random.chance(0.3) ? ['New Lead'] : [],
    opportunities: random.chance(0.3)
      ? [
          {
            id: random.id(),
            pipelineId: random.id(),
            pipelineStageId: random.id(),
            status: 'open',
            monetaryValue: random.below(5000),
          },
        ]
      : [],
  };
}

/** Local rows that belong to a world, as CSV of V3's columns: some by contact id, some by e-mail or opportunity only, some gone in GHL. */
export function worldRows(world: World, seed = 1): { vendors: string; leads: string } {
  const random = createRandom(seed);
  const vendors: (string | number)[][] = [];
  const leads: (string | number)[][] = [];
  for (const contact of world.contacts.values()) {
    const email = (contact.email ?? '').trim().toLowerCase();
    const isVendor =
      contact.source?.toLowerCase().includes('vendor') === true ||
      (Array.isArray(contact.tags) && contact.tags.includes('new vendor'));
    if (isVendor && random.chance(0.6)) {
      vendors.push([
        random.id(),
        `${contact.firstName ?? 'Old'} Name`,
        email,
        random.chance(0.7) ? contact.id : '',
        random.pick(['pending', 'active', 'on hold']),
      ]);
    }
    if (contact.source === 'Website' && random.chance(0.7)) leads.push(leadRow(random, contact, email));
  }
  for (let index = 0; index < Math.ceil(vendors.length / 20); index += 1) {
    vendors.push([random.id(), 'Gone Vendor', `gone.vendor.${index}@example.test`, random.id(), 'active']);
  }
  for (let index = 0; index < Math.ceil(leads.length / 20); index += 1) {
    leads.push([random.id(), 'Gone Customer', `gone.lead.${index}@example.test`, random.id(), '', 'assigned']);
  }
  return {
    vendors: csv(['id', 'name', 'email', 'ghl_contact_id', 'status'], vendors),
    leads: csv(['id', 'customer_name', 'customer_email', 'ghl_contact_id', 'ghl_opportunity_id', 'status'], leads),
  };
}

function leadRow(random: Random, contact: StoredContact, email: string): string[] {
  const opportunity = contact.opportunities[0]?.id ?? '';
  const byOpportunity = opportunity !== '' && random.chance(0.2);
  const byEmail = !byOpportunity && random.chance(0.2);
  const status = random.pick(['new', 'assigned', 'unassigned', 'completed']);
  const id = byOpportunity || byEmail ? '' : contact.id;
  return [random.id(), `${contact.firstName ?? 'Old'} Customer`, byOpportunity ? '' : email, id, opportunity, status];
}

function csv(header: string[], rows: (string | number)[][]): string {
  const cell = (value: string | number): string =>
    /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
