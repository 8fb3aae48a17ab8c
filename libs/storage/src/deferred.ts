import type { Sql } from './pool.ts';

/** Keeps observations of a dry run until it ends. */
export async function saveDeferred(sql: Sql, scanId: string, observations: object): Promise<void> {
  await sql.query('insert into deferred (scan_id, observations) values ($1, $2)', [
    scanId,
    JSON.stringify(observations),
  ]);
}

/** The observations of a dry run in the order they came, one batch in memory at a time. */
export async function* readDeferred<T extends object>(sql: Sql, scanId: string): AsyncGenerator<T> {
  let after = 0;
  for (;;) {
    const { rows } = await sql.query<{ id: number; observations: T }>(
      'select id, observations from deferred where scan_id = $1 and id > $2 order by id limit 1',
      [scanId, after],
    );
    const next = rows[0];
    if (next === undefined) return;
    after = next.id;
    yield next.observations;
  }
}
