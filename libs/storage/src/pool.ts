import pg from 'pg';
import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import { tlsFault } from '#libs/runtime/src/tls.ts';
import { databaseAddress } from './address.ts';

/** Whoever can run a statement: the pool, or one connection inside a transaction. Streams are for a connection only. */
export interface Sql {
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<R>>;
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
  query<S extends pg.Submittable>(stream: S): S;
}

/** The pool our own SQL runs on. */
export type Database = pg.Pool;

/** Limits of the pool; times in milliseconds. */
export interface PoolOptions {
  databaseUrl: string;
  applicationName: string;
  /** Connections at most. */
  max: number;
  statementTimeoutMs?: number;
  lockTimeoutMs?: number;
  /** Parameters of every session besides the time zone. The search path is the one place that says in which schemas our tables are. */
  parameters?: Readonly<Record<string, string>>;
}

/** Our bookkeeping, and the tables customers query. Bookkeeping first: a table of theirs never hides one of ours. */
const SEARCH_PATH = 'tributary,public';

const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;
const INT8 = 20;

/** Times arrive as milliseconds since the epoch, numeric and bigint as numbers. */
const parsers = new Map<number, (text: string) => unknown>([
  [TIMESTAMPTZ, timeOf],
  [NUMERIC, Number],
  [INT8, Number],
]);

/** Years that PostgreSQL writes without four digits, or BC: ISO has a sign and six digits for them, and a year 0. */
const LONG_AGO_OR_AHEAD = /^(\d+)(-\d\d-\d\d) (.+)\+00( BC)?$/;

/** The milliseconds of PostgreSQL's ISO output in UTC, by the one form that Date.parse reads by the standard; never NaN, whoever wrote it. */
function timeOf(text: string): number {
  if (text[10] === ' ' && text.endsWith('+00'))
    return Date.parse(`${text.slice(0, 10)}T${text.slice(11, text.length - 3)}Z`);
  const parts = LONG_AGO_OR_AHEAD.exec(text);
  if (parts === null) return text.startsWith('-') ? -Infinity : Infinity;
  const [, year, day, time, bc] = parts;
  const signed = bc === undefined ? Number(year) : 1 - Number(year);
  const ms = Date.parse(`${signed < 0 ? '-' : '+'}${String(Math.abs(signed)).padStart(6, '0')}${day}T${time}Z`);
  // PostgreSQL knows later years than Date does.
  return Number.isNaN(ms) ? Infinity : ms;
}

/** How long a connection, a statement and a lock are waited for, as options of the driver. */
export function limitsOf({
  statementTimeoutMs = 120_000,
  lockTimeoutMs = 30_000,
}: Pick<PoolOptions, 'statementTimeoutMs' | 'lockTimeoutMs'> = {}): pg.ClientConfig {
  return {
    connectionTimeoutMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    // The server's word comes first; ours is for connections that swallow everything.
    query_timeout: statementTimeoutMs + 5_000,
    keepAlive: true,
    lock_timeout: lockTimeoutMs,
  };
}

/**
 * Opens a pool in UTC with timeouts on connections, statements and locks; an idle connection that breaks is replaced silently. Its own
 * queries throw an AppError, as those of inTransaction do.
 */
export function createPool(options: PoolOptions): Database {
  const pool = new pg.Pool({
    ...databaseAddress(options.databaseUrl),
    ...limitsOf(options),
    application_name: options.applicationName,
    max: options.max,
    idle_in_transaction_session_timeout: 120_000,
    options: sessionOptions(options.parameters),
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary'): ((text: string) => unknown) =>
        parsers.get(oid) ?? (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
    },
  });
  // A broken connection is no event of its own, idle or in use: the next query on it reports what is wrong. Without an ear on the
  // connection itself, one that breaks while a transaction waits for something else would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return translating(pool);
}

function translating(pool: pg.Pool): pg.Pool {
  const ask = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
  const query = (...args: unknown[]): Promise<unknown> =>
    ask(...args).catch((error: unknown) => {
      throw databaseError(error);
    });
  return Object.assign(pool, { query: query as typeof pool.query });
}

/** Throws database_unavailable unless PostgreSQL answers a new question now; a connection that swallows it is given up after 2 s. */
export async function askDatabase(database: Database): Promise<void> {
  const question = { text: 'select 1', query_timeout: 2_000 };
  await database.query(question);
}

