import type { CrashPoint } from '#libs/runtime/src/crash-point.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { createRandom, type Random } from '#testcontainers/simulators/ghl/random.ts';
import type { Fault } from '#testcontainers/simulators/ghl/faults.ts';
import { makeOracleWorld, type OracleWorld, type WorldContact } from '../worlds.ts';
import type { ServiceName } from './fleet.ts';

/** Something that happens to a process or a server while a scan runs. */
export type Trouble =
  | { kind: 'kill'; service: ServiceName; index?: number; afterMs: number }
  | { kind: 'crash'; service: ServiceName; point: CrashPoint }
  | { kind: 'zombie'; index: number; afterMs: number }
  | { kind: 'restart'; server: 'kafka' | 'registry' | 'postgres'; afterMs: number }
  | { kind: 'freeze'; server: 'registry'; afterMs: number }
  | { kind: 'poison' };

/** How the source breaks off a scan, and after how many list pages. */
export interface Break {
  kind: 'token-revoked' | 'forbidden-scope' | 'repeat-cursor' | 'empty' | '500';
  pages: number;
}

/** Whether the source refuses the token: nothing that a scan asks for is answered then. */
export function isRefusal({ kind }: Break): boolean {
  return kind === 'token-revoked' || kind === 'forbidden-scope';
}

/** One round: a world, a mode, and everything that goes wrong. Plain data. */
export interface Round {
  number: number;
  seed: number;
  mode: 'full' | 'targeted';
  world: OracleWorld;
  contacts: WorldContact[];
  dryRun: boolean;
  unanswered: string[];
  unansweredEmails: string[];
  /** Faults that heal within the patience of the connector. */
  faults: Fault[];
  breaks?: Break;
  /** Contacts so new that the search index has still to learn of them: only their id finds them. */
  unindexed: string[];
  /** How a contact that was deleted is answered for. */
  deletedAs: '400' | '404' | '200';
  /** Contacts are added, changed and deleted while somebody pages. */
  drifts: boolean;
  troubles: Trouble[];
}

/** Every crash point, with the service that comes to it. */
export const CRASHES: readonly [CrashPoint, ServiceName][] = [
  ['after-publish-before-save', 'connector'],
  ['after-marker-partial', 'connector'],
  ['after-markers-before-finish', 'connector'],
  ['after-send-before-checkpoint', 'classifier'],
  ['after-commit-before-resolve', 'projector'],
  ['after-commit-before-resolve', 'connector'],
  ['after-outbox-publish-before-delete', 'projector'],
  ['after-dead-letter-before-checkpoint', 'classifier'],
];

/** Contacts of a list page in every round: small, so that a scan has many. */
export const PAGE = 10;
/** LIST_SCAN_CAP of every round. */
export const CAP = 80;

/** The round of a number, the same for the same seed. */
export function planRound(
  seed: number,
  number: number,
  { rules, rows, mode }: { rules: GhlRules; rows: number | undefined; mode: 'full' | 'targeted' | 'both' },
): Round {
  const own = seed * 100_003 + number;
  const random = createRandom(own);
  const world = makeOracleWorld(own, rules, rows ?? random.pick([20, 60, 120]));
  const scan = world.scans[0]!;
  const chosen = mode === 'both' ? random.pick(['full', 'targeted'] as const) : mode;
  const breaks = random.chance(0.2) ? breakOf(random, chosen, scan.contacts.length) : undefined;
  const unanswered = breaks === undefined && random.chance(0.35) ? scan.unanswered.slice(0, 5) : [];
  const emails = [...new Set(world.leads.flatMap(({ customer_email }) => customer_email ?? []))];
  const unansweredEmails = breaks === undefined && random.chance(0.35) ? emails.slice(0, 2) : [];
  const faults = breaks === undefined ? faultsOf(random) : [];
  const drifts = breaks === undefined && chosen === 'full' && random.chance(0.4);
  return {
    number,
    seed: own,
    mode: chosen,
    world,
    contacts: scan.contacts,
    dryRun: scan.dryRun,
    unanswered,
    unansweredEmails,
    faults,
    ...(breaks === undefined ? {} : { breaks }),
    drifts,
    troubles: troublesOf(random, breaks === undefined),
    // A drift goes by the list, which shows them all.
    unindexed: !drifts && random.chance(0.3) ? knownContacts(world, scan.contacts).slice(0, 3) : [],
    deletedAs: random.pick(['400', '404', '200'] as const),
  };
}

/** Ids of the contacts that a row knows. */
function knownContacts({ vendors, leads }: OracleWorld, contacts: readonly WorldContact[]): string[] {
  const known = new Set([...vendors, ...leads].map(({ ghl_contact_id }) => ghl_contact_id));
  return contacts.flatMap(({ id }) => (known.has(id) ? id : []));
}

function breakOf(random: Random, mode: string, contacts: number): Break | undefined {
  const kind = random.pick(['token-revoked', 'forbidden-scope', 'repeat-cursor', 'empty', '500'] as const);
  // A page is given again only where it is a full one.
  const pages = kind === 'repeat-cursor' ? 1 + random.below(3) : random.below(4);
  if (contacts <= (pages + 1) * PAGE) return undefined;
  // The look-ups of a targeted read come in batches that the model knows nothing of: a refusal meets its first request.
  return { kind, pages: mode === 'targeted' && isRefusal({ kind, pages }) ? 0 : pages };
}

function faultsOf(random: Random): Fault[] {
  const kinds = ['429', '429', '500', '502-html', '503-empty', 'hang', 'reset', 'truncated', 'empty'] as const;
  return Array.from({ length: random.below(3) }, () => {
    const kind = random.pick(kinds);
    const match = random.pick(
      kind === 'empty'
        ? ['search list', 'search query=']
        : ['POST /contacts/search', 'GET /contacts/', 'GET /locations/'],
    );
    // A page that is empty three times in a row is believed or breaks the scan off.
    const times = kind === 'hang' || kind === 'empty' ? 1 : 1 + random.below(2);
    const retryAfter = kind === '429' && random.chance(0.5) ? { retryAfter: 1 } : {};
    return { kind, match, times, after: random.below(6), ...retryAfter };
  });
}

/** A connector whose scan breaks off lives: what a dead one had read and not published, the model cannot tell. */
function troublesOf(random: Random, isConnectorToo: boolean): Trouble[] {
  const services: readonly ServiceName[] = isConnectorToo
    ? ['connector', 'classifier', 'projector']
    : ['classifier', 'projector'];
  const afterMs = (): number => random.below(3_000);
  const troubles: Trouble[] = [];
  if (random.chance(0.4)) {
    const [point, service] = random.pick(CRASHES.filter(([, name]) => services.includes(name)));
    troubles.push({ kind: 'crash', service, point });
    if (point === 'after-dead-letter-before-checkpoint') troubles.push({ kind: 'poison' });
  }
  while (troubles.length === 0 || random.chance(0.4)) {
    const what = random.below(20);
    if (what < 12)
      troubles.push({ kind: 'kill', service: random.pick(services), index: random.below(2), afterMs: afterMs() });
    else if (what < 14) troubles.push({ kind: 'kill', service: random.pick(services), afterMs: afterMs() });
    else if (what < 16) troubles.push({ kind: 'zombie', index: random.below(2), afterMs: afterMs() });
    else if (what < 19)
      troubles.push({ kind: 'restart', server: random.pick(['kafka', 'registry', 'postgres']), afterMs: afterMs() });
    else troubles.push({ kind: 'freeze', server: 'registry', afterMs: afterMs() });
  }
  return troubles;
}
