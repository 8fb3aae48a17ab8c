import type pg from 'pg';
import { AppError } from '#libs/runtime/src/errors.ts';
import { databaseError, inTransaction, type Database, type Sql } from './pool.ts';
import { compareTables, type TableDifference } from './shadow-diff.ts';

/** Schema in which projections are rebuilt: the search path of whoever rebuilds. */
export const SHADOW = 'tributary_shadow';

/** Tables that can be rebuilt and swapped. */
export const REBUILT = ['vendors', 'leads', 'sf_contacts'] as const;
/** A table that can be rebuilt and swapped. */
export type Rebuilt = (typeof REBUILT)[number];

/** Columns that people and other programs write and no topic knows: a rebuilt table takes them over from the live one. */
const LOCAL: Partial<Record<Rebuilt, readonly string[]>> = { sf_contacts: ['analysis_results', 'last_analyzed_at'] };

/** What the projector keeps besides: rebuilt with the rows, needed for nothing afterwards. */
const BOOKKEEPING = [
  'accounts',
  'checkpoints',
  'outbox',
  'scans',
  'scan_rows',
  'scan_states',
  'scan_partitions',
  'sightings',
  'deferred',
  'imports',
  'contested',
  'vendor_words',
  'change_sets',
  'changes',
  'sf_deletions',
  'sf_trials',
];

/** Where the live projector is in a partition: offset of the next record it will handle. */
export interface Position {
  topic: string;
  partition: number;
  next: number;
}

/** Reads the live projector's positions and holds it there: none of its batches can commit before the transaction ends. */
async function holdProjector(sql: Sql, processor: string): Promise<Position[]> {
  return positionsOf(sql, processor, 'for update');
}

async function positionsOf(sql: Sql, processor: string, lock = ''): Promise<Position[]> {
  const { rows } = await sql.query<{ topic: string; partition: number; next: number }>(
    `select topic, partition, next_offset as next from tributary.checkpoints
     where processor = $1 and next_offset is not null order by topic, partition ${lock}`,
    [processor],
  );
  return rows;
}

/** What a rebuild writes into, and how it is held against the live tables. */
export interface Shadow {
  positions(): Promise<Position[]>;
  /**
   * Compares rebuilt and live tables at one moment. `catchUp` brings the shadow to the positions it is given, while the projector
   * waits; the comparison itself runs on a snapshot, while it goes on.
   */
  compare(
    tables: readonly Rebuilt[],
    examples: number,
    catchUp: (ends: Position[]) => Promise<void>,
  ): Promise<Record<string, TableDifference>>;
  /**
   * Puts the rebuilt tables in the place of the live ones in one transaction, at the very position of the projector, whose next
   * batch is fenced. Readers wait for the moment of the exchange and see one table or the other.
   */
  swap(tables: readonly Rebuilt[], catchUp: (ends: Position[]) => Promise<void>): Promise<void>;
  /** Drops the shadow. */
  close(): Promise<void>;
}

const REPLAY_LOCK = 7_271_832;
/** The one trigger that is ours (migration 20261201): what others write to a row makes us look at it again. */
const OUR_TRIGGER = 'tributary_foreign_write';
const SWAP_ATTEMPTS = 10;

/** Makes an empty shadow, dropping what a crashed rebuild left; request_invalid while another rebuild works. */
export async function openShadow(database: Database, processor: string): Promise<Shadow> {
  const lock = await lockReplay(database);
  const close = async (): Promise<void> => {
    try {
      await lock.query(`drop schema if exists ${SHADOW} cascade`);
      await lock.query('select pg_advisory_unlock($1)', [REPLAY_LOCK]);
    } finally {
      lock.release(true);
    }
  };
  try {
    await inTransaction(database, createShadow);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    positions: () => positionsOf(database, processor),

    async compare(tables, examples, catchUp) {
      const snapshot = await database.connect();
      try {
        await snapshot.query('begin isolation level repeatable read read only');
        await inTransaction(database, async (sql) => {
          await catchUp(await holdProjector(sql, processor));
          // The first statement takes the snapshot: after everything up to the positions, before anything else.
          await snapshot.query(`select from public.${tables[0] ?? 'vendors'} limit 1`);
        });
        return await compareTables(snapshot, tables, SHADOW, examples, LOCAL);
      } catch (error) {
        throw databaseError(error);
      } finally {
        await snapshot.query('rollback').catch(() => undefined);
        snapshot.release();
      }
    },

    async swap(tables, catchUp) {
      for (const table of tables) {
        await database.query(`alter table ${SHADOW}.${table} set logged`);
        await database.query(`analyze ${SHADOW}.${table}`);
      }
      for (let attempt = 1; ; attempt += 1) {
        await catchUp(await positionsOf(database, processor));
        try {
          await inTransaction(database, async (sql) => {
            await catchUp(await holdProjector(sql, processor));
            await exchange(sql, tables);
            await sql.query('update tributary.checkpoints set epoch = epoch + 1 where processor = $1', [processor]);
          });
          return;
        } catch (error) {
          // A long reader is in the way: it is not waited for, so that others are not held up behind us.
          const isBusy = error instanceof AppError && error.code === 'write_conflict';
          if (!isBusy || attempt === SWAP_ATTEMPTS) throw error;
        }
      }
    },

    close,
  };
}

