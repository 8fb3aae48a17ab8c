import type { GhlRules } from '#libs/domain/src/settings.ts';
import { createRandom, type Random } from '#testcontainers/simulators/ghl/random.ts';
import type { StoredContact } from '#testcontainers/simulators/ghl/world.ts';
import { blankLead, blankVendor, type LeadRow, type LifeColumns, type VendorRow } from './rows.ts';
import { customValues, POSTAL_CODES, STREETS } from './values.ts';

/** A contact of a location as the simulator keeps it, without the location's own id. */
export type WorldContact = Omit<StoredContact, 'locationId'>;

/** One scan of a world: what the location holds by then, and what goes wrong. */
export interface WorldScan {
  contacts: WorldContact[];
  /** Ids whose look-up gets no answer. */
  unanswered: string[];
  dryRun: boolean;
}

/** Plain data, so that a world can be printed, cut down and run again. */
export interface OracleWorld {
  seed: number;
  vendors: VendorRow[];
  leads: LeadRow[];
  scans: WorldScan[];
}

/** The pools a world draws from: small ones, so that contacts and rows meet. */
interface Pools {
  random: Random;
  rules: GhlRules;
  emails: string[];
  users: string[];
  opportunities: string[];
  ids: string[];
}

const DAY = 86_400_000;
const START = Date.UTC(2025, 0, 1);
const TIMES = [START, START + DAY, START + 2 * DAY];
const FIRST = ['Ada', 'Ben', ' Cleo ', 'Mary  Ann', 'Eve', ''];
const LAST = ['Archer', 'Baker', 'Cole', ' '];
const LATER = 30 * DAY;

/** A world that hits the corners of the rules on purpose; the same one for the same seed and rules. */
export function makeOracleWorld(seed: number, rules: GhlRules): OracleWorld {
  const random = createRandom(seed);
  const size = random.pick([5, 8, 12, 20, 30, 45]);
  const pools: Pools = {
    random,
    rules,
    emails: Array.from({ length: Math.ceil(size * 0.7) }, (_, index) => `p${index}.${seed}@example.test`),
    users: Array.from({ length: 4 }, (_, index) => `user-${seed}-${index}`),
    opportunities: Array.from({ length: 5 }, () => random.id()),
    ids: Array.from({ length: size }, () => random.id()),
  };
  const goneShare = random.pick([0, 0.1, 0.3, 0.8]);
  const contacts = pools.ids.filter(() => !random.chance(goneShare)).map((id) => contact(id, pools));
  const vendors = vendorRows(pools, random.below(size));
  const leads = leadRows(pools, random.below(size));
  const outage = random.chance(0.08);
  const first: WorldScan = { contacts, unanswered: unanswered(pools, outage ? 0.5 : 0), dryRun: random.chance(0.1) };
  const scans = [first];
  if (random.chance(0.5)) scans.push({ ...first, unanswered: [], dryRun: false });
  let holds = contacts;
  while (scans.length < 5 && random.chance(0.65)) {
    holds = change(holds, pools, goneShare, scans.length);
    scans.push({ contacts: holds, unanswered: unanswered(pools, 0), dryRun: random.chance(0.05) });
    if (random.chance(0.5)) scans.push({ contacts: holds, unanswered: [], dryRun: false });
  }
  return { seed, vendors, leads, scans };
}

function unanswered({ random, ids }: Pools, least: number): string[] {
  const share = Math.max(least, random.pick([0, 0, 0, 0.1, 0.3]));
  return ids.filter(() => random.chance(share));
}

function maybe<T>({ random }: Pools, chance: number, value: () => T): T | undefined {
  return random.chance(chance) ? value() : undefined;
}

function contact(id: string, pools: Pools): WorldContact {
  const { random, emails } = pools;
  const kind = random.pick(['vendor', 'vendor', 'lead', 'lead', 'plain', 'staff'] as const);
  const email = maybe(pools, 0.85, () => random.pick(emails));
  const made: { [Key in keyof WorldContact]: WorldContact[Key] | undefined } = {
    id,
    firstName: maybe(pools, 0.9, () => random.pick(FIRST)),
    lastName: maybe(pools, 0.85, () => random.pick(LAST)),
    companyName: maybe(pools, 0.2, () => 'Standing In Ltd'),
    email: email !== undefined && random.chance(0.2) ? ` ${email.toUpperCase()} ` : email,
    phone: maybe(pools, 0.6, () => random.pick(['+15550000001', ' +1 (555) 000-0002 ', '', 'call\0me'])),
    address1: maybe(pools, 0.4, () => random.pick(STREETS)),
    postalCode: maybe(pools, 0.4, () => random.pick(POSTAL_CODES)),
    type: kind === 'staff' ? 'staff' : random.pick(['lead', 'customer']),
    source: random.pick(
      kind === 'vendor' ? ['Vendor Application', 'old VENDOR APPLICATION form', 'Website'] : ['Website', ''],
    ),
    tags: tags(kind, pools),
    customFields: customValues(pools),
    opportunities: random.chance(0.25)
      ? [
          {
            id: random.pick(pools.opportunities),
            pipelineId: 'p',
            pipelineStageId: 's',
            status: 'open',
            monetaryValue: 1,
          },
        ]
      : [],
    dateAdded: random.pick(TIMES),
    dateUpdated: maybe(pools, 0.95, () => random.pick(TIMES) + 3 * DAY),
  };
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as unknown as WorldContact;
}

