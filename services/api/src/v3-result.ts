import type { RunView } from '#libs/storage/src/reads.ts';

/** V3's result of a sync: `added` is its second name for created. Nothing is counted that did not happen. */
export function syncResult({ stats, duration }: RunView): object {
  const count = (name: string): number => stats?.[name] ?? 0;
  const of = (table: 'vendors' | 'leads'): object => ({
    checked: count(`${table}_checked`),
    updated: count(`${table}_updated`),
    added: count(`${table}_created`),
    deleted: count(`${table}_deleted`),
    created: count(`${table}_created`),
    deactivated: count(`${table}_deactivated`),
  });
  return {
    vendors: of('vendors'),
    leads: of('leads'),
    stats: {
      ghl_contacts_fetched: count('ghl_contacts_fetched'),
      errors: ['errors', 'dead_lettered', 'lookups_unknown', 'field_errors'].reduce(
        (sum, name) => sum + count(name),
        0,
      ),
      duration: duration ?? 0,
    },
  };
}