async function lockReplay(database: Database): Promise<pg.PoolClient> {
  const client = await database.connect().catch((error: unknown) => {
    throw databaseError(error);
  });
  const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [REPLAY_LOCK]);
  if (rows[0]?.mine === true) return client;
  client.release();
  throw new AppError('request_invalid', 'another replay is at work: wait for its end', { kind: 'config' });
}

async function createShadow(sql: Sql): Promise<void> {
  await sql.query(`drop schema if exists ${SHADOW} cascade`);
  await sql.query(`create schema ${SHADOW}`);
  for (const table of BOOKKEEPING)
    await sql.query(`create unlogged table ${SHADOW}.${table} (like ${table} including all)`);
  for (const table of REBUILT) {
    // A rebuild begins anew after a crash: what it writes is logged when it is to stay.
    await sql.query(`create unlogged table ${SHADOW}.${table} (like public.${table} including all excluding indexes)`);
    await takeStorageParameters(sql, `public.${table}`, `${SHADOW}.${table}`);
    // By the names of the live ones, which later migrations know them by.
    const { rows } = await sql.query<{ name: string; definition: string; is_key: boolean }>(
      `select c.relname as name, pg_get_indexdef(i.indexrelid) as definition, i.indisprimary as is_key
       from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::regclass`,
      [`public.${table}`],
    );
    for (const { name, definition, is_key: isKey } of rows) {
      await sql.query(definition.replace(` ON public.${table} `, ` ON ${SHADOW}.${table} `));
      if (isKey) await sql.query(`alter table ${SHADOW}.${table} add primary key using index ${name}`);
    }
    const { rows: triggers } = await sql.query<{ definition: string }>(
      'select pg_get_triggerdef(oid) as definition from pg_trigger where tgrelid = $1::regclass and tgname = $2',
      [`public.${table}`, OUR_TRIGGER],
    );
    for (const { definition } of triggers)
      await sql.query(definition.replace(` ON public.${table} `, ` ON ${SHADOW}.${table} `));
  }
}

/** Gives the copy of a table its storage parameters: `like` takes over the columns alone. */
export async function takeStorageParameters(sql: Sql, table: string, copy: string): Promise<void> {
  const { rows } = await sql.query<{ options: string | null }>(
    `select array_to_string(reloptions, ', ') as options from pg_class where oid = $1::regclass`,
    [table],
  );
  const options = rows[0]?.options ?? null;
  if (options !== null) await sql.query(`alter table ${copy} set (${options})`);
}

/** Exchanges tables for their rebuilt ones, with the privileges that were granted on them. Refuses what would be lost with the old table. */
async function exchange(sql: Sql, tables: readonly Rebuilt[]): Promise<void> {
  await sql.query(`set local lock_timeout = '2s'`);
  await sql.query(`lock table ${tables.map((table) => `public.${table}`).join(', ')} in access exclusive mode`);
  for (const table of tables) {
    await refuseAttached(sql, table);
    await takeOverLocal(sql, table);
    const { rows: grants } = await sql.query<{ statement: string }>(
      `select format('grant %s on table ${SHADOW}.${table} to %s%s', a.privilege,
         case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
         case when a.is_grantable then ' with grant option' else '' end) as statement
       from (select privilege_type || coalesce(' (' || quote_ident(place) || ')', '') as privilege, relowner, a.*
         from pg_class c, lateral (select null::name as place, relacl as acl
           union all select attname, attacl from pg_attribute where attrelid = c.oid and not attisdropped) p, aclexplode(acl) a
         where c.oid = $1::regclass) a where a.grantee <> a.relowner`,
      [`public.${table}`],
    );
    for (const { statement } of grants) await sql.query(statement);
    await sql.query(`drop table public.${table}`).catch((error: unknown) => {
      if ((error as { code?: string }).code === DEPENDED_ON) throw attached(table, 'views or foreign keys');
      throw error;
    });
    await sql.query(`alter table ${SHADOW}.${table} set schema public`);
  }
}

async function takeOverLocal(sql: Sql, table: Rebuilt): Promise<void> {
  const columns = LOCAL[table];
  if (columns === undefined) return;
  await sql.query(
    `update ${SHADOW}.${table} r set ${columns.map((column) => `${column} = l.${column}`).join(', ')}
     from public.${table} l where l.id = r.id and (${columns.map((column) => `l.${column} is not null`).join(' or ')})`,
  );
}

const DEPENDED_ON = '2BP01';

async function refuseAttached(sql: Sql, table: Rebuilt): Promise<void> {
  const { rows } = await sql.query<{ what: string }>(
    `select 'triggers' as what from pg_trigger where tgrelid = $1::regclass and not tgisinternal and tgname <> '${OUR_TRIGGER}'
     union select 'row security policies' from pg_policy where polrelid = $1::regclass
     union select 'publications' from pg_publication_rel where prrelid = $1::regclass`,
    [`public.${table}`],
  );
  if (rows.length > 0) throw attached(table, rows.map(({ what }) => what).join(', '));
}

function attached(table: Rebuilt, what: string): AppError {
  return new AppError(
    'config_invalid',
    `${what} hang on the table ${table} and would be lost with it: drop them, swap, and make them again`,
  );
}