function tags(kind: string, { random, rules }: Pools): unknown {
  const names: string[] = [];
  const levels = rules.vendorTagLevels.map(({ tag }) => tag);
  while (random.chance(kind === 'vendor' ? 0.55 : 0.1)) names.push(random.pick(levels));
  if (kind === 'vendor' && random.chance(0.3)) names.push('New Vendor');
  if (kind === 'lead' && random.chance(0.5)) names.push(random.pick(['New Lead', ' new lead ']));
  if (random.chance(0.3)) names.push(random.pick([...rules.leadDiscoveryTags, 'newsletter', '', ' ']));
  const shape = random.below(8);
  if (shape === 0) return names.join(', ');
  if (shape === 1) return names.map((name) => ({ name }));
  if (shape === 2) return names.map((tag) => ({ tag }));
  if (shape === 3) return names.length === 0 ? null : [null, ...names, 7, {}];
  return names;
}

/** The location some time later: contacts gone, come, back and changed; what changed is newer than it ever was. */
function change(contacts: WorldContact[], pools: Pools, goneShare: number, round: number): WorldContact[] {
  const { random } = pools;
  const known = new Map(contacts.map((one) => [one.id, one]));
  return pools.ids.flatMap((id) => {
    const old = known.get(id);
    if (old === undefined && !random.chance(0.4)) return [];
    if (random.chance(Math.min(goneShare, 0.3))) return [];
    if (old !== undefined && random.chance(0.6)) return [old];
    return [{ ...contact(id, pools), dateAdded: START, dateUpdated: random.pick(TIMES) + round * LATER }];
  });
}

function life({ random, rules }: Pools, statuses: string[]): Partial<LifeColumns> {
  const status = random.pick(statuses);
  const created_at = random.pick(TIMES);
  const reclassified_as = random.chance(0.1) ? random.pick(['vendor', 'staff']) : null;
  if (random.chance(0.85)) return { status, created_at, reclassified_as };
  const previous_status = random.chance(0.7) ? status : null;
  return { status: rules.inactiveStatus, previous_status, missing_since: START, created_at, reclassified_as };
}

function vendorRows(pools: Pools, count: number): VendorRow[] {
  const { random } = pools;
  const free = [...pools.ids];
  const freeUsers = [...pools.users];
  const take = (from: string[]): string | null => from.splice(random.below(from.length), 1)[0] ?? null;
  const statuses = [...pools.rules.vendorTagLevels.map(({ status }) => status), 'on hold'];
  return Array.from({ length: count }, (_, index) => ({
    ...blankVendor(`${random.pick(['v', 'V'])}${index}-${pools.random.id()}`),
    ...life(pools, statuses),
    ...(random.chance(0.7) ? { ghl_contact_id: take(free) } : {}),
    ...(random.chance(0.7) ? { email: random.pick(pools.emails) } : {}),
    ...(random.chance(0.15) ? { ghl_user_id: take(freeUsers) } : {}),
    ...(random.chance(0.4)
      ? { phone: '+15559999999', company_name: 'Old Company', services_offered: ['Roofing', 'Plumbing'] }
      : {}),
    ...(random.chance(0.4)
      ? { service_zip_codes: 'FL', coverage_type: 'state', coverage_states: ['FL'], lead_close_percentage: 12.5 }
      : {}),
    ...(random.chance(0.3)
      ? { taking_new_work: false, primary_service_category: 'Roofing', last_lead_assigned: START }
      : {}),
    name: random.pick(['Old Name', 'Ada Archer', 'Ben Baker', '']),
  }));
}

function leadRows(pools: Pools, count: number): LeadRow[] {
  const { random } = pools;
  const statuses = ['new', 'unassigned', 'assigned', 'new lead', 'completed', ''];
  return Array.from({ length: count }, (_, index) => ({
    ...blankLead(`${random.pick(['l', 'L'])}${index}-${pools.random.id()}`),
    ...life(pools, statuses),
    ...(random.chance(0.6) ? { ghl_contact_id: random.pick(pools.ids) } : {}),
    ...(random.chance(0.6) ? { customer_email: random.pick(pools.emails) } : {}),
    ...(random.chance(0.3) ? { ghl_opportunity_id: random.pick(pools.opportunities) } : {}),
    ...(random.chance(0.7) ? { customer_name: random.pick(['Old Customer', 'Ada Archer', '']) } : {}),
    ...(random.chance(0.4) ? { customer_phone: '+15558888888', specific_service_requested: 'Boat polish' } : {}),
    ...(random.chance(0.5) ? random.pick(PLACES) : {}),
  }));
}

const PLACES: Partial<LeadRow>[] = [
  { service_zip_code: '33301', service_county: 'Broward', service_state: 'FL' },
  { service_zip_code: '33301', customer_zip_code: '33301' },
  { service_zip_code: '10001', service_state: 'NY' },
  { service_zip_code: 'K1A 0B1' },
  { service_county: 'Elsewhere', service_state: 'GA' },
];
