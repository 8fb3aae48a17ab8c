import { describe, expect, it } from '@jest/globals';
import { CONTACT_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import { failureOf, loginFailureOf } from './answers.ts';
import type { DescribedField } from './client.ts';
import { selectFields } from './drift.ts';
import { merge } from './merge.ts';
import { contactQuery, countQuery, lookUpQuery } from './soql.ts';
import { nextWatermark, outlivesBin, splitWindow, windowOf } from './window.ts';
import { createUsageBudget, type ApiUsage } from './usage.ts';

describe('queries', () => {
  const from = Date.UTC(2024, 0, 1);
  const to = Date.UTC(2024, 0, 2);
  it.each([
    [contactQuery(['Id', 'LastName'], { from: null, to: null }), 'SELECT Id, LastName FROM Contact'],
    [
      contactQuery(['Id'], { from: null, to }),
      'SELECT Id FROM Contact WHERE SystemModstamp < 2024-01-02T00:00:00.000Z',
    ],
    [
      contactQuery(['Id'], { from, to }, 5),
      'SELECT Id FROM Contact WHERE SystemModstamp >= 2024-01-01T00:00:00.000Z AND SystemModstamp < 2024-01-02T00:00:00.000Z ORDER BY SystemModstamp DESC LIMIT 5',
    ],
    [countQuery({ from, to: null }), 'SELECT COUNT() FROM Contact WHERE SystemModstamp >= 2024-01-01T00:00:00.000Z'],
    [lookUpQuery(['Id', 'Fax'], ["a'b", 'c']), "SELECT Id, Fax FROM Contact WHERE Id IN ('a\\'b', 'c')"],
  ])('%s', (soql, expected) => expect(soql).toBe(expected));
});

describe('a window that people ask for', () => {
  const rule = { overlapMs: 600_000, lagMs: 60_000 };
  it.each([
    ['from then on, exactly', { since: 5_000_000, until: null }, { from: 5_000_000, to: 9_940_000 }],
    ['until then', { since: 5_000_000, until: 6_000_000 }, { from: 5_000_000, to: 6_000_000 }],
    ['never into the future', { since: 20_000_000, until: 30_000_000 }, { from: 9_940_000, to: 9_940_000 }],
  ])('%s', (_name, range, expected) =>
    expect(windowOf({ mode: 'incremental', ...range }, 7_000_000, 10_000_500, rule)).toEqual(expected),
  );

  it('is all of it for a full scan, whatever the watermark', () => {
    const full = { mode: 'full', since: null, until: null } as const;
    expect(windowOf(full, 7_000_000, 10_000_500, rule)).toEqual({ from: null, to: 9_940_000 });
  });
});

describe('the watermark after a scan', () => {
  it.each<[string, number | null, number | null, { from: number | null; to: number }, number | null]>([
    ['of the whole org', null, null, { from: null, to: 90 }, 90],
    ['of what follows the last', null, 50, { from: 40, to: 90 }, 90],
    ['that touches the last', null, 50, { from: 50, to: 90 }, 90],
    ['that leaves a gap', null, 50, { from: 51, to: 90 }, null],
    ['of a range, where nothing was read before', null, null, { from: 40, to: 90 }, null],
    ['of a range long past', null, 50, { from: 10, to: 20 }, 50],
    ['that was cut by a limit', 100, null, { from: null, to: 90 }, null],
  ])('%s', (_name, limit, watermark, window, expected) =>
    expect(nextWatermark({ limit }, watermark, window)).toBe(expected),
  );
});

describe('deletions that no window shows any more', () => {
  const now = 100 * 86_400_000;
  const daysAgo = (days: number): number => now - days * 86_400_000;
  it.each<[string, number | null, number | null, boolean]>([
    ['are possible after more than 15 days', daysAgo(15) - 1, now, true],
    ['are not within 15 days', daysAgo(15), now, false],
    ['are nobody’s concern where nothing was read before', null, now, false],
    ['are left to a scan that moves the watermark', daysAgo(40), null, false],
    ['are left to a scan that moves it on', daysAgo(40), daysAgo(40), false],
  ])('%s', (_name, watermark, next, expected) => expect(outlivesBin(watermark, next, now)).toBe(expected));
});

describe('windows', () => {
  const rule = { overlapMs: 600_000, lagMs: 60_000 };
  it.each([
    ['all of it', null, 10_000_500, { from: null, to: 9_940_000 }],
    ['from the watermark less the overlap', 5_000_000, 10_000_500, { from: 4_400_000, to: 9_940_000 }],
    ['empty rather than backwards', 99_000_000, 10_000_000, { from: 9_940_000, to: 9_940_000 }],
  ])('%s', (_name, since, now, expected) =>
    expect(windowOf({ mode: 'incremental', since: null, until: null }, since, now, rule)).toEqual(expected),
  );

  it('halves meet, and the shortest stays whole', () => {
    const now = Date.UTC(2025, 0, 1);
    expect(splitWindow({ from: 0, to: 1_000_000 }, now)).toEqual([
      { from: 0, to: 500_000 },
      { from: 500_000, to: 1_000_000 },
    ]);
    expect(splitWindow({ from: 0, to: 119_999 }, now)).toBeUndefined();
    expect(splitWindow({ from: now - 119_999, to: null }, now)).toBeUndefined();
    for (const to of [now, null]) {
      const [first, second] = splitWindow({ from: null, to }, now)!;
      expect([first.from, first.to, second.to]).toEqual([null, second.from, to]);
      expect(second.from).toBeLessThan(now);
    }
  });
});

describe('selected fields', () => {
  const described: DescribedField[] = [
    ...CONTACT_FIELDS.map(({ api, type, length }) => ({ name: api, type, length: length ?? 0, calculated: false })),
    { name: 'IsDeleted', type: 'boolean', length: 0, calculated: false },
    { name: 'MasterRecordId', type: 'reference', length: 18, calculated: false },
    { name: 'AccountId', type: 'reference', length: 18, calculated: false },
    { name: 'Region__c', type: 'string', length: 80, calculated: false },
    { name: 'MN_Address__c', type: 'address', length: 0, calculated: false },
  ];

  it('are the 82 and what became of the record', () => {
    expect(selectFields(described, [])).toEqual({
      read: [...CONTACT_FIELDS.map(({ api }) => api), 'IsDeleted', 'MasterRecordId'],
      missing: [],
      changed: [],
      unmapped: ['Region__c'],
      unreadable: [],
    });
  });

  it('never hold a compound', () => {
    const all = selectFields(described, 'custom');
    expect([all.read.slice(84), all.unmapped, all.unreadable]).toEqual([['Region__c'], [], []]);
    const some = selectFields(described, ['AccountId', 'MN_Address__c', 'Nope__c']);
    expect([some.read.slice(84), some.unmapped]).toEqual([['AccountId'], ['Region__c']]);
    expect(some.unreadable).toEqual(['MN_Address__c', 'Nope__c']);
  });

  it('tell what is hidden, retyped or longer', () => {
    const other = described
      .filter(({ name }) => name !== 'Fax')
      .map((field) =>
        field.name === 'NPI__c'
          ? { ...field, type: 'double' }
          : field.name === 'Title'
            ? { ...field, length: 255 }
            : field,
      );
    const selection = selectFields(other, []);
    expect(selection.read).not.toContain('Fax');
    expect(selection).toMatchObject({
      missing: ['Fax'],
      changed: [
        { field: 'Title', was: 'string(128)', is: 'string(255)' },
        { field: 'NPI__c', was: 'string(20)', is: 'double(20)' },
      ],
    });
  });
});

describe('usage', () => {
  it.each<[string | null, ApiUsage | undefined]>([
    ['api-usage=10018/100000', { used: 10018, max: 100000 }],
    ['api-usage=25/5000; per-app-api-usage=17/250(appName=sample)', { used: 25, max: 5000 }],
    ['api-bursts=1/750; api-usage=3/10', { used: 3, max: 10 }],
    ['per-app-api-usage=17/250(appName=x)', undefined],
    ['', undefined],
    [null, undefined],
  ])('%j', (header, expected) => {
    const budget = createUsageBudget({ warnShare: 0.8, ceilingShare: 0.95 });
    budget.learn(header);
    expect(budget.usage()).toEqual(expected);
  });

  it('warns once at 80 %, stops at the ceiling, and forgets both below', () => {
    const told: ApiUsage[] = [];
    const budget = createUsageBudget({ warnShare: 0.8, ceilingShare: 0.95, onWarning: (usage) => told.push(usage) });
    for (const used of [799, 800, 900]) budget.learn(`api-usage=${used}/1000`);
    budget.check();
    expect(told).toEqual([{ used: 800, max: 1000 }]);
    budget.learn('api-usage=950/1000');
    expect(() => budget.check()).toThrow('950 of 1000');
    budget.learn('api-usage=10/1000');
    budget.check();
    budget.learn('api-usage=900/1000');
    expect(told).toHaveLength(2);
    budget.learn('api-usage=5/0');
    budget.check();
  });

  it.each([
    ['DailyApiRequests', 'API requests', true],
    ['DailyBulkV2QueryJobs', 'bulk query jobs', false],
    ['DailyBulkV2QueryFileStorageMB', 'MB of bulk results', false],
  ])('of %s makes no bulk job at the ceiling', (name, what, stopsAll) => {
    const told: string[] = [];
    const budget = createUsageBudget({ warnShare: 0.8, ceilingShare: 0.95, onWarning: (_, limit) => told.push(limit) });
    budget.learnLimits({ DailyBulkApiBatches: { Max: 1, Remaining: 0 }, [name]: { Max: 'many' } });
    budget.checkBulk();
    budget.learnLimits({ [name]: { Max: 100, Remaining: 4 } });
    expect(() => budget.checkBulk()).toThrow(`96 of 100 ${what} of the org`);
    if (stopsAll) expect(() => budget.check()).toThrow('96 of 100');
    else budget.check();
    expect(told).toEqual([what]);
    budget.learnLimits({ [name]: { Max: 100, Remaining: 50 } });
    budget.checkBulk();
  });
});

describe('answers', () => {
  const body = (errorCode: string, message = 'text'): string => JSON.stringify([{ message, errorCode }]);
  it.each<[number, string, string]>([
    [401, body('INVALID_SESSION_ID'), 'salesforce_unauthorized'],
    [403, body('REQUEST_LIMIT_EXCEEDED'), 'salesforce_request_limit'],
    [400, body('LIMIT_EXCEEDED'), 'salesforce_request_limit'],
    [403, body('API_DISABLED_FOR_ORG'), 'salesforce_forbidden'],
    [403, body('INSUFFICIENT_ACCESS'), 'salesforce_forbidden'],
    [403, body('TXN_SECURITY_METERING_ERROR'), 'salesforce_forbidden'],
    [403, 'Forbidden', 'salesforce_forbidden'],
    [400, body('MALFORMED_QUERY'), 'salesforce_bad_request'],
    [400, body('INVALID_TYPE'), 'salesforce_bad_request'],
    [400, body('QUERY_TOO_COMPLICATED'), 'salesforce_bad_request'],
    [400, body('INVALID_FIELD'), 'salesforce_invalid_field'],
    [400, body('INVALID_QUERY_LOCATOR'), 'salesforce_gone'],
    [400, body('QUERY_TIMEOUT'), 'salesforce_query_timeout'],
    [404, body('NOT_FOUND'), 'salesforce_gone'],
    [405, body('METHOD_NOT_ALLOWED'), 'salesforce_bad_request'],
    [409, body('API_ERROR'), 'salesforce_bad_request'],
    [415, '', 'salesforce_bad_request'],
    [204, '', 'salesforce_unavailable'],
    [406, '', 'salesforce_unavailable'],
    [412, body('JOB_NOT_COMPLETE'), 'salesforce_unavailable'],
    [420, '', 'salesforce_unavailable'],
    [429, '', 'salesforce_unavailable'],
    [500, body('UNKNOWN_EXCEPTION'), 'salesforce_unavailable'],
    [503, '<html>', 'salesforce_unavailable'],
  ])('%i %s is %s', (status, text, code) => expect(failureOf(status, text).code).toBe(code));

  it.each([
    ['REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', 'salesforce_request_limit', /API requests of the org/],
    [
      'REQUEST_LIMIT_EXCEEDED',
      'ConcurrentRequests (Concurrent API Requests) Limit exceeded.',
      'salesforce_unavailable',
      /long/,
    ],
    ['LIMIT_EXCEEDED', 'Max number of query jobs exceeded', 'salesforce_request_limit', /10,000 query jobs/],
  ])('tell the limits apart: %s %s', (errorCode, said, code, message) => {
    expect(failureOf(403, body(errorCode, said))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('name the field that is missing, and nothing else of the query', () => {
    const message =
      "SELECT Id FROM Contact WHERE Email = 'ann@example.test' No such column 'NPI__c' on entity 'Contact'.";
    const { message: told } = failureOf(400, body('INVALID_FIELD', message));
    expect(told).toContain('NPI__c');
    expect(told).not.toContain('ann');
    expect(failureOf(400, body('MALFORMED_QUERY', message)).message).not.toContain('ann');
  });

  it.each<[number, string, string]>([
    [400, '{"error":"invalid_grant","error_description":"authentication failure"}', 'salesforce_unauthorized'],
    [401, '{"error":"invalid_client","error_description":"invalid client credentials"}', 'salesforce_unauthorized'],
    [503, '<html>', 'salesforce_unavailable'],
  ])('of the login: %i %s is %s', (status, text, code) => expect(loginFailureOf(status, text).code).toBe(code));
});

describe('merged sources', () => {
  async function* from(items: readonly number[], closed: string[], fails = false): AsyncGenerator<number, void> {
    try {
      for (const item of items) yield item;
      if (fails) throw new Error('broken');
    } finally {
      closed.push('closed');
    }
  }

  it('give all items in turns, whichever is faster', async () => {
    const closed: string[] = [];
    const released = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<number, void> {
      await released.promise;
      yield* from([100, 200], closed);
    }
    const ahead = merge([slow(), from([1, 2, 3], closed), from([], closed), from([10], closed)]);
    const first = ahead.next();
    // Items of the others have long been there.
    setImmediate(released.resolve);
    const items = [(await first).value];
    for await (const item of ahead) items.push(item);
    expect(items).toEqual([100, 1, 10, 200, 2, 3]);
    expect(closed).toHaveLength(4);
  });

  it('are all closed after an error, and when nobody reads on', async () => {
    const closed: string[] = [];
    const read = async (): Promise<void> => {
      for await (const item of merge([from([1, 2, 3, 4], closed), from([10], closed, true)]))
        expect(item).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toThrow('broken');
    for await (const item of merge([from([1, 2], closed), from([3, 4], closed)])) if (item > 0) break;
    expect(closed).toHaveLength(4);
  });
});
