import { describe, expect, it } from '@jest/globals';
import type { RowChange } from '#libs/storage/src/dry-run-changes.ts';
import { describeChanges } from './changes.ts';

const change = (more: Partial<RowChange> = {}): RowChange => ({
  table: 'vendors',
  id: 'v1',
  outcome: 'updated',
  columns: { name: { before: 'Ann', after: 'Anna' } },
  ...more,
});

describe('the changes of a dry run for people', () => {
  it('are counted, each with what it shows and would show', () => {
    const created = change({ id: 'v2', outcome: 'created', columns: { name: { before: null, after: 'Bob' } } });
    const long = change({ table: 'leads', columns: { source: { before: null, after: 'x'.repeat(99) } } });
    const contact = change({ table: 'sf_contacts', id: '003', outcome: 'created', columns: {} });
    expect(describeChanges({ total: 4, leftOut: 0, items: [change(), created, long, contact] }).split('\n')).toEqual([
      'Changes: 4',
      '  vendors v1 updated: name "Ann" -> "Anna"',
      '  vendors v2 created: "Bob"',
      `  leads v1 updated: source null -> "${'x'.repeat(56)}...`,
      '  sf_contacts 003 created',
    ]);
  });

  it('are the first twenty, and how many more there are, kept or not', () => {
    const items = Array.from({ length: 30 }, () => change());
    const lines = describeChanges({ total: 40, leftOut: 10, items }).split('\n');
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe('  and 20 more (--json has them but for 10)');
  });
});
