/** What a scan says of the phase it is in. */
export interface PhaseCounts {
  phase: string;
  recordsRead: number;
  recordsTotal: number | null;
  lookupsDone: number;
  lookupsTotal: number | null;
}

/** Records of a scan at each stage; a record is a contact read, or what a look-up told of one. */
export interface Stages {
  read: number;
  classified: number;
  applied: number;
}

/** How far a sync is, for people. */
export interface Progress extends Stages {
  /** list, confirm, email, job, bulk, rest, applying, done ... */
  phase: string;
  done: number;
  /** Null while nobody knows. */
  total: number | null;
  ratePerSecond: number | null;
  /** To the end of the phase. */
  etaSeconds: number | null;
  /** Requests sent to the source, retries included. */
  requests: number;
}

/** Phases that count contacts; all others count look-ups, or what a job has found. */
const READING: readonly string[] = ['list', 'bulk', 'rest', 'keys'];

/** What a phase has done of what. */
export function phaseProgress({ phase, recordsRead, recordsTotal, lookupsDone, lookupsTotal }: PhaseCounts): {
  done: number;
  total: number | null;
} {
  return READING.includes(phase)
    ? { done: recordsRead, total: recordsTotal }
    : { done: lookupsDone, total: lookupsTotal };
}

/** Progress of a sync: while it reads, of its phase; once it is read, of what is applied. */
export function describeStages(
  reported: (PhaseCounts & { requests: number; perSecond?: number | null }) | null,
  stages: Stages,
  isRead: boolean,
): Progress {
  const requests = reported?.requests ?? 0;
  if (isRead || reported === null) {
    const left = stages.applied < stages.read;
    return {
      phase: isRead ? (left ? 'applying' : 'done') : 'waiting',
      done: stages.applied,
      total: isRead ? stages.read : null,
      ratePerSecond: null,
      etaSeconds: isRead && !left ? 0 : null,
      requests,
      ...stages,
    };
  }
  const { done, total } = phaseProgress(reported);
  const rate = reported.perSecond ?? null;
  const etaSeconds = total === null || rate === null || rate <= 0 ? null : Math.ceil(Math.max(0, total - done) / rate);
  return { phase: reported.phase, done, total, ratePerSecond: rate, etaSeconds, requests, ...stages };
}

/** Where one partition of a scan stands. */
export interface PartitionPlace {
  /** Last number the connector published, and its offset; -1 when nobody knows. */
  published: number;
  offset: number;
  /** Offset of the next record the classifier handles. */
  classifiedNext: number;
  /** Last number the projector applied. */
  applied: number;
}

/**
 * Records at each stage. What the classifier still owes is told by offsets, so records of other scans in between count too: the
 * figure may be low while it works, never high, and never below what was applied.
 */
export function stagesOf(places: readonly PartitionPlace[]): Stages {
  const stages: Stages = { read: 0, classified: 0, applied: 0 };
  for (const { published, offset, classifiedNext, applied } of places) {
    const owed = offset < 0 ? 0 : Math.max(0, offset + 1 - classifiedNext);
    stages.read += Math.max(published, applied);
    stages.classified += Math.max(applied, published - owed);
    stages.applied += applied;
  }
  return stages;
}
