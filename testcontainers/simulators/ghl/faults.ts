/** What goes wrong with a request. */
export type FaultKind =
  '429' | '500' | '502-html' | 'hang' | 'truncated' | 'token-expired' | 'repeat-cursor' | 'empty' | 'forbidden-scope';

/** A fault: which requests it meets, and how often. */
export interface Fault {
  kind: FaultKind;
  /** Substring of `METHOD /path`; every request when absent. */
  match?: string;
  /** How many requests it meets at most; without end when absent. */
  times?: number;
  /** Requests that match and are let through first. */
  after?: number;
  /** Seconds for Retry-After of a 429; none when absent, as GoHighLevel does. */
  retryAfter?: number;
}

/** Faults of a running simulator. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault this request meets, if any; counts it. */
  next(request: string): Fault | undefined;
  /** Runs `work` once the given number of list pages was answered: contacts change while somebody pages. */
  afterPage(page: number, work: () => void): void;
  pageAnswered(): void;
}

/** No faults yet. */
export function createFaults(): Faults {
  let faults: (Fault & { left: number; skip: number })[] = [];
  let hooks: { page: number; work: () => void }[] = [];
  let pages = 0;
  return {
    add(fault) {
      faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY, skip: fault.after ?? 0 });
    },
    clear() {
      faults = [];
      hooks = [];
      pages = 0;
    },
    next(request) {
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
    afterPage(page, work) {
      hooks.push({ page, work });
    },
    pageAnswered() {
      pages += 1;
      for (const hook of hooks) if (hook.page === pages) hook.work();
    },
  };
}
