import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ASKED_NOTHING } from '#libs/contracts/src/asked.ts';
import { secret } from '#libs/runtime/src/secret.ts';
import { endScans } from '#libs/storage/src/scan-control.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { SIMULATED_CREDENTIALS } from '#testcontainers/simulators/salesforce/state.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';

const account = `org-${randomUUID()}`;
let test: TestPipeline;
let simulator: SalesforceSimulator;

beforeAll(async () => {
  simulator = await startSalesforceSimulator({ world: makeWorld({ contacts: 20 }) });
  const { clientId, clientSecret } = SIMULATED_CREDENTIALS;
  test = await startTestPipeline(
    emptyWorld(32),
    {},
    {
      salesforce: {
        account,
        loginUrl: simulator.baseUrl,
        login: { flow: 'client-credentials', clientId, clientSecret: secret(clientSecret) },
      },
    },
  );
}, 60_000);

afterAll(async () => {
  await test.stop();
  await simulator.stop();
}, 60_000);

async function post(body: object): Promise<{ status: number; body: { syncId: string; code: string; detail: string } }> {
  const response = await fetch(`${test.pipeline.url}/v1/sync-requests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${test.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as never };
}

describe('POST /v1/sync-requests of Salesforce', () => {
  it('asks for what it says, of the only org', async () => {
    const range = { since: '2024-01-01T00:00:00Z', until: '2024-01-02T01:00:00+01:00' };
    const { status, body } = await post({
      source: 'salesforce',
      mode: 'incremental',
      api: 'rest',
      limit: 5,
      ...range,
    });
    expect(status).toBe(202);
    const { database } = test.pipeline.platform;
    const isRead = ({ status: state }: { status: string }): boolean => !['queued', 'running'].includes(state);
    const run = await followRun(database, body.syncId, () => undefined, undefined, isRead);
    expect(run).toMatchObject({ source: 'salesforce', account, mode: 'incremental', error: null });
    const { rows } = await database.query<{ asked: object }>('select asked from scans where scan_id = $1', [
      body.syncId,
    ]);
    expect(rows[0]?.asked).toEqual({
      ...ASKED_NOTHING,
      api: 'rest',
      limit: 5,
      since: Date.UTC(2024, 0, 1),
      until: Date.UTC(2024, 0, 2),
    });
    await endScans(database, body.syncId);
  }, 30_000);

  it.each<[object, RegExp]>([
    [{ source: 'salesforce', mode: 'targeted' }, /the mode is one of full, incremental, reconcile/],
    [{ source: 'salesforce', api: 'bulk', limit: 5 }, /a limit needs the REST API/],
    [{ source: 'salesforce', since: '2024-01-01T00:00:00Z' }, /a full scan has no beginning/],
    [{ source: 'salesforce', mode: 'reconcile', api: 'rest' }, /a reconciliation lists the id/],
    [{ source: 'ghl', api: 'rest' }, /GoHighLevel is read by mode alone: leave api out/],
    [{ source: 'ghl', mode: 'reconcile' }, /GoHighLevel has no mode reconcile/],
  ])('refuses what contradicts itself: %j', async (request, detail) => {
    const { status, body } = await post(request);
    expect([status, body.code]).toEqual([400, 'request_invalid']);
    expect(body.detail).toMatch(detail);
  });
});
