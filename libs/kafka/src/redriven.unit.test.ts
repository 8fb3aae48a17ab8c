import { describe, expect, it } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';
import { isForOthers, isRedriven, outsideItsScan, redrivenHeaders } from './redriven.ts';

const message = (headers: Record<string, string>): KafkaMessage => ({
  key: null,
  value: null,
  timestamp: '0',
  attributes: 0,
  offset: '0',
  headers,
});

describe('a redriven record', () => {
  const headers = redrivenHeaders(
    {
      ce_id: 'event',
      traceparent: 'trace',
      ce_scanid: 'scan',
      ce_scannumber: '7',
      '__connect.errors.offset': '3',
      'crm.attempts': '1',
      'crm.redriven-from': 'the one before',
    },
    'topic.group.dlq:0:1',
    'classifier',
  );

  it('keeps its headers but for those of the error and of its scan, and says where it comes from', () => {
    expect(headers).toEqual({
      ce_id: 'event',
      traceparent: 'trace',
      'crm.redriven-from': 'topic.group.dlq:0:1',
      'crm.redriven-for': 'classifier',
    });
  });

  it('is for the group that failed alone: a sync request redriven for the runs starts no second scan', () => {
    const redriven = message(headers as Record<string, string>);
    expect([isForOthers(redriven, 'classifier'), isForOthers(redriven, 'projector-ghl')]).toEqual([false, true]);
    expect([isForOthers(message({}), 'classifier'), isRedriven(redriven), isRedriven(message({}))]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('has no place in a scan in its value either', () => {
    expect(outsideItsScan({ scanId: 'scan', scanNumber: 7, email: 'x' })).toEqual({
      scanId: null,
      scanNumber: 0,
      email: 'x',
    });
    const marker = { scanId: 'scan', partitions: 6 };
    expect(outsideItsScan(marker)).toBe(marker);
  });
});
