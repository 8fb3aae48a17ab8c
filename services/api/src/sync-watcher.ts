import type { Response } from 'express';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRuns, type RunView } from '#libs/storage/src/reads.ts';
import { eventsSince, eventText } from './sync-events.ts';

/** Streams of syncs: however many listen, the projection is looked at once per tick, and only while somebody does. */
export interface SyncWatcher {
  /** Answers with a stream that goes on after what `lastEventId` says was seen. Throws too_many_requests when there are too many. */
  open(syncId: string, lastEventId: string | undefined, response: Response): void;
  /** Ends every stream. */
  stop(): void;
}

/** Limits of the streams; times in milliseconds. */
export interface WatcherOptions {
  database: Database;
  maxStreams?: number;
  lookEveryMs?: number;
  heartbeatMs?: number;
  /** A listener that takes nothing for so long is gone: its connection is closed. */
  stalledMs?: number;
}

interface Stream {
  syncId: string;
  lastEventId: string | undefined;
  response: Response;
  writtenAt: number;
}

/** A listener that leaves so much unread is gone, or as good as. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** A watcher over the projection `runs`. */
export function createSyncWatcher(options: WatcherOptions): SyncWatcher {
  const { database, maxStreams = 100, lookEveryMs = 500, heartbeatMs = 15_000, stalledMs = 30_000 } = options;
  const streams = new Set<Stream>();
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let stopped = false;

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const runs = await readRuns(database, [...new Set([...streams].map(({ syncId }) => syncId))]);
      const bySync = new Map(runs.map((run) => [run.syncId, run]));
      for (const stream of streams) tell(stream, bySync.get(stream.syncId));
    } catch {
      // The listeners come back by themselves, with the id of what they saw last.
      endAll();
    } finally {
      looking = false;
    }
  }

  function tell(stream: Stream, run: RunView | undefined): void {
    const events = run === undefined ? [] : eventsSince(stream.lastEventId, run);
    for (const event of events) write(stream, eventText(event));
    stream.lastEventId = events.at(-1)?.id ?? stream.lastEventId;
    if (events.at(-1)?.name === 'applied') end(stream);
    else if (Date.now() - stream.writtenAt >= heartbeatMs) write(stream, ': heartbeat\n\n');
  }

  function write(stream: Stream, text: string): void {
    stream.response.write(text);
    stream.writtenAt = Date.now();
    if (stream.response.writableLength > MAX_UNREAD_BYTES) stream.response.destroy();
  }

  function remove(stream: Stream): void {
    streams.delete(stream);
    if (streams.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  /** Forgotten first, since nothing may be written after the end, and `close` waits until the listener has taken everything. */
  function end(stream: Stream): void {
    remove(stream);
    stream.response.end();
  }

  function endAll(): void {
    for (const stream of streams) end(stream);
  }

  return {
    open(syncId, lastEventId, response) {
      // Whoever left before this says so no more.
      if (response.closed) return;
      if (stopped || streams.size >= maxStreams)
        throw new AppError('too_many_requests', `${maxStreams} streams of syncs are open: close one, or poll the sync`);
      const stream = { syncId, lastEventId, response, writtenAt: 0 };
      streams.add(stream);
      response.on('close', () => remove(stream));
      response.setTimeout(stalledMs);
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
      write(stream, 'retry: 2000\n\n');
      timer ??= setInterval(() => void look(), lookEveryMs);
      void look();
    },
    stop() {
      stopped = true;
      endAll();
    },
  };
}
