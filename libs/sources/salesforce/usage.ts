import { AppError } from '#libs/runtime/src/errors.ts';

/** What of a limit of the org was used in the last 24 hours, by everybody. */
export interface ApiUsage {
  used: number;
  max: number;
}

/** Limits of the org that a scan uses up (salesforce A5), by their names in /limits. */
const LIMITS = {
  requests: { name: 'DailyApiRequests', what: 'API requests' },
  bulkJobs: { name: 'DailyBulkV2QueryJobs', what: 'bulk query jobs' },
  bulkResults: { name: 'DailyBulkV2QueryFileStorageMB', what: 'MB of bulk results' },
} as const;
type Limit = keyof typeof LIMITS;
const ALL = Object.keys(LIMITS) as Limit[];

/** Watches how much of its limits the org uses (salesforce A5, B8). */
export interface UsageBudget {
  /** Throws salesforce_api_ceiling when this source has to stop sending; its position stays. */
  check(): void;
  /** The same where a bulk job is to be made. */
  checkBulk(): void;
  /** Learns from the header Sforce-Limit-Info, which may be absent and may hold more than we know. */
  learn(header: string | null): void;
  /** Learns from the body of /limits, which may lack some. */
  learnLimits(body: Readonly<Record<string, unknown>>): void;
  /** API requests; undefined before anything was learned. */
  usage(): ApiUsage | undefined;
}

/** Shares of the org's limits, from 0 to 1. */
export interface UsageOptions {
  /** From here on people are told. */
  warnShare: number;
  /** From here on this source sends nothing, or makes no bulk job. */
  ceilingShare: number;
  /** Told whenever the usage of API requests is known anew. */
  onUsage?(usage: ApiUsage): void;
  /** Told once when a limit passes the share, and again after it was below. */
  onWarning?(usage: ApiUsage, what: string): void;
}

/** A budget that knows nothing yet and lets everything through. */
export function createUsageBudget({ warnShare, ceilingShare, onUsage, onWarning }: UsageOptions): UsageBudget {
  const known = new Map<Limit, ApiUsage>();
  const warned = new Set<Limit>();

  function set(limit: Limit, next: ApiUsage): void {
    known.set(limit, next);
    if (limit === 'requests') onUsage?.(next);
    const isHigh = share(next) >= warnShare;
    if (isHigh && !warned.has(limit)) onWarning?.(next, LIMITS[limit].what);
    if (isHigh) warned.add(limit);
    else warned.delete(limit);
  }

  function check(limit: Limit): void {
    const usage = known.get(limit);
    if (usage === undefined || share(usage) < ceilingShare) return;
    const { used, max } = usage;
    throw new AppError(
      'salesforce_api_ceiling',
      `${used} of ${max} ${LIMITS[limit].what} of the org are used, ${Math.round(ceilingShare * 100)} % are allowed (SALESFORCE_API_CEILING): the scan waits at its position and is tried again by itself (SALESFORCE_HOLD)`,
    );
  }

  return {
    usage: () => known.get('requests'),
    learn(header) {
      const match = /(?:^|[;,\s])api-usage=(\d+)\/(\d+)/.exec(header ?? '');
      if (match !== null) set('requests', { used: Number(match[1]), max: Number(match[2]) });
    },
    learnLimits(body) {
      for (const limit of ALL) {
        const { Max: max, Remaining: left } = (body[LIMITS[limit].name] ?? {}) as {
          Max?: unknown;
          Remaining?: unknown;
        };
        if (typeof max === 'number' && typeof left === 'number') set(limit, { used: max - left, max });
      }
    },
    check: () => check('requests'),
    checkBulk: () => ALL.forEach(check),
  };
}

/** A limit of 0 is no limit that could be used up. */
function share({ used, max }: ApiUsage): number {
  return max > 0 ? used / max : 0;
}
