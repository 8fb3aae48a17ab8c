import type { Sql } from './pool.ts';
import type { Visible } from './reads.ts';

/** What an admin list is asked for. */
export interface AdminQuery extends Visible {
  account?: string | undefined;
  /** Statuses that are shown; all when undefined. */
  statuses: string[] | undefined;
  /** Statuses that are left out. */
  hidden: readonly string[];
  /** True for missing rows alone, false for the others alone; undefined for both. */
  missing: boolean | undefined;
  /** Statuses of rows that are missing, also of those that were imported so and that no scan has marked. */
  inactiveStatuses: readonly string[];
  limit: number;
  offset: number;
}

/** The columns of V3's lists, by list. */
const LISTS = {
  missing: {
    from: 'vendors t',
    columns: 't.id, t.name, t.email, t.company_name, t.ghl_contact_id, t.service_categories, t.updated_at, t.status',
    order: 't.updated_at desc, t.id',
  },
  vendors: {
    from: 'vendors t',
    columns: `t.id, t.name, t.email, t.company_name, t.status, t.ghl_contact_id, t.taking_new_work, t.lead_close_percentage, t.created_at`,
    order: 't.created_at desc, t.id',
  },
  leads: {
    from: 'leads t left join vendors v on v.id = t.vendor_id',
    columns: `t.id, t.customer_name, t.customer_email, t.customer_phone, t.primary_service_category, t.specific_service_requested,
      t.status, t.ghl_contact_id, t.created_at, v.name as vendor_name`,
    order: 't.created_at desc, t.id',
  },
} as const;

const TIMES = ['created_at', 'updated_at'];

/** A list of V3's admin screens under V3's names; times are ISO 8601. */
export async function listForAdmin(
  sql: Sql,
  list: keyof typeof LISTS,
  { account, accounts, statuses, hidden, missing, inactiveStatuses, limit, offset }: AdminQuery,
): Promise<{ total: number; items: Record<string, unknown>[] }> {
  const { from, columns, order } = LISTS[list];
  const where = `($1::text is null or t.account_id = $1) and ($2::text[] is null or t.status = any($2)) and t.status <> all($3)
    and ($4::text[] is null or t.account_id = any($4))
    and ($5::boolean is null or (t.missing_since is not null or t.status = any($6)) = $5)`;
  const values = [account ?? null, statuses ?? null, hidden, accounts ?? null, missing ?? null, inactiveStatuses];
  const total = await sql.query<{ count: number }>(`select count(*) as count from ${from} where ${where}`, values);
  const { rows } = await sql.query<Record<string, unknown>>(
    `select ${columns} from ${from} where ${where} order by ${order} limit $7 offset $8`,
    [...values, limit, offset],
  );
  return { total: total.rows[0]!.count, items: rows.map(withIsoTimes) };
}

function withIsoTimes(row: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...row };
  for (const name of TIMES) if (typeof row[name] === 'number') shown[name] = new Date(row[name]).toISOString();
  return shown;
}

/** The accounts of those vendors that are there for the caller. */
export async function vendorAccounts(
  sql: Sql,
  ids: readonly string[],
  { accounts }: Visible,
): Promise<Map<string, string>> {
  const { rows } = await sql.query<{ id: string; account_id: string }>(
    'select id, account_id from vendors where id = any($1) and ($2::text[] is null or account_id = any($2))',
    [ids, accounts ?? null],
  );
  return new Map(rows.map(({ id, account_id }) => [id, account_id]));
}

/** E-mail of the vendor that a contact is; null without one. */
export async function vendorEmail(sql: Sql, account: string, contactId: string): Promise<string | null> {
  const { rows } = await sql.query<{ email: string | null }>(
    'select email from vendors where account_id = $1 and ghl_contact_id = $2',
    [account, contactId],
  );
  return rows[0]?.email ?? null;
}
