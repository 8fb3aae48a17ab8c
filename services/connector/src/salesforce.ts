import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Logger } from '#libs/runtime/src/logger.ts';
import {
  extraFieldsOf,
  type SalesforceAccess,
  type SalesforceSettings,
} from '#libs/runtime/src/salesforce-settings.ts';
import type { Source } from '#libs/sources/kit/ports.ts';
import { systemClock } from '#libs/sources/kit/rate-limit.ts';
import type { ContactOptions } from '#libs/sources/salesforce/contacts.ts';
import { salesforceSource } from '#libs/sources/salesforce/source.ts';

/** How far the end of a window stays behind the clock of the org: what is being committed becomes visible meanwhile. */
const LAG_MS = 30_000;
const POLL_FIRST_MS = 1_000;
const POLL_LONGEST_MS = 30_000;
/** Known contacts from which on SALESFORCE_VANISHED_SHARE counts. */
const VANISHED_MIN = 100;

/** The Salesforce source as the settings say; what it refuses, finds changed or is about to use up is counted and logged. */
export function salesforceOf(settings: SalesforceSettings, access: SalesforceAccess, logger: Logger): Source {
  const source = 'salesforce';
  return salesforceSource({
    accounts: [access],
    version: settings.SALESFORCE_API_VERSION,
    timeoutMs: settings.SALESFORCE_REQUEST_TIMEOUT * 1000,
    patienceMs: settings.SALESFORCE_RETRY_SECONDS * 1000,
    contacts: {
      ...contactOptions(settings),
      onFields({ missing, changed, unreadable, unmapped }) {
        if (missing.length + changed.length + unreadable.length > 0)
          logger.warn(
            { source, missing, changed, unreadable, unmapped: unmapped.length },
            'fields of Contact are not as expected',
          );
      },
      onBehind(watermark) {
        logger.warn(
          { source, watermark: new Date(watermark).toISOString() },
          'the last sync was more than 15 days ago: deletions may have left the recycle bin, so the ids of all contacts are compared as well',
        );
      },
    },
    holdMs: settings.SALESFORCE_HOLD * 1000,
    vanished: { minContacts: VANISHED_MIN, maxShare: settings.SALESFORCE_VANISHED_SHARE },
    usage: {
      warnShare: settings.SALESFORCE_API_WARN,
      ceilingShare: settings.SALESFORCE_API_CEILING,
      onUsage: ({ used, max }) => instrument.sourceUsage(source, used, max),
      onWarning: ({ used, max }, what) => logger.warn({ source, used, max }, `the ${what} of the org run low`),
    },
    onRequest: (status) => instrument.sourceRequest(source, status),
    onRefused(refusal) {
      instrument.sourceRefused(source);
      logger.error(
        { source, code: refusal.code, reason: refusal.message },
        'a request that does not only read was stopped',
      );
    },
  });
}

function contactOptions(settings: SalesforceSettings): ContactOptions {
  return {
    bulk: {
      batchRows: settings.SALESFORCE_BATCH_ROWS,
      maxRecords: settings.SALESFORCE_MAX_RECORDS,
      parallel: settings.SALESFORCE_PARALLEL,
      pollFirstMs: POLL_FIRST_MS,
      pollLongestMs: POLL_LONGEST_MS,
      deadlineMs: settings.SALESFORCE_JOB_DEADLINE * 1000,
      checkTotal: settings.SALESFORCE_CHECK_TOTAL,
    },
    windows: { overlapMs: settings.SALESFORCE_OVERLAP * 1000, lagMs: LAG_MS },
    bulkFrom: settings.SALESFORCE_BULK_THRESHOLD,
    extraFields: extraFieldsOf(settings),
    clock: systemClock,
  };
}
