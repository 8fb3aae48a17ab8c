/**
 * Who gets which row when more than one contact could (rules-ghl section 3). Pure functions over everything a scan left contested,
 * with the identifiers the rows had when the scan began: the result does not depend on the order in which contacts arrived.
 */

/** A row that contested contacts could be about. */
export interface ContestRow {
  id: string;
  /** Contact id at the start of the scan; for a newborn row the contact that made it. */
  contactId: string | null;
  /** E-mail at the start of the scan; for a newborn row its own. */
  email: string | null;
  /** Opportunity of a lead row. */
  opportunityId?: string | null;
  createdAt: number;
  /** The contact whose observation made the row in this scan. */
  bornInScan: { contactId: string; dateUpdated: number | null } | undefined;
  /** What the scan says of the row's own contact: unknown means that a look-up stayed without an answer. */
  ownContact: 'seen' | 'gone' | 'unknown' | 'none';
}

/** A contact that is not certain of its rows. */
export interface ContestClaim {
  contactId: string;
  email: string | null;
  /** Opportunity ids of lead rows that the contact names. */
  opportunityIds: readonly string[];
  /** true when the contact is what the table is about; else what it is classed as instead. */
  fits: true | 'staff' | 'vendor';
  /** A row knew the contact when the scan began. */
  known: boolean;
  dateUpdated: number | null;
}

/** What a vendor claim gets. */
export type VendorOutcome = { kind: 'row'; rowId: string } | { kind: 'new'; replaces: string | undefined } | { kind: 'lost' };

/** What a lead claim gets: rows, one of them the newest request, or a new row, or nothing. */
export interface LeadOutcome {
  contactId: string;
  rows: string[];
  requestRow: string | undefined;
  isNew: boolean;
  replaces: string | undefined;
  lost: boolean;
}

interface Ranked {
  contactId: string;
  dateUpdated: number | null;
}

/** The better of two claims of one strength: newer dateUpdated, then the smaller contact id. */
export function better<T extends Ranked>(a: T, b: T): T {
  const [left, right] = [a.dateUpdated ?? -Infinity, b.dateUpdated ?? -Infinity];
  if (left !== right) return left > right ? a : b;
  return a.contactId < b.contactId ? a : b;
}

function best<T extends Ranked>(claims: readonly T[]): T | undefined {
  return claims.reduce<T | undefined>((winner, claim) => (winner === undefined ? claim : better(winner, claim)), undefined);
}

/** A claim that fits beats one classed otherwise; among equals the better one wins. */
function winnerOf(claims: readonly ContestClaim[]): ContestClaim | undefined {
  return best(claims.filter(({ fits }) => fits === true)) ?? best(claims);
}

function olderFirst(a: ContestRow, b: ContestRow): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

/** A row whose own contact is gone, or that has none, may be won; one whose contact is seen or unknown may not. */
function isFree({ ownContact }: ContestRow): boolean {
  return ownContact === 'gone' || ownContact === 'none';
}

/** Vendors: a claim is about the oldest row with its e-mail; newcomers that share an e-mail get one new row. */
export function resolveVendors(input: { rows: readonly ContestRow[]; claims: readonly ContestClaim[] }): {
  claims: { contactId: string; outcome: VendorOutcome }[];
  /** Contacts that lost, newborn ones that were displaced included. */
  conflicts: string[];
} {
  const outcomes = new Map<string, VendorOutcome>();
  const conflicts = new Set<string>();
  const claimsByRow = new Map<ContestRow, ContestClaim[]>();
  const old = input.rows.filter(({ bornInScan }) => bornInScan === undefined);
  for (const claim of input.claims.filter(({ known }) => known)) {
    const target = old.filter((row) => claim.email !== null && row.email === claim.email).sort(olderFirst)[0];
    if (target === undefined) outcomes.set(claim.contactId, { kind: 'lost' });
    else claimsByRow.set(target, [...(claimsByRow.get(target) ?? []), claim]);
  }
  for (const [row, claims] of claimsByRow) {
    const winner = isFree(row) ? winnerOf(claims) : undefined;
    for (const claim of claims) outcomes.set(claim.contactId, claim === winner ? { kind: 'row', rowId: row.id } : { kind: 'lost' });
  }
  settleNewcomers(input, outcomes, conflicts);
  return finish(input.claims, outcomes, conflicts);
}

