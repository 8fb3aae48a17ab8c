/**
 * Which contact wins which row, decided at the end of a scan over everything contested (rules-ghl section 3). Rows come with the
 * identifiers they had when the scan began. The result does not depend on the order of rows and claims.
 */

/** A row that contested contacts could be about. */
export interface ContestRow {
  id: string;
  /** At the scan's start; of a newborn row the contact that made it. */
  contactId: string | null;
  /** At the scan's start. */
  email: string | null;
  /** Of a lead row. */
  opportunityId?: string | null;
  createdAt: number;
  /** The contact that made the row in this very scan. */
  bornInScan: { contactId: string; dateUpdated: number | null } | undefined;
  /** What the scan learned of the row's own contact; only one that is gone, or none, lets another contact win the row. */
  ownContact: 'seen' | 'gone' | 'unknown' | 'none';
}

/** A contact that matches rows by more than its own id, or shares its e-mail with a newborn row. */
export interface ContestClaim {
  contactId: string;
  email: string | null;
  /** Opportunity ids of lead rows that the contact names; empty for vendors. */
  opportunityIds: readonly string[];
  /** Whether it is what the table holds, or what it is classed as otherwise. */
  fits: true | 'staff' | 'vendor';
  /** Evidence (by e-mail, opportunity or id) existed when the scan began. */
  known: boolean;
  dateUpdated: number | null;
}

/** What became of a claim on vendors. A claim that does not fit and gets a row reclassifies it. */
export type VendorOutcome =
  { kind: 'row'; rowId: string } | { kind: 'new'; replaces: string | undefined } | { kind: 'lost' };

/** What became of the claims on vendors; conflicts are the contacts that lost. */
export interface VendorResolution {
  claims: { contactId: string; outcome: VendorOutcome }[];
  conflicts: string[];
}

/** What became of a claim on leads. */
export interface LeadOutcome {
  contactId: string;
  /** Rows it won or owns by id, oldest first: contact fields go to all of them. */
  rows: string[];
  /** The newest of its rows: request fields go there only. */
  requestRow: string | undefined;
  /** It got nothing. */
  lost: boolean;
  /** It makes a new row. */
  isNew: boolean;
  /** Newborn row that the new one displaces. */
  replaces: string | undefined;
}

/** What became of the claims on leads; conflicts are the contacts that lost a row to another one. */
export interface LeadResolution {
  claims: LeadOutcome[];
  conflicts: string[];
}

/**
 * Vendors: a contact owns the row with its id; else it may win the oldest row with its e-mail. Without evidence, the best of those
 * who share an e-mail gets the one new row.
 */
export function resolveVendors({
  rows,
  claims,
}: {
  rows: readonly ContestRow[];
  claims: readonly ContestClaim[];
}): VendorResolution {
  const sorted = byRank(claims);
  const own = ownersOf(rows, sorted);
  const newcomers = resolveNewcomers(rows, sorted, own);
  const oldest = oldestByEmail(rows);
  const taken = new Set([...own.values()].flat().map(({ id }) => id));
  const outcomes = sorted.map((claim): { contactId: string; outcome: VendorOutcome } => {
    const { contactId } = claim;
    const ownRow = own.get(contactId)?.[0];
    if (ownRow !== undefined) return { contactId, outcome: { kind: 'row', rowId: ownRow.id } };
    const birth = newcomers.births.get(contactId);
    if (birth !== undefined) return { contactId, outcome: { kind: 'new', ...birth } };
    const row = claim.known && claim.email !== null ? oldest.get(claim.email) : undefined;
    if (row === undefined || !isWinnable(row) || taken.has(row.id)) return { contactId, outcome: { kind: 'lost' } };
    // Claims come best first, so the first one takes the row.
    taken.add(row.id);
    return { contactId, outcome: { kind: 'row', rowId: row.id } };
  });
  const lost = outcomes.filter(({ outcome }) => outcome.kind === 'lost').map(({ contactId }) => contactId);
  return { claims: outcomes.sort(byContact), conflicts: distinctSorted([...lost, ...newcomers.displaced]) };
}

/**
 * Leads, row by row: the contact with the row's id, else the best one with its e-mail or opportunity, if the row's own contact is
 * gone or there is none.
 */
