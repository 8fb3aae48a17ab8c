import { describe, expect, it } from '@jest/globals';
import { ASKED_NOTHING, type Asked } from '#libs/contracts/src/asked.ts';
import { contactRequest } from './request.ts';

const asked = (mode: string, more: Partial<Asked> = {}): Asked & { mode: string } => ({
  ...ASKED_NOTHING,
  ...more,
  mode,
});

describe('a request that can be read', () => {
  it.each<[string, Partial<Asked>]>([
    ['full', {}],
    ['full', { api: 'bulk', batchSize: 500 }],
    ['full', { api: 'rest', limit: 1000 }],
    ['full', { limit: 1000 }],
    ['incremental', {}],
    ['incremental', { since: 5, api: 'bulk' }],
    ['incremental', { since: 5, until: 6 }],
    ['reconcile', {}],
  ])('%s %j', (mode, more) => {
    const request = contactRequest(asked(mode, more));
    expect(request).toEqual({ ...ASKED_NOTHING, ...more, mode, api: more.api ?? 'auto' });
  });
});

describe('a request that contradicts itself', () => {
  it.each<[string, string, Partial<Asked>, RegExp]>([
    ['an unknown mode', 'targeted', {}, /the mode is one of full, incremental, reconcile/],
    ['an unknown API', 'full', { api: 'soap' }, /the API is one of auto, bulk, rest/],
    ['a limit in bulk', 'full', { api: 'bulk', limit: 5 }, /a limit needs the REST API/],
    ['a limit of nothing', 'full', { limit: 0 }, /a limit is a whole number from 1/],
    ['half a contact', 'full', { limit: 1.5 }, /a limit is a whole number from 1/],
    ['a batch size by REST', 'full', { api: 'rest', batchSize: 500 }, /a batch size needs the Bulk API/],
    ['a batch size with a limit', 'full', { limit: 5, batchSize: 500 }, /a batch size needs the Bulk API/],
    ['a batch of nothing', 'full', { batchSize: 0 }, /a batch size is a whole number from 1 to 10000/],
    ['a batch that no send takes', 'full', { batchSize: 10_001 }, /a batch size is a whole number/],
    ['a full scan since', 'full', { since: 5 }, /a full scan has no beginning and no end/],
    ['an end without a beginning', 'incremental', { until: 5 }, /an end needs a beginning/],
    ['an end before the beginning', 'incremental', { since: 5, until: 5 }, /the end lies before the beginning/],
    ['a reconciliation by an API', 'reconcile', { api: 'rest' }, /a reconciliation lists the id of every contact/],
    ['a reconciliation since', 'reconcile', { since: 5 }, /a reconciliation lists the id of every contact/],
  ])('is refused: %s', (_what, mode, more, message) => {
    expect(() => contactRequest(asked(mode, more))).toThrow(
      expect.objectContaining({ code: 'request_invalid', message: expect.stringMatching(message) }),
    );
  });

  it('is told every fault at once', () => {
    expect(() => contactRequest(asked('full', { api: 'bulk', limit: 0, since: 5 }))).toThrow(
      /needs the REST API.*from 1.*has no beginning/,
    );
  });
});
