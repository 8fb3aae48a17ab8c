import type { Asked } from '#libs/contracts/src/asked.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type pg from 'pg';
import { holdsAny } from './look-up.ts';
import { databaseError, inTransaction, type Database } from './pool.ts';

/** A sync as it was asked for. */
export interface ScanRequest {
  scanId: string;
  source: string;
  account: string;
  mode: string;
  dryRun: boolean;
  /** The one contact that mode single reads; null elsewhere. */
  contactId: string | null;
  asked: Asked;
  requestedBy: string;
  requestedAt: number;
}

/** A scan this process runs: nobody else can run one of the same account until it is released. */
export interface ClaimedScan extends ScanRequest {
  /** Fences a former owner: every save names it. */
  epoch: number;
  startedAt: number | null;
  /** Saved position of an interrupted scan; null at the beginning. */
  position: unknown;
}

/** What the local tables knew when the scan began; e-mails are normalised, whoever wrote the rows. */
export interface Evidence {
  vendorIds: Set<string>;
  vendorEmails: Set<string>;
  leadIds: Set<string>;
  leadEmails: Set<string>;
  leadOpportunityIds: Set<string>;
}

/** What a page showed of what the known rows are known by. */
export interface SeenIdentifiers {
  contactIds: string[];
  emails: string[];
  opportunityIds: string[];
}

/** The connection that holds an account's lock, and the claim it was taken for. */
interface Lease {
  client: pg.PoolClient;
  scanId: string;
  epoch: number;
}

/** The accounts that a connector can read, by source; a source that it has without any account is named too. */
export type ReadableAccounts = Readonly<Record<string, readonly string[]>>;

/** How a scan ended for the connector: read (its markers are written, the projector has the word). */
export type FinishedState = 'read' | 'refused';

/** What the store keeps for a scan besides its position. */
export interface ScanKeeps {
  known: 'vendors-and-leads' | 'salesforce-contacts' | null;
  /** Whether a scan that was applied with success brings its account up to date to its start, or to the watermark it saved. */
  watermark: 'start' | 'told';
}

/** Statements that put the rows a scan is held against into scan_rows, by scan id and account. */
export type Snapshots = Record<NonNullable<ScanKeeps['known']>, string>;

const SNAPSHOTS: Snapshots = {
  'vendors-and-leads': `insert into scan_rows (scan_id, table_name, row_id, contact_id, email, opportunity_id)
  select $1, r.* from (
    select 'vendors', id, nullif(ghl_contact_id, ''), nullif(lower(btrim(email)), ''), null from vendors where account_id = $2
    union all
    select 'leads', id, nullif(ghl_contact_id, ''), nullif(lower(btrim(customer_email)), ''), nullif(ghl_opportunity_id, '')
    from leads where account_id = $2
  ) r on conflict do nothing`,
  // What a reconciliation looks for: contacts that are not known to be deleted. Any other that it lists is read.
  'salesforce-contacts': `insert into scan_rows (scan_id, table_name, row_id, contact_id)
  select $1, 'sf_contacts', salesforce_id, salesforce_id from sf_contacts where account_id = $2 and deleted_at is null
  on conflict do nothing`,
};

/** No record of the scan is lost: every one was applied, or lies in the dead-letter topic. */
const ARRIVED = `not exists (select from scan_partitions p
  where p.scan_id = s.scan_id and (p.holes > 0 or (p.marker ->> 'lastNumber')::bigint > p.last_number))`;

/**
 * Where the next scan of source $1 and account $2 begins: at the start of the last successful one, or ($3) at the watermark that was told. A
 * record that was dead-lettered holds a told watermark back no more than it holds back the records behind it.
 */
const UP_TO_DATE = `select max(case when $3 then s.watermark when r.success then r.started_at end)
  from runs r left join scans s on s.scan_id = r.sync_id
  where r.source = $1 and r.account = $2 and not r.dry_run and r.mode in ('full', 'incremental')
    and (r.success or ($3 and r.status = 'incomplete' and ${ARRIVED}))`;

