import { AppError } from '#libs/runtime/src/errors.ts';

/** API requests of the org in the last 24 hours, by everybody. */
export interface ApiUsage {
  used: number;
  max: number;
}

/** Watches how much of the API the org uses (salesforce A5, B8). */
export interface UsageBudget {
  /** Throws salesforce_api_ceiling when this source has to stop; its position stays. */
  check(): void;
  /** Learns from the header Sforce-Limit-Info, which may be absent and may hold more than we know. */
  learn(header: string | null): void;
  /** Learns from /limits. */
  set(usage: ApiUsage): void;
  usage(): ApiUsage | undefined;
}

/** Shares of the org's limit, from 0 to 1. */
export interface UsageOptions {
  /** From here on people are told. */
  warnShare: number;
  /** From here on this source sends nothing. */
  ceilingShare: number;
  /** Told whenever the usage is known anew. */
  onUsage?(usage: ApiUsage): void;
  /** Told once when the share is passed, and again after it was below. */
  onWarning?(usage: ApiUsage): void;
}

/** A budget that knows nothing yet and lets everything through. */
export function createUsageBudget({ warnShare, ceilingShare, onUsage, onWarning }: UsageOptions): UsageBudget {
  let usage: ApiUsage | undefined;
  let isWarned = false;

  function set(next: ApiUsage): void {
    usage = next;
    onUsage?.(next);
    const isHigh = share(next) >= warnShare;
    if (isHigh && !isWarned) onWarning?.(next);
    isWarned = isHigh;
  }

  return {
    set,
    usage: () => usage,
    learn(header) {
      const match = /(?:^|[;,\s])api-usage=(\d+)\/(\d+)/.exec(header ?? '');
      if (match !== null) set({ used: Number(match[1]), max: Number(match[2]) });
    },
    check() {
      if (usage === undefined || share(usage) < ceilingShare) return;
      const { used, max } = usage;
      throw new AppError(
        'salesforce_api_ceiling',
        `${used} of ${max} API requests of the org are used, ${Math.round(ceilingShare * 100)} % are allowed (SALESFORCE_API_CEILING): the scan waits at its position and is tried again by itself (SALESFORCE_HOLD)`,
      );
    },
  };
}

/** A limit of 0 is no limit that could be used up. */
function share({ used, max }: ApiUsage): number {
  return max > 0 ? used / max : 0;
}
