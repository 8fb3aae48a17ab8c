import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import { kafkaOf } from '#libs/runtime/src/platform.ts';
import { groupAlive } from '#libs/kafka/src/topics.ts';
import { CONNECTOR_GROUP } from '#services/connector/src/connector.ts';
import { existingStack, withDatabase } from './connections.ts';
import { readRunning } from './session.ts';
import { inLine } from './terminal.ts';

/** What `tributary status` shows. */
export interface Status {
  stack: string;
  pipeline: 'running' | 'not running';
  apiUrl: string | null;
  rows: { table: string; status: string; count: number }[];
  syncs: {
    syncId: string;
    source: string;
    account: string;
    status: string;
    message: string | null;
    startedAt: number | null;
  }[];
}

/** Reads what runs and what the tables hold. */
export async function statusOf(settings: Settings, logger: Logger): Promise<Status> {
  const stack = await existingStack(settings);
  const kafka = kafkaOf(stack, 'tributary-cli', logger);
  return withDatabase(stack, async (database) => {
    const rows = await database.query<Status['rows'][number]>(
      `select 'vendors' as table, status, count(*) as count from vendors group by status
       union all select 'leads', status, count(*) from leads group by status order by 1 desc, 2`,
    );
    const syncs = await database.query<Status['syncs'][number]>(
      `select sync_id as "syncId", source, account, status, message, started_at as "startedAt" from runs order by updated_at desc limit 5`,
    );
    const alive = await groupAlive(kafka, CONNECTOR_GROUP);
    return {
      stack: stack.kind,
      pipeline: alive ? 'running' : 'not running',
      apiUrl: readRunning(settings.DATA_DIR)?.apiUrl ?? null,
      rows: rows.rows,
      syncs: syncs.rows,
    };
  });
}

/** The status for people. */
export function renderStatus(status: Status): string {
  const rows = status.rows.map(
    ({ table, status: state, count }) => `  ${table.padEnd(8)} ${state.padEnd(24)} ${count}`,
  );
  const syncs = status.syncs.map(
    ({ syncId, source, account, status: state, message }) =>
      `  ${syncId}  ${source} ${account}  ${state}${message === null ? '' : `: ${inLine(message)}`}`,
  );
  return [
    `Stack: ${status.stack}`,
    `Pipeline: ${status.pipeline}${status.apiUrl === null ? '' : ` (API ${status.apiUrl})`}`,
    'Rows:',
    ...(rows.length === 0 ? ['  none yet'] : rows),
    'Last syncs:',
    ...(syncs.length === 0 ? ['  none yet'] : syncs),
  ].join('\n');
}
