import type { Checkpoint } from '#libs/kafka/src/processor.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Database, Sql } from './pool.ts';
import { statementName } from './statement-name.ts';

/** Saves a checkpoint inside the transaction that writes what it stands for. I5: table and position change together or not at all. */
export async function saveCheckpoint(sql: Sql, checkpoint: Checkpoint): Promise<void> {
  const text = `update checkpoints set next_offset = $1, updated_at = now()
    where processor = $2 and topic = $3 and partition = $4 and epoch = $5 and next_offset is not distinct from $6::bigint`;
  const { processor, topic, partition, epoch, expected, next } = checkpoint;
  const result = await sql.query({
    name: statementName(text),
    text,
    values: [next, processor, topic, partition, epoch, expected],
  });
  if (result.rowCount !== 1) {
    throw new AppError(
      'checkpoint_fenced',
      `${processor} no longer owns ${topic}[${partition}]: another process took it over`,
    );
  }
}

/** Checkpoints in PostgreSQL, for processors whose effects are elsewhere. */
export function createCheckpointStore(database: Database): {
  acquire(processor: string, topic: string, partition: number): Promise<{ nextOffset: string | null; epoch: number }>;
  save(checkpoint: Checkpoint): Promise<void>;
} {
  return {
    async acquire(processor, topic, partition) {
      const result = await database.query<{ next_offset: number | null; epoch: number }>(
        `insert into checkpoints (processor, topic, partition, epoch) values ($1, $2, $3, 1)
         on conflict (processor, topic, partition) do update set epoch = checkpoints.epoch + 1
         returning next_offset, epoch`,
        [processor, topic, partition],
      );
      const row = result.rows[0]!;
      return { nextOffset: row.next_offset === null ? null : String(row.next_offset), epoch: row.epoch };
    },
    async save(checkpoint) {
      await saveCheckpoint(database, checkpoint);
    },
  };
}

/** True when a processor has handled every record up to the given offsets (offset of the last record per partition). */
export async function hasPassed(
  sql: Sql,
  processor: string,
  topic: string,
  offsets: ReadonlyMap<number, string>,
): Promise<boolean> {
  const result = await sql.query<{ partition: number; next_offset: number | null }>(
    'select partition, next_offset from checkpoints where processor = $1 and topic = $2',
    [processor, topic],
  );
  const positions = new Map(result.rows.map((row) => [row.partition, row.next_offset ?? 0]));
  return [...offsets].every(([partition, offset]) => (positions.get(partition) ?? 0) > Number(offset));
}

/** Stored position of every processor, by `processor topic partition`. */
export async function readPositions(sql: Sql): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ place: string; next: number }>(
    `select processor || ' ' || topic || ' ' || partition as place, next_offset as next from checkpoints where next_offset is not null`,
  );
  return new Map(rows.map(({ place, next }) => [place, next]));
}
