/** What goes wrong with a request (salesforce A10). */
export type FaultKind =
  /** 401 INVALID_SESSION_ID; the token is dead from then on. */
  | 'session-expired'
  /** 401 INVALID_SESSION_ID for this request only. */
  | '401'
  | 'request-limit'
  | 'forbidden'
  | '420'
  | '429'
  | '503'
  | '503-html'
  | '406-empty'
  | 'hang'
  | 'truncated'
  | 'query-timeout'
  | 'locator-gone'
  | 'not-found'
  /** Bulk jobs, when they are made. */
  | 'job-stuck'
  | 'job-failed'
  | 'job-failed-silently'
  | 'job-aborted'
  /** Bulk results. */
  | 'results-412'
  | 'results-204'
  | 'version-409'
  | 'csv-cut'
  | 'csv-slow'
  | 'csv-short'
  | 'wrong-count'
  | 'no-headers'
  | 'duplicate-row'
  | 'nul-bytes'
  | 'empty-body';

/** A fault: which requests it meets, and how often. */
export interface Fault {
  kind: FaultKind;
  /** Substring of `METHOD /path?query`; every request when absent. */
  match?: string;
  /** How many requests it meets at most; without end when absent. */
  times?: number;
  /** Requests that match and are let through first. */
  after?: number;
  /** Rows that a cut or slow body gives first. */
  rows?: number;
  /** Milliseconds between the blocks of a slow body. */
  delayMs?: number;
}

/** Faults of a running simulator. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault this request meets, if any; counts it. */
  next(request: string): Fault | undefined;
  /** Runs `work` right before the n-th request from now on that contains the text is answered. */
  before(match: string, nth: number, work: () => void): void;
}

/** No faults yet. */
export function createFaults(): Faults {
  let faults: (Fault & { left: number; skip: number })[] = [];
  let hooks: { match: string; left: number; work: () => void }[] = [];
  return {
    add(fault) {
      faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY, skip: fault.after ?? 0 });
    },
    clear() {
      faults = [];
      hooks = [];
    },
    next(request) {
      for (const hook of hooks) if (request.includes(hook.match) && --hook.left === 0) hook.work();
      for (const fault of faults) {
        if (fault.left <= 0 || (fault.match !== undefined && !request.includes(fault.match))) continue;
        if (fault.skip > 0) {
          fault.skip -= 1;
          continue;
        }
        fault.left -= 1;
        return fault;
      }
      return undefined;
    },
    before(match, nth, work) {
      hooks.push({ match, left: nth, work });
    },
  };
}
