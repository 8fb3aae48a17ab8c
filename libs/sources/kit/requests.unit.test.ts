import { describe, expect, it } from '@jest/globals';
import { controlRequest, type ControlAction } from './requests.ts';

const run = { syncId: 'S', source: 'ghl', account: 'A', joinedTo: null };
const STATES = ['queued', 'joined', 'running', 'paused', 'read', 'needs_confirmation', 'completed', 'cancelled'];

describe('what may be asked of a sync', () => {
  it.each<[ControlAction, string[], string]>([
    ['cancel', ['queued', 'joined', 'running', 'paused'], 'crm.sync.v1.SyncCancelled'],
    ['pause', ['running'], 'crm.sync.v1.SyncPaused'],
    ['resume', ['paused'], 'crm.sync.v1.SyncResumed'],
    ['confirm', ['needs_confirmation'], 'crm.sync.v1.SyncConfirmed'],
  ])('%s in the states %j only; a refusal names the state', (action, allowed, type) => {
    for (const status of STATES) {
      const ask = () => controlRequest(action, { ...run, status }, 'test');
      if (allowed.includes(status)) expect(ask()).toMatchObject({ type, value: { syncId: 'S' } });
      else
        expect(ask).toThrow(expect.objectContaining({ code: 'wrong_state', message: expect.stringContaining(status) }));
    }
  });

  it.each<[ControlAction, string, string, string]>([
    ['cancel', 'running', 'crm.sync-request.v1', 'ghl:A'],
    ['confirm', 'needs_confirmation', 'crm.registration.v1', 'S'],
  ])('%s is written where its reader keeps it as long as it needs it', (action, status, topic, key) => {
    expect(controlRequest(action, { ...run, status }, 'test')).toMatchObject({ topic, key });
  });

  it('is confirmed of the scan that was read, and cancelled of the sync itself', () => {
    const joined = { ...run, joinedTo: 'T' };
    expect(controlRequest('confirm', { ...joined, status: 'needs_confirmation' }, 'test').value).toMatchObject({
      syncId: 'T',
    });
    expect(controlRequest('cancel', { ...joined, status: 'joined' }, 'test').value).toMatchObject({ syncId: 'S' });
  });
});