/** Newcomers, born or not, that share an e-mail: the best gets the one new row. */
function settleNewcomers(
  { rows, claims }: { rows: readonly ContestRow[]; claims: readonly ContestClaim[] },
  outcomes: Map<string, VendorOutcome>,
  conflicts: Set<string>,
): void {
  const newcomers = claims.filter(({ known, fits }) => !known && fits === true);
  for (const [email, rivals] of Map.groupBy(newcomers, (claim) => claim.email)) {
    const born = email === null ? [] : rows.filter((row) => row.bornInScan !== undefined && row.email === email);
    const incumbent = born[0]?.bornInScan;
    const winner = best<Ranked>([...rivals, ...(incumbent === undefined ? [] : [incumbent])]);
    for (const claim of rivals) {
      outcomes.set(claim.contactId, claim.contactId === winner?.contactId ? { kind: 'new', replaces: born[0]?.id } : { kind: 'lost' });
    }
    if (incumbent !== undefined && winner?.contactId !== incumbent.contactId) conflicts.add(incumbent.contactId);
  }
  for (const claim of claims) if (!claim.known && claim.fits !== true) outcomes.set(claim.contactId, { kind: 'lost' });
}

function finish(
  claims: readonly ContestClaim[],
  outcomes: Map<string, VendorOutcome>,
  conflicts: Set<string>,
): { claims: { contactId: string; outcome: VendorOutcome }[]; conflicts: string[] } {
  const result = claims.map(({ contactId }) => ({ contactId, outcome: outcomes.get(contactId) ?? ({ kind: 'lost' } as const) }));
  for (const { contactId, outcome } of result) if (outcome.kind === 'lost') conflicts.add(contactId);
  return { claims: result.sort((a, b) => (a.contactId < b.contactId ? -1 : 1)), conflicts: [...conflicts].sort() };
}

/** Leads: the same rule row by row; request fields go to the newest of the rows a contact won. */
export function resolveLeads(input: { rows: readonly ContestRow[]; claims: readonly ContestClaim[] }): {
  claims: LeadOutcome[];
  conflicts: string[];
} {
  const won = new Map<string, ContestRow[]>();
  for (const row of input.rows.filter(({ bornInScan }) => bornInScan === undefined)) {
    const winner = winnerOfRow(row, input.claims);
    if (winner !== undefined) won.set(winner.contactId, [...(won.get(winner.contactId) ?? []), row]);
  }
  const newcomers = new Map<string, VendorOutcome>();
  const conflicts = new Set<string>();
  settleNewcomers(input, newcomers, conflicts);
  const claims = input.claims.map(({ contactId }): LeadOutcome => {
    const rows = (won.get(contactId) ?? []).sort(olderFirst).map(({ id }) => id);
    const fresh = rows.length === 0 ? newcomers.get(contactId) : undefined;
    const isNew = fresh?.kind === 'new';
    const lost = rows.length === 0 && !isNew;
    if (lost) conflicts.add(contactId);
    return { contactId, rows, requestRow: rows.at(-1), isNew, replaces: fresh?.kind === 'new' ? fresh.replaces : undefined, lost };
  });
  return { claims: claims.sort((a, b) => (a.contactId < b.contactId ? -1 : 1)), conflicts: [...conflicts].sort() };
}

function winnerOfRow(row: ContestRow, claims: readonly ContestClaim[]): ContestClaim | undefined {
  const owner = claims.find(({ contactId }) => contactId === row.contactId);
  if (owner !== undefined) return owner;
  if (!isFree(row)) return undefined;
  return winnerOf(claims.filter((claim) => claim.known && matches(row, claim)));
}

function matches(row: ContestRow, claim: ContestClaim): boolean {
  if (claim.email !== null && row.email === claim.email) return true;
  return row.opportunityId != null && claim.opportunityIds.includes(row.opportunityId);
}

/** A row's wish for a GHL user id that was not its own when the scan began. */
export interface UserIdWish extends Ranked {
  rowId: string;
  wanted: string;
  /** What the row had when the scan began. */
  before: string | null;
}

/**
 * GHL user ids are unique in an account (rules-ghl section 1): one that another row held before the scan is refused; of two rows
 * that want the same new one the better claim gets it. Who is refused keeps what it had.
 */
export function resolveUserIds<W extends UserIdWish>(
  wishes: readonly W[],
  heldAtStart: (userId: string) => string | undefined,
): { final: Map<string, string | null>; refused: W[] } {
  const final = new Map<string, string | null>();
  const refused: W[] = [];
  for (const [userId, rivals] of Map.groupBy(wishes, ({ wanted }) => wanted)) {
    const holder = heldAtStart(userId);
    const eligible = rivals.filter(({ rowId }) => holder === undefined || holder === rowId);
    const winner = best(eligible);
    for (const wish of rivals) {
      final.set(wish.rowId, wish === winner ? userId : wish.before);
      if (wish !== winner) refused.push(wish);
    }
  }
  return { final, refused };
}
