/** Every way in which a request can go wrong. */
export const FAULT_KINDS = [
  '429',
  '500',
  '502-html',
  '503-empty',
  'hang',
  'reset',
  'truncated',
  'token-expired',
  'token-revoked',
  'forbidden-scope',
  'repeat-cursor',
  'empty',
  'commit-hang',
  'commit-422',
] as const;

/**
 * What goes wrong with a request. `commit-hang` and `commit-422` do what was asked and then answer nothing or a refusal; `empty`
 * claims contacts and lists none; `repeat-cursor` gives the first page again; a `429` names an interval of 200 ms, so that no test
 * waits for ten seconds.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A fault: which requests it meets, and how often. */
export interface Fault {
  kind: FaultKind;
  /** Substring of `METHOD /path`, to which a search adds ` list` or ` query=TEXT`; every request when absent. */
  match?: string;
  /** Location whose token the request brings; every location when absent. */
  locationId?: string;
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
  next(request: string, locationId?: string): Fault | undefined;
  /** Runs `work` once the given number of list pages of one location (of any, when none is named) was answered: contacts change while somebody pages. */
  afterPage(page: number, work: () => void, locationId?: string): void;
  pageAnswered(locationId: string): void;
}

/** No faults yet. */
export function createFaults(): Faults {
  let faults: (Fault & { left: number; skip: number })[] = [];
  let hooks: { page: number; work: () => void; locationId: string | undefined }[] = [];
  const pages = new Map<string, number>();
  return {
    add(fault) {
      faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY, skip: fault.after ?? 0 });
    },
    clear() {
      faults = [];
      hooks = [];
      pages.clear();
    },
    next(request, locationId) {
      for (const fault of faults) {
        if (fault.left <= 0 || (fault.match !== undefined && !request.includes(fault.match))) continue;
        if (fault.locationId !== undefined && fault.locationId !== locationId) continue;
        if (fault.skip > 0) {
          fault.skip -= 1;
          continue;
        }
        fault.left -= 1;
        return fault;
      }
      return undefined;
    },
    afterPage(page, work, locationId) {
      hooks.push({ page, work, locationId });
    },
    pageAnswered(locationId) {
      const answered = (pages.get(locationId) ?? 0) + 1;
      pages.set(locationId, answered);
      for (const hook of hooks) {
        if (hook.page === answered && (hook.locationId ?? locationId) === locationId) hook.work();
      }
    },
  };
}