/** The server looks after half a minute of silence whether we are there: what we locked is free a minute after our host is lost, not two hours. */
const KEEPALIVES = { tcp_keepalives_idle: '30', tcp_keepalives_interval: '10', tcp_keepalives_count: '3' };

function sessionOptions(parameters: PoolOptions['parameters']): string {
  const all = { timezone: 'UTC', datestyle: 'ISO', search_path: SEARCH_PATH, ...KEEPALIVES, ...parameters };
  return Object.entries(all)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

/**
 * Runs `work` in one transaction; rolls back and throws an AppError when anything fails: database_unavailable and
 * write_conflict are transient, constraint_violated is the data's fault, database_outdated the deploy step's.
 */
export async function inTransaction<T>(database: Database, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await database.connect().catch((error: unknown) => {
    throw databaseError(error);
  });
  let broken = false;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    const failure = databaseError(error);
    // A connection in doubt is given up, which rolls back as well and waits for nobody.
    broken =
      failure.code === 'database_unavailable' ||
      (await client.query('rollback').then(
        () => false,
        () => true,
      ));
    throw failure;
  } finally {
    client.release(broken);
  }
}

/** Serialization failures, deadlocks, and keys that another writer was first with: the batch is read and decided again. */
const CONFLICTS = new Set(['40001', '40P01', '23505']);

/**
 * Codes and classes that say something of the server and nothing of the data: connections, resources, operators, locks and limits
 * (55P03, 57014), read-only servers (25006), disks.
 */
const OUTAGES = /^(08|25|53|55P03|57|58|F0|XX)/;

/** Values that a type, a rule of the table or (54000) an index does not take. */
const DATA = /^(22|23|54000)/;

/** A table, column, function, schema or right that is not there: no record is to blame for it. */
const NOT_DEPLOYED = new Set(['42P01', '42703', '42883', '3F000', '42501']);

/** Answers to the address, user or password that DATABASE_URL gives. */
const REFUSALS: Record<string, string> = {
  '28P01': 'the password is wrong',
  '28000': 'it does not let this user in from here',
  '3D000': 'there is no such database',
};

const NO_TLS = /^The server does not support SSL/;

/** What pg says of connections without a code of its own. */
const BROKEN = /^(Connection terminated|timeout exceeded|Query read timeout|Client (has|was)|Cannot use a pool)/;

/**
 * The AppError for what PostgreSQL or its connection said; what is neither is a defect of ours. PostgreSQL's own
 * text may quote rows and stays in the cause.
 */
export function databaseError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code, message = '', constraint, syscall } = error as Record<string, string | undefined>;
  const refusal = refusalOf(error, code, message);
  if (refusal !== undefined) return refusal;
  const place = constraint === undefined ? '' : ` on ${constraint}`;
  if (syscall !== undefined || BROKEN.test(message)) return unavailable(code ?? message, error);
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code))
    return /^E[A-Z]+$/.test(code ?? '') ? unavailable(code ?? message, error) : toAppError(error);
  if (OUTAGES.test(code)) return unavailable(code, error);
  if (CONFLICTS.has(code)) return new AppError('write_conflict', `PostgreSQL ${code}${place}`, { cause: error });
  if (DATA.test(code)) return new AppError('constraint_violated', `PostgreSQL ${code}${place}`, { cause: error });
  if (NOT_DEPLOYED.has(code))
    return new AppError(
      'database_outdated',
      `the database lacks what this version needs (PostgreSQL ${code}): run \`npm run -s tributary -- deploy\``,
      { cause: error },
    );
  return new AppError('internal', `PostgreSQL ${code}`, { cause: error });
}

function refusalOf(error: unknown, code: string | undefined, message: string): AppError | undefined {
  const reason = REFUSALS[code ?? ''] ?? tlsFault(error) ?? (NO_TLS.test(message) ? 'it speaks no TLS' : undefined);
  if (reason === undefined) return undefined;
  return new AppError(
    'access_refused',
    `no access to the database: ${reason} (${code ?? 'sslmode'}): check DATABASE_URL and DATABASE_SSL_CA_FILE`,
    { cause: error },
  );
}

function unavailable(reason: string, cause: unknown): AppError {
  return new AppError('database_unavailable', `the database does not answer (${reason}): check DATABASE_URL`, {
    cause,
  });
}