/** A scan whose account this connector can read, by source ($2) and account ($3). */
const OURS = `exists (select from unnest($2::text[], $3::text[]) a (source, account) where a.source = s.source and a.account = s.account)`;

/**
 * A scan of one of our sources ($1) whose account no connector has been able to read for an hour: whoever takes it ends it with the name
 * of the setting that is missing. Less may be a restart, or a deploy.
 */
const NOBODYS = `s.source = any($1) and s.requested_at < now() - interval '1 hour' and not exists (select from connector_accounts c
  where c.source = s.source and c.account = s.account and c.seen_at > now() - interval '1 hour')`;

const IN_SCOPE = `select
  (select count(*) from vendors where account_id = $1 and (ghl_contact_id is not null or email is not null)) as vendors,
  (select count(*) from leads where account_id = $1 and (ghl_contact_id is not null or customer_email is not null)) as leads`;

/**
 * Requests and running scans. A scan is owned through an advisory lock of its account on a connection of its own, so the
 * database frees it when the owner dies, and through an epoch, so that an owner that came back from the dead saves nothing.
 */
export function createScanStore(database: Database, snapshots: Snapshots = SNAPSHOTS) {
  const leases = new Map<string, Lease>();

  return {
    /** Says that a connector that lives can read these accounts, so that their scans are left to it. */
    async announce(accounts: ReadableAccounts): Promise<void> {
      await database.query(
        `insert into connector_accounts (source, account) select distinct * from unnest($1::text[], $2::text[])
         on conflict (source, account) do update set seen_at = now()`,
        listed(accounts),
      );
    },

    /** Scans that wait for a source which is none of these, and which no connector has had for an hour. */
    async unreadable(sources: readonly string[]): Promise<string[]> {
      const { rows } = await database.query<{ scan_id: string }>(
        `select scan_id from scans s where state = 'queued' and source <> all($1) and requested_at < now() - interval '1 hour'
           and not exists (select from connector_accounts c where c.source = s.source and c.seen_at > now() - interval '1 hour')
         order by requested_at limit 100`,
        [sources],
      );
      return rows.map(({ scan_id: scanId }) => scanId);
    },

    /**
     * Takes the oldest scan that may run now of these accounts, or of one that nobody can read: interrupted ones and those that were held
     * long enough first, then single contacts, whose askers wait; one per account, and never while an earlier scan of the account is
     * paused, or waits to be applied: its evidence would be stale.
     */
    async claim(accounts: ReadableAccounts): Promise<ClaimedScan | undefined> {
      const { rows } = await database.query<{ scan_id: string; source: string; account: string }>(
        `select distinct on (source, account) scan_id, source, account, requested_at from scans s
         where (state in ('queued', 'running') or (state = 'paused' and resume_at <= now())) and (${OURS} or (${NOBODYS}))
           and not exists (select from scans e where e.source = s.source and e.account = s.account and e.scan_id <> s.scan_id
             and e.state in ('read', 'paused'))
         order by source, account, state = 'queued', mode <> 'single', requested_at`,
        [Object.keys(accounts), ...listed(accounts)],
      );
      for (const candidate of rows) {
        if (leases.has(leaseKey(candidate))) continue;
        const claimed = await tryClaim(candidate);
        if (claimed !== undefined) return claimed;
      }
      return undefined;
    },

    /** Records the start once and takes the snapshot of what it is held against; a resumed scan gets what the first start saw. */
    async begin(
      scan: ClaimedScan,
      keeps: ScanKeeps,
    ): Promise<{ startedAt: number; vendorsInScope: number; leadsInScope: number; since: number | null }> {
      return inTransaction(database, async (sql) => {
        const { rows } = await sql.query<{
          started_at: number | null;
          vendors_in_scope: number;
          leads_in_scope: number;
          since: number | null;
        }>(
          'select started_at, vendors_in_scope, leads_in_scope, since from scans where scan_id = $1 and epoch = $2 for update',
          [scan.scanId, scan.epoch],
        );
        const known = rows[0];
        if (known === undefined) throw fenced(scan);
        if (known.started_at !== null) {
          return {
            startedAt: known.started_at,
            vendorsInScope: known.vendors_in_scope,
            leadsInScope: known.leads_in_scope,
            since: known.since,
          };
        }
        if (keeps.known !== null) await sql.query(snapshots[keeps.known], [scan.scanId, scan.account]);
        const scope =
          keeps.known === 'vendors-and-leads'
            ? (await sql.query<{ vendors: number; leads: number }>(IN_SCOPE, [scan.account])).rows[0]!
            : { vendors: 0, leads: 0 };
        const started = await sql.query<{ started_at: number; since: number | null }>(
          `update scans set started_at = date_trunc('milliseconds', clock_timestamp()), vendors_in_scope = $5, leads_in_scope = $6,
             since = (${UP_TO_DATE})
           where scan_id = $4 returning started_at, since`,
          [scan.source, scan.account, keeps.watermark === 'told', scan.scanId, scope.vendors, scope.leads],
        );
        const { started_at: startedAt, since } = started.rows[0]!;
        return { startedAt, since, vendorsInScope: scope.vendors, leadsInScope: scope.leads };
      });
    },

    /** The evidence as it was when the scan began. */
    async evidence(scanId: string): Promise<Evidence> {
      const evidence: Evidence = {
        vendorIds: new Set(),
        vendorEmails: new Set(),
        leadIds: new Set(),
        leadEmails: new Set(),
        leadOpportunityIds: new Set(),
      };
      const { rows } = await database.query<{
        table_name: 'vendors' | 'leads';
        contact_id: string | null;
        email: string | null;
        opportunity_id: string | null;
      }>('select table_name, contact_id, email, opportunity_id from scan_rows where scan_id = $1', [scanId]);
      for (const { table_name: table, contact_id: contactId, email, opportunity_id: opportunityId } of rows) {
        if (contactId !== null) evidence[table === 'vendors' ? 'vendorIds' : 'leadIds'].add(contactId);
        if (email !== null) evidence[table === 'vendors' ? 'vendorEmails' : 'leadEmails'].add(email);
        if (opportunityId !== null) evidence.leadOpportunityIds.add(opportunityId);
      }
      return evidence;
    },

    /** Saves the position after the broker's acknowledgement, and what the page showed of the known rows. Throws checkpoint_fenced. */
    async savePosition(
      scan: ClaimedScan,
      position: unknown,
      seen?: SeenIdentifiers,
      watermark: number | null = null,
    ): Promise<void> {
      await inTransaction(database, async (sql) => {
        const saved = await sql.query(
          'update scans set position = $3, watermark = to_timestamp($4::float8 / 1000.0) where scan_id = $1 and epoch = $2',
          [scan.scanId, scan.epoch, JSON.stringify(position), watermark],
        );
        if (saved.rowCount !== 1) throw fenced(scan);
        if (seen === undefined) return;
        await sql.query(
          `update scan_rows t set found = true, contact_seen = contact_seen or coalesce(contact_id = any($2), false)
           where (not found or (not contact_seen and contact_id = any($2))) and ${SEEN_ROWS}`,
          [scan.scanId, seen.contactIds, seen.emails, seen.opportunityIds],
        );
      });
    },

    /** Takes the snapshot of what the scan is held against in its middle; one that was taken already stays. Throws checkpoint_fenced. */
    async keepKnown(scan: ClaimedScan, what: NonNullable<ScanKeeps['known']>): Promise<void> {
      await inTransaction(database, async (sql) => {
        const { rows } = await sql.query<{ is_kept: boolean }>(
          `select exists (select from scan_rows r where r.scan_id = s.scan_id) as is_kept
           from scans s where scan_id = $1 and epoch = $2 for update`,
          [scan.scanId, scan.epoch],
        );
        if (rows[0] === undefined) throw fenced(scan);
        if (!rows[0].is_kept) await sql.query(snapshots[what], [scan.scanId, scan.account]);
      });
    },

    /** What the rows of the scan's start are known by, and what of it no page has shown. */
    knownRows: (scanId: string) => knownRows(database, scanId),

    /** Hands the scan over: to the projector (read), or to nobody when it never began (refused). Frees the account's lease. */
    async finish(scan: ClaimedScan, state: FinishedState): Promise<void> {
      await database.query(
        `update scans set finished_at = now(), state = case when state = 'applied' then state else $3 end
         where scan_id = $1 and epoch = $2`,
        [scan.scanId, scan.epoch, state],
      );
      await release(scan);
    },

    /** Gives an unfinished scan up, so that another process may resume it. */
    async release(scan: ClaimedScan): Promise<void> {
      await release(scan);
    },

    /** Whether a connector can read an account, or could within the last hour. */
    async isReadable(source: string, account: string): Promise<boolean> {
      const { rows } = await database.query(
        `select from connector_accounts where source = $1 and account = $2 and seen_at > now() - interval '1 hour'`,
        [source, account],
      );
      return rows.length > 0;
    },

    /** What somebody wants of a scan; a cancellation outweighs a pause. */
    async asked(scanId: string): Promise<'cancel' | 'pause' | undefined> {
      const { rows } = await database.query<{ cancel_requested: boolean; pause_requested: boolean }>(
        'select cancel_requested, pause_requested from scans where scan_id = $1',
        [scanId],
      );
      if (rows[0]?.cancel_requested === true) return 'cancel';
      return rows[0]?.pause_requested === true ? 'pause' : undefined;
    },

    /**
     * Keeps the scan, and with it the account, until it is resumed or cancelled; one that its source holds for so many milliseconds is tried
     * again by then, unless somebody wants the pause as well. One that nobody holds goes on if the pause was taken back meanwhile.
     */
    async pause(scan: ClaimedScan, heldForMs: number | null = null): Promise<void> {
      await database.query(
        `update scans set state = 'paused', pause_requested = false,
           resume_at = case when pause_requested then null else now() + $3::float8 * interval '1 ms' end
         where scan_id = $1 and epoch = $2 and (pause_requested or $3::float8 is not null) and not cancel_requested`,
        [scan.scanId, scan.epoch, heldForMs],
      );
      await release(scan);
    },
  };

  async function tryClaim(candidate: {
    scan_id: string;
    source: string;
    account: string;
  }): Promise<ClaimedScan | undefined> {
    const client = await database.connect().catch((error: unknown) => {
      throw databaseError(error);
    });
    try {
      const lock = await client.query<{ locked: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
        [leaseKey(candidate)],
      );
      if (lock.rows[0]?.locked !== true) {
        client.release();
        return undefined;
      }
      const { rows } = await client.query<Record<string, never>>(
        `update scans set state = 'running', epoch = epoch + 1, resume_at = null
         where scan_id = $1 and (state in ('queued', 'running') or (state = 'paused' and resume_at <= now()))
         returning scan_id as "scanId", source, account, mode, dry_run as "dryRun", contact_id as "contactId", asked, requested_by as "requestedBy",
           requested_at as "requestedAt", epoch, started_at as "startedAt", position`,
        [candidate.scan_id],
      );
      const scan = rows[0] as unknown as ClaimedScan | undefined;
      if (scan === undefined) {
        client.release(true);
        return undefined;
      }
      const lease = { client, scanId: scan.scanId, epoch: scan.epoch };
      leases.set(leaseKey(candidate), lease);
      client.on('error', () => drop(candidate, lease));
      return scan;
    } catch (error) {
      client.release(true);
      throw databaseError(error);
    }
  }

  /** A former owner, fenced by now, must not free the lease of its successor in the same process. */
  async function release(scan: ClaimedScan): Promise<void> {
    const lease = leases.get(leaseKey(scan));
    if (lease?.scanId !== scan.scanId || lease.epoch !== scan.epoch) return;
    // The server notices a closed connection in its own time: whoever claims next must not wait for that. A broken one frees its lock.
    await lease.client.query('select pg_advisory_unlock_all()').catch(() => undefined);
    drop(scan, lease);
  }

  /** Closing the connection frees the lock, whatever state it is in. */
  function drop(account: { source: string; account: string }, lease: Lease): void {
    if (leases.get(leaseKey(account)) !== lease) return;
    leases.delete(leaseKey(account));
    lease.client.release(true);
  }
}