export function resolveLeads({
  rows,
  claims,
}: {
  rows: readonly ContestRow[];
  claims: readonly ContestClaim[];
}): LeadResolution {
  const sorted = byRank(claims);
  const own = ownersOf(rows, sorted);
  const newcomers = resolveNewcomers(rows, sorted, own);
  const matches = matcher(sorted);
  const won = new Map<string, ContestRow[]>();
  const conflicts = [...newcomers.displaced];
  for (const row of rows) {
    const matching = row.bornInScan === undefined ? matches(row) : [];
    const owner = matching.find(({ contactId }) => contactId === row.contactId) ?? ownerOf(row, own);
    const winner = owner ?? (isWinnable(row) ? matching[0] : undefined);
    if (winner !== undefined) won.set(winner.contactId, [...(won.get(winner.contactId) ?? []), row]);
    // A row whose own contact was seen belongs to that one, whoever else matches it.
    if (winner !== undefined || row.ownContact === 'seen') conflicts.push(...contactsOf(matching, winner));
  }
  const outcomes = sorted.map(({ contactId }): LeadOutcome => {
    const birth = newcomers.births.get(contactId);
    if (birth !== undefined) return { contactId, rows: [], requestRow: undefined, lost: false, isNew: true, ...birth };
    const ids = (won.get(contactId) ?? []).sort(olderFirst).map(({ id }) => id);
    return { contactId, rows: ids, requestRow: ids.at(-1), lost: ids.length === 0, isNew: false, replaces: undefined };
  });
  const lost = outcomes.filter((outcome) => outcome.lost).map(({ contactId }) => contactId);
  return { claims: outcomes.sort(byContact), conflicts: distinctSorted([...lost, ...conflicts]) };
}

/** The e-mail a row had when the scan began, out of the rows that have another one since; null is an answer: it had none. */
export function emailAtStart(
  changed: ReadonlyMap<string, string | null>,
  { id, email }: { id: string; email: string | null },
): string | null {
  const before = changed.get(id);
  return before === undefined ? email : before;
}

/** A vendor row's wish for a GHL user id that was not its own when the scan began. */
export interface UserIdWish {
  rowId: string;
  contactId: string;
  dateUpdated: number | null;
  wanted: string;
  /** What the row had when the scan began. */
  before: string | null;
}

/**
 * Who gets which GHL user id (rules-ghl section 1): one that another row held when the scan began is refused; of two rows that want
 * the same new one the better gets it. Rows that are refused end with what they had. At most one wish a row.
 */
export function resolveUserIds<W extends UserIdWish>(
  wishes: readonly W[],
  heldAtStart: (userId: string) => string | undefined,
): { final: Map<string, string | null>; refused: W[] } {
  const taken = new Set<string>();
  const final = new Map<string, string | null>();
  const refused: W[] = [];
  for (const wish of [...wishes].sort(byVersion)) {
    const holder = heldAtStart(wish.wanted);
    const isFree = (holder === undefined || holder === wish.rowId) && !taken.has(wish.wanted);
    if (isFree) taken.add(wish.wanted);
    else refused.push(wish);
    final.set(wish.rowId, isFree ? wish.wanted : wish.before);
  }
  return { final, refused };
}

interface Ranked {
  contactId: string;
  dateUpdated: number | null;
}

/** Best first: newer dateUpdated (none counts as oldest), then the smaller contact id. */
function byVersion(a: Ranked, b: Ranked): number {
  const [left, right] = [a.dateUpdated ?? -Infinity, b.dateUpdated ?? -Infinity];
  return left === right ? byContact(a, b) : right > left ? 1 : -1;
}

/** Claims best first: those that fit before those classed otherwise. */
function byRank(claims: readonly ContestClaim[]): ContestClaim[] {
  return [...claims].sort((a, b) => Number(b.fits === true) - Number(a.fits === true) || byVersion(a, b));
}

function byContact(a: { contactId: string }, b: { contactId: string }): number {
  return a.contactId < b.contactId ? -1 : a.contactId > b.contactId ? 1 : 0;
}

/** Order of rows: by created_at, then id (rules-ghl section 3). */
function olderFirst(a: { createdAt: number; id: string }, b: { createdAt: number; id: string }): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function isWinnable(row: ContestRow): boolean {
  return row.bornInScan === undefined && (row.ownContact === 'gone' || row.ownContact === 'none');
}

