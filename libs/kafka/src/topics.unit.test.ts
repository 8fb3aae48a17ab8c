import { expect, it } from '@jest/globals';
import { TOPICS } from '#libs/contracts/src/topics.ts';
import { topicConfig } from './topics.ts';

it.each([
  ['crm.raw.ghl.v1', TOPICS['crm.raw.ghl.v1'], { 'cleanup.policy': 'delete', 'retention.ms': '2592000000' }],
  [
    'crm.raw.salesforce.v1',
    TOPICS['crm.raw.salesforce.v1'],
    { 'cleanup.policy': 'compact,delete', 'min.compaction.lag.ms': '604800000', 'retention.ms': '2592000000' },
  ],
])('%s is created as the catalogue says', (topic, definition, expected) => {
  const { numPartitions, replicationFactor, configEntries } = topicConfig(topic, definition, 3);
  expect([numPartitions, replicationFactor]).toEqual([6, 3]);
  const entries = Object.fromEntries((configEntries ?? []).map(({ name, value }) => [name, value]));
  expect(entries).toEqual({ ...expected, 'max.message.bytes': '10485760' });
});
