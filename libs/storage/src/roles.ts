import { createPool, inTransaction, type Sql } from './pool.ts';

interface RoleDefinition {
  name: string;
  /** What other sessions of its logins are limited to; our own pools set limits of their own when they connect. */
  limits: { statement_timeout: string; lock_timeout: string; idle_in_transaction_session_timeout: string };
}

const limits = (statement: string, lock: string, idle: string): RoleDefinition['limits'] => ({
  statement_timeout: statement,
  lock_timeout: lock,
  idle_in_transaction_session_timeout: idle,
});

/**
 * One group role for each job, without a login: whoever runs the database makes logins and puts each into one of them. From strict to
 * generous: a login of two roles gets the limits of the latter.
 */
export const DATABASE_ROLES = [
  { name: 'tributary_reader', limits: limits('30s', '2s', '30s') },
  { name: 'tributary_api', limits: limits('30s', '5s', '30s') },
  { name: 'tributary_classifier', limits: limits('30s', '30s', '60s') },
  { name: 'tributary_connector', limits: limits('120s', '30s', '120s') },
  { name: 'tributary_projector', limits: limits('120s', '30s', '120s') },
  // An index of a large table takes as long as it takes; waiting for its lock does not.
  { name: 'tributary_migrator', limits: limits('0', '30s', '300s') },
] as const satisfies RoleDefinition[];

/** Our tables in the schema that we share with whatever else is in the database: nothing else there is touched. */
export const PUBLIC_TABLES = ['accounts', 'leads', 'lifecycle', 'runs', 'sf_contacts', 'vendors'];

const WRITE = 'select, insert, update, delete';

/** Grants of whole schemas, for tables that are there and tables that come. */
const SCHEMA_GRANTS: [schema: 'public' | 'tributary', privileges: string, role: string][] = [
  ['public', 'select', 'tributary_reader'],
  ['public', 'select', 'tributary_api'],
  ['public', WRITE, 'tributary_projector'],
  ['tributary', WRITE, 'tributary_projector'],
];

/** Grants of single tables, by columns where a whole row is nobody's business; tables that are not there are passed over. */
const TABLE_GRANTS: [table: string, privileges: string, role: string][] = [
  ['public.runs', 'insert, update', 'tributary_api'],
  ['public.runs', 'select', 'tributary_connector'],
  ['public.vendors', 'select (id, account_id, ghl_contact_id, email)', 'tributary_connector'],
  [
    'public.leads',
    'select (id, account_id, ghl_contact_id, customer_email, ghl_opportunity_id)',
    'tributary_connector',
  ],
  // What a reconciliation asks after.
  ['public.sf_contacts', 'select (id, account_id, salesforce_id, deleted_at)', 'tributary_connector'],
  ['tributary.scans', WRITE, 'tributary_connector'],
  ['tributary.scan_rows', WRITE, 'tributary_connector'],
  ['tributary.connector_accounts', 'select, insert, update', 'tributary_connector'],
  ['tributary.scan_partitions', 'select', 'tributary_connector'],
  ['tributary.checkpoints', 'select, insert, update', 'tributary_connector'],
  ['tributary.checkpoints', 'select, insert, update', 'tributary_classifier'],
  // How far a scan is.
  ['tributary.scans', 'select (scan_id, source, position, started_at)', 'tributary_api'],
  ['tributary.scan_partitions', 'select', 'tributary_api'],
  ['tributary.checkpoints', 'select', 'tributary_api'],
  ['tributary.change_sets', 'select', 'tributary_api'],
  ['tributary.changes', 'select', 'tributary_api'],
  // Whoever acts on a dead letter notes it at once; the projector notes the letters themselves.
  ['tributary.dead_letters', 'select, insert, update', 'tributary_api'],
  // An install through the API stores tokens; the connector renews them. Nobody else sees even their ciphertext.
  ['tributary.oauth_tokens', WRITE, 'tributary_api'],
  ['tributary.oauth_tokens', WRITE, 'tributary_connector'],
  ['tributary.oauth_states', WRITE, 'tributary_api'],
];

/** Tables of our own schema that its grants do not cover. */
const APART = ['oauth_tokens', 'oauth_states'];

/**
 * A migration that is repeated by every deploy, after the others: makes the group roles where they are absent, hands every table to
 * tributary_migrator, and grants the other roles what each needs and no more. It is not recorded as done, because an administrator may
 * make the roles later, and later migrations bring tables. Returns what to run when this user may not do all of it.
 */
export async function grantRoles(databaseUrl: string): Promise<string[]> {
  const pool = createPool({ databaseUrl, applicationName: 'tributary-roles', max: 1 });
  try {
    return await inTransaction(pool, async (sql) => {
      await sql.query(`select pg_advisory_xact_lock(hashtext('tributary migrations'))`);
      const todo = await missingRights(sql);
      if (todo.length > 0) return todo;
      for (const statement of statements()) await sql.query(statement);
      return limitLogins(sql);
    });
  } finally {
    await pool.end();
  }
}

/** What an administrator has to run first: roles are shared by the databases of a server, and often only one user may make them. */
async function missingRights(sql: Sql): Promise<string[]> {
  const { rows } = await sql.query<Rights>(RIGHTS, [
    DATABASE_ROLES.map(({ name }) => name),
    [...PUBLIC_TABLES, 'tributary_migrations'],
  ]);
  const { me, absent, may_create: mayCreate, may_join: mayJoin, may_open: mayOpen, foreign } = rows[0]!;
  const joins = mayJoin || (mayCreate && absent.includes('tributary_migrator'));
  return [
    ...(mayCreate ? [] : absent.map((name) => `create role ${name} nologin`)),
    ...(joins ? [] : [`grant tributary_migrator to ${me}`]),
    ...(mayOpen ? [] : ['grant create on schema public to tributary_migrator']),
    ...foreign.map((table) => `alter table ${table} owner to tributary_migrator`),
  ];
}

