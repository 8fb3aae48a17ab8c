import { CUSTOM_FIELDS, type CustomField } from './fields.ts';
import { oddValues } from './oddities.ts';
import { lead, person, vendor } from './people.ts';
import type { StoredOpportunity } from './pipelines.ts';
import { createRandom, type Random } from './random.ts';

/** A contact as the simulator keeps it: the shape of GET /contacts/{id}. Times are milliseconds. */
export interface StoredContact {
  id: string;
  locationId: string;
  firstName?: string | null;
  lastName?: string | null;
  companyName?: string | null;
  email?: string | null;
  phone?: string | null;
  address1?: string | null;
  city?: string | null;
  state?: string | null;
  country?: string | null;
  postalCode?: string | null;
  website?: string | null;
  timezone?: string | null;
  type?: string;
  source?: string | null;
  assignedTo?: string | null;
  dateOfBirth?: string | null;
  tags: unknown;
  customFields: { id: string; value: unknown }[];
  opportunities: StoredOpportunity[];
  dnd?: boolean;
  dndSettings?: unknown;
  inboundDndSettings?: unknown;
  /** Who made it; absent for contacts that a world was born with. */
  createdBy?: Record<string, unknown>;
  dateAdded: number;
  dateUpdated?: number | undefined;
}

/** What a contact was before a change; undefined when there was none. */
export interface Change {
  /** The machine's own time, for the lag of the search index. */
  at: number;
  id: string;
  before: StoredContact | undefined;
}

/** A made-up location. Every change is dated by the world's own clock, one second further each time. */
export interface World {
  locationId: string;
  companyId: string;
  /** A private integration token of the location. */
  token: string;
  name: string;
  contacts: Map<string, StoredContact>;
  /** Ids of contacts that are no more. */
  deleted: Set<string>;
  users: { id: string; name: string; email: string }[];
  customFields: Map<string, CustomField>;
  customValues: Map<string, { id: string; name: string; value: string }>;
  /** Tags of the location that no contact needs to have. */
  tags: Set<string>;
  /** Settings of the location: duplicates, and which fields are unique, most important first. */
  allowDuplicateContact: boolean;
  uniqueFields: readonly ('email' | 'phone')[];
  /** False for a suspended account. */
  isActive: boolean;
  /** Counts changes, so that whoever sorted the contacts knows when to sort again. */
  revision: number;
  /** The changes of the last minute. */
  changes: Change[];
  addContact(contact: Partial<StoredContact>): StoredContact;
  changeContact(id: string, patch: Partial<StoredContact>): StoredContact;
  deleteContact(id: string): void;
  /** A new 20-character id. */
  newId(): string;
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
  /** False for contacts that are all as the documentation has them. */
  odd?: boolean;
}

const START = Date.UTC(2024, 0, 1);
const DAY = 86_400_000;
/** No index lags longer: older changes are forgotten. */
const CHANGES_KEPT_MS = 60_000;

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
    deleted: new Set(),
    users: Array.from({ length: 5 }, (_, index) => ({
      id: random.id(),
      name: `User ${index + 1}`,
      email: `user${index + 1}@example.test`,
    })),
    customFields: new Map(CUSTOM_FIELDS.map((field) => [field.id, field])),
    customValues: new Map(),
    tags: new Set(),
    allowDuplicateContact,
    uniqueFields: ['email', 'phone'],
    isActive: true,
    revision: 0,
    changes: [],
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
      remember(added.id);
      world.contacts.set(added.id, added);
      return added;
    },
    changeContact(id, patch) {
      const contact = world.contacts.get(id);
      if (contact === undefined) throw new Error(`the world has no contact ${id}`);
      now += 1000;
      remember(id);
      return Object.assign(contact, { dateUpdated: now }, patch);
    },
    deleteContact(id) {
      remember(id);
      if (world.contacts.delete(id)) world.deleted.add(id);
    },
    newId: () => random.id(),
  };
  function remember(id: string): void {
    const at = Date.now();
    const before = world.contacts.get(id);
    while (world.changes.length > 0 && world.changes[0]!.at < at - CHANGES_KEPT_MS) world.changes.shift();
    world.changes.push({ at, id, before: before === undefined ? undefined : { ...before } });
    world.revision += 1;
  }
  return world;
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => random.below(16).toString(16)).join('');
}

/**
 * A location with vendors, leads, staff and others; the same one for the same options. Every hundred contacts hold each of the
 * ODDITIES once. The contacts are as old as the location: no search index has still to learn of them.
 */
export function makeWorld(options: WorldOptions): World {
  const { seed, contacts, vendorShare = 0.3, leadShare = 0.45, staffShare = 0.01, odd = true } = options;
  const world = emptyWorld(seed, options.allowDuplicateContact);
  const random = createRandom(seed + 1);
  for (let index = 0; index < contacts; index += 1) {
    const share = random.next();
    const base = person(random, index, START + Math.floor((index * 600 * DAY) / Math.max(contacts, 1)));
    const part =
      share < staffShare
        ? { type: 'staff' }
        : share < staffShare + vendorShare
          ? vendor(random)
          : share < staffShare + vendorShare + leadShare
            ? lead(random)
            : { tags: random.chance(0.3) ? ['newsletter', ' Odd Tag '] : [] };
    world.addContact({ ...base, ...part, ...(odd ? oddValues(random, index) : {}) });
    world.changes.length = 0;
  }
  return world;
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
  // No CSV file holds NUL.
  const cell = (value: string | number): string => {
    const text = String(value).replaceAll('\0', '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
