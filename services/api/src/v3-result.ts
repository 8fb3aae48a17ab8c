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

/** What V3 says of a job: a sync that nobody asked for is unknown. */
export function jobStatus(run: RunView | undefined): object {
  if (run === undefined) return { status: 'unknown' };
  if (run.exitCode === null) return { status: 'running' };
  if (run.success === true) return { status: 'done', result: syncResult(run) };
  return { status: 'failed', result: syncResult(run), error: run.message };
}

/** V3's reply on one contact; 53ef706 skips what has no vendor signals and is no vendor's own contact. */
export function singleReply(contactId: string, run: RunView): object {
  const { stats, success, message } = run;
  const reply = { contact_id: contactId };
  if (run.exitCode === null)
    return {
      ...reply,
      status: 'accepted',
      success: false,
      action: 'skipped',
      message: `Another sync of the location runs: ask for job ${run.syncId}`,
    };
  if (success !== true) return { ...reply, status: 'error', success: false, action: 'skipped', message };
  if (stats?.['ghl_contacts_fetched'] === 0)
    return {
      ...reply,
      status: 'error',
      success: false,
      action: 'skipped',
      message: `Contact ${contactId} not found in GHL`,
    };
  const action = actionOf(stats ?? {});
  const what = action === 'skipped' ? 'no vendor was changed' : `vendor ${action}`;
  return { ...reply, status: 'success', success: true, action, message: `GHL contact ${contactId} read: ${what}` };
}

function actionOf(stats: Record<string, number>): 'created' | 'updated' | 'skipped' {
  if ((stats['vendors_created'] ?? 0) > 0) return 'created';
  return (stats['vendors_updated'] ?? 0) + (stats['restored'] ?? 0) > 0 ? 'updated' : 'skipped';
}
