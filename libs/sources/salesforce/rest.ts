import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { QueryPage, SalesforceClient } from './client.ts';

/** Where the reading of a REST query stands; JSON. Its cursor lives for two days (salesforce A3). */
export interface RestPosition {
  /** Path of the next page; null when the last was delivered. */
  next: string | null;
  /** Rows delivered, and rows the query has. */
  rows: number;
  total: number;
}

/** A page of records, and the position after it. */
export interface RestBatch {
  records: Record<string, unknown>[];
  position: RestPosition;
}

/** Reads one query page by page to its end; a cursor that has expired starts it again, and its rows come again. */
export async function* readRest(
  client: SalesforceClient,
  soql: string,
  from: RestPosition | null,
): AsyncGenerator<RestBatch> {
  let at = from;
  for (;;) {
    if (at !== null && at.next === null) return;
    const page: QueryPage = await nextPage(client, soql, at).catch((error: unknown) => {
      if (at === null || toAppError(error).code !== 'salesforce_gone') throw error;
      at = null;
      return client.query(soql, true);
    });
    at = { next: page.next, rows: (at?.rows ?? 0) + page.records.length, total: page.totalSize };
    if (page.next === null && at.rows !== at.total)
      throw new AppError('salesforce_truncated', `a query promised ${at.total} rows and gave ${at.rows}`);
    yield { records: page.records, position: at };
  }
}

function nextPage(client: SalesforceClient, soql: string, at: RestPosition | null): Promise<QueryPage> {
  return at?.next == null ? client.query(soql, true) : client.more(at.next);
}