/** Rows of each claim by contact id, oldest first. */
function ownersOf(rows: readonly ContestRow[], claims: readonly ContestClaim[]): Map<string, ContestRow[]> {
  const contacts = new Set<string | null>(claims.map(({ contactId }) => contactId));
  const owned = rows.filter(({ contactId }) => contacts.has(contactId)).sort(olderFirst);
  return Map.groupBy(owned, ({ contactId }) => contactId!);
}

function ownerOf(row: ContestRow, own: Map<string, ContestRow[]>): { contactId: string } | undefined {
  return row.contactId !== null && own.has(row.contactId) ? { contactId: row.contactId } : undefined;
}

function oldestByEmail(rows: readonly ContestRow[]): Map<string, ContestRow> {
  const oldest = new Map<string, ContestRow>();
  for (const row of rows) {
    if (row.email === null || row.bornInScan !== undefined) continue;
    const known = oldest.get(row.email);
    if (known === undefined || olderFirst(row, known) < 0) oldest.set(row.email, row);
  }
  return oldest;
}

/** For a row, the claims with evidence that match it by e-mail or opportunity, best first. */
function matcher(sorted: readonly ContestClaim[]): (row: ContestRow) => ContestClaim[] {
  const rank = new Map(sorted.map((claim, index) => [claim, index]));
  const index = new Map<string, ContestClaim[]>();
  for (const claim of sorted.filter(({ known }) => known)) {
    const keys = [
      ...(claim.email === null ? [] : [`email ${claim.email}`]),
      ...claim.opportunityIds.map((id) => `opportunity ${id}`),
    ];
    for (const key of keys) index.set(key, [...(index.get(key) ?? []), claim]);
  }
  const find = (kind: string, value: string | null): ContestClaim[] =>
    value === null ? [] : (index.get(`${kind} ${value}`) ?? []);
  return ({ email, opportunityId = null }) => {
    const found = new Set([...find('email', email), ...find('opportunity', opportunityId)]);
    return [...found].sort((a, b) => rank.get(a)! - rank.get(b)!);
  };
}

interface Newcomers {
  /** Contacts that get a new row, and the newborn row it displaces. */
  births: Map<string, { replaces: string | undefined }>;
  /** Contacts whose newborn row is displaced. */
  displaced: string[];
}

interface Newborn extends Ranked {
  rowId: string;
}

/** The newborn row of each e-mail, the best one should there be more. */
function newbornByEmail(rows: readonly ContestRow[]): Map<string, Newborn> {
  const newborn = new Map<string, Newborn>();
  for (const { id, email, bornInScan } of [...rows].sort(olderFirst)) {
    if (email === null || bornInScan === undefined) continue;
    const known = newborn.get(email);
    if (known === undefined || byVersion(bornInScan, known) < 0) newborn.set(email, { rowId: id, ...bornInScan });
  }
  return newborn;
}

/** Claims without evidence compete with each other and with the newborn row of their e-mail for one new row. */
function resolveNewcomers(
  rows: readonly ContestRow[],
  sorted: readonly ContestClaim[],
  own: ReadonlyMap<string, unknown>,
): Newcomers {
  const newborn = newbornByEmail(rows);
  const births: Newcomers['births'] = new Map();
  const displaced: string[] = [];
  const settled = new Set<string>();
  for (const claim of sorted) {
    if (claim.known || claim.fits !== true || own.has(claim.contactId)) continue;
    const { email } = claim;
    if (email !== null && settled.has(email)) continue;
    if (email !== null) settled.add(email);
    const rival = email === null ? undefined : newborn.get(email);
    if (rival !== undefined && byVersion(rival, claim) < 0) continue;
    births.set(claim.contactId, { replaces: rival?.rowId });
    if (rival !== undefined) displaced.push(rival.contactId);
  }
  return { births, displaced };
}

function contactsOf(claims: readonly ContestClaim[], winner: { contactId: string } | undefined): string[] {
  return claims.map(({ contactId }) => contactId).filter((contactId) => contactId !== winner?.contactId);
}

function distinctSorted(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}
