import { to } from 'pg-copy-streams';
import { copyInto } from '#libs/storage/src/copy.ts';
import { inTransaction, type Database } from '#libs/storage/src/pool.ts';
import { takeStorageParameters } from '#libs/storage/src/shadow.ts';
import { cpuUse, perRow } from './machine.ts';
import type { Bench } from './main.ts';

const BATCH = 1000;
const MOST_LINES = 100_000;

/**
 * The least that any consumer pays for a first load: finished lines of a table's rows into an equal table by COPY over one connection, a
 * transaction for each thousand. No topic, no decoding, no look-up, no rule.
 */
export async function copyAlone(
  { platform: { database }, serverPids, say }: Bench,
  table: 'vendors' | 'sf_contacts',
): Promise<void> {
  const columns = await columnsOf(database, table);
  const lines = await linesOf(database, table, columns);
  await database.query(`create table copied (like ${table} including all)`);
  await takeStorageParameters(database, table, 'copied');
  await database.query('checkpoint');
  const [before, started] = [cpuUse(serverPids), performance.now()];
  for (let first = 0; first < lines.length; first += BATCH)
    await inTransaction(database, (sql) => copyInto(sql, 'copied', columns, lines.slice(first, first + BATCH)));
  const seconds = (performance.now() - started) / 1000;
  const { node, postgres } = perRow(before, cpuUse(serverPids), lines.length);
  await database.query('drop table copied');
  say(
    `COPY alone     ${String(Math.round(lines.length / seconds)).padStart(7)} rows/s   CPU us/row: node ${node.toFixed(1)}, postgres ${postgres.toFixed(1)}`,
  );
}

async function columnsOf(database: Database, table: string): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

async function linesOf(database: Database, table: string, columns: readonly string[]): Promise<string[]> {
  let text = '';
  await inTransaction(database, async (sql) => {
    if (!('release' in sql)) throw new Error('no connection of its own');
    const stream = sql.query(to(`copy (select ${columns.join(', ')} from ${table} limit ${MOST_LINES}) to stdout`));
    for await (const chunk of stream.setEncoding('utf8')) text += chunk as string;
  });
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => `${line}\n`);
}