/** Rows that a page shows, by what it says of contacts ($2), e-mails ($3) and opportunities ($4). */
const SEEN_ROWS = holdsAny('scan_rows', 'scan_id = $1', [
  ['contact_id', '$2'],
  ['email', '$3'],
  ['opportunity_id', '$4'],
]);

const COLUMNS = { email: 'email', opportunity: 'opportunity_id' } as const;

function knownRows(database: Database, scanId: string) {
  async function values(column: string, condition: string, limit: number, after: string): Promise<string[]> {
    const { rows } = await database.query<{ value: string }>(
      `select distinct ${column} collate "C" as value from scan_rows
       where scan_id = $1 and ${condition} and ${column} collate "C" > $2 order by 1 limit $3`,
      [scanId, after, limit],
    );
    return rows.map(({ value }) => value);
  }

  async function count(column: string, condition: string): Promise<number> {
    const { rows } = await database.query<{ count: number }>(
      `select count(distinct ${column}) as count from scan_rows where scan_id = $1 and ${condition}`,
      [scanId],
    );
    return rows[0]!.count;
  }

  return {
    unseenIds: (limit: number, afterId: string) => values('contact_id', 'not contact_seen', limit, afterId),
    countUnseenIds: () => count('contact_id', 'not contact_seen'),
    /** Each id is looked up by itself, as in look-up.ts: a page is compared with all rows of the scan otherwise. */
    async unknownIds(contactIds: readonly string[]): Promise<string[]> {
      const { rows } = await database.query<{ value: string }>(
        `select w.value from unnest($2::text[]) as w (value) left join lateral
           (select true as is_known from scan_rows where scan_id = $1 and contact_id = w.value offset 0) r on true
         where r.is_known is null`,
        [scanId, contactIds],
      );
      return rows.map(({ value }) => value);
    },
    unfound: (by: keyof typeof COLUMNS, limit: number, after: string) => values(COLUMNS[by], 'not found', limit, after),
    countUnfound: (by: keyof typeof COLUMNS) => count(COLUMNS[by], 'not found'),
    async stillUnfound({ contactIds, emails }: { contactIds: string[]; emails: string[] }) {
      const unfound = (column: string, wanted: string[]): Promise<{ rows: { value: string }[] }> =>
        database.query(
          `select distinct t.${column} as value from scan_rows t
           where not t.found and ${holdsAny('scan_rows', 'scan_id = $1', [[column, '$2']])}`,
          [scanId, wanted],
        );
      const [ids, mails] = await Promise.all([unfound('contact_id', contactIds), unfound('email', emails)]);
      return { contactIds: ids.rows.map(({ value }) => value), emails: mails.rows.map(({ value }) => value) };
    },
  };
}

/** Requests and running scans, as createScanStore makes it. */
export type ScanStore = ReturnType<typeof createScanStore>;

/** The accounts as two lists of one length: sources, and accounts. */
function listed(accounts: ReadableAccounts): [sources: string[], accounts: string[]] {
  const pairs = Object.entries(accounts).flatMap(([source, names]) => names.map((name) => [source, name] as const));
  return [pairs.map(([source]) => source), pairs.map(([, account]) => account)];
}

function leaseKey({ source, account }: { source: string; account: string }): string {
  return `scan:${source}:${account}`;
}

function fenced(scan: ClaimedScan): AppError {
  return new AppError('checkpoint_fenced', `scan ${scan.scanId} was taken over by another connector`);
}
