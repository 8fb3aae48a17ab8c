import type { DeadLetterDiscarded, DeadLetterRedriven } from '#libs/contracts/src/generated/events.ts';
import type { LetterFacts } from '#libs/contracts/src/dead-letters.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Database, Sql } from './pool.ts';

/** What became of a dead letter. */
export const LETTER_STATES = ['waiting', 'redriven', 'discarded'] as const;

/** A dead letter as the index knows it. */
export interface LetterRow extends LetterFacts {
  state: (typeof LETTER_STATES)[number];
  reason: string | null;
  actedBy: string | null;
  actedAt: number | null;
}

/** Which dead letters are meant; what is left out does not restrict. */
export interface LetterFilter {
  ids?: readonly string[] | undefined;
  topic?: string | undefined;
  group?: string | undefined;
  code?: string | undefined;
  scanId?: string | undefined;
  account?: string | undefined;
  /** The only accounts the caller may see. */
  accounts?: readonly string[] | undefined;
  state?: string | undefined;
  /** From this time on, in milliseconds. */
  since?: number | undefined;
  /** Before this time. */
  until?: number | undefined;
}

const FACTS = `id, topic, partition, "offset", consumer_group, code, message, attempts, to_timestamp(at / 1000.0), type, scan_id, account, redriven_from`;

/** Notes dead letters, in the transaction of the checkpoint. Noting one twice, or after what became of it, changes nothing of that. */
export async function noteLetters(sql: Sql, letters: readonly LetterFacts[]): Promise<void> {
  await sql.query(
    `insert into tributary.dead_letters as d (${FACTS.replace('to_timestamp(at / 1000.0)', 'at')})
     select ${FACTS} from json_to_recordset($1::json) as l (id text, topic text, partition integer, "offset" bigint, consumer_group text,
       code text, message text, attempts integer, at float8, type text, scan_id text, account text, redriven_from text)
     on conflict (id) do update set message = excluded.message, attempts = excluded.attempts, type = excluded.type,
       redriven_from = excluded.redriven_from`,
    [
      JSON.stringify(
        letters.map(({ group, scanId, redrivenFrom, ...rest }) => ({
          ...rest,
          consumer_group: group,
          scan_id: scanId,
          redriven_from: redrivenFrom,
        })),
      ),
    ],
  );
}

/** Notes what a person did with a dead letter. The event stands for itself: it may come first, or outlive the letter. */
export async function noteOperation(sql: Sql, event: DeadLetterRedriven | DeadLetterDiscarded): Promise<void> {
  const reason = 'reason' in event ? event.reason : null;
  await sql.query(
    `insert into tributary.dead_letters as d (id, topic, partition, "offset", consumer_group, code, account, scan_id, at,
       state, reason, acted_by, acted_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::float8 / 1000.0), $10, $11, $12, to_timestamp($13::float8 / 1000.0))
     on conflict (id) do update set state = excluded.state, reason = excluded.reason, acted_by = excluded.acted_by,
       acted_at = excluded.acted_at where d.acted_at is null or d.acted_at <= excluded.acted_at`,
    [
      event.id,
      event.topic,
      event.partition,
      event.offset,
      event.group,
      event.code,
      event.account,
      event.scanId,
      event.deadLetteredAt,
      'reason' in event ? 'discarded' : 'redriven',
      reason,
      event.by,
      event.at,
    ],
  );
}

/** Dead letters and how many there are: newest first, or in the order they are redriven in (original topic, partition and offset). */
export async function findLetters(
  sql: Sql,
  filter: LetterFilter,
  page: { limit: number; offset?: number; order: 'newest' | 'original' },
): Promise<{ items: LetterRow[]; total: number }> {
  const { where, values } = conditions(filter);
  const order = page.order === 'newest' ? 'at desc, id' : 'topic, partition, "offset", id';
  const { rows } = await sql.query<LetterRow>(
    `select id, topic, partition, "offset", consumer_group as "group", code, message, attempts, at, type, scan_id as "scanId",
       account, redriven_from as "redrivenFrom", state, reason, acted_by as "actedBy", acted_at as "actedAt"
     from tributary.dead_letters ${where} order by ${order} limit $${values.length + 1} offset $${values.length + 2}`,
    [...values, page.limit, page.offset ?? 0],
  );
  const counted = await sql.query<{ total: number }>(
    `select count(*) as total from tributary.dead_letters ${where}`,
    values,
  );
  return { items: rows, total: counted.rows[0]!.total };
}

function conditions({ ids, accounts, since, until, ...equal }: LetterFilter): { where: string; values: unknown[] } {
  const columns = { ...equal, group: undefined, scanId: undefined, consumer_group: equal.group, scan_id: equal.scanId };
  const tests: [string, unknown][] = [
    ['id = any($)', ids],
    ['account = any($)', accounts],
    ['at >= to_timestamp($::float8 / 1000.0)', since],
    ['at < to_timestamp($::float8 / 1000.0)', until],
    ...Object.entries(columns).map(([column, value]): [string, unknown] => [`${column} = $`, value]),
  ];
  const given = tests.filter(([, value]) => value !== undefined);
  const parts = given.map(([test], index) => test.replace('$', `$${index + 1}`));
  return { where: parts.length === 0 ? '' : `where ${parts.join(' and ')}`, values: given.map(([, value]) => value) };
}

/** One dead letter; not_found when there is none, or none that the caller may see. */
export async function readLetter(sql: Sql, id: string, accounts?: readonly string[]): Promise<LetterRow> {
  const { items } = await findLetters(sql, { ids: [id], accounts }, { limit: 1, order: 'newest' });
  if (items[0] === undefined) throw new AppError('not_found', `there is no dead letter ${id}`);
  return items[0];
}

const OPERATION_LOCK = 7_271_832;

/** Lets one person at a time act on dead letters, so that nothing is sent twice; operation_running when somebody does already. */
export async function actingAlone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const client = await database.connect();
  try {
    const { rows } = await client.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [OPERATION_LOCK]);
    if (rows[0]?.free !== true)
      throw new AppError('operation_running', 'somebody redrives or discards dead letters right now: wait for them');
    try {
      return await work();
    } finally {
      await client.query('select pg_advisory_unlock($1)', [OPERATION_LOCK]);
    }
  } finally {
    client.release();
  }
}