interface Rights {
  me: string;
  absent: string[];
  may_create: boolean;
  /** Whether we belong to tributary_migrator, or may let ourselves in. */
  may_join: boolean;
  /** Whether tributary_migrator may make tables in the shared schema, or we may allow it. */
  may_open: boolean;
  /** Our tables that belong to somebody else. */
  foreign: string[];
}

const RIGHTS = `select quote_ident(current_user) as me, me.rolcreaterole or me.rolsuper as may_create,
    array(select n from unnest($1::text[]) n where not exists (select from pg_roles where rolname = n)) as absent,
    me.rolsuper or coalesce(pg_has_role(m.oid, 'usage') or pg_has_role(m.oid, 'member with admin option'), false) as may_join,
    (select pg_has_role(nspowner, 'usage') or coalesce(has_schema_privilege(m.oid, oid, 'create'), false)
     from pg_namespace where nspname = 'public') as may_open,
    array(select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and (n.nspname = 'tributary' or n.nspname = 'public' and c.relname = any($2))
        and not pg_has_role(c.relowner, 'usage') and c.relowner is distinct from m.oid order by 1) as foreign
  from pg_roles me left join pg_roles m on m.rolname = 'tributary_migrator' where me.rolname = current_user`;

/** Everything but the limits; running it again changes nothing. */
function statements(): string[] {
  const names = DATABASE_ROLES.map(({ name }) => name);
  return [
    ...names.map((name) => createRole(name)),
    `do $$ begin
       if not pg_has_role('tributary_migrator', 'member') then execute format('grant tributary_migrator to %I', current_user); end if;
       if not has_schema_privilege('tributary_migrator', 'public', 'create') then grant create on schema public to tributary_migrator; end if;
     end $$`,
    `grant usage, create on schema tributary to tributary_migrator`,
    // Of those that have another owner only: it locks out everybody, and services that are at work would meet it in a deadlock.
    forTables(
      ['public', 'tributary'],
      'alter table %s owner to tributary_migrator',
      [...PUBLIC_TABLES, 'tributary_migrations'],
      `tableowner <> 'tributary_migrator'`,
    ),
    `grant usage on schema tributary to ${names.join(', ')}`,
    ...SCHEMA_GRANTS.flatMap(([schema, privileges, role]) => [
      forTables([schema], `grant ${privileges} on %s to ${role}`, PUBLIC_TABLES),
      // Tables made between two deploys. In the shared schema only those that our own role makes.
      ...(schema === 'public' ? ['tributary_migrator'] : ['tributary_migrator', 'current_user']).map(
        (owner) =>
          `alter default privileges for role ${owner} in schema ${schema} grant ${privileges} on tables to ${role}`,
      ),
    ]),
    ...APART.map((table) => ifThere(`tributary.${table}`, `revoke all on tributary.${table} from tributary_projector`)),
    ...TABLE_GRANTS.map(([table, privileges, role]) => ifThere(table, `grant ${privileges} on ${table} to ${role}`)),
  ];
}

/** Another database of the same server may make the role at the same moment. */
function createRole(name: string): string {
  return `do $$ begin
    if not exists (select from pg_roles where rolname = '${name}') then create role ${name} nologin; end if;
  exception when duplicate_object or unique_violation then null;
  end $$`;
}

/** Runs a statement for every table of ours in some schemas; in the shared one those that are named. */
function forTables(schemas: string[], statement: string, shared: string[], condition = 'true'): string {
  const list = (names: string[]): string => names.map((name) => `'${name}'`).join(', ');
  return `do $$ declare t record; begin
    for t in select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in (${list(schemas)}) and (schemaname = 'tributary' or tablename in (${list(shared)})) and ${condition}
    loop execute format('${statement}', t.name); end loop;
  end $$`;
}

function ifThere(table: string, statement: string): string {
  return `do $$ begin if to_regclass('${table}') is not null then ${statement}; end if; end $$`;
}

/** Limits bind logins only, not those who belong to them: each login of a role gets the limits of its role, in this database. */
async function limitLogins(sql: Sql): Promise<string[]> {
  const todo: string[] = [];
  for (const { name, limits: wanted } of DATABASE_ROLES) {
    const { rows } = await sql.query<{ login: string; may: boolean; database: string; config: string[] }>(
      `select quote_ident(l.rolname) as login, quote_ident(current_database()) as database,
         me.rolsuper or (me.rolcreaterole and pg_has_role(l.oid, 'member with admin option')) as may,
         coalesce((select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
           where d.datname = current_database() and s.setrole = l.oid), '{}') as config
       from pg_roles l, pg_roles me where me.rolname = current_user and l.rolcanlogin and not l.rolsuper
         and l.rolname <> current_user and pg_has_role(l.oid, $1, 'member')`,
      [name],
    );
    for (const { login, may, database, config } of rows) {
      for (const [limit, value] of Object.entries(wanted)) {
        if (config.includes(`${limit}=${value}`)) continue;
        const statement = `alter role ${login} in database ${database} set ${limit} = '${value}'`;
        if (may) await sql.query(statement);
        else todo.push(statement);
      }
    }
  }
  return todo;
}
