import type { Progress } from '#libs/domain/src/progress.ts';
import type { RunView } from '#libs/storage/src/reads.ts';

/** An event of a sync as a stream tells it. */
export interface SyncEvent {
  name: 'started' | 'progress' | 'paused' | 'resumed' | 'read' | 'applied';
  /** What a listener has seen once it has this event: enough to go on from in any process. */
  id: string;
  data: object;
}

interface Seen {
  status: string;
  mark: string;
}

/** How far a status is: waiting, reading, read, applied. */
function stageOf({ status, exitCode }: Pick<RunView, 'status' | 'exitCode'>): 0 | 1 | 2 | 3 {
  if (status === 'queued' || status === 'joined') return 0;
  if (status === 'running' || status === 'paused') return 1;
  return exitCode === null ? 2 : 3;
}

function markOf(progress: Progress | null): string {
  if (progress === null) return '';
  const { phase, done, read, classified, applied } = progress;
  return [phase, done, read, classified, applied].join('-');
}

/** What a Last-Event-ID says was seen; nothing when it is none of ours. */
function seenOf(lastEventId: string | undefined): Seen {
  const match = /^(\w{1,30}):([\w.-]{0,200})$/.exec(lastEventId ?? '');
  return { status: match?.[1] ?? 'queued', mark: match?.[2] ?? '' };
}

/** Events between what a listener has seen and what a run is now, oldest first; nothing follows `applied`. */
export function eventsSince(lastEventId: string | undefined, run: RunView): SyncEvent[] {
  const seen = seenOf(lastEventId);
  const { syncId, status, joinedTo, progress } = run;
  const mark = markOf(progress);
  const stage = stageOf(run);
  const seenStage = stageOf({ status: seen.status, exitCode: null });
  const events: SyncEvent[] = [];
  function tell(name: SyncEvent['name'], shown: string, at: string, more: object = {}): void {
    events.push({ name, id: `${shown}:${at}`, data: { syncId, status, joinedTo, progress, ...more } });
  }
  if (progress !== null) {
    if (seenStage === 0 && stage > 0) tell('started', 'running', seen.mark);
    const goesOn = status === 'running' || status === 'read' || run.success === true;
    if (seen.status === 'paused' && goesOn) tell('resumed', 'running', seen.mark);
    if (mark !== seen.mark && stage < 3)
      tell('progress', seenStage < stage || status === 'paused' ? 'running' : status, mark);
    // A pause that nobody asked for has a reason.
    if (status === 'paused' && seen.status !== 'paused')
      tell('paused', 'paused', mark, run.error === null ? {} : { error: run.error });
    if (seenStage < 2 && stage >= 2) tell('read', 'read', mark);
  }
  if (stage === 3) {
    const { success, message, exitCode, stats, error } = run;
    tell('applied', status, mark, { success, message, exitCode, stats, error });
  }
  return events;
}

/** An event in the format of server-sent events. */
export function eventText({ name, id, data }: SyncEvent): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
