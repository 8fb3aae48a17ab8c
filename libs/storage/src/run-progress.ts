import { describeStages, stagesOf, type PhaseCounts, type Progress } from '#libs/domain/src/progress.ts';
import type { Sql } from './pool.ts';

/** What the connector said last of a scan. */
export type ReportedProgress = PhaseCounts & { requests: number; perSecond?: number | null };

/** A run as far as its progress goes. */
export interface ProgressOf {
  /** The scan that reads for it: its own, or the one it joined. */
  scanId: string;
  status: string;
  reported: ReportedProgress | null;
}

const READING = new Set(['queued', 'joined', 'running', 'paused']);

/**
 * How far scans are, from what the connector published, where the classifier stands and what the projector applied. Scans that have not
 * begun to read are left out.
 */
export async function readProgress(sql: Sql, runs: readonly ProgressOf[]): Promise<Map<string, Progress>> {
  const { rows } = await sql.query<{
    scanId: string;
    numbers: number[] | null;
    offsets: number[] | null;
    applied: Record<string, number> | null;
    classified: Record<string, number | null> | null;
  }>(
    `select s.scan_id as "scanId", s.position -> 'numbers' as numbers, s.position -> 'offsets' as offsets,
       (select jsonb_object_agg(p.partition, p.last_number) from scan_partitions p where p.scan_id = s.scan_id) as applied,
       (select jsonb_object_agg(c.partition, c.next_offset) from checkpoints c
        where c.processor = 'classifier' and c.topic = 'crm.raw.' || s.source || '.v1') as classified
     from scans s where s.scan_id = any($1) and s.started_at is not null`,
    [runs.map(({ scanId }) => scanId)],
  );
  const stages = new Map(
    rows.map(({ scanId, numbers, offsets, applied, classified }) => [
      scanId,
      stagesOf(
        (numbers ?? []).map((published, partition) => ({
          published,
          offset: offsets?.[partition] ?? -1,
          classifiedNext: classified?.[partition] ?? 0,
          applied: applied?.[partition] ?? 0,
        })),
      ),
    ]),
  );
  return new Map(
    runs.flatMap(({ scanId, status, reported }) => {
      const counts = stages.get(scanId);
      if (counts === undefined) return [];
      const progress = describeStages(reported, counts, !READING.has(status));
      return [[scanId, status === 'paused' ? { ...progress, ratePerSecond: null, etaSeconds: null } : progress]];
    }),
  );
}
