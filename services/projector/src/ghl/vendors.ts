import type { ContactUnclassified, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { VendorHead } from '#libs/contracts/src/head.ts';
import type { VendorRow } from '#libs/domain/src/rows.ts';
import { evolveVendor, reclassifyVendor, type VendorEvolution } from '#libs/domain/src/vendor.ts';
import { newRowIds } from '#libs/storage/src/ids.ts';
import { VENDORS } from '#libs/storage/src/columns.ts';
import {
  ensureAccount,
  lockKeys,
  readHolders,
  readHolding,
  readShown,
  writeRows,
  type RowWrite,
  type Versioned,
} from '#libs/storage/src/rows.ts';
import {
  contest,
  firstByEmail,
  newestByContact,
  noteOutcome,
  noteReclassified,
  noteUserId,
  observedBy,
  type BatchScope,
  type Observations,
} from './scope.ts';
import { contentMark, type VendorSight } from './sight.ts';
import { withWords } from './words.ts';

/** Vendor rows of a batch: its own rows evolve, newcomers are born, matches by e-mail alone wait for the end of the scan. */
export async function applyVendors(scope: BatchScope, observations: Observations): Promise<void> {
  const { observed, staff } = newestOf(observations);
  if (observed.size === 0 && staff.length === 0) return;
  const marks = new Map<string, string>();
  const changed = await passOverUnchanged(scope, observed, marks);
  const own = await readOwnRows(scope, [...changed, ...staff.map(({ contactId }) => contactId)]);
  const writes: RowWrite<VendorRow>[] = [];
  const newcomers: VendorObserved[] = [];
  const settled: Settled[] = [];
  for (const sight of observed.values()) {
    const observation = sight.observation();
    const known = own.get(observation.contactId);
    if (known !== undefined) settled.push({ observation, known });
    else if (scope.scanId !== null && observation.knownAs.vendorByEmail)
      contest(scope, 'vendors', 'crm.observation.v1.VendorObserved', observation);
    else newcomers.push(observation);
  }
  const newborn = await unrivalled(scope, newcomers);
  const ids = await newRowIds(
    scope.sql,
    'vendor',
    scope.account,
    newborn.map(({ contactId }) => contactId),
  );
  for (const observation of newborn) settled.push({ observation, known: undefined });
  writes.push(...(await evolveSettled(scope, settled, ids, marks)));
  for (const contact of staff) writes.push(...reclassifyStaff(scope, contact, own.get(contact.contactId)));
  if (writes.some(({ version }) => version === 0)) await ensureAccount(scope.sql, scope.account);
  await writeRows(scope, VENDORS, await withWords(scope.sql, writes, scope.rules));
}

/** The newest word on each contact: that it is a vendor, or staff that a vendor row may know. A repeated record counts once. */
function newestOf({ vendors, unclassified }: Observations): {
  observed: Map<string, VendorSight>;
  staff: ContactUnclassified[];
} {
  const known = unclassified.filter(
    ({ reason, knownAs }) => reason === 'staff' && (knownAs.vendorById || knownAs.vendorByEmail),
  );
  const newest = newestByContact<VendorHead | ContactUnclassified>([...vendors.map(({ head }) => head), ...known]);
  const isNewest = (word: VendorHead | ContactUnclassified): boolean => newest.get(word.contactId) === word;
  const observed = vendors.filter(({ head }) => isNewest(head));
  return { observed: new Map(observed.map((sight) => [sight.head.contactId, sight])), staff: known.filter(isNewest) };
}

/** What becomes of the rows whose contact is settled. */
async function evolveSettled(
  scope: BatchScope,
  settled: readonly Settled[],
  newIds: ReadonlyMap<string, string>,
  marks: ReadonlyMap<string, string>,
): Promise<RowWrite<VendorRow>[]> {
  const writes: RowWrite<VendorRow>[] = [];
  const granted = await grantUserIds(scope, settled);
  for (const { observation, known } of settled) {
    const { contactId } = observation;
    const context = {
      rules: scope.rules,
      id: known?.row.id ?? newIds.get(contactId)!,
      grantUserId: granted.has(contactId),
    };
    const evolution = evolveVendor(known?.row, observation, context);
    noteVendor(scope, observation, known?.row, evolution, context.grantUserId);
    if (evolution.row === known?.row) continue;
    const write = {
      row: evolution.row,
      version: known?.version ?? 0,
      before: known?.row,
      cause: observedBy(scope, observation),
    };
    writes.push(showsAll(observation, evolution) ? { ...write, shows: marks.get(contactId)! } : write);
  }
  return writes;
}

function reclassifyStaff(
  scope: BatchScope,
  contact: ContactUnclassified,
  known: Versioned<VendorRow> | undefined,
): RowWrite<VendorRow>[] {
  if (known === undefined) {
    contest(scope, 'vendors', 'crm.observation.v1.ContactUnclassified', contact);
    return [];
  }
  scope.sighting.otherContacts.push(contact.contactId);
  const row = reclassifyVendor(known.row, 'staff', contact, scope.rules);
  noteReclassified(scope.sighting.outcomes.vendors, known.row, row);
  return row === known.row
    ? []
    : [{ row, version: known.version, before: known.row, cause: observedBy(scope, contact) }];
}

interface Settled {
  observation: VendorObserved;
  known: Versioned<VendorRow> | undefined;
}

/** Whether the row shows all that was observed: nothing newer, that the contact is there, and the user id it wants. */
function showsAll({ ghlUserId }: VendorObserved, { outcome, row }: VendorEvolution): boolean {
  return outcome !== 'stale' && row.missingSince === null && (ghlUserId === null || ghlUserId === row.ghlUserId);
}

/**
 * Takes out of `observed` what its row shows already, and notes it as seen; returns the contacts that have a row to read. A
 * repeated scan so costs one narrow read, and the heads of its records.
 */
async function passOverUnchanged(
  scope: BatchScope,
  observed: Map<string, VendorSight>,
  marks: Map<string, string>,
): Promise<string[]> {
  const shown = await readShown(scope.sql, 'vendors', scope.account, [...observed.keys()]);
  const changed: string[] = [];
  for (const sight of observed.values()) {
    const { contactId, fieldErrors } = sight.head;
    const mark = contentMark(sight, scope.rules);
    const row = shown.get(contactId);
    if (row?.shows === mark) {
      observed.delete(contactId);
      scope.sighting.vendorContacts.push(contactId);
      for (const error of fieldErrors) scope.sighting.outcomes.fieldErrors.push({ contactId, rowId: row.id, ...error });
      continue;
    }
    marks.set(contactId, mark);
    if (row !== undefined) changed.push(contactId);
  }
  return changed;
}

async function readOwnRows(scope: BatchScope, contactIds: string[]): Promise<Map<string, Versioned<VendorRow>>> {
  if (contactIds.length === 0) return new Map();
  const rows = await readHolding(scope.sql, VENDORS, scope.account, [['ghlContactId', contactIds]]);
  return new Map(rows.map((known) => [known.row.ghlContactId ?? '', known]));
}

/**
 * Newcomers whose e-mail no other newcomer of this scan has; the rivals wait for the end of the scan (rules-ghl section 3). Outside a
 * scan any row with the e-mail is a rival: the evidence of the scan that read the record is old by now.
 */
async function unrivalled(scope: BatchScope, newcomers: VendorObserved[]): Promise<VendorObserved[]> {
  const emails = newcomers.flatMap(({ email }) => (email === null ? [] : [email]));
  if (emails.length === 0) return newcomers;
  await lockKeys(
    scope.sql,
    emails.map((email) => `vendor:${scope.account}:${email}`),
  );
  const holders = await readHolding(scope.sql, VENDORS, scope.account, [['email', emails]]);
  const rivals = holders.filter(({ row }) => scope.scanId === null || row.bornScan === scope.scanId);
  const taken = new Set(rivals.map(({ row }) => row.email));
  return firstByEmail(newcomers, taken, (rival) =>
    contest(scope, 'vendors', 'crm.observation.v1.VendorObserved', rival),
  );
}

/** Grants the GHL user ids that nobody holds; the end of the scan settles all wishes, whatever order they came in. */
async function grantUserIds(scope: BatchScope, settled: readonly Settled[]): Promise<Set<string>> {
  const wishes = settled.filter(
    ({ observation, known }) => observation.ghlUserId !== null && observation.ghlUserId !== known?.row.ghlUserId,
  );
  const granted = new Set<string>();
  if (wishes.length === 0) return granted;
  const wanted = wishes.map(({ observation }) => observation.ghlUserId ?? '');
  const held = new Set((await readHolders(scope.sql, scope.account, wanted)).keys());
  for (const { observation } of wishes) {
    const userId = observation.ghlUserId ?? '';
    if (!held.has(userId)) granted.add(observation.contactId);
    held.add(userId);
  }
  return granted;
}

function noteVendor(
  scope: BatchScope,
  observation: VendorObserved,
  before: VendorRow | undefined,
  evolution: VendorEvolution,
  granted: boolean,
): void {
  const { sighting } = scope;
  const { contactId } = observation;
  const rowId = evolution.row.id;
  sighting.vendorContacts.push(contactId);
  noteOutcome(sighting.outcomes.vendors, rowId, evolution);
  noteUserId(sighting.outcomes, observation, before, evolution, granted);
  if (before !== undefined && before.email !== evolution.row.email) {
    sighting.outcomes.emailChanges.push(['vendors', before.id, before.email]);
  }
  for (const error of evolution.fieldErrors) {
    // Wishes for user ids are settled, and counted, at the end of the scan.
    if (error.code !== 'duplicate_user_id') sighting.outcomes.fieldErrors.push({ contactId, rowId, ...error });
  }
}
