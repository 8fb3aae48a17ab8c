import { randomUUID } from 'node:crypto';
import { ASKED_NOTHING, type Asked } from '#libs/contracts/src/asked.ts';
import type { ContactSyncRequested, SyncRequested } from '#libs/contracts/src/generated/events.ts';
import type { OutgoingEvent } from '#libs/kafka/src/producer.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

/** What may be asked of a sync that is known. */
export type ControlAction = 'confirm' | 'cancel' | 'pause' | 'resume';

const CONTROLS = {
  confirm: { type: 'crm.sync.v1.SyncConfirmed', states: ['needs_confirmation'] },
  cancel: { type: 'crm.sync.v1.SyncCancelled', states: ['queued', 'joined', 'running', 'paused'] },
  pause: { type: 'crm.sync.v1.SyncPaused', states: ['running'] },
  resume: { type: 'crm.sync.v1.SyncResumed', states: ['paused'] },
} as const;

/** A sync as far as it can be controlled. */
export interface Controlled {
  syncId: string;
  source: string;
  account: string;
  status: string;
  joinedTo: string | null;
}

/** A request about a known sync. Throws wrong_state, which names the state, when it does not allow it. */
export function controlRequest(action: ControlAction, run: Controlled, requestedBy: string): OutgoingEvent {
  const { type, states } = CONTROLS[action];
  if (!(states as readonly string[]).includes(run.status)) {
    const rule =
      states.length === 1 ? `only one that is ${states[0]} can be told to ${action}` : 'it is read to its end';
    throw new AppError('wrong_state', `sync ${run.syncId} is ${run.status}: ${rule}`);
  }
  const { source, account } = run;
  // What waits to be confirmed is the scan that was read, whoever joined it.
  const syncId = action === 'confirm' ? (run.joinedTo ?? run.syncId) : run.syncId;
  // A confirmation decides what rows become: it is kept as long as what they are rebuilt from.
  const place =
    action === 'confirm'
      ? ({ topic: 'crm.registration.v1', key: syncId } as const)
      : ({ topic: 'crm.sync-request.v1', key: `${source}:${account}` } as const);
  return {
    ...place,
    type,
    id: randomUUID(),
    value: { syncId, source, account, requestedBy, requestedAt: Date.now() },
    correlationId: syncId,
  };
}

/** What a sync is asked for with; what is left out is the choice of the source. */
export type SyncOrder = Omit<SyncRequested, 'syncId' | 'requestedAt' | keyof Asked> & Partial<Asked>;

/** A request for one sync, under a new id. */
export function syncRequest(order: SyncOrder): OutgoingEvent<'crm.sync.v1.SyncRequested'> {
  const value: SyncRequested = { syncId: randomUUID(), requestedAt: Date.now(), ...ASKED_NOTHING, ...order };
  return { ...requested(value), type: 'crm.sync.v1.SyncRequested', value };
}

/** A request to read and apply one contact, under a new id. */
export function contactRequest(
  request: Omit<ContactSyncRequested, 'syncId' | 'requestedAt'>,
): OutgoingEvent<'crm.sync.v1.ContactSyncRequested'> {
  const value: ContactSyncRequested = { syncId: randomUUID(), requestedAt: Date.now(), ...request };
  return { ...requested(value), type: 'crm.sync.v1.ContactSyncRequested', value };
}

function requested({ syncId, source, account }: { syncId: string; source: string; account: string }) {
  return { topic: 'crm.sync-request.v1', key: `${source}:${account}`, id: syncId, correlationId: syncId } as const;
}
